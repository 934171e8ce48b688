"""Business time: seconds that pass while a calendar is open.

A calendar's shifts are turned once into UTC open intervals with cumulative seconds; every question is then a bisection, for one
instant on plain lists or for arrays of them in NumPy. Instants are UTC epoch seconds, intervals half-open, amounts seconds.

A shift belongs to the day it starts on, also when it runs past midnight: a holiday closes the shifts that start on it, and an
exception replaces whatever its date would have had. A shift edge in a spring gap is the transition instant; in an autumn
fold a start takes the first reading and an end the second.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from lpo.core.intervals import Interval, union
from lpo.core.localtime import MINUTES_PER_DAY, local_date, local_midnight, wall_instant

Seconds = npt.NDArray[np.int64]
Shift = tuple[int, int]

EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
_LONGEST_REACH = 2  # days a shift may end after the day it starts on
_APART = timedelta(days=2)  # so far may the dates of two zones lie apart at one instant


class CalendarError(ValueError):
    """A calendar cannot answer, or was described wrongly."""


class InvalidShift(CalendarError):
    """A shift that does not lie within its day and the one after it, or ends before it starts."""


class NeverOpen(CalendarError):
    """The calendar has no open time left in which the amount could run out."""


class OutsideHorizon(CalendarError):
    """An instant before 1900 or after 2199."""


class BackwardSpan(CalendarError):
    """A span whose end lies before its start."""


@dataclass(frozen=True)
class CalendarSpec:
    """One version of a calendar, as its owner describes it.

    `weekly` maps 0 (Monday) … 6 to shifts (start, end) in minutes after local midnight; an end above 1440 lies on the next day.
    `exceptions` replaces the shifts of single dates, holidays included; an empty list closes the date. Raises `InvalidShift`.
    """

    zone: ZoneInfo
    weekly: Mapping[int, Sequence[Shift]]
    holidays: frozenset[date] = frozenset()
    exceptions: Mapping[date, Sequence[Shift]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for weekday in self.weekly:
            if weekday not in range(7):
                raise InvalidShift(f"weekday {weekday} is not one of 0 (Monday) … 6 (Sunday)")
        for shifts in (*self.weekly.values(), *self.exceptions.values()):
            for start, end in shifts:
                if not (0 <= start < MINUTES_PER_DAY and start < end <= 2 * MINUTES_PER_DAY):
                    raise InvalidShift(
                        f"shift from minute {start} to {end}: it starts within its day and ends later, at most at minute 2880"
                    )

    def shifts_of(self, day: date) -> Sequence[Shift]:
        """The shifts that start on a local date."""
        if day in self.exceptions:
            return self.exceptions[day]
        return () if day in self.holidays else self.weekly.get(day.weekday(), ())

    def opens_after(self, day: date) -> bool:
        """Whether any shift could start after a date."""
        return any(self.weekly.values()) or any(later > day and shifts for later, shifts in self.exceptions.items())

    def opened(self, first: date, last: date) -> Iterator[tuple[date, Interval]]:
        """Each shift that may run between two dates, with the date it starts on. Shifts that started before may still run."""
        for offset in range(-_LONGEST_REACH, (last - first).days + 1):
            day = first + timedelta(days=offset)
            for shift in self.shifts_of(day):
                start, end = _utc(day, shift, self.zone)
                # A shift that lies inside a spring gap has no seconds.
                if start < end:
                    yield day, (start, end)


@dataclass(frozen=True)
class UnionSpec:
    """Several sites that follow the sun: open whenever one of them is, each in its own zone with its own holidays.

    Business days are dates of `zone`: one on which some site's shift starts, closing when the last of these ends.
    """

    zone: ZoneInfo
    sites: Sequence[CalendarSpec]

    def opens_after(self, day: date) -> bool:
        return any(site.opens_after(day - _APART) for site in self.sites)

    def opened(self, first: date, last: date) -> Iterator[tuple[date, Interval]]:
        for site in self.sites:
            for _, (start, end) in site.opened(first - _APART, last + _APART):
                day = local_date(start, self.zone)
                if day <= last:
                    yield day, (start, end)


Spec = CalendarSpec | UnionSpec


class Hours(Protocol):
    """What a clock asks of the time it runs on."""

    def elapsed(self, a: int, b: int) -> int: ...
    def due(self, a: int, n: int) -> int: ...
    def elapsed_many(self, a: Seconds | int, b: Seconds) -> Seconds: ...
    def due_many(self, a: Seconds | int, n: Seconds) -> Seconds: ...
    def open_between(self, a: int, b: int) -> list[Interval]: ...
    def business_day_due(self, a: int, n: int, cutoff_minute: int | None = None) -> int: ...
    def business_day_due_many(self, a: Seconds, n: Seconds | int, cutoff_minute: int | None = None) -> Seconds: ...


class AlwaysOpen:
    """Elapsed time: every second counts. Has no business days."""

    def elapsed(self, a: int, b: int) -> int:
        """Seconds from a to b. Raises `BackwardSpan`."""
        if b < a:
            raise BackwardSpan(f"span ends at {b}, before its start {a}")
        return b - a

    def due(self, a: int, n: int) -> int:
        """The instant n seconds after a. Raises `BackwardSpan` for a negative n."""
        if n < 0:
            raise BackwardSpan(f"amount {n} is negative")
        return a + n

    def elapsed_many(self, a: Seconds | int, b: Seconds) -> Seconds:
        """`elapsed` over arrays."""
        _refuse_backward(np.any(b < a))
        return np.asarray(b - a, dtype=np.int64)

    def due_many(self, a: Seconds | int, n: Seconds) -> Seconds:
        """`due` over arrays."""
        _refuse_backward(np.any(n < 0))
        return np.asarray(a + n, dtype=np.int64)

    def open_between(self, a: int, b: int) -> list[Interval]:
        """[a, b) itself, where not empty."""
        return union([(a, b)])

    def business_day_due(self, a: int, n: int, cutoff_minute: int | None = None) -> int:
        """Raises `CalendarError`: which days are business days is a calendar's knowledge."""
        raise CalendarError("business days need a calendar; elapsed time has none")

    def business_day_due_many(self, a: Seconds, n: Seconds | int, cutoff_minute: int | None = None) -> Seconds:
        """Raises `CalendarError`, as `business_day_due`."""
        raise CalendarError("business days need a calendar; elapsed time has none")


ALWAYS = AlwaysOpen()


@dataclass(frozen=True)
class _Table:
    """Open intervals over [low, high), exact inside it. Interval 0 is empty at `low`; `before[i]` is open seconds before interval i."""

    first: date
    last: date
    low: int
    high: int
    starts: list[int]
    ends: list[int]
    before: list[int]  # one longer than starts: the last entry is the total
    days: list[date]
    closes: list[int]
    np_starts: Seconds
    np_ends: Seconds
    np_before: Seconds
    np_closes: Seconds
    cutoffs: dict[int, Seconds] = field(default_factory=dict)


class OpenHours:
    """The open hours of one calendar version.

    Built for the dates given and widened on its own when a question reaches further, up to 1900–2199 (`OutsideHorizon`).
    Answers never depend on the range built so far. Build it once per calendar version and share it, between threads too.
    """

    def __init__(self, spec: Spec, first: date = date(2020, 1, 1), last: date = date(2030, 12, 31)) -> None:
        self.spec = spec
        self._table = _build(spec, first, last)

    def elapsed(self, a: int, b: int) -> int:
        """Open seconds in [a, b). Additive. Raises `BackwardSpan`, `OutsideHorizon`."""
        if b < a:
            raise BackwardSpan(f"span ends at {b}, before its start {a}")
        table = self._table
        if a < table.low or b > table.high:
            table = self._covering(a, b)
        starts, ends, before = table.starts, table.ends, table.before
        i = bisect_right(starts, a) - 1
        j = bisect_right(starts, b, i if i > 0 else 0) - 1
        end_a, end_b = ends[i], ends[j]
        return before[j] + (b if b < end_b else end_b) - starts[j] - before[i] - (a if a < end_a else end_a) + starts[i]

    def due(self, a: int, n: int) -> int:
        """First instant at which n open seconds have passed since a; `a` itself for n = 0. Raises `NeverOpen`, `OutsideHorizon`."""
        if n <= 0:
            if n < 0:
                raise BackwardSpan(f"amount {n} is negative")
            return a
        table = self._covering(a, a)
        while True:
            i = bisect_right(table.starts, a) - 1
            wanted = table.before[i] + min(a, table.ends[i]) - table.starts[i] + n
            if wanted <= table.before[-1]:
                j = bisect_left(table.before, wanted, i) - 1
                return table.starts[j] + wanted - table.before[j]
            table = self._later(table)

    def elapsed_many(self, a: Seconds | int, b: Seconds) -> Seconds:
        """`elapsed` over arrays of the same length; `a` may be one instant for all. Raises as `elapsed`."""
        if np.size(b) == 0:
            return np.zeros(0, dtype=np.int64)
        _refuse_backward(np.any(b < a))
        table = self._covering(int(np.min(a)), int(np.max(b)))
        return _open_before(table, b) - _open_before(table, np.asarray(a, dtype=np.int64))

    def due_many(self, a: Seconds | int, n: Seconds) -> Seconds:
        """`due` over arrays of the same length; `a` may be one instant for all. Raises as `due`."""
        if np.size(n) == 0:
            return np.zeros(0, dtype=np.int64)
        _refuse_backward(np.any(n < 0))
        start = np.asarray(a, dtype=np.int64)
        table = self._covering(int(np.min(start)), int(np.max(start)))
        while True:
            wanted = _open_before(table, start) + n
            if int(np.max(wanted)) <= table.before[-1]:
                break
            table = self._later(table)
        # Entry 0 is the empty interval at `low`, so an amount above 0 always lands on 1 or later; amounts of 0 are put back below.
        j = np.maximum(np.searchsorted(table.np_before, wanted, side="left") - 1, 0)
        return np.where(n == 0, start, table.np_starts[j] + wanted - table.np_before[j])

    def open_between(self, a: int, b: int) -> list[Interval]:
        """The open intervals clipped to [a, b). Raises as `elapsed`."""
        if b < a:
            raise BackwardSpan(f"span ends at {b}, before its start {a}")
        table = self._covering(a, b)
        i = max(bisect_right(table.starts, a) - 1, 0)
        j = bisect_left(table.starts, b)
        clipped = ((max(s, a), min(e, b)) for s, e in zip(table.starts[i:j], table.ends[i:j], strict=True))
        return [(s, e) for s, e in clipped if s < e]

    def business_day_due(self, a: int, n: int, cutoff_minute: int | None = None) -> int:
        """Close of the nth business day after the day of receipt `a`.

        A business day is a local date with a shift; it closes when its last shift ends. Received after the close, or after
        `cutoff_minute` of the local day where the contract names one, counts as the next business day, as does receipt on a day off.
        Raises `CalendarError` for n < 1, `NeverOpen`, `OutsideHorizon`.
        """
        if n < 1:
            raise CalendarError(f"{n} business days: at least one is needed")
        table = self._covering(a, a)
        while True:
            cutoffs = _cutoffs(table, self.spec.zone, cutoff_minute)
            received = int(np.searchsorted(cutoffs, a, side="left"))
            if received + n < len(table.closes):
                return table.closes[received + n]
            table = self._later(table)

    def business_day_due_many(self, a: Seconds, n: Seconds | int, cutoff_minute: int | None = None) -> Seconds:
        """`business_day_due` over an array of receipts; `n` may be one amount for all."""
        if np.size(a) == 0:
            return np.zeros(0, dtype=np.int64)
        if np.min(n) < 1:
            raise CalendarError(f"{np.min(n)} business days: at least one is needed")
        table = self._covering(int(np.min(a)), int(np.max(a)))
        while True:
            index = np.searchsorted(_cutoffs(table, self.spec.zone, cutoff_minute), a, side="left") + n
            if int(np.max(index)) < len(table.closes):
                return np.asarray(table.np_closes[index], dtype=np.int64)
            table = self._later(table)

    def _covering(self, a: int, b: int) -> _Table:
        table = self._table
        if table.low <= a and b <= table.high:
            return table
        zone, year = self.spec.zone, timedelta(days=366)
        first = min(table.first, _day(a, zone) - year) if a < table.low else table.first
        last = max(table.last, _day(b, zone) + year) if b > table.high else table.last
        # A reader in another thread keeps the table it holds; the new one is swapped in whole.
        self._table = table = _build(self.spec, max(first, EARLIEST), min(last, LATEST))
        if a < table.low or b > table.high:
            raise OutsideHorizon(f"business time is known from {EARLIEST} to {LATEST} only")
        return table

    def _later(self, table: _Table) -> _Table:
        if not self.spec.opens_after(table.last):
            raise NeverOpen("the calendar has no open time left in which the amount could run out")
        if table.last >= LATEST:
            raise OutsideHorizon(f"business time is known from {EARLIEST} to {LATEST} only")
        further = table.last + max(timedelta(days=366), table.last - table.first)
        self._table = table = _build(self.spec, table.first, min(further, LATEST))
        return table


def _build(spec: Spec, first: date, last: date) -> _Table:
    low, high = local_midnight(first, spec.zone), local_midnight(last + timedelta(days=1), spec.zone)
    opens: list[Interval] = []
    closing: dict[date, int] = {}
    for day, (start, end) in spec.opened(first, last):
        opens.append((start, end))
        closing[day] = max(end, closing.get(day, end))
    days = sorted(closing)
    closes = [closing[day] for day in days]
    merged = [(max(s, low), min(e, high)) for s, e in union(opens) if e > low and s < high]
    starts, ends = [low, *(s for s, _ in merged)], [low, *(e for _, e in merged)]
    np_starts, np_ends = np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)
    np_before = np.concatenate(([0], np.cumsum(np_ends - np_starts)))
    np_closes = np.maximum.accumulate(np.array(closes, dtype=np.int64))
    return _Table(
        first, last, low, high, starts, ends, np_before.tolist(), days, np_closes.tolist(), np_starts, np_ends, np_before, np_closes
    )


def _utc(day: date, shift: Shift, zone: ZoneInfo) -> Interval:
    return wall_instant(day, shift[0], zone), wall_instant(day, shift[1], zone, second_reading=True)


def _day(instant: int, zone: ZoneInfo) -> date:
    try:
        day = local_date(instant, zone)
    except OverflowError as error:
        raise OutsideHorizon(f"instant {instant} is no date") from error
    if not EARLIEST <= day <= LATEST:
        raise OutsideHorizon(f"{day} lies outside {EARLIEST} to {LATEST}")
    return day


def _open_before(table: _Table, instants: Seconds) -> Seconds:
    """Open seconds from the table's low end to each instant."""
    i = np.searchsorted(table.np_starts, instants, side="right") - 1
    return np.asarray(table.np_before[i] + np.minimum(instants, table.np_ends[i]) - table.np_starts[i], dtype=np.int64)


def _cutoffs(table: _Table, zone: ZoneInfo, minute: int | None) -> Seconds:
    """Per business day the last instant at which receipt still counts as that day."""
    if minute is None:
        return table.np_closes
    if minute not in table.cutoffs:
        instants = [wall_instant(day, minute, zone, second_reading=True) for day in table.days]
        table.cutoffs[minute] = np.array(instants, dtype=np.int64)
    return table.cutoffs[minute]


def _refuse_backward(found: np.bool_) -> None:
    if found:
        raise BackwardSpan("a span ends before its start")
