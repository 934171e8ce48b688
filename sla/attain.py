"""Attainment: which clocks a window counts, as what, and whether the contract's target is reached.

A clock is decided at min(stop, due) and counts once, in the window of the contract's zone that holds that instant: met if it had
stopped by then, else missed, even while still open. A later stop changes lateness only. Fractions are compared exactly, never as
displayed. Instants are UTC epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from sla.businesstime import Seconds
from sla.clock_arrays import NONE


class Outcome(StrEnum):
    """How a clock counts."""

    MET = "met"
    MISSED = "missed"
    PENDING = "pending"
    EXCLUDED = "excluded"


OUTCOMES = (Outcome.MET, Outcome.MISSED, Outcome.PENDING, Outcome.EXCLUDED)


class AttainmentError(ValueError):
    """A quantile outside 0 … 1, or a target that bounds nothing."""


@dataclass(frozen=True, slots=True)
class ClockFact:
    """What attainment reads of a clock. `due` is None while it is held, `stopped` None while it is open."""

    due: int | None
    stopped: int | None
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """The counts of one service level in one window. `carried`: misses carried over from earlier windows, where the contract says so."""

    met: int = 0
    missed: int = 0
    pending: int = 0
    excluded: int = 0
    carried: int = 0

    @property
    def numerator(self) -> int:
        return self.met

    @property
    def denominator(self) -> int:
        """Decided clocks: met + missed, and what was carried over."""
        return self.met + self.missed + self.carried

    @property
    def total(self) -> int:
        """Every clock of the window; the four outcomes partition it."""
        return self.met + self.missed + self.pending + self.excluded

    @property
    def fraction(self) -> Fraction | None:
        """Exact attainment, or None: not measured."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    def reaches(self, target: Fraction | Decimal) -> bool | None:
        """Whether the exact fraction is at least `target` (0.95 for 95 %); None where nothing was measured."""
        return None if self.fraction is None else self.fraction >= Fraction(target)

    def misses_allowed(self, target: Fraction | Decimal) -> int:
        """Further misses after which the target would still be reached, all else unchanged; negative: clocks short of it, as misses."""
        share = Fraction(target)
        if share == 0:
            raise AttainmentError("a target of 0 % allows any number of misses")
        return int(Fraction(self.numerator) / share // 1) - self.denominator


def decided_at(due: int | None, stopped: int | None, now: int) -> int | None:
    """min(stop, due) once it lies in the past, else None: undecided. At the due instant itself an open clock can still be met."""
    if stopped is not None:
        return stopped if due is None else min(stopped, due)
    return due if due is not None and now > due else None


def outcome(fact: ClockFact, now: int) -> Outcome:
    """How a clock counts, in whichever window it is decided."""
    if fact.excluded:
        return Outcome.EXCLUDED
    if decided_at(fact.due, fact.stopped, now) is None:
        return Outcome.PENDING
    return Outcome.MET if fact.stopped is not None and (fact.due is None or fact.stopped <= fact.due) else Outcome.MISSED


def counted_at(fact: ClockFact, now: int) -> int:
    """The instant whose window a clock belongs to: where it was decided; a pending one where it is due, or now while it is held.

    Only decided clocks are in the fraction; a pending clock may still be decided in an earlier window than the one it is listed in.
    """
    decided = decided_at(fact.due, fact.stopped, now)
    if decided is not None:
        return decided
    return now if fact.due is None else fact.due


def score(facts: Iterable[ClockFact], start: int, end: int, now: int, *, carried: int = 0) -> Score:
    """Count the clocks that belong to the window [start, end)."""
    counts = dict.fromkeys(OUTCOMES, 0)
    for fact in facts:
        if start <= counted_at(fact, now) < end:
            counts[outcome(fact, now)] += 1
    return Score(counts[Outcome.MET], counts[Outcome.MISSED], counts[Outcome.PENDING], counts[Outcome.EXCLUDED], carried)


def classify_many(due: Seconds, stopped: Seconds, excluded: npt.NDArray[np.bool_], now: int) -> tuple[npt.NDArray[np.int8], Seconds]:
    """`outcome` (as an index into `OUTCOMES`) and `counted_at` over arrays, `NONE` for no due or no stop."""
    no_due, no_stop = due == NONE, stopped == NONE
    open_overdue = no_stop & ~no_due & (now > due)
    pending = no_stop & ~open_overdue
    met = ~no_stop & (no_due | (stopped <= due))
    outcomes = np.where(excluded, 3, np.where(pending, 2, np.where(met, 0, 1))).astype(np.int8)
    open_at = np.where(no_due, now, due)
    closed_at = np.where(no_due, stopped, np.minimum(stopped, due))
    return outcomes, np.where(no_stop, open_at, closed_at).astype(np.int64)


def score_many(due: Seconds, stopped: Seconds, excluded: npt.NDArray[np.bool_], edges: Seconds, now: int) -> tuple[Score, ...]:
    """`score` of each window [edges[i], edges[i + 1]) over arrays of clocks."""
    outcomes, at = classify_many(due, stopped, excluded, now)
    window = np.searchsorted(edges, at, side="right") - 1
    inside = (window >= 0) & (window < len(edges) - 1)
    width = len(OUTCOMES)
    counts = np.bincount(window[inside] * width + outcomes[inside], minlength=(len(edges) - 1) * width).reshape(-1, width)
    return tuple(Score(*(int(count) for count in row)) for row in counts)


def percentile(values: Sequence[int | Fraction], q: Fraction | Decimal) -> Fraction | None:
    """Continuous percentile: linear between the two nearest ranks at (n − 1)·q, as SQL's percentile_cont; exact. None of nothing.

    Raises `AttainmentError` outside 0 … 1.
    """
    quantile = Fraction(q)
    if not 0 <= quantile <= 1:
        raise AttainmentError(f"quantile {q} is not within 0 … 1")
    if not values:
        return None
    ordered = sorted(values)
    position = (len(ordered) - 1) * quantile
    below = int(position)
    low, high = Fraction(ordered[below]), Fraction(ordered[min(below + 1, len(ordered) - 1)])
    return low + (position - below) * (high - low)


def median(values: Sequence[int | Fraction]) -> Fraction | None:
    """The continuous 50th percentile."""
    return percentile(values, Fraction(1, 2))


def percent(fraction: Fraction, places: int = 2) -> Decimal:
    """For display only: a fraction in percent, rounded half up to `places`. Decisions compare the fraction itself."""
    with localcontext() as context:
        context.prec = 50
        exact = Decimal(fraction.numerator * 100) / Decimal(fraction.denominator)
        return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
