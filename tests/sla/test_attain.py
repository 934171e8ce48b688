"""Attainment: where a clock counts, and as what."""

from __future__ import annotations

import itertools
import statistics
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.attain import (
    OUTCOMES,
    AttainmentError,
    ClockFact,
    Outcome,
    Score,
    classify_many,
    counted_at,
    median,
    outcome,
    percent,
    percentile,
    score,
    score_many,
)
from sla.clock_arrays import NONE


def test_hours_1_2_3_4_10_have_a_p90_of_7_point_6_and_a_median_of_3() -> None:
    hours = [10, 1, 4, 2, 3]
    assert percentile(hours, Decimal("0.9")) == Fraction(76, 10)
    assert median(hours) == 3
    assert percentile([7], Fraction(9, 10)) == 7


def test_nothing_has_no_percentile_and_a_quantile_beyond_one_is_refused() -> None:
    assert median([]) is None
    with pytest.raises(AttainmentError):
        percentile([1], Fraction(11, 10))


def test_an_open_clock_is_pending_until_its_due_instant_has_passed_then_missed() -> None:
    fact = ClockFact(due=100, stopped=None)
    due, stopped, excluded = np.array([100]), np.array([NONE]), np.array([False])
    for now, expected in ((100, Outcome.PENDING), (101, Outcome.MISSED)):
        assert outcome(fact, now) is expected
        assert OUTCOMES[classify_many(due, stopped, excluded, now)[0][0]] is expected


def test_a_later_stop_changes_neither_the_window_nor_the_outcome_of_a_miss() -> None:
    open_, done = ClockFact(100, None), ClockFact(100, 900)
    assert (counted_at(open_, 500), outcome(open_, 500)) == (counted_at(done, 950), outcome(done, 950))


def test_a_held_clock_is_pending_in_the_present_window() -> None:
    assert (outcome(ClockFact(None, None), 70), counted_at(ClockFact(None, None), 70)) == (Outcome.PENDING, 70)


def test_the_exact_fraction_is_compared_not_its_display() -> None:
    just_short = Score(met=94_999, missed=5_001)
    assert just_short.fraction is not None
    assert percent(just_short.fraction, 1) == Decimal("95.0")
    assert just_short.reaches(Decimal("0.95")) is False
    assert Score(met=19, missed=1).reaches(Decimal("0.95")) is True


def test_carried_misses_count_only_where_they_are_given() -> None:
    assert Score(met=9, missed=1).fraction == Fraction(9, 10)
    assert Score(met=9, missed=1, carried=2).fraction == Fraction(9, 12)


@pytest.mark.parametrize(("met", "missed", "allowed"), [(38, 0, 2), (19, 0, 1), (18, 0, 0), (36, 4, -3), (0, 0, 0)])
def test_how_many_more_misses_the_target_bears(met: int, missed: int, allowed: int) -> None:
    assert Score(met=met, missed=missed).misses_allowed(Decimal("0.95")) == allowed


def test_every_further_miss_is_allowed_under_a_target_of_nothing() -> None:
    with pytest.raises(AttainmentError):
        Score(met=1).misses_allowed(0 * Fraction(1))


INSTANT = st.one_of(st.none(), st.integers(0, 300))
FACTS = st.lists(st.builds(ClockFact, INSTANT, INSTANT, st.booleans()), max_size=12)


@given(FACTS, st.integers(0, 300))
def test_windows_partition_the_clocks_and_outcomes_partition_each_window(facts: list[ClockFact], now: int) -> None:
    edges = [0, 100, 200, 301]
    scores = [score(facts, a, b, now) for a, b in itertools.pairwise(edges)]
    assert sum(s.total for s in scores) == len(facts)
    assert sum(s.excluded for s in scores) == sum(f.excluded for f in facts)


@given(FACTS, st.integers(0, 300), st.integers(1, 200))
def test_what_is_decided_stays_as_it_was_decided(facts: list[ClockFact], now: int, later: int) -> None:
    for fact in facts:
        if outcome(fact, now) in (Outcome.MET, Outcome.MISSED):
            assert (outcome(fact, now + later), counted_at(fact, now + later)) == (outcome(fact, now), counted_at(fact, now))


@given(FACTS, st.integers(0, 300))
def test_arrays_count_as_single_clocks_do(facts: list[ClockFact], now: int) -> None:
    due = np.array([NONE if f.due is None else f.due for f in facts], dtype=np.int64)
    stopped = np.array([NONE if f.stopped is None else f.stopped for f in facts], dtype=np.int64)
    excluded = np.array([f.excluded for f in facts], dtype=np.bool_)
    outcomes, at = classify_many(due, stopped, excluded, now)
    assert [OUTCOMES[i] for i in outcomes] == [outcome(f, now) for f in facts]
    assert at.tolist() == [counted_at(f, now) for f in facts]
    edges = np.array([50, 120, 250], dtype=np.int64)
    assert score_many(due, stopped, excluded, edges, now) == (score(facts, 50, 120, now), score(facts, 120, 250, now))


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=20))
def test_deciles_agree_with_the_standard_librarys_inclusive_ones(values: list[int]) -> None:
    ours = [percentile(values, Fraction(n, 10)) for n in range(1, 10)]
    theirs = statistics.quantiles([Fraction(value) for value in values], n=10, method="inclusive")
    assert ours == theirs
