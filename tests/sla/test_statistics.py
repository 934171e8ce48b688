"""Sampling statistics, against published figures and exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.statistics import (
    StatisticsError,
    binomial_cdf,
    clopper_pearson,
    lower_bound,
    measured_rate,
    regularised_beta,
    sample_needed,
    sample_size,
    under_limit,
    upper_bound,
    wilson,
)


@pytest.mark.parametrize(("errors", "needed"), [(0, 299), (1, 473), (2, 628), (3, 773)])
def test_showing_under_1_percent_one_sided_needs_so_many_checks(errors: int, needed: int) -> None:
    assert sample_needed(errors, 0.01) == needed
    assert upper_bound(errors, needed) < 0.01 <= upper_bound(errors, needed - 1)


def test_the_two_sided_interval_needs_874_with_three_errors() -> None:
    assert sample_needed(3, 0.01, two_sided=True) == 874
    interval = clopper_pearson(3, 874)
    assert interval is not None
    assert interval.high < 0.01


def test_the_bound_shown_is_the_bound_tested() -> None:
    statement = under_limit(3, 400, 0.01)
    assert round(statement.upper_bound, 3) == 0.019
    assert (statement.shown, statement.sample_needed, statement.more_clean) == (False, 773, 373)
    assert under_limit(3, 773, 0.01).shown
    assert under_limit(3, 773, 0.01, two_sided=True).more_clean == 101


@pytest.mark.parametrize(("margin", "unlimited", "of_5_000"), [(0.05, 385, 357), (0.02, 2_401, 1_623), (0.01, 9_604, 3_289)])
def test_a_sample_for_a_margin_at_95_percent(margin: float, unlimited: int, of_5_000: int) -> None:
    assert sample_size(margin) == unlimited
    assert sample_size(margin, population=5_000) == of_5_000


def test_a_sample_is_never_larger_than_what_there_is() -> None:
    assert [sample_size(0.01, population=n) for n in (0, 1, 2, 30)] == [0, 1, 2, 30]


def test_wilsons_interval_for_ten_percent_of_a_hundred() -> None:
    interval = wilson(10, 100)
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0552, 0.1744)


def test_nothing_checked_is_not_measured() -> None:
    assert (wilson(0, 0), clopper_pearson(0, 0), measured_rate(0, 0)) == (None, None, None)


def test_no_errors_begin_at_nothing_and_only_errors_end_at_everything() -> None:
    none, only = clopper_pearson(0, 20), clopper_pearson(20, 20)
    assert none is not None
    assert only is not None
    assert (none.low, only.high) == (0.0, 1.0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20), abs=1e-12)


def exact_cdf(k: int, n: int, p: Fraction) -> Fraction:
    return sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))


@given(st.integers(1, 250).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(1, 999))
def test_the_binomial_distribution_equals_exact_arithmetic(counts: tuple[int, int], per_mille: int) -> None:
    k, n = counts
    assert binomial_cdf(k, n, per_mille / 1000) == pytest.approx(float(exact_cdf(k, n, Fraction(per_mille, 1000))), abs=1e-11)


@settings(max_examples=30)
@given(st.integers(1, 150).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_exact_bounds_are_where_the_exact_tails_hold_the_error_to_a_billionth(counts: tuple[int, int], confidence: float) -> None:
    errors, checked = counts
    alpha, step = Fraction(1 - confidence), Fraction(1, 10**9)
    if errors < checked:
        high = Fraction(upper_bound(errors, checked, confidence))
        assert exact_cdf(errors, checked, high + step) <= alpha <= exact_cdf(errors, checked, max(high - step, Fraction(0)))
    if errors > 0:
        low = Fraction(lower_bound(errors, checked, confidence))
        tail_above, tail_below = (1 - exact_cdf(errors - 1, checked, p) for p in (low + step, max(low - step, Fraction(0))))
        assert tail_below <= alpha <= tail_above


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_every_interval_holds_the_measured_rate_and_the_exact_one_reaches_further_up_than_its_one_sided_bound(
    counts: tuple[int, int],
) -> None:
    errors, checked = counts
    rate = errors / checked
    for interval in (wilson(errors, checked), clopper_pearson(errors, checked)):
        assert interval is not None
        assert 0 <= interval.low <= rate <= interval.high <= 1
    both = clopper_pearson(errors, checked)
    assert both is not None
    assert upper_bound(errors, checked) <= both.high


def test_samples_of_a_million_converge() -> None:
    bound = upper_bound(10_000, 1_000_000)
    assert bound == pytest.approx(0.010165, abs=1e-6)
    assert regularised_beta(0.5, 500_000, 500_000) == pytest.approx(0.5, abs=1e-6)


def test_counts_and_probabilities_that_cannot_be_are_refused() -> None:
    for wrong in (
        lambda: wilson(5, 4),
        lambda: upper_bound(-1, 4),
        lambda: upper_bound(1, 4, 1.0),
        lambda: sample_needed(0, 1.0),
        lambda: sample_size(0),
        lambda: regularised_beta(2, 1, 1),
    ):
        with pytest.raises(StatisticsError):
            wrong()
