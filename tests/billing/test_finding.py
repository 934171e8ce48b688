"""Invoices are found from the box that finds everything else, by who may see money."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client as Browser

from billing.models import Invoice
from lpo.accounts.models import Membership
from lpo.tenancy.context import Scope
from tests.billing import make as bills

Sign = Callable[[Membership], Browser]


@pytest.fixture(autouse=True)
def inside(in_alder: Scope) -> Iterator[None]:
    yield


@pytest.fixture
def invoice(bill: Membership, bella: Membership) -> Invoice:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.term(engagement, "fixed", "2500")
    bills.delivered(stream, 1)
    bills.issued(engagement, bill, bella)
    return Invoice.objects.select_related("engagement__client", "period").get()


def found(browser: Browser, text: str) -> list[str]:
    hits = browser.get("/alder/search/offer/", {"q": text}).json()["hits"]
    return [hit["url"] for hit in hits if hit["kind"] == "Invoice"]


def test_by_number_client_and_period(invoice: Invoice, bill: Membership, client_of: Sign) -> None:
    browser, page = client_of(bill), f"/alder/invoices/{invoice.engagement.reference}/{invoice.period.slug}/"
    for text in (invoice.number, invoice.number[:4].lower(), invoice.engagement.client.name, f"{invoice.engagement.reference} 20"):
        assert found(browser, text) == [page], text
    assert found(browser, "nothing of the kind") == []


def test_not_by_who_may_not_see_money_nor_from_elsewhere(invoice: Invoice, rita: Membership, ben: Membership, client_of: Sign) -> None:
    assert found(client_of(rita), invoice.number) == []
    hits = client_of(ben).get("/birch/search/offer/", {"q": invoice.number}).json()["hits"]
    assert hits == []
