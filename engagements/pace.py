"""When a volume will be reached at the pace of the last working days. Pure arithmetic beside one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum

from engagements.models import Milestone, WorkItem

# Two weeks: long enough for a quiet day to matter little, short enough for a change of team to show.
WORKING_DAYS = 10


@dataclass(frozen=True)
class Forecast:
    """Delivered of a volume (in the workstream's unit), the mean of a working day, and the day it will be reached; None where
    nothing was delivered lately."""

    delivered: Decimal
    volume: Decimal
    a_day: Decimal
    expected_on: date | None


def working_days_before(day: date, days: int) -> date:
    """The date so many Mondays to Fridays before `day`."""
    while days > 0:
        day -= timedelta(days=1)
        days -= day.weekday() < 5
    return day


def expected(delivered: Decimal, volume: Decimal, lately: Decimal, today: date) -> Forecast:
    """`lately`: what the last `WORKING_DAYS` working days before today brought. Days are counted Monday to Friday, from today on."""
    a_day, left = lately / WORKING_DAYS, volume - delivered
    if left <= 0:
        return Forecast(delivered, volume, a_day, today)
    if a_day <= 0:
        return Forecast(delivered, volume, a_day, None)
    days, day = int((left / a_day).to_integral_value(ROUND_CEILING)), today
    if days > 2600:  # ten years: the pace says nothing of a day so far off
        return Forecast(delivered, volume, a_day, None)
    while True:
        days -= day.weekday() < 5
        if days <= 0:
            return Forecast(delivered, volume, a_day, day)
        day += timedelta(days=1)


def forecast(milestone: Milestone, today: date, zone: ZoneInfo) -> Forecast | None:
    """The forecast of a milestone with a volume; None for others and once it is done."""
    stream = milestone.workstream_id
    if milestone.volume is None or milestone.volume_from is None or stream is None or not milestone.open:
        return None

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone)

    since = working_days_before(today, WORKING_DAYS)
    rows = WorkItem.objects.filter(workstream_id=stream, kind="work", first_delivered_at__gte=midnight(min(milestone.volume_from, since)))
    lately = Q(first_delivered_at__gte=midnight(since), first_delivered_at__lt=midnight(today))
    found = rows.aggregate(
        whole=Sum("quantity", filter=Q(first_delivered_at__gte=midnight(milestone.volume_from))), lately=Sum("quantity", filter=lately)
    )
    return expected(found["whole"] or Decimal(0), milestone.volume, found["lately"] or Decimal(0), today)
