"""Calendars and instants that the tests of this room share."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from lpo.core.localtime import to_epoch
from sla.businesstime import CalendarSpec, OpenHours
from sla.clock import ClockResult, ClockRule, ItemEvents, Pause, Target, Unit, evaluate

NEW_YORK = ZoneInfo("America/New_York")
HOUR = 3_600
NINE_TO_FIVE = {weekday: [(9 * 60, 17 * 60)] for weekday in range(5)}
OFFICE = OpenHours(CalendarSpec(NEW_YORK, NINE_TO_FIVE), date(2026, 1, 1), date(2026, 12, 31))


def ny(text: str) -> int:
    """A New York wall-clock time, such as "2026-03-06 16:00", as epoch seconds."""
    return to_epoch(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK))


def business(hours: int) -> Target:
    return Target(hours * HOUR, Unit.BUSINESS)


def days(count: int) -> Target:
    return Target(count, Unit.BUSINESS_DAYS)


def clock(
    start: str, target: Target, *, pauses: tuple[Pause, ...] = (), stop: str | None = None, now: str = "2026-12-31 12:00"
) -> ClockResult:
    """The first cycle of an item on New York office hours."""
    events = ItemEvents(ny(start), pauses, () if stop is None else (ny(stop),))
    return evaluate(events, ClockRule(target, OFFICE), ny(now))[0]
