"""`sla.clock.evaluate` over arrays: hundreds of thousands of cycles at once, without a loop over them.

Works in the calendar's own coordinate, open seconds since a base instant, in which pauses are plain stretches to be added up. Equal to
the scalar evaluation row by row. Instants are int64 UTC epoch seconds; `NONE` stands for "not yet".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sla.businesstime import ALWAYS, Hours, Seconds
from sla.clock import ClockError, Pause, Target, Unit

NONE = np.iinfo(np.int64).min
_SPAN = np.int64(2**36)  # wider than any two instants a calendar covers; keeps the rows apart while pauses are merged
_HALF = np.int64(2**35)

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class PauseArrays:
    """Stopping pauses of many rows, flattened: row i owns `start[offsets[i]:offsets[i + 1]]`; an open pause ends at `NONE`.

    Only pauses that stop the clock belong here: choose by party before calling, and add the client's holdings (`Cycle.holds`).
    """

    start: Seconds
    end: Seconds
    offsets: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Iterable[Pause]]) -> PauseArrays:
        """From pauses already chosen per row."""
        flat = [[(p.start, NONE if p.end is None else p.end) for p in row] for row in rows]
        pairs = np.array([pair for row in flat for pair in row], dtype=np.int64).reshape(-1, 2)
        return cls(pairs[:, 0], pairs[:, 1], np.cumsum([0, *(len(row) for row in flat)], dtype=np.int64))

    @classmethod
    def none(cls, rows: int) -> PauseArrays:
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty, np.zeros(rows + 1, dtype=np.int64))


@dataclass(frozen=True)
class ClockArrays:
    """Fields of `ClockResult`, one entry per row. `met` is 1 met, 0 missed, -1 undecided; `due` and `breached_at` may be `NONE`."""

    budget: Seconds
    due: Seconds
    used: Seconds
    paused: Seconds
    remaining: Seconds
    breached_at: Seconds
    late: Seconds
    late_open: Seconds
    met: npt.NDArray[np.int8]
    on_hold: Flags


@dataclass(frozen=True)
class _Merged:
    """Disjoint pauses in row order, `first[i]:first[i + 1]` being row i's, with the open seconds each removes."""

    row: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    start: Seconds
    end: Seconds
    is_open: Flags


def evaluate_many(
    *, target: Target, hours: Hours, started: Seconds, stopped: Seconds, pauses: PauseArrays, now: int, amounts: Seconds | None = None
) -> ClockArrays:
    """Evaluate rows of (started, stopped or `NONE`), one cycle each, under one calendar.

    `amounts` overrides `target.amount` row by row. Raises `ClockError` for a stop before its start, a pause that ends before it starts
    or an amount below 1, and the calendar's errors.
    """
    _refuse_wrong(started, stopped, pauses, amounts)
    running = ALWAYS if target.unit is Unit.ELAPSED else hours
    budget = _budgets(target, hours, started, amounts)
    if not len(started):
        return _empty()
    is_open = stopped == NONE
    end = np.where(is_open, np.maximum(started, now), stopped)
    merged = _merge(pauses, started, np.where(is_open, NONE, stopped), end)
    base = int(started.min())
    at_start = running.elapsed_many(base, started)
    at_end = running.elapsed_many(base, end)
    due = _due(running, base, at_start, budget, merged)
    paused = _paused(running, base, merged, end)
    used = at_end - at_start - paused
    missed = (due != NONE) & (end > due)
    return ClockArrays(
        budget=budget,
        due=due,
        used=used,
        paused=paused,
        remaining=np.maximum(budget - used, 0),
        breached_at=np.where(missed, due, NONE),
        late=np.where(missed, end - np.where(missed, due, end), 0),
        late_open=np.where(missed, used - budget, 0),
        met=np.where(missed, 0, np.where(is_open, -1, 1)).astype(np.int8),
        on_hold=is_open & _held(merged, end),
    )


def _refuse_wrong(started: Seconds, stopped: Seconds, pauses: PauseArrays, amounts: Seconds | None) -> None:
    if np.any((stopped != NONE) & (stopped < started)):
        raise ClockError("a clock stops before it starts")
    if np.any((pauses.end != NONE) & (pauses.end < pauses.start)):
        raise ClockError("a pause ends before it starts")
    if amounts is not None and np.any(amounts < 1):
        raise ClockError("a target below 1 cannot be met")
    if len(pauses.offsets) != len(started) + 1 or pauses.offsets[-1] != len(pauses.start):
        raise ClockError("pause offsets do not match the rows")


def _budgets(target: Target, hours: Hours, started: Seconds, amounts: Seconds | None) -> Seconds:
    amount = np.full(len(started), target.amount, dtype=np.int64) if amounts is None else amounts
    if target.unit is not Unit.BUSINESS_DAYS or not len(started):
        return amount
    return hours.elapsed_many(started, hours.business_day_due_many(started, amount, target.cutoff_minute))


def _merge(pauses: PauseArrays, started: Seconds, stopped: Seconds, end: Seconds) -> _Merged:
    """Clip pauses to their cycle and join overlapping ones of the same row."""
    rows = len(started)
    row = np.repeat(np.arange(rows, dtype=np.int64), np.diff(pauses.offsets))
    start = np.maximum(pauses.start, started[row])
    stop = np.where(pauses.end == NONE, _HALF - 1, pauses.end)
    stop = np.where(stopped[row] == NONE, stop, np.minimum(stop, stopped[row]))
    kept = start < stop
    row, start, stop = row[kept], start[kept], stop[kept]
    order = np.lexsort((start, row))
    row, start, stop = row[order], start[order], stop[order]
    # Lifted by its row, a running maximum of the ends never carries from one row into the next.
    lift = row * _SPAN
    reach = np.maximum.accumulate(stop + lift)
    begins = np.ones(len(row), dtype=np.bool_)
    begins[1:] = start[1:] + lift[1:] > reach[:-1]
    heads = np.flatnonzero(begins)
    tails = np.append(heads[1:], len(row)) - 1
    merged_row, merged_end = row[heads], (reach[tails] - lift[tails] if len(heads) else stop)
    first = np.searchsorted(merged_row, np.arange(rows + 1, dtype=np.int64), side="left")
    open_ended = merged_end == _HALF - 1
    # An open pause needs some end to be measured by; whatever comes after it is never reached.
    merged_end = np.where(open_ended, np.maximum(start[heads], end[merged_row]), merged_end)
    return _Merged(merged_row, first.astype(np.int64), start[heads], merged_end, open_ended)


def _due(running: Hours, base: int, at_start: Seconds, budget: Seconds, merged: _Merged) -> Seconds:
    begin = running.elapsed_many(base, merged.start)
    length = running.elapsed_many(base, merged.end) - begin
    lengths_before = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(length)))
    # Seconds that ran before each pause: a pause that begins once the target has run out is past the due instant.
    ran = begin - at_start[merged.row] - (lengths_before[:-1] - lengths_before[merged.first[merged.row]])
    counts = ran < budget[merged.row]
    extension = _sum_by_row(np.where(counts, length, 0), merged.first)
    held = _sum_by_row((counts & merged.is_open).astype(np.int64), merged.first) > 0
    due = np.full(len(budget), NONE, dtype=np.int64)
    free = ~held
    due[free] = running.due_many(base, (at_start + budget + extension)[free])
    return due


def _paused(running: Hours, base: int, merged: _Merged, end: Seconds) -> Seconds:
    limit = end[merged.row]
    start, stop = np.minimum(merged.start, limit), np.minimum(merged.end, limit)
    return _sum_by_row(running.elapsed_many(base, stop) - running.elapsed_many(base, start), merged.first)


def _held(merged: _Merged, end: Seconds) -> Flags:
    limit = end[merged.row]
    covers = (merged.start <= limit) & (merged.is_open | (limit < merged.end))
    return _sum_by_row(covers.astype(np.int64), merged.first) > 0


def _sum_by_row(values: Seconds, first: npt.NDArray[np.int64]) -> Seconds:
    sums = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(values)))
    return np.asarray(sums[first[1:]] - sums[first[:-1]], dtype=np.int64)


def _empty() -> ClockArrays:
    none = np.zeros(0, dtype=np.int64)
    return ClockArrays(none, none, none, none, none, none, none, none, none.astype(np.int8), none.astype(np.bool_))
