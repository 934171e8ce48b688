"""A slow, separate answer to every clock question: one flag per second, no intervals, no bisection, nothing shared with `sla`.

A shift opens at the first second at which the wall clock reads its start or later. It closes at the last second at which the wall clock
reads its end, or, where it never reads it, after the last second at which it read less. The wall clock is read for every second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

HOUR, DAY = 3_600, 86_400
STEP = 900  # every zone used here changes its clocks on a quarter of an hour of UTC


@dataclass(frozen=True)
class OracleDay:
    """A business day as the oracle sees it: when it closes, in seconds after the oracle's first second."""

    day: date
    close: int


class Oracle:
    """Open seconds of a calendar over some days, one flag each, index 0 being `origin` (UTC epoch seconds)."""

    def __init__(
        self,
        zone: ZoneInfo,
        weekly: Mapping[int, Sequence[tuple[int, int]]],
        holidays: frozenset[date],
        exceptions: Mapping[date, Sequence[tuple[int, int]]],
        first: date,
        days: int,
    ) -> None:
        midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
        self.origin = int(midnight.timestamp()) - 3 * DAY
        self.length = (days + 8) * DAY
        self.wall = self._wall_seconds(zone)
        self.open = np.zeros(self.length, dtype=np.bool_)
        self.business_days: list[OracleDay] = []
        for offset in range(-2, days + 1):
            day = first + timedelta(days=offset)
            shifts = exceptions[day] if day in exceptions else [] if day in holidays else weekly.get(day.weekday(), [])
            closes = [self._open_shift(day, start, end) for start, end in shifts]
            real = [close for close in closes if close is not None]
            if real:
                self.business_days.append(OracleDay(day, max(real)))

    def _wall_seconds(self, zone: ZoneInfo) -> npt.NDArray[np.int64]:
        instants = np.arange(self.origin, self.origin + self.length, dtype=np.int64)
        marks = range(self.origin, self.origin + self.length, STEP)
        offsets = []
        for mark in marks:
            local = datetime.fromtimestamp(mark, zone)
            offsets.append(int((local.replace(tzinfo=UTC) - datetime.fromtimestamp(mark, UTC)).total_seconds()))
        return instants + np.repeat(np.array(offsets, dtype=np.int64), STEP)

    def _reading(self, day: date, minute: int) -> int:
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + minute * 60

    def _near(self, reading: int) -> tuple[int, npt.NDArray[np.int64]]:
        # No zone is further than fourteen hours from UTC.
        low = max(0, reading - self.origin - 16 * HOUR)
        return low, self.wall[low : reading - self.origin + 16 * HOUR]

    def first_at(self, reading: int) -> int:
        """Index of the first second whose wall clock reads `reading` or later."""
        low, wall = self._near(reading)
        return low + int(np.argmax(wall >= reading))

    def last_at(self, reading: int) -> int:
        """Index of the last second whose wall clock reads `reading`; where none does, just after the last that reads less."""
        low, wall = self._near(reading)
        exact = np.flatnonzero(wall == reading)
        return low + (int(exact[-1]) if len(exact) else len(wall) - int(np.argmax(wall[::-1] < reading)))

    def _open_shift(self, day: date, start: int, end: int) -> int | None:
        opens, closes = self.first_at(self._reading(day, start)), self.last_at(self._reading(day, end))
        self.open[opens:closes] = True
        return closes if closes > opens else None

    def business_day_close(self, received: int, n: int, cutoff_minute: int | None) -> int:
        """Close of the nth business day after receipt, by looking at one day after another."""
        closes: list[int] = []
        latest = 0
        for business_day in self.business_days:
            latest = max(latest, business_day.close)
            closes.append(latest)
        for i, business_day in enumerate(self.business_days):
            cutoff = closes[i] if cutoff_minute is None else self.last_at(self._reading(business_day.day, cutoff_minute))
            if received - self.origin <= cutoff:
                return closes[i + n] + self.origin
        raise AssertionError("the oracle's days end too early")


@dataclass(frozen=True)
class OracleAnswer:
    due: int | None
    used: int
    paused: int
    breached_at: int | None
    met: bool | None


def answer(
    counts: npt.NDArray[np.bool_],
    origin: int,
    started: int,
    stopped: int | None,
    stopping: Sequence[tuple[int, int | None]],
    budget: int,
    now: int,
) -> OracleAnswer:
    """Walk the seconds of one cycle. `counts`: one flag per second from `origin` on, whether the unit's clock could run.

    Most cycles are over within days, so a week is walked first and the rest only where the target has not run out by then.
    """
    end = max(now, started) if stopped is None else stopped
    for seconds in (7 * DAY, len(counts)):
        life = counts[started - origin : started - origin + seconds]
        if end - started > len(life):
            continue
        held, held_open = _held(len(life), started, stopped, stopping)
        running = np.flatnonzero(life & ~held)
        if len(running) >= budget or held_open:
            due = int(running[budget - 1]) + 1 + started if len(running) >= budget else None
            used = int(np.count_nonzero(running < end - started))
            paused = int(np.count_nonzero((life & held)[: end - started]))
            missed = due is not None and end > due
            met = False if missed else None if stopped is None else True
            return OracleAnswer(due, used, paused, due if missed else None, met)
    raise AssertionError("the oracle's days end too early")


def _held(length: int, started: int, stopped: int | None, stopping: Sequence[tuple[int, int | None]]) -> tuple[npt.NDArray[np.bool_], bool]:
    """One flag per second from `started` on, and whether a pause holds them to the end."""
    held, held_open = np.zeros(length, dtype=np.bool_), False
    for pause_start, pause_end in stopping:
        low = max(pause_start - started, 0)
        high = length if pause_end is None else pause_end - started
        if stopped is not None:
            high = min(high, stopped - started)
        held[low : max(low, high)] = True
        held_open = held_open or (pause_end is None and stopped is None and low < length)
    return held, held_open
