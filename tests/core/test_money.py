"""Currency exponents, rounding by name, and shares that sum to what was shared."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpo.core.money import NotDecimal, add, exponent, is_money, largest_remainder, round_money, round_up_to, smallest_unit

D = Decimal
amounts = st.decimals(min_value=-10_000_000, max_value=10_000_000, places=2)
weights = st.lists(st.decimals(min_value=0, max_value=1_000_000, places=4), min_size=1, max_size=30).filter(any)


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("EUR", 2), ("INR", 2), ("JPY", 0), ("KRW", 0), ("BHD", 3), ("KWD", 3), ("CLF", 4)]
)
def test_a_currency_has_the_digits_of_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits
    assert smallest_unit(currency) == D(10) ** -digits


@pytest.mark.parametrize("wrong", ["usd", "US", "", "EURO", "€"])
def test_what_is_no_currency_code_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="4217"):
        exponent(wrong)


@pytest.mark.parametrize(
    ("exact", "currency", "rounded"),
    [
        ("154.3125", "USD", "154.31"),
        ("0.005", "USD", "0.01"),
        ("0.00499", "USD", "0.00"),
        ("2.675", "USD", "2.68"),
        ("-0.005", "USD", "-0.01"),
        ("-2.675", "USD", "-2.68"),
        ("1234.5", "JPY", "1235"),
        ("1.0005", "BHD", "1.001"),
    ],
)
def test_money_is_rounded_half_up_away_from_zero(exact: str, currency: str, rounded: str) -> None:
    assert str(round_money(D(exact), currency)) == rounded


def test_a_negative_zero_is_never_printed() -> None:
    assert str(round_money(D("-0.001"), "USD")) == "0.00"


@pytest.mark.parametrize("wrong", [1.5, 1, True, "1.00", D("NaN"), D("Infinity")])
def test_no_float_and_nothing_infinite_reaches_money(wrong: object) -> None:
    with pytest.raises(NotDecimal):
        round_money(wrong, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "step", "up"), [("1", "6", "6"), ("6", "6", "6"), ("61", "6", "66"), ("0", "6", "0"), ("50.01", "100", "100")]
)
def test_a_begun_step_counts_whole(value: str, step: str, up: str) -> None:
    assert round_up_to(D(value), D(step)) == D(up)


def test_a_discount_of_10_over_three_lines_goes_to_the_largest_remainder() -> None:
    assert largest_remainder(D(10), [D("33.33"), D("33.33"), D("33.34")], "USD") == (D("3.33"), D("3.33"), D("3.34"))


def test_ties_go_to_the_earlier_line() -> None:
    assert largest_remainder(D(1000), [D(10)] * 3, "USD") == (D("333.34"), D("333.33"), D("333.33"))
    assert largest_remainder(D(-1000), [D(10)] * 3, "USD") == (D("-333.34"), D("-333.33"), D("-333.33"))
    assert largest_remainder(D(100), [D(1)] * 3, "JPY") == (D(34), D(33), D(33))


@pytest.mark.parametrize(("total", "shares"), [("0.001", ["1"]), ("1", ["0", "0"]), ("1", []), ("1", ["2", "-1"])])
def test_what_cannot_be_shared_is_refused(total: str, shares: list[str]) -> None:
    with pytest.raises(ValueError, match=r"finer|zero|negative"):
        largest_remainder(D(total), [D(share) for share in shares], "USD")


@settings(deadline=None)
@given(amounts, weights)
def test_shares_sum_to_the_total_and_differ_from_the_exact_share_by_less_than_one_unit(total: Decimal, by: list[Decimal]) -> None:
    shares = largest_remainder(total, by, "USD")
    whole = add(*by)
    assert add(*shares) == total
    assert all(is_money(share, "USD") for share in shares)
    assert all(abs(share * whole - total * weight) < D("0.01") * whole for share, weight in zip(shares, by, strict=True))


@settings(deadline=None)
@given(amounts)
def test_a_credit_mirrors_its_charge(amount: Decimal) -> None:
    assert round_money(-amount / 7, "USD") == -round_money(amount / 7, "USD")
