"""What lies on one person's desk: their open items by time left, and how the day goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Sum

from engagements import states
from engagements.models import TimeEntry, Transition, WorkItem, WorkTimer
from lpo.core.localtime import from_epoch, local_midnight
from sla import board
from sla.models import Clock

MOST = 50


def items_on_desk(member_id: int, now: datetime) -> tuple[list[int], dict[int, Clock]]:
    """Ids of one's own open items in the order they are due, without those on hold, and the clock that decides each.

    Running clocks by time left as Today ranks them, then items that no level measures, oldest first.
    """
    ids, _ = board.ranked("mine", member_id, now, 0)
    decisive: dict[int, Clock] = {}
    for clock in board.in_order(board.open_clocks("mine", member_id), ids):
        decisive.setdefault(clock.item_id, clock)
    own: Any = WorkItem.objects.filter(assignee_id=member_id, finished=False, paused=False).order_by("received_at", "id")
    unmeasured = own.exclude(id__in=Clock.objects.filter(item__assignee_id=member_id, stopped_at__isnull=True).values("item_id"))
    return [*decisive, *unmeasured.values_list("id", flat=True)[:MOST]], decisive


@dataclass(frozen=True)
class Pace:
    """Today so far, by one's own clock."""

    delivered: int
    units: Decimal
    minutes: Decimal

    @property
    def per_hour(self) -> str:
        """Units an hour of recorded time; empty below six minutes, where it would say nothing."""
        if self.minutes < 6 or not self.units:
            return ""
        return f"{(self.units * 60 / self.minutes).quantize(Decimal('0.1')):f}"


def pace_of(member_id: int, zone: ZoneInfo, now: datetime) -> Pace:
    """Deliveries written by the person since their own midnight, against the time recorded and running since."""
    day = now.astimezone(zone).date()
    start = from_epoch(local_midnight(day, zone))
    done = Transition.objects.filter(by_member_id=member_id, to_state__in=set(states.DELIVERY.values()), at__gte=start)
    items = set(done.effective().values_list("item_id", flat=True))
    units = WorkItem.objects.filter(id__in=items).aggregate(units=Sum("quantity"))["units"] if items else None
    return Pace(len(items), units or Decimal(0), _minutes(member_id, day, start, now))


def _minutes(member_id: int, day: date, start: datetime, now: datetime) -> Decimal:
    recorded = TimeEntry.objects.filter(member_id=member_id, day=day).aggregate(sum=Sum("minutes"))["sum"] or Decimal(0)
    timer = WorkTimer.objects.filter(member_id=member_id, ended_at__isnull=True).first()
    if timer is None:
        return recorded
    return recorded + Decimal((now - max(timer.started_at, start)) // timedelta(seconds=1)) / 60
