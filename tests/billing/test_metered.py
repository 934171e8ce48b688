"""Volumes, expenses and outcomes in the pure rating core: worked cases, and what holds whatever the records are."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal as D
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.expenses import Expense, rate_expenses
from billing.explanation import LeafKind
from billing.outcomes import Event, OutcomeRule, rate_outcomes
from billing.rating import RatedLine, Unpriced, total
from billing.terms import Days, Model, Shape, Term, Tier
from billing.volume import UNITS, Measure, Reading, rate_volume
from lpo.core.money import is_money

OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))
NOVEMBER = Days(date(2026, 11, 1), date(2026, 12, 1))
TIERS = (Tier(D(100), D(10)), Tier(D(500), D(8)), Tier(None, D(5)))


def term(model: Model = Model.DATA_VOLUME, **fields: Any) -> Term:
    return Term("T v1", "Hosting", model, "USD", **({"unit": "GB"} | fields))


def reading(day: int, quantity: str, unit: str = "GB", label: str = "main") -> Reading:
    return Reading(f"{label}-{day}", date(2026, 10, day), D(quantity), unit, label)


def volume(rows: list[Reading], measure: Measure, *, active: Days = OCTOBER, **fields: Any) -> tuple[RatedLine, ...]:
    return rate_volume(term(**fields), rows, measure, OCTOBER, active)


# --- volume -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("used", "worth"), [("0", "0"), ("100", "1000"), ("100.5", "1004"), ("500", "4200"), ("750.25", "5451.25")])
def test_graduated_gigabytes(used: str, worth: str) -> None:
    """CASES: graduated ≤ 100 @ 10, ≤ 500 @ 8, > 500 @ 5: 0, 100, 100.5, 500, 750.25 GB."""
    lines = volume([reading(1, used)], Measure.SUM, shape=Shape.GRADUATED, tiers=TIERS)
    assert total(lines) == D(worth)


@pytest.mark.parametrize(("used", "worth"), [("50", "0"), ("50.01", "25"), ("150", "25"), ("151", "50"), ("1050", "250")])
def test_gigabytes_by_package(used: str, worth: str) -> None:
    """CASES: package 100 @ 25, 50 free: 50, 50.01, 150, 151, 1,050."""
    lines = volume([reading(1, used)], Measure.SUM, shape=Shape.PACKAGE, unit_price=D(25), package_size=D(100), free_units=D(50))
    assert total(lines) == D(worth)


@pytest.mark.parametrize(
    ("measure", "worth", "said"),
    [
        (Measure.SUM, "600.00", ""),
        (Measure.AVERAGE, "200.00", "average of 3 days measured"),
        (Measure.PEAK, "300.00", "peak of 3 days measured: 300 GB on 10 Oct 2026"),
        (Measure.LAST, "200.00", "as last measured in the period: 200 GB on 31 Oct 2026"),
    ],
)
def test_sum_average_peak_and_month_end(measure: Measure, worth: str, said: str) -> None:
    rows = [reading(1, "100"), reading(10, "180"), reading(10, "120", label="second"), reading(31, "200")]
    (line,) = volume(rows, measure, unit_price=D(1))
    assert (line.amount, line.detail) == (D(worth), said)


def test_a_gibibyte_is_converted_and_the_conversion_is_a_step() -> None:
    (line,) = volume([reading(1, "100", "GiB")], Measure.SUM, unit_price=D(1))
    assert line.amount == D("107.37")
    row, step, rounding = line.explanation.leaves()
    assert row.label == "1 Oct 2026, main, 100 GiB, which is 107.374182 GB"
    assert (step.kind, step.amount, step.label) == (LeafKind.CONVERSION, D(0), "1 GiB is 1,073,741,824 bytes, 1 GB is 1,000,000,000 bytes")
    assert rounding.kind is LeafKind.ROUNDING
    (other,) = volume([reading(1, "100")], Measure.SUM, unit="GiB", unit_price=D(1))
    assert other.amount == D("93.13")


def test_what_is_held_for_a_part_of_the_period_is_charged_by_its_days_and_a_sum_is_not() -> None:
    half = Days(date(2026, 10, 1), date(2026, 10, 16))
    rows = [reading(3, "310"), reading(20, "9999")]
    assert total(volume(rows, Measure.PEAK, active=half, unit_price=D(1))) == D("150.00")
    assert total(volume(rows, Measure.PEAK, active=half, unit_price=D(1), prorated=False)) == D("310.00")
    assert total(volume(rows, Measure.SUM, active=half, unit_price=D(1))) == D("310.00")


def test_a_measured_day_of_nothing_counts_in_the_average() -> None:
    assert total(volume([reading(1, "100"), reading(2, "0")], Measure.AVERAGE, unit_price=D(1))) == D("50.00")
    assert volume([], Measure.AVERAGE, unit_price=D(1)) == ()


def test_beyond_the_last_tier_and_in_no_unit_of_data_there_is_no_price() -> None:
    with pytest.raises(Unpriced):
        volume([reading(1, "101")], Measure.SUM, shape=Shape.VOLUME, tiers=TIERS[:1])
    with pytest.raises(ValueError, match="no unit of data"):
        volume([reading(1, "1")], Measure.SUM, unit="page")
    with pytest.raises(ValueError, match="no unit of data"):
        reading(1, "1", "gigs")


# --- expenses -----------------------------------------------------------------------------------------------------------------


def expense(day: int, amount: str, code: str = "E107") -> Expense:
    return Expense(f"x{day}", date(2026, 10, day), D(amount), f"courier {day}", code, "Couriers" if code == "E107" else "Copying")


def test_expenses_at_cost_and_marked_up_a_line_for_each_code() -> None:
    rows = [expense(3, "42.50"), expense(9, "10.25"), expense(4, "5.05", "E101")]
    at_cost = rate_expenses(term(Model.EXPENSE), rows, D(0), OCTOBER, OCTOBER)
    assert [(line.description, line.amount, line.detail) for line in at_cost] == [
        ("Hosting: Copying (E101)", D("5.05"), "1 expense at cost"),
        ("Hosting: Couriers (E107)", D("52.75"), "2 expenses at cost"),
    ]
    marked = rate_expenses(term(Model.EXPENSE), rows, D("12.5"), OCTOBER, OCTOBER)
    assert [line.amount for line in marked] == [D("5.68"), D("59.34")]
    assert [leaf.kind for leaf in marked[1].explanation.leaves()] == ["row", "row", "markup", "rounding"]
    assert rate_expenses(term(Model.EXPENSE), rows, D(0), NOVEMBER, NOVEMBER) == ()


def test_expenses_keep_to_a_cap() -> None:
    lines = rate_expenses(term(Model.EXPENSE, cap=D(50)), [expense(3, "42.50"), expense(9, "10.25")], D(0), OCTOBER, OCTOBER)
    assert [line.amount for line in lines] == [D("52.75"), D("-2.75")]


# --- outcomes -----------------------------------------------------------------------------------------------------------------


def event(day: int, amount: str = "0") -> Event:
    return Event(f"s{day}", date(2026, 10, day), f"settlement {day}", D(amount))


def outcome(rows: list[Event], percent: str = "0", event_cap: str | None = None, **fields: Any) -> tuple[RatedLine, ...]:
    rule = OutcomeRule(term(Model.OUTCOME, **({"unit": "settlement"} | fields)), D(percent), D(event_cap) if event_cap else None)
    return rate_outcomes(rule, rows, OCTOBER, OCTOBER)


def test_a_fee_for_each_event_reads_as_quantity_and_price() -> None:
    (line,) = outcome([event(1), event(2), event(3)], unit_price=D("750.125"))
    assert (line.quantity, line.unit, line.unit_price, line.amount) == (D(3), "settlement", D("750.125"), D("2250.38"))


def test_a_share_and_a_fee_up_to_a_cap_for_each_and_one_for_the_period() -> None:
    """2 % of 100,000 + 500 = 2,500; of 400,000 + 500 = 8,500, capped at 5,000; together 7,500, capped at 7,000."""
    lines = outcome([event(1, "100000"), event(2, "400000")], "2", "5000", unit_price=D(500), cap=D(7000))
    assert [line.amount for line in lines] == [D("7500.00"), D("-500.00")]
    labels = [(leaf.label, leaf.amount) for leaf in lines[0].explanation.leaves()]
    assert labels == [
        ("1 Oct 2026, settlement 1: 500 + 2 % of 100,000", D(2500)),
        ("2 Oct 2026, settlement 2: 500 + 2 % of 400,000", D(8500)),
        ("settlement 2: cap of 5,000 for one settlement", D(-3500)),
    ]


def test_an_outcome_without_a_price_is_refused() -> None:
    for percent, cap in (("0", None), ("101", None), ("5", "0.001"), ("-1", None)):
        with pytest.raises(ValueError, match=r"outcome has|share is|cap of one"):
            outcome([event(1)], percent, cap)


# --- what always holds ----------------------------------------------------------------------------------------------------------

amounts = st.decimals(0, 10_000, places=3, allow_nan=False, allow_infinity=False)
days = st.integers(1, 31)
actives = st.builds(
    lambda first, more: Days(date(2026, 10, first), min(OCTOBER.end, date(2026, 10, first) + timedelta(days=more))),
    days,
    st.integers(1, 31),
)


@st.composite
def one_reading(draw: st.DrawFn) -> Reading:
    return Reading(f"r{draw(days)}", date(2026, 10, draw(days)), draw(amounts), draw(st.sampled_from(list(UNITS))), "main")


readings = st.lists(one_reading(), max_size=12)


@given(readings, st.sampled_from(list(Measure)), actives, st.booleans(), st.randoms(use_true_random=False))
def test_volume_leaves_sum_and_the_order_of_readings_changes_nothing(
    rows: list[Reading], measure: Measure, active: Days, graduated: bool, random: Random
) -> None:
    fields: dict[str, Any] = {"shape": Shape.GRADUATED, "tiers": TIERS} if graduated else {"unit_price": D("0.0125"), "free_units": D(3)}
    lines = volume(rows, measure, active=active, discount_percent=D("7.5"), minimum=D(20), **fields)
    assert all(line.explanation.total() == line.amount and is_money(line.amount, "USD") for line in lines)
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert volume(shuffled, measure, active=active, discount_percent=D("7.5"), minimum=D(20), **fields) == lines


@given(readings, actives)
def test_average_never_exceeds_peak_and_peak_never_the_sum(rows: list[Reading], active: Days) -> None:
    worth = {measure: total(volume(rows, measure, active=active, unit_price=D(1), prorated=False)) for measure in Measure}
    assert worth[Measure.AVERAGE] <= worth[Measure.PEAK] <= worth[Measure.SUM]
    assert worth[Measure.LAST] <= worth[Measure.PEAK]


@given(st.lists(st.tuples(days, st.decimals("0.01", 9999, places=2)), max_size=10), st.decimals(0, 200, places=2))
def test_every_expense_is_a_leaf_and_nothing_else_is_a_row(said: list[tuple[int, D]], markup: D) -> None:
    rows = [Expense(f"x{n}", date(2026, 10, day), amount, "x", "E107" if n % 2 else "E101", "x") for n, (day, amount) in enumerate(said)]
    lines = rate_expenses(term(Model.EXPENSE), rows, markup, OCTOBER, OCTOBER)
    leaves = [leaf for line in lines for leaf in line.explanation.leaves() if leaf.kind is LeafKind.ROW]
    assert sorted((leaf.source, leaf.amount) for leaf in leaves) == sorted((row.reference, row.amount) for row in rows)


@given(st.lists(st.tuples(days, st.decimals(0, 999_999, places=2)), max_size=10), st.decimals("0.0001", 100, places=4))
def test_no_event_comes_to_more_than_its_cap(said: list[tuple[int, D]], percent: D) -> None:
    rows = [Event(f"s{n}", date(2026, 10, day), "x", amount) for n, (day, amount) in enumerate(said)]
    lines = outcome(rows, str(percent), "1000")
    assert total(lines) <= 1000 * len(rows)
    assert all(line.explanation.total() == line.amount for line in lines)
