"""Purchase orders: which one an invoice draws on, what is left, and what is not issued."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.findings import blocking, findings
from billing.models import Invoice, InvoiceLine
from billing.orders import balances_by_engagement
from engagements import actions as work
from engagements import orders
from engagements.models import Engagement, PurchaseOrder
from engagements.orders import Balance
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make
from tests.billing import make as bills

pytestmark = pytest.mark.django_db
OCT_START, OCT_END = datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)
NOV_END, DECEMBER = datetime(2026, 12, 1, 5, tzinfo=UTC), datetime(2026, 12, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def inside(in_alder: Scope) -> Iterator[None]:
    yield


@pytest.fixture
def flat() -> Engagement:
    """2,500 a month from September 2026."""
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500")
    return engagement


def order(engagement: Engagement, number: str = "PO-1", amount: str = "10000", **fields: Any) -> PurchaseOrder:
    values: Any = {"currency": "USD", "valid_from": date(2026, 9, 1)} | fields
    return work.add_order(engagement=engagement, by=make.system(), number=number, amount=Decimal(amount), **values)


def blocks(invoice: Invoice) -> list[str]:
    return [finding.text for finding in blocking(invoice)]


def test_an_issued_invoice_names_the_order_and_draws_its_net(flat: Engagement, bill: Membership, bella: Membership) -> None:
    order(flat)
    september = bills.issued(flat, bill, bella, index=0)
    bills.issued(flat, bill, bella, index=1)
    (balance,) = balances_by_engagement([flat.id])[flat.id]
    assert (balance.drawn, balance.remaining) == (Decimal(5000), Decimal(5000))
    assert september.purchase_order_id == balance.order.pk
    assert '"po_number":"PO-1"' in september.snapshot.replace(": ", ":")


def test_an_order_is_drawn_to_its_last_cent_and_no_further(flat: Engagement, bill: Membership, bella: Membership) -> None:
    order(flat, amount="5000.00")
    bills.issued(flat, bill, bella, index=0)
    bills.issued(flat, bill, bella, index=1)
    (balance,) = balances_by_engagement([flat.id])[flat.id]
    assert balance.remaining == 0
    third = bills.drafted(flat, bill, index=2, now=DECEMBER)
    assert blocks(third) == ["Order PO-1 would be overdrawn: 0.00 USD is left, and the invoice comes to 2,500.00 before tax."]
    with pytest.raises(Refused, match="overdrawn"):
        bills.issued(flat, bill, bella, index=2, now=DECEMBER)


def test_an_order_that_ended_before_the_billed_time_blocks_it(flat: Engagement, bill: Membership) -> None:
    order(flat, valid_to=date(2026, 10, 30))
    october = bills.drafted(flat, bill, index=1)
    assert blocks(october) == ["No purchase order is valid on 31 Oct 2026: PO-1 ended on 30 Oct 2026."]
    assert blocks(bills.drafted(flat, bill, index=0)) == []


def test_an_order_in_another_currency_is_named_as_such(flat: Engagement, bill: Membership) -> None:
    order(flat, currency="EUR")
    assert blocks(bills.drafted(flat, bill)) == ["Order PO-1 is in EUR, this invoice in USD."]


def test_without_orders_the_contracts_own_reference_stands_and_its_absence_only_warns(flat: Engagement, bill: Membership) -> None:
    invoice = bills.drafted(flat, bill)
    assert ("warn", "The engagement has no purchase order, and its contract names none.") in [
        (f.severity, f.text) for f in findings(invoice)
    ]
    order(flat)
    assert not any("purchase order" in finding.text for finding in findings(invoice))


@pytest.mark.parametrize(
    ("amount", "number"),
    [("100", "ends first"), ("300", "ends later"), ("900", "ends later"), ("-50", "ends first")],
)
def test_the_order_that_ends_first_is_used_up_first(amount: str, number: str) -> None:
    common: dict[str, Any] = {"amount": Decimal(200), "currency": "USD", "valid_from": date(2026, 1, 1)}
    first = Balance(PurchaseOrder(pk=1, number="ends first", valid_to=date(2026, 6, 30), **common), Decimal(50))
    later = Balance(PurchaseOrder(pk=2, number="ends later", valid_to=None, **common | {"amount": Decimal(500)}), Decimal(0))
    gone = Balance(PurchaseOrder(pk=3, number="gone", valid_to=date(2026, 1, 31), **common), Decimal(0))
    found = orders.chosen([later, gone, first], date(2026, 3, 31), "USD", Decimal(amount))
    assert found is not None and found.order.number == number


def test_what_stands_on_an_invoice_does_not_change(flat: Engagement, bill: Membership, bella: Membership) -> None:
    made = order(flat)
    bills.issued(flat, bill, bella)
    for change, field in ((({"number": "PO-9"}), "number"), ({"currency": "EUR"}, "currency"), ({"amount": Decimal(2000)}, "amount")):
        with pytest.raises(Refused) as refusal:
            work.change_order(order=made, by=make.system(), version=1, **change)
        assert refusal.value.field == field
    raised = work.change_order(order=made, by=make.system(), version=1, amount=Decimal(12000), valid_to=date(2026, 12, 31))
    assert (raised.amount, raised.version) == (Decimal(12000), 2)


def test_a_number_is_there_once_and_an_amount_is_one_of_its_currency(flat: Engagement, bill: Membership) -> None:
    order(flat)
    with pytest.raises(work.Duplicate):
        order(flat)
    for fields, field in (({"amount": "0"}, None), ({"amount": "10.005"}, "amount"), ({"valid_to": date(2026, 8, 1)}, None)):
        with pytest.raises(Refused) as refusal:
            order(flat, "PO-2", **fields)
        assert refusal.value.field == field
    with pytest.raises(NotPermitted):
        work.add_order(
            engagement=flat, by=Actor.member(bill), number="PO-3", amount=Decimal(1), currency="USD", valid_from=date(2026, 9, 1)
        )


# --- what the contract says about credits ----------------------------------------------------------------------------------


def credits_of(invoice: Invoice) -> list[Decimal]:
    return [line.amount for line in invoice_lines(invoice) if line.group == "credit"]


def invoice_lines(invoice: Invoice) -> Any:
    return InvoiceLine.objects.filter(invoice=invoice).order_by("position")


def test_credits_can_be_a_share_of_the_baseline(flat: Engagement, bill: Membership) -> None:
    """5 % of a quarter's 9,000 a third of which falls on a month: 150; the fee of 2,500 plays no part."""
    stream = make.workstream(make.matter(flat))
    contract = work.amend_contract(
        engagement=flat, by=make.system(), number=1, credit_base="baseline", baseline_amount=Decimal(9000), baseline_period="quarter"
    )
    assert contract.number == 2
    bills.claim(stream, "5", start=OCT_START, end=OCT_END, label="October 2026")
    assert credits_of(bills.drafted(flat, bill)) == [Decimal(-150)]


@pytest.mark.parametrize(("over", "credit"), [("quarter", "-200"), ("period", "-100")])
def test_a_cap_over_the_quarter_may_use_what_an_earlier_month_left(
    flat: Engagement, bill: Membership, bella: Membership, over: str, credit: str
) -> None:
    """At risk is 4 % of 2,500 a month: 100. October had no miss, so over the quarter November has 200 to draw on."""
    work.amend_contract(engagement=flat, by=make.system(), number=1, at_risk_percent=Decimal(4), cap_period=over)
    stream = make.workstream(make.matter(flat))
    bills.issued(flat, bill, bella, index=1)
    bills.claim(stream, "10", start=OCT_END, end=NOV_END, label="November 2026")
    assert credits_of(bills.drafted(flat, bill, index=2, now=DECEMBER)) == [Decimal(credit)]
