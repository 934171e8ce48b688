"""The windows a service level is measured in: months or quarters between local midnights of the contract's zone. Pure.

Instants are UTC epoch seconds; a window is named by its first one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from lpo.core.localtime import from_epoch, local_date, local_midnight
from lpo.core.periods import Cycle, Period, add_months, period_at
from sla.businesstime import Seconds

FIRST_YEAR, YEARS = 1970, 230
_MONTHS = {"month": 1, "quarter": 3}


class NoWindow(ValueError):
    """An instant before 1970 or after 2199."""


@cache
def starts(zone: str, window: str) -> tuple[int, ...]:
    """Every window start of a zone. Built once: a question is then a bisection."""
    anchor, step, where = date(FIRST_YEAR, 1, 1), _MONTHS[window], ZoneInfo(zone)
    return tuple(local_midnight(add_months(anchor, step * index), where) for index in range(12 * YEARS // step))


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
    return period_at(date(FIRST_YEAR, 1, 1), Cycle(window), index, where)


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


def recent(instant: int, zone: str, window: str, count: int) -> Sequence[Period]:
    """The window that holds an instant and those before it, `count` in all, oldest first."""
    last = bisect_right(starts(zone, window), instant) - 1
    anchor, where = date(FIRST_YEAR, 1, 1), ZoneInfo(zone)
    return [period_at(anchor, Cycle(window), index, where) for index in range(max(0, last - count + 1), last + 1)]


def in_force(effective: Sequence[tuple[date, str]], instant: int) -> int | None:
    """Index of the last (effective from, zone) in force at an instant, each reckoned in its own zone; None before the first.

    `effective` is in order of its dates.
    """
    found = None
    for index, (day, zone) in enumerate(effective):
        if day <= local_date(instant, ZoneInfo(zone)):
            found = index
    return found
