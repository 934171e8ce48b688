"""Worked cases of proration, charge models, credits and late usage, each named by its row."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing.credits import CreditClaim, credit_lines
from billing.explanation import Explanation, LeafKind, csv_rows
from billing.late import billed_lines, difference
from billing.rating import LineKind, RatedLine, Unpriced, prorate, prorate_segments, rate, total
from billing.terms import Days, Increment, Model, Shape, Term, Tier, Usage
from lpo.core.money import add

D = Decimal
MARCH = Days(date(2026, 3, 1), date(2026, 4, 1))
NOVEMBER = Days(date(2026, 11, 1), date(2026, 12, 1))
DAY = date(2026, 11, 12)


def term(model: Model = Model.UNIT, **terms: Any) -> Term:
    return Term("T-1", "First-pass review", model, "USD", unit="document", **terms)


def rows(*quantities: str) -> list[Usage]:
    return [Usage(f"R-{number}", D(quantity), DAY) for number, quantity in enumerate(quantities, start=1)]


def amounts(lines: tuple[RatedLine, ...]) -> dict[str, Decimal]:
    return {line.key: line.amount for line in lines}


# --- proration ---


def test_3000_a_month_from_16_march() -> None:
    (line,) = rate(term(Model.FIXED, unit_price=D(3000)), [], MARCH, active=Days(date(2026, 3, 16), date(2030, 1, 1)))
    assert line.amount == D("1548.39")
    assert line.detail == "16 of 31 days"
    assert [leaf.kind for leaf in line.explanation.leaves()] == [LeafKind.FEE, LeafKind.PRORATION, LeafKind.ROUNDING]


def test_1000_over_three_plans_of_ten_days_each() -> None:
    assert prorate_segments([(D(1000), 10)] * 3, 30, "USD") == (D("333.34"), D("333.33"), D("333.33"))


def test_plans_of_different_prices_share_the_rounded_whole() -> None:
    assert prorate_segments([(D(1000), 10), (D(2000), 20)], 31, "USD") == (D("322.58"), D("1290.32"))


def test_minimum_of_5000_for_10_of_30_days() -> None:
    (line,) = rate(term(minimum=D(5000)), [], NOVEMBER, active=Days(date(2026, 11, 21), date(2026, 12, 1)))
    assert (line.kind, line.amount) == (LineKind.MINIMUM, D("1666.67"))
    assert prorate(D(5000), 10, 30, "USD") == D("1666.67")


def test_a_fee_that_is_not_prorated_is_due_whole_once_in_force() -> None:
    whole = term(Model.FIXED, unit_price=D(3000), prorated=False)
    assert total(rate(whole, [], MARCH, active=Days(date(2026, 3, 31), date(2026, 4, 1)))) == D(3000)
    assert total(rate(whole, [], MARCH, active=Days(date(2026, 4, 1), date(2026, 5, 1)))) == D(0)


def test_14_seats_of_which_2_from_16_november() -> None:
    seats = [Usage("standing", D(12), date(2026, 1, 1)), Usage("new", D(2), date(2026, 11, 16))]
    (line,) = rate(term(Model.PER_USER, unit_price=D(95)), seats, NOVEMBER)
    assert (line.quantity, line.amount) == (D(13), D(1235))
    assert "15 of 30 days" in next(leaf.label for leaf in line.explanation.leaves() if leaf.source == "new")


def test_seats_that_are_not_prorated_count_each_user_once() -> None:
    seats = [
        Usage("ana", D(1), date(2026, 11, 1), until=date(2026, 11, 10)),
        Usage("ana", D(1), date(2026, 11, 20)),
        Usage("bo", D(1), date(2026, 11, 30)),
        Usage("gone", D(1), date(2026, 10, 1), until=date(2026, 11, 1)),
    ]
    assert total(rate(term(Model.PER_USER, unit_price=D(95), prorated=False), seats, NOVEMBER)) == D(190)


# --- charge models ---


def test_12345_pages_at_0_0125() -> None:
    (line,) = rate(term(unit_price=D("0.0125")), rows("12345"), NOVEMBER)
    assert (line.quantity, line.unit_price, line.amount) == (D(12345), D("0.0125"), D("154.31"))
    assert [(leaf.kind, leaf.amount) for leaf in line.explanation.leaves()] == [
        (LeafKind.ROW, D("154.3125")),
        (LeafKind.ROUNDING, D("-0.0025")),
    ]


GRADUATED = (Tier(D(100), D(10)), Tier(D(500), D(8)), Tier(None, D(5)))


@pytest.mark.parametrize(("used", "expected"), [("0", "0"), ("100", "1000"), ("100.5", "1004"), ("500", "4200"), ("750.25", "5451.25")])
def test_graduated_gigabytes(used: str, expected: str) -> None:
    lines = rate(term(Model.DATA_VOLUME, shape=Shape.GRADUATED, tiers=GRADUATED), rows(used), NOVEMBER)
    assert total(lines) == D(expected)


def test_each_tier_is_a_line_of_its_own() -> None:
    lines = rate(term(shape=Shape.GRADUATED, tiers=GRADUATED), rows("750.25"), NOVEMBER)
    assert [(line.key, line.quantity, line.unit_price, line.amount) for line in lines] == [
        ("tier-1", D(100), D(10), D(1000)),
        ("tier-2", D(400), D(8), D(3200)),
        ("tier-3", D("250.25"), D(5), D("1251.25")),
    ]
    assert [line.detail for line in lines] == ["up to 100", "above 100 up to 500", "above 500"]


def test_a_row_that_crosses_a_tier_is_a_leaf_of_both() -> None:
    lines = rate(term(shape=Shape.GRADUATED, tiers=GRADUATED), rows("80", "40"), NOVEMBER)
    assert [[(leaf.source, leaf.quantity) for leaf in line.explanation.leaves()] for line in lines] == [
        [("R-1", D(80)), ("R-2", D(20))],
        [("R-2", D(20))],
    ]


@pytest.mark.parametrize(("used", "expected"), [("100", "1000"), ("100.5", "804"), ("500", "4000"), ("501", "2505")])
def test_volume_prices_all_units_at_the_tier_reached(used: str, expected: str) -> None:
    (line,) = rate(term(shape=Shape.VOLUME, tiers=GRADUATED), rows(used), NOVEMBER)
    assert line.amount == D(expected)


@pytest.mark.parametrize(("used", "expected"), [("50", "0"), ("50.01", "25"), ("150", "25"), ("151", "50"), ("1050", "250")])
def test_packages_of_100_at_25_with_50_free(used: str, expected: str) -> None:
    packages = term(shape=Shape.PACKAGE, package_size=D(100), unit_price=D(25), free_units=D(50))
    assert total(rate(packages, rows(used), NOVEMBER)) == D(expected)


@pytest.mark.parametrize(
    ("increment", "expected"), [(Increment.PER_ENTRY, "375.00"), (Increment.ON_TOTAL, "325.00"), (Increment.EXACT, "312.50")]
)
def test_250_an_hour_in_six_minute_units(increment: Increment, expected: str) -> None:
    (line,) = rate(term(Model.HOURLY, unit_price=D(250), increment=increment), rows("1", "6", "7", "61"), NOVEMBER)
    assert str(line.amount) == expected


def test_usage_of_12480_capped_at_10000_is_shown_as_both() -> None:
    lines = rate(term(unit_price=D(1), cap=D(10000)), rows("12480"), NOVEMBER)
    assert amounts(lines) == {"usage": D(12480), "cap": D(-2480)}


def test_all_models_and_a_credit_on_one_invoice() -> None:
    lines = (
        *rate(term(unit_price=D(45)), rows("1", "1", "1", "1", "1"), NOVEMBER),
        *rate(term(Model.PER_USER, unit_price=D(120)), [Usage(f"U-{n}", D(1), date(2026, 11, 1)) for n in range(3)], NOVEMBER),
        *rate(term(Model.FIXED, unit_price=D(2500)), [], NOVEMBER),
        *credit_lines([CreditClaim("C-1", "Turnaround, October", base=D(2500), percent=D(5))], None, "USD").lines,
    )
    assert [line.amount for line in lines] == [D(225), D(360), D(2500), D(-125)]
    assert total(lines) == D(2960)


def test_bytes_are_priced_by_the_gibibyte_without_losing_one() -> None:
    (line,) = rate(term(Model.DATA_VOLUME, unit_price=D("0.15"), source_units=D(1024**3)), rows(str(10 * 1024**3), str(1024**2)), NOVEMBER)
    assert (line.quantity, line.amount) == (D("10.000977"), D("1.50"))


def test_a_tie_behind_a_quotient_is_still_a_tie() -> None:
    # One of 30 days at 0.15 is exactly half a cent; 1/30 cut anywhere would have made it less.
    (line,) = rate(term(Model.PER_USER, unit_price=D("0.15")), [Usage("U-1", D(1), date(2026, 11, 30))], NOVEMBER)
    assert line.amount == D("0.01")


# --- order of steps ---


def test_free_units_come_before_the_price_and_the_discount_before_the_cap() -> None:
    steps = term(unit_price=D(10), free_units=D(20), discount_percent=D(10), cap=D(700))
    lines = rate(steps, rows("60", "60"), NOVEMBER)
    assert amounts(lines) == {"usage": D(1000), "discount": D(-100), "cap": D(-200)}
    assert [leaf.amount for leaf in lines[0].explanation.leaves()] == [D(600), D(600), D(-200)]


def test_free_units_use_up_the_quantity_before_the_tiers_begin() -> None:
    lines = rate(term(shape=Shape.GRADUATED, tiers=GRADUATED, free_units=D(50)), rows("160"), NOVEMBER)
    assert [(line.quantity, line.amount) for line in lines] == [(D(100), D(1000)), (D(10), D(80))]


def test_the_minimum_comes_after_the_discount() -> None:
    lines = rate(term(unit_price=D(10), discount_percent=D(50), minimum=D(80)), rows("10"), NOVEMBER)
    assert amounts(lines) == {"usage": D(100), "discount": D(-50), "minimum": D(30)}


def test_a_discount_in_money_never_exceeds_what_it_is_taken_off() -> None:
    assert total(rate(term(unit_price=D(10), discount_amount=D(500)), rows("10"), NOVEMBER)) == D(0)


def test_an_invoice_within_the_period_leaves_the_minimum_to_the_last() -> None:
    terms = term(unit_price=D(10), minimum=D(1000))
    first = rate(terms, rows("40"), NOVEMBER, closing=False)
    assert amounts(first) == {"usage": D(400)}
    last = difference(rate(terms, rows("40", "30"), NOVEMBER), billed_lines(first, "INV-7"), "November 2026")
    assert amounts(last) == {"usage": D(300), "minimum": D(300)}


# --- refusals ---


def test_a_quantity_beyond_the_last_tier_is_unpriced_and_not_zero() -> None:
    with pytest.raises(Unpriced, match="501 documents, beyond"):
        rate(term(shape=Shape.GRADUATED, tiers=GRADUATED[:2]), rows("501"), NOVEMBER)


def test_a_row_of_another_period_is_refused() -> None:
    with pytest.raises(ValueError, match="another period"):
        rate(term(unit_price=D(1)), [Usage("R-1", D(1), date(2026, 12, 1))], NOVEMBER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"minimum": D(2), "cap": D(1)},
        {"discount_percent": D(5), "discount_amount": D(5)},
        {"discount_percent": D(101)},
        {"shape": Shape.GRADUATED},
        {"shape": Shape.VOLUME, "tiers": (Tier(None, D(1)), Tier(D(5), D(1)))},
        {"shape": Shape.VOLUME, "tiers": (Tier(D(5), D(1)), Tier(D(5), D(1)))},
        {"package_size": D(0)},
        {"cap": D("0.001")},
    ],
)
def test_terms_that_contradict_themselves_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"exceed|not both|tiers|tier|above zero|amounts of USD"):
        term(**wrong)


def test_a_line_whose_leaves_do_not_sum_to_it_cannot_exist() -> None:
    with pytest.raises(ValueError, match="leaves sum to 0"):
        RatedLine("usage", LineKind.CHARGE, "x", D(1), "", D(1), D(1), Explanation("x", ()))


# --- late usage, withdrawn rows ---


def test_late_usage_is_billed_as_the_difference_naming_its_period() -> None:
    terms = term(unit_price=D(10))
    first = rate(terms, rows("5"), NOVEMBER)
    (late,) = difference(rate(terms, rows("5", "2"), NOVEMBER), billed_lines(first, "INV-7"), "November 2026")
    assert (late.quantity, late.unit_price, late.amount) == (D(2), D(10), D(20))
    assert late.description == "First-pass review, correction for November 2026"
    assert late.explanation.total() == D(20)
    # cumulative 10 = 7 in the first period and 3 in the second
    assert total(rate(terms, [Usage("R-9", D(3), date(2026, 12, 2))], Days(date(2026, 12, 1), date(2027, 1, 1)))) == D(30)


def test_late_usage_in_a_cheaper_tier_is_billed_at_the_difference_in_rating() -> None:
    terms = term(shape=Shape.GRADUATED, tiers=GRADUATED)
    first = rate(terms, rows("90"), NOVEMBER)
    late = difference(rate(terms, rows("90", "20"), NOVEMBER), billed_lines(first, "INV-7"), "November 2026")
    assert [(line.key, line.quantity, line.amount) for line in late] == [("tier-1", D(10), D(100)), ("tier-2", D(10), D(80))]


def test_a_row_withdrawn_after_issue_comes_back_negative_naming_the_invoice() -> None:
    terms = term(unit_price=D(10), free_units=D(2))
    first = rate(terms, rows("5", "1"), NOVEMBER)
    (back,) = difference(rate(terms, rows("5"), NOVEMBER), billed_lines(first, "INV-7"), "November 2026")
    assert (back.quantity, back.amount) == (D(-1), D(-10))
    assert any(leaf.source == "INV-7" and leaf.kind is LeafKind.BILLED for leaf in back.explanation.leaves())
    (all_back,) = difference((), billed_lines(first, "INV-7"), "November 2026")
    assert (all_back.amount, all_back.description) == (D(-40), "Correction for November 2026: withdrawn from INV-7")


def test_nothing_new_bills_nothing() -> None:
    lines = rate(term(unit_price=D(10), cap=D(30)), rows("5"), NOVEMBER)
    assert difference(lines, billed_lines(lines, "INV-7"), "November 2026") == ()


def test_a_price_corrected_afterwards_is_one_adjustment() -> None:
    first = rate(term(unit_price=D(10)), rows("5"), NOVEMBER)
    (line,) = difference(rate(term(unit_price=D(12)), rows("5"), NOVEMBER), billed_lines(first, "INV-7"), "November 2026")
    assert (line.quantity, line.unit, line.unit_price, line.amount) == (D(1), "adjustment", D(10), D(10))


def test_every_amount_is_written_with_the_digits_of_its_currency() -> None:
    lines = rate(term(unit_price=D(10), discount_amount=D(5), cap=D(80)), rows("10"), NOVEMBER)
    lines += rate(term(minimum=D(500)), [], NOVEMBER) + credit_lines(MISSES, D(1845), "USD").lines
    assert {line.amount.as_tuple().exponent for line in lines} == {-2}


# --- credits ---

MISSES = [CreditClaim(f"C-{number}", f"Miss {number}", base=D(18450), percent=D(5)) for number in (1, 2, 3)]


def test_three_misses_at_5_percent_of_18450_are_capped_at_10_percent() -> None:
    credited = credit_lines(MISSES, D(1845), "USD")
    assert (credited.before_cap, credited.amount, credited.excess) == (D("2767.50"), D("-1845.00"), D("922.50"))
    assert "capped at 1,845" in credited.lines[2].detail
    assert [leaf.amount for leaf in credited.lines[2].explanation.leaves()] == [D("-922.50"), D("922.50")]


@pytest.mark.parametrize(("kept", "billed_back"), [(2, "0.00"), (1, "922.50")])
def test_a_restatement_bills_back_only_what_the_cap_had_let_through(kept: int, billed_back: str) -> None:
    issued = billed_lines(credit_lines(MISSES, D(1845), "USD").lines, "INV-7")
    restated = difference(credit_lines(MISSES[3 - kept :], D(1845), "USD").lines, issued, "October 2026")
    assert add(*(line.amount for line in restated)) == D(billed_back)


def test_a_missed_attainment_costs_5_percent_of_the_fee() -> None:
    assert credit_lines(MISSES[:1], D(1845), "USD").amount == D("-922.50")


def test_a_pool_and_an_allocation_multiply() -> None:
    claim = CreditClaim("C-1", "Batch turnaround", base=D(5000), shares=(D(50), D(40)))
    assert credit_lines([claim], None, "USD").amount == D(-1000)
    assert claim.formula() == "50 % × 40 % × 5,000"


# --- explanations ---


def test_an_explanation_survives_json_and_its_csv_rows_sum_to_the_line() -> None:
    lines = rate(term(shape=Shape.GRADUATED, tiers=GRADUATED, free_units=D("1.5"), discount_percent=D(7)), rows("80.333", "40"), NOVEMBER)
    for line in lines:
        assert Explanation.from_data(line.explanation.to_data()) == line.explanation
        assert add(*(row[-1] for row in csv_rows(line.explanation) if isinstance(row[-1], Decimal))) == line.amount


def test_many_rows_are_priced_in_canonical_order() -> None:
    many = [Usage(f"R-{number % 997}-{number}", D(1), NOVEMBER.start + timedelta(days=number % 30)) for number in range(5000)]
    lines = rate(term(shape=Shape.GRADUATED, tiers=GRADUATED), many, NOVEMBER)
    assert sum(1 for line in lines for _ in line.explanation.leaves()) == 5000
    assert lines == rate(term(shape=Shape.GRADUATED, tiers=GRADUATED), many[::-1], NOVEMBER)
