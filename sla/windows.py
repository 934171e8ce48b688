"""The windows a service level is measured in: weeks from Monday, months or quarters between local midnights of the contract's zone. Pure.

Instants are UTC epoch seconds; a window is named by its first one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from functools import cache
from itertools import count, takewhile
from zoneinfo import ZoneInfo

import numpy as np

from lpo.core.localtime import from_epoch, local_date, local_midnight
from lpo.core.periods import Cycle, Period, period_at, start_day
from sla.businesstime import Seconds

FIRST_YEAR, YEARS = 1970, 230
# A Monday for weeks, which therefore begin in 1969.
_ANCHORS = {"week": date(FIRST_YEAR - 1, 12, 29), "month": date(FIRST_YEAR, 1, 1), "quarter": date(FIRST_YEAR, 1, 1)}


class NoWindow(ValueError):
    """An instant before 1970 or after 2199."""


@cache
def starts(zone: str, window: str) -> tuple[int, ...]:
    """Every window start of a zone. Built once: a question is then a bisection."""
    anchor, cycle, where = _ANCHORS[window], Cycle(window), ZoneInfo(zone)
    days = takewhile(lambda day: day.year < FIRST_YEAR + YEARS, (start_day(anchor, cycle, index) for index in count()))
    return tuple(local_midnight(day, where) for day in days)


@cache
def _array(zone: str, window: str) -> Seconds:
    return np.array(starts(zone, window), dtype=np.int64)


def window_start(instant: int, zone: str, window: str) -> int:
    """Start of the window that holds an instant. Raises `NoWindow`."""
    edges = starts(zone, window)
    index = bisect_right(edges, instant) - 1
    if index < 0 or index == len(edges) - 1:
        raise NoWindow(f"{from_epoch(instant)} lies in no window: those from {FIRST_YEAR} to {FIRST_YEAR + YEARS - 1} are known")
    return edges[index]


def window_starts(instants: Seconds, zone: str, window: str) -> Seconds:
    """`window_start` over an array."""
    edges = _array(zone, window)
    index = np.searchsorted(edges, instants, side="right") - 1
    if np.any((index < 0) | (index == len(edges) - 1)):
        raise NoWindow(f"an instant lies in no window: those from {FIRST_YEAR} to {FIRST_YEAR + YEARS - 1} are known")
    return np.asarray(edges[index], dtype=np.int64)


def period(instant: int, zone: str, window: str) -> Period:
    """The window that holds an instant, with its end and the name people use. Raises `NoWindow`."""
    window_start(instant, zone, window)
    where = ZoneInfo(zone)
    index = bisect_right(starts(zone, window), instant) - 1
    return period_at(_ANCHORS[window], Cycle(window), index, where)


def quarter_of(window: Period, zone: str) -> Period:
    """The quarter that a window belongs to: the one that holds its end."""
    return period(window.end - 1, zone, "quarter")


def ends_quarter(window: Period, zone: str) -> bool:
    """Whether a window is the last of its quarter, where what was rolled up is judged."""
    following = period(window.end, zone, window.cycle.value)
    return quarter_of(following, zone).start != quarter_of(window, zone).start


def last_of_quarter(window: Period, zone: str) -> Period:
    """The window in which a window's quarter is judged."""
    edge = quarter_of(window, zone).end
    last = period(edge - 1, zone, window.cycle.value)
    # A week that runs on into the next quarter belongs to that one.
    return last if last.end == edge else period(last.start - 1, zone, window.cycle.value)


def recent(instant: int, zone: str, window: str, number: int) -> Sequence[Period]:
    """The window that holds an instant and those before it, `number` in all, oldest first."""
    last = bisect_right(starts(zone, window), instant) - 1
    anchor, where = _ANCHORS[window], ZoneInfo(zone)
    return [period_at(anchor, Cycle(window), index, where) for index in range(max(0, last - number + 1), last + 1)]


def in_force(effective: Sequence[tuple[date, str]], instant: int) -> int | None:
    """Index of the last (effective from, zone) in force at an instant, each reckoned in its own zone; None before the first.

    `effective` is in order of its dates.
    """
    found = None
    for index, (day, zone) in enumerate(effective):
        if day <= local_date(instant, ZoneInfo(zone)):
            found = index
    return found
