"""How large samples are, how they spread over strata, and what a weighted rate comes to."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.sampling import Checked, SamplingError, Size, each, effective_size, proportional, weighted_rate

POPULATIONS = st.lists(st.integers(0, 5_000), min_size=1, max_size=12)


@pytest.mark.parametrize(("margin", "unlimited", "of_five_thousand"), [(0.05, 385, 357), (0.02, 2_401, 1_623), (0.01, 9_604, 3_289)])
def test_sizes_by_margin_at_95_percent(margin: float, unlimited: int, of_five_thousand: int) -> None:
    assert Size(margin=margin).of(10**9) == unlimited
    assert Size(margin=margin).of(5_000) == of_five_thousand


def test_more_than_there_is_cannot_be_drawn() -> None:
    with pytest.raises(SamplingError, match="11 of 10"):
        Size(number=11).of(10)
    with pytest.raises(SamplingError, match="nothing to draw from"):
        Size(number=1).of(0)


def test_the_largest_remainder_has_the_odd_one_and_ties_go_by_position() -> None:
    assert proportional([50, 30, 20], 7) == [4, 2, 1]  # 3.5, 2.1, 1.4
    assert proportional([10, 10, 10], 4) == [2, 1, 1]


@given(POPULATIONS, st.data())
def test_strata_sizes_add_up_and_none_gives_more_than_it_holds(populations: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, sum(populations)))
    sizes = proportional(populations, size)
    assert sum(sizes) == size
    assert all(0 <= got <= held for got, held in zip(sizes, populations, strict=True))
    if sum(populations):
        exact = [Fraction(size * held, sum(populations)) for held in populations]
        assert all(abs(got - share) < 1 for got, share in zip(sizes, exact, strict=True))


@given(POPULATIONS, st.integers(1, 400))
def test_each_stratum_gives_the_same_or_all_it_has(populations: list[int], size: int) -> None:
    assert all(got == min(size, held) for got, held in zip(each(populations, size), populations, strict=True))


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 20), st.data()), min_size=1, max_size=6), st.integers(1, 30))
def test_proportionate_strata_weigh_nothing(rows: list[tuple[int, int, st.DataObject]], share: int) -> None:
    strata = [
        Checked(items * share, items, items * units, Fraction(data.draw(st.integers(0, items * units)))) for items, units, data in rows
    ]
    errors, units = sum(row.errors for row in strata), sum(row.units for row in strata)
    assert weighted_rate(strata) == errors / units
    assert effective_size(strata) == units


def test_a_small_stratum_drawn_heavily_weighs_little() -> None:
    strata = [Checked(9_000, 100, 100, Fraction(1)), Checked(1_000, 100, 100, Fraction(10))]
    assert weighted_rate(strata) == Fraction(19, 1_000)  # 0.9 × 1 % + 0.1 × 10 %, not 11 of 200
    assert effective_size(strata) == 121  # (90 + 10)² × 100² ÷ (90² + 10²) × 100


def test_nothing_checked_is_no_rate() -> None:
    assert weighted_rate([Checked(10, 0, 0, Fraction(0))]) is None
