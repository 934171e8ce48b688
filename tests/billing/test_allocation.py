"""Grants, payments and ageing."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.allocation import Grant, Open, ageing, allocate_payment, bucket, draw_down
from lpo.core.money import add

D = Decimal
positive = st.decimals(min_value=0, max_value=100_000, places=2)


def test_grants_are_drawn_by_priority_then_by_expiry() -> None:
    grants = [
        Grant("C", D(300), priority=2),
        Grant("B", D(1000), expires=date(2026, 6, 30)),
        Grant("A", D(500), expires=date(2026, 4, 30)),
    ]
    drawn = {item.source: item.amount for item in draw_down(grants, invoice="INV-1", amount=D(1200), on=date(2026, 4, 15))}
    assert drawn == {"A": D(500), "B": D(700)}
    assert {grant.reference: grant.remaining - drawn.get(grant.reference, D(0)) for grant in grants} == {"A": 0, "B": 300, "C": 300}


def test_a_grant_is_usable_on_its_last_day_and_not_after() -> None:
    grant = Grant("A", D(500), expires=date(2026, 4, 30))
    assert draw_down([grant], invoice="INV-1", amount=D(10), on=date(2026, 4, 30))
    assert not draw_down([grant], invoice="INV-1", amount=D(10), on=date(2026, 5, 1))


def test_a_payment_of_1000_pays_the_first_invoice_and_part_of_the_second() -> None:
    invoices = [Open("INV-2", date(2026, 5, 15), D(1200)), Open("INV-1", date(2026, 4, 15), D("334.99"))]
    allocated = allocate_payment("PAY-1", D(1000), invoices)
    assert [(item.target, item.amount) for item in allocated] == [("INV-1", D("334.99")), ("INV-2", D("665.01"))]
    assert D(1200) - allocated[1].amount == D("534.99")


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (date(2026, 5, 15), "current"),
        (date(2026, 5, 14), "days_1_30"),
        (date(2026, 4, 15), "days_1_30"),
        (date(2026, 4, 14), "days_31_60"),
        (date(2026, 2, 14), "days_61_90"),
        (date(2026, 2, 13), "days_over_90"),
    ],
)
def test_ageing_on_15_may(due: date, expected: str) -> None:
    assert bucket(due, date(2026, 5, 15)) == expected


@settings(deadline=None)
@given(st.lists(st.builds(Open, st.text(max_size=5), st.dates(date(2025, 1, 1), date(2027, 1, 1)), positive), max_size=20))
def test_ageing_buckets_partition_what_is_open(invoices: list[Open]) -> None:
    assert ageing(invoices, date(2026, 5, 15)).total == add(*(invoice.balance for invoice in invoices))


@settings(deadline=None)
@given(positive, st.lists(positive, max_size=10))
def test_allocations_never_exceed_the_payment_or_an_open_balance(payment: Decimal, balances: list[Decimal]) -> None:
    invoices = [Open(f"INV-{number}", date(2026, 1, 1), balance) for number, balance in enumerate(balances)]
    allocated = allocate_payment("PAY-1", payment, invoices)
    assert add(*(item.amount for item in allocated)) == min(payment, add(*balances))
    assert all(item.amount <= balances[int(item.target[4:])] for item in allocated)


def test_a_negative_amount_is_not_allocated() -> None:
    with pytest.raises(ValueError, match="zero and above"):
        allocate_payment("PAY-1", D(-1), [Open("INV-1", date(2026, 1, 1), D(1))])
