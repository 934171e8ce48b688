"""Billing and measuring periods between local midnights.

Period k begins on anchor + k months, the day clamped to the month's length and always reckoned from the anchor, never from
period k − 1: after 28 February an anchor on the 31st returns to 31 March. Instants are UTC epoch seconds.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from lpo.core.localtime import local_date, local_midnight

__all__ = ["Cycle", "Period", "add_months", "bounds", "local_midnight", "number_year", "period_at", "period_containing", "start_day"]

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


class Cycle(StrEnum):
    """How long a period lasts."""

    WEEK = "week"
    SEMI_MONTH = "semi_month"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MONTHS_PER_PERIOD = {Cycle.MONTH: 1, Cycle.QUARTER: 3, Cycle.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first_day` up to but without `next_day`; instants from `start` up to but without `end`, in UTC epoch seconds."""

    index: int
    cycle: Cycle
    first_day: date
    next_day: date
    start: int
    end: int

    @property
    def last_day(self) -> date:
        return self.next_day - timedelta(days=1)

    @property
    def days(self) -> int:
        """Local calendar days in the period."""
        return (self.next_day - self.first_day).days

    @property
    def label(self) -> str:
        """What people call it: "March 2026", "Q2 2026", "2026", else the first and last day."""
        first = self.first_day
        if first.day == 1 and self.cycle is Cycle.MONTH:
            return f"{_MONTHS[first.month - 1]} {first.year}"
        if first.day == 1 and self.cycle is Cycle.QUARTER and first.month % 3 == 1:
            return f"Q{first.month // 3 + 1} {first.year}"
        if first.day == 1 and self.cycle is Cycle.YEAR and first.month == 1:
            return str(first.year)
        return _span(first, self.last_day)

    def __contains__(self, instant: int) -> bool:
        return self.start <= instant < self.end


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, clamped to the last day of a shorter month."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, calendar.monthrange(year, month0 + 1)[1]))


def start_day(anchor: date, cycle: Cycle, index: int) -> date:
    """First local day of period `index`; period 0 begins on the anchor."""
    if cycle is Cycle.WEEK:
        return anchor + timedelta(days=7 * index)
    if cycle is not Cycle.SEMI_MONTH:
        return add_months(anchor, _MONTHS_PER_PERIOD[cycle] * index)
    months, second_half = divmod(index, 2)
    if not second_half:
        return add_months(anchor, months)
    return _other_half(anchor, months)


def period_at(anchor: date, cycle: Cycle, index: int, zone: ZoneInfo) -> Period:
    """Period `index` of a zone; indices below 0 lie before the anchor."""
    first, following = start_day(anchor, cycle, index), start_day(anchor, cycle, index + 1)
    return Period(index, cycle, first, following, local_midnight(first, zone), local_midnight(following, zone))


def bounds(anchor: date, cycle: Cycle, index: int, zone: ZoneInfo) -> tuple[int, int]:
    """[start, end) of period `index` in UTC epoch seconds."""
    period = period_at(anchor, cycle, index, zone)
    return period.start, period.end


def period_containing(instant: int, anchor: date, cycle: Cycle, zone: ZoneInfo) -> Period:
    """The one period that holds a UTC epoch second."""
    index = _estimate(anchor, cycle, local_date(instant, zone))
    period = period_at(anchor, cycle, index, zone)
    # The estimate is at most a few off (clamped days); and in zones that set clocks back across midnight a wall clock shows
    # yesterday's date again after today began, so instants decide, not dates.
    while instant < period.start:
        period = period_at(anchor, cycle, period.index - 1, zone)
    while instant >= period.end:
        period = period_at(anchor, cycle, period.index + 1, zone)
    return period


def number_year(instant: int, zone: ZoneInfo) -> int:
    """The year a document finalised at an instant is numbered in: the local year of the issuing entity."""
    return local_date(instant, zone).year


def _other_half(anchor: date, months: int) -> date:
    """Semi-monthly periods alternate between the anchor's day and the day fifteen away from it: 1st and 16th, 15th and 30th."""
    month = add_months(anchor.replace(day=1), months if anchor.day <= 15 else months + 1)
    day = anchor.day + 15 if anchor.day <= 15 else anchor.day - 15
    return month.replace(day=min(day, calendar.monthrange(month.year, month.month)[1]))


def _estimate(anchor: date, cycle: Cycle, day: date) -> int:
    if cycle is Cycle.WEEK:
        return (day - anchor).days // 7
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if cycle is Cycle.SEMI_MONTH:
        return months * 2
    return months // _MONTHS_PER_PERIOD[cycle]


def _span(first: date, last: date) -> str:
    end = f"{last.day} {_MONTHS[last.month - 1][:3]} {last.year}"
    if first.year != last.year:
        return f"{first.day} {_MONTHS[first.month - 1][:3]} {first.year} – {end}"
    return f"{first.day} {_MONTHS[first.month - 1][:3]} – {end}"
