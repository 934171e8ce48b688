"""What lies on one person's desk: their open items by time left, and how the day goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Q, Subquery, Sum

from engagements import states, weeks
from engagements.models import TimeEntry, Transition, WorkItem, WorkTimer
from engagements.sheets import week_of
from engagements.weeks import Capacity
from lpo.core.localtime import from_epoch, local_midnight
from sla import board
from sla.chosen import Chosen, open_clocks
from sla.models import Clock

MOST = 50


def items_on_desk(member_id: int, now: datetime) -> tuple[list[int], dict[int, Clock]]:
    """Ids of one's own open items in the order they are due, without those on hold, and the clock that decides each.

    Running clocks by time left as Today ranks them, then items that no level measures, oldest first.
    """
    mine = Chosen(show="mine")
    ids = board.ranked(mine, member_id, now, 0).ids
    decisive: dict[int, Clock] = {}
    for clock in board.in_order(open_clocks(mine, member_id), ids):
        decisive.setdefault(clock.item_id, clock)
    own: Any = WorkItem.objects.filter(assignee_id=member_id, finished=False, paused=False).order_by("received_at", "id")
    unmeasured = own.exclude(id__in=Clock.objects.filter(item__assignee_id=member_id, stopped_at__isnull=True).values("item_id"))
    return [*decisive, *unmeasured.values_list("id", flat=True)[:MOST]], decisive


def next_due() -> Any:
    """When a work item is due next, over `WorkItem`: the first of its open clocks."""
    clocks = Clock.objects.filter(item=OuterRef("pk"), stopped_at__isnull=True, cancelled=False)
    return Subquery(clocks.order_by("due_at").values("due_at")[:1])


@dataclass(frozen=True)
class Pace:
    """Today so far, by one's own clock, and the week it lies in against what that week holds; None where nobody said."""

    delivered: int
    units: Decimal
    minutes: Decimal
    week_units: Decimal
    week_minutes: Decimal
    capacity: Capacity | None

    @property
    def of_week(self) -> str:
        """`12 of 20 units this week, usually 40`; empty where it is not known what the week holds."""
        if self.capacity is None:
            return ""
        done = self.week_units if self.capacity.unit == "items" else (self.week_minutes / 60).quantize(Decimal("0.1"))
        return f"{done.normalize():f} of {self.capacity.said}"

    @property
    def per_hour(self) -> str:
        """Units an hour of recorded time; empty below six minutes, where it would say nothing."""
        if self.minutes < 6 or not self.units:
            return ""
        return f"{(self.units * 60 / self.minutes).quantize(Decimal('0.1')):f}"


def pace_of(member_id: int, zone: ZoneInfo, now: datetime) -> Pace:
    """Deliveries written by the person since their own midnight and Monday, against the time recorded and running since."""
    day = now.astimezone(zone).date()
    monday = week_of(day)
    start, since = (from_epoch(local_midnight(each, zone)) for each in (day, monday))
    done = Transition.objects.filter(by_member_id=member_id, to_state__in=set(states.DELIVERY.values()), at__gte=since)
    moves = set(done.effective().values_list("item_id", "at"))
    today = {item_id for item_id, at in moves if at >= start}
    sums = {"week": Sum("quantity"), "today": Sum("quantity", filter=Q(id__in=today))}
    units = WorkItem.objects.filter(id__in={item_id for item_id, _ in moves}).aggregate(**sums) if moves else {}
    minutes, week_minutes = _minutes(member_id, day, start, since, now)
    held = weeks.capacity_on(member_id, day)
    return Pace(len(today), units.get("today") or Decimal(0), minutes, units.get("week") or Decimal(0), week_minutes, held)


def _minutes(member_id: int, day: date, start: datetime, since: datetime, now: datetime) -> tuple[Decimal, Decimal]:
    """Recorded and running since the day's midnight, and since that of its Monday."""
    entries = TimeEntry.objects.filter(member_id=member_id, day__gte=week_of(day), day__lte=day)
    sums = entries.aggregate(week=Sum("minutes"), today=Sum("minutes", filter=Q(day=day)))
    timer = WorkTimer.objects.filter(member_id=member_id, ended_at__isnull=True).first()
    found = []
    for recorded, begun in ((sums["today"], start), (sums["week"], since)):
        ran = Decimal((now - max(timer.started_at, begun)) // timedelta(seconds=1)) / 60 if timer is not None else Decimal(0)
        found.append((recorded or Decimal(0)) + ran)
    return found[0], found[1]
