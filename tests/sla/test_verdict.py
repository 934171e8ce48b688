"""What a window's counts come to under terms for low volume and a minimum."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.verdict import Basis, Counted, default, judge, misses_allowed, ordinal


@dataclass
class Terms:
    expected_percent: Decimal | None = Decimal(95)
    max_error_percent: Decimal | None = None
    minimum_percent: Decimal | None = None
    allowed_misses: list[list[int]] = field(default_factory=list)
    roll_up_below: int = 0
    no_credit_below: int = 0
    misses_before_default: int = 3
    earn_back_percent: Decimal | None = None
    test: str = "rate"
    test_confidence_percent: Decimal | None = None
    accepted_sample: int | None = None
    accepted_errors: int | None = None
    min_volume: Decimal | None = None
    severity_weights: dict[str, str] = field(default_factory=dict)


TABLE = [[9, 1], [19, 2]]


@pytest.mark.parametrize(
    ("met", "counted", "expected", "allowed"),
    [
        (8, 9, True, 1),  # one miss with up to nine counted
        (7, 9, False, 1),
        (17, 19, True, 2),
        (18, 20, False, None),  # above the table the percentage decides: 90 %
        (19, 20, True, None),
    ],
)
def test_the_table_of_misses_allowed_decides_at_low_volume(met: int, counted: int, expected: bool, allowed: int | None) -> None:
    verdict = judge(Terms(allowed_misses=TABLE), Counted(met, counted), quarter_ends=False)
    assert (verdict.met, verdict.allowed) == (expected, allowed)


def test_one_miss_of_eight_fails_at_95_percent_without_terms_for_low_volume() -> None:
    assert judge(Terms(), Counted(7, 8), quarter_ends=False).met is False


def test_errors_allowed_are_the_numerator_of_an_error_rate() -> None:
    terms = Terms(expected_percent=None, max_error_percent=Decimal(1), allowed_misses=[[50, 1]])
    assert judge(terms, Counted(1, 50), quarter_ends=False).met is True
    assert judge(terms, Counted(2, 50), quarter_ends=False).met is False


def test_a_small_month_is_judged_with_its_quarter() -> None:
    terms = Terms(roll_up_below=10)
    assert judge(terms, Counted(7, 8), quarter_ends=False).basis == Basis.ROLLED_UP
    assert judge(terms, Counted(7, 8), quarter_ends=False).met is None
    # 7 of 8 before and 12 of 12 in the last month: 19 of 20 is 95 %.
    ended = judge(terms, Counted(12, 12, 7, 8), quarter_ends=True)
    assert (ended.met, ended.basis) == (True, Basis.COMBINED)
    assert judge(terms, Counted(11, 12, 7, 8), quarter_ends=True).met is False
    # Nothing in the last month: what was rolled up is judged all the same.
    assert judge(terms, Counted(0, 0, 7, 8), quarter_ends=True).met is False
    assert judge(terms, Counted(0, 0), quarter_ends=True).met is None


@pytest.mark.parametrize(
    ("met", "earlier", "due"),
    [(89, 0, True), (90, 0, False), (94, 2, False), (94, 3, True), (95, 9, False)],
)
def test_below_the_minimum_is_a_default_at_once_and_above_it_from_the_fourth_time(met: int, earlier: int, due: bool) -> None:
    terms, counted = Terms(minimum_percent=Decimal(90)), Counted(met, 100)
    assert default(terms, judge(terms, counted, quarter_ends=True), counted, earlier).due is due


def test_a_miss_with_too_few_counted_earns_no_credit_and_says_so() -> None:
    terms, counted = Terms(no_credit_below=20), Counted(10, 19)
    ruling = default(terms, judge(terms, counted, quarter_ends=True), counted, 0)
    assert not ruling.due
    assert "19 counted" in ruling.why
    assert default(terms, judge(terms, Counted(10, 20), quarter_ends=True), Counted(10, 20), 0).due


@pytest.mark.parametrize(("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (23, "23rd")])
def test_ordinals(number: int, text: str) -> None:
    assert ordinal(number) == text


@given(
    st.integers(0, 400),
    st.integers(0, 400),
    st.decimals(min_value=1, max_value=100, places=2),
    st.booleans(),
)
def test_without_terms_the_exact_fraction_alone_decides(kept: int, missed: int, expected: Decimal, quarter_ends: bool) -> None:
    verdict = judge(Terms(expected_percent=expected), Counted(kept, kept + missed), quarter_ends=quarter_ends)
    whole = kept + missed
    assert verdict.met == (None if not whole else Fraction(kept, whole) >= Fraction(expected) / 100)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10)), max_size=4), st.integers(0, 60))
def test_one_more_miss_never_turns_a_missed_window_into_a_met_one(steps: list[tuple[int, int]], counted: int) -> None:
    bands = [[sum(width for width, _ in steps[: i + 1]), sum(more for _, more in steps[: i + 1])] for i in range(len(steps))]
    met = [judge(Terms(allowed_misses=bands), Counted(counted - misses, counted), quarter_ends=False).met for misses in range(counted + 1)]
    assert met == sorted(met, key=lambda each: (each is None, not each))
    assert misses_allowed(bands, bands[-1][0] + 1 if bands else 1) is None
