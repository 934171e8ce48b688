"""Credit claims: shares, the cap, incidents and defaults."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.credit import (
    CreditClaim,
    CreditError,
    Default,
    default_of,
    fixed_amount,
    one_per_incident,
    percent_of_fee,
    plain,
    pool_allocation,
    restatement,
    settle,
)


def claim(level: str, percent: int, incident: str = "", count: int = 1) -> CreditClaim:
    return CreditClaim(level, "2026-03", percent_of_fee(percent), count, incident)


def test_half_a_pool_with_40_percent_allocated_of_a_tenth_of_100_000_is_2_000() -> None:
    settled = settle([CreditClaim("turnaround", "2026-03", pool_allocation(50, 40))], 100_000, 10)
    assert settled.credit == 2_000


def test_a_contract_may_name_an_amount_outright() -> None:
    assert settle([CreditClaim("response", "2026-03", fixed_amount(Decimal("250.50")), 2)], 18_450, 10).credit == 501


def test_a_settlement_explains_itself_with_its_inputs() -> None:
    settled = settle([claim("turnaround", 5, count=3)], Decimal(18_450), 10)
    assert settled.formula == "fee 18450; 3 × 5 % of the fee = 2767.5; cap 10 % × 18450 = 1845; credit 1845, excess 922.5"
    assert settled.inputs == {"fee": "18450", "at_risk_share": "0.1", "count turnaround 2026-03": "3"}
    assert settle([], 18_450, 10).formula == "fee 18450; no claims; cap 10 % × 18450 = 1845; credit 0, excess 0"


def test_one_incident_costs_one_credit_the_largest_unless_the_client_chooses() -> None:
    claims = [claim("turnaround", 3, "outage"), claim("response", 5, "outage"), claim("accuracy", 2)]

    def levels(chosen: dict[str, str] | None) -> list[str]:
        return [c.level for c in one_per_incident(claims, chosen, fee=1_000, at_risk_percent=10)]

    assert levels(None) == ["response", "accuracy"]
    assert levels({"outage": "turnaround"}) == ["turnaround", "accuracy"]
    with pytest.raises(CreditError, match="outage"):
        levels({"outage": "throughput"})


@pytest.mark.parametrize(
    ("measured", "earlier", "expected"),
    [
        (Fraction(95, 100), 9, Default.NONE),
        (Fraction(94, 100), 2, Default.SHORTFALL),
        (Fraction(94, 100), 3, Default.DEFAULT),
        (Fraction(89, 100), 0, Default.DEFAULT),
        (Fraction(90, 100), 0, Default.SHORTFALL),
        (None, 9, Default.NONE),
    ],
)
def test_below_minimum_is_a_default_and_between_the_two_from_the_fourth_time(
    measured: Fraction | None, earlier: int, expected: Default
) -> None:
    assert default_of(measured, Decimal("0.95"), Decimal("0.90"), earlier) is expected


def test_numbers_are_written_as_people_write_them() -> None:
    assert [plain(Fraction(n)) for n in ("922.5", "18450", "1/3", "-0.05")] == ["922.5", "18450", "1/3", "-0.05"]


def test_shares_beyond_the_whole_and_negative_sums_are_refused() -> None:
    for wrong in (lambda: percent_of_fee(101), lambda: fixed_amount(-1), lambda: settle([], -1, 10), lambda: claim("x", 5, count=-1)):
        with pytest.raises(CreditError):
            wrong()


PERCENTS = st.lists(st.integers(0, 100), max_size=6)


@given(PERCENTS, st.decimals(0, 10**6, places=2), st.integers(0, 100))
def test_credits_never_exceed_the_cap_and_nothing_is_lost(percents: list[int], fee: Decimal, at_risk: int) -> None:
    settled = settle([claim(f"level {n}", percent) for n, percent in enumerate(percents)], fee, at_risk)
    assert 0 <= settled.credit <= settled.cap
    assert settled.credit + settled.excess == settled.claimed == sum(amount for _, amount in settled.amounts)


@given(st.lists(PERCENTS, min_size=2, max_size=5))
def test_successive_restatements_add_up_to_the_last_credit(versions: list[list[int]]) -> None:
    settled = [settle([claim(f"level {n}", percent) for n, percent in enumerate(percents)], 18_450, 10) for percents in versions]
    steps = sum((restatement(a, b) for a, b in itertools.pairwise(settled)), Fraction(0))
    assert settled[0].credit + steps == settled[-1].credit
