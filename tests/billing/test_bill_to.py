"""A matter that is billed elsewhere: the address on the draft and the PDF, frozen when issued, and matters that do not agree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from django.test import Client as Browser
from pypdf import PdfReader

from billing.bill_to import Billed, agreed, disagreement
from billing.findings import findings
from billing.models import Invoice
from billing.verify import verify
from engagements import actions as work
from engagements.models import Engagement, Matter, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.tenancy.context import Scope
from tests import make
from tests.billing import make as bills

Sign = Callable[[Membership], Browser]
ESTATE = "Harlan Estate\n1 Dock Road\nGalveston, TX 77550"


@pytest.fixture(autouse=True)
def inside(in_alder: Scope) -> Iterator[None]:
    yield


def billed(*addresses: str) -> Engagement:
    """An engagement that bills one matter for each address."""
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    streams = [stream, *(make.workstream(make.matter(engagement)) for _ in addresses[1:])]
    for each, address in zip(streams, addresses, strict=True):
        send_to(each, address)
        bills.delivered(each, 2)
        bills.term(engagement, "unit", "45", name=f"Review {each.item_prefix}", workstream=each)
    return engagement


def send_to(stream: Workstream, address: str) -> None:
    matter = Matter.objects.get(pk=stream.matter_id)
    work.update_matter(matter=matter, by=make.system(), version=matter.version, bill_to=address)


def page_of(invoice: Invoice, rest: str = "") -> str:
    return f"/alder/invoices/{invoice.engagement.reference}/{invoice.period.slug}/{rest}"


def printed(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages).split())


def said(invoice: Invoice) -> list[str]:
    return [finding.text for finding in findings(invoice) if "different addresses" in finding.text]


def test_the_draft_and_its_pdf_are_addressed_to_the_matters_bill_to(bill: Membership, client_of: Sign) -> None:
    engagement = billed(ESTATE)
    invoice, browser = bills.drafted(engagement, bill), client_of(bill)
    assert "Harlan Estate, 1 Dock Road, Galveston, TX 77550" in browser.get(page_of(invoice)).content.decode()
    text = printed(browser.get(page_of(invoice, "preview.pdf")).content)
    assert f"Harlan Estate 1 Dock Road Galveston, TX 77550 Client: {engagement.client.legal_name}" in text
    assert engagement.client.billing_address.splitlines()[0] not in text
    assert said(invoice) == []


def test_without_one_the_clients_address_stands_and_the_snapshot_says_nothing_of_it(
    bill: Membership, bella: Membership, client_of: Sign
) -> None:
    engagement = billed("")
    invoice = bills.issued(engagement, bill, bella)
    assert "bill_to" not in json.loads(invoice.snapshot)["buyer"]
    assert f"<dd>{engagement.client.legal_name}</dd>" in client_of(bill).get(page_of(invoice)).content.decode()


def test_what_was_issued_keeps_its_address(bill: Membership, bella: Membership, client_of: Sign, run_jobs: Callable[[], int]) -> None:
    engagement = billed(ESTATE)
    invoice = bills.issued(engagement, bill, bella)
    run_jobs()
    browser, matter = client_of(bill), Matter.objects.get(engagement=engagement)
    work.update_matter(matter=matter, by=make.system(), version=matter.version, bill_to="Somebody Else LLC\n9 Elm Street")
    assert [verdict.identical for verdict in verify()] == [True]
    page, text = browser.get(page_of(invoice)).content.decode(), printed(browser.get(page_of(invoice, "invoice.pdf")).content)
    assert "Harlan Estate, 1 Dock Road" in page and "Harlan Estate 1 Dock Road" in text
    assert "Somebody Else" not in page + text


def test_matters_that_agree_share_it_whatever_spaces_were_typed(bill: Membership) -> None:
    invoice = bills.drafted(billed(ESTATE, ESTATE.replace("\n", " \n\n ") + "\n"), bill)
    assert said(invoice) == []


def test_matters_that_differ_are_named_and_the_clients_address_stands(bill: Membership, client_of: Sign) -> None:
    engagement = billed(ESTATE, "", "Orrin Trust\n4 Quay")
    invoice, browser = bills.drafted(engagement, bill), client_of(bill)
    first, second, third = Matter.objects.filter(engagement=engagement).order_by("id").values_list("reference", flat=True)
    (text,) = said(invoice)
    assert text.endswith(f"{first} to Harlan Estate, {second} to the client, {third} to Orrin Trust.")
    assert text in browser.get(page_of(invoice)).content.decode().replace("&#x27;", "'")
    preview = printed(browser.get(page_of(invoice, "preview.pdf")).content)
    assert engagement.client.billing_address.splitlines()[0] in preview and "Harlan" not in preview


def test_a_matter_behind_a_wall_names_its_address_to_nobody_outside(
    bill: Membership, bella: Membership, olga: Membership, client_of: Sign
) -> None:
    engagement = billed(ESTATE, "Orrin Trust\n4 Quay")
    matter = Matter.objects.filter(engagement=engagement).order_by("id").first()
    assert matter is not None
    work.raise_wall(matter=matter, insiders=[bella], by=Actor.member(olga))
    invoice = bills.drafted(engagement, bill)
    outside, within = (client_of(who).get(page_of(invoice)).content.decode() for who in (bill, bella))
    assert "Harlan" not in outside and "Harlan" in within


@pytest.mark.parametrize(
    ("addresses", "one", "differing"),
    [
        ([], (), ""),
        ([""], (), ""),
        (["A\nB"], ("A", "B"), ""),
        (["A\nB", " A \n B "], ("A", "B"), ""),
        (["A", ""], (), "M-0 to A, M-1 to the client"),
        (["A\nB", "A\nC"], (), "M-0 to A, M-1 to A"),
    ],
)
def test_either_all_agree_or_they_differ(addresses: list[str], one: tuple[str, ...], differing: str) -> None:
    matters = [Billed(f"M-{n}", text) for n, text in enumerate(addresses)]
    assert (agreed(matters), disagreement(matters)) == (one, differing)
