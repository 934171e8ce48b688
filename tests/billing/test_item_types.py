"""Prices by type of item: two terms of one workstream, and what neither of them charges."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import actions, findings, wording
from billing.models import ChargeTermVersion, Invoice, InvoiceLine
from engagements import actions as work
from engagements.models import ItemType, WorkItem, Workstream
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from tests import make as base
from tests.billing import make
from tests.engagements.test_pages import SignIn
from tests.engagements.test_pages import text as words

pytestmark = pytest.mark.django_db
NAMES = {"standard": "standard NDA", "mutual": "mutual NDA"}


def typed_stream() -> Workstream:
    stream = make.workstream()
    base.item_types(stream, **NAMES)
    return stream


def priced(stream: Workstream, code: str, price: str, **fields: Any) -> None:
    make.term(make.engagement_of(stream), "unit", price, name=f"Review, {code}", workstream=stream, item_types=[code], **fields)


def charged(invoice: Invoice) -> dict[str, tuple[Decimal, Decimal]]:
    lines = InvoiceLine.objects.filter(invoice=invoice).select_related("term")
    return {line.term.name if line.term else "": (line.quantity, line.amount) for line in lines}


def said(invoice: Invoice) -> list[str]:
    return [finding.text for finding in findings.findings(invoice) if "Unpriced" in finding.text]


def test_each_type_is_charged_at_its_own_price(in_alder: Scope, bill: Membership) -> None:
    stream = typed_stream()
    priced(stream, "mutual", "45")
    priced(stream, "standard", "30")
    make.delivered(stream, 2, type="mutual"), make.delivered(stream, 3, type="standard")
    invoice = make.drafted(make.engagement_of(stream), bill)
    assert charged(invoice) == {"Review, mutual": (Decimal(2), Decimal(90)), "Review, standard": (Decimal(3), Decimal(90))}
    assert said(invoice) == []


def test_types_that_no_term_charges_are_said(in_alder: Scope, bill: Membership) -> None:
    stream = typed_stream()
    base.item_types(stream, msa="MSA", lease="lease")
    priced(stream, "mutual", "45")
    for code in ("mutual", "standard", "msa", None):
        make.delivered(stream, 1, type=code)
    invoice = make.drafted(make.engagement_of(stream), bill)
    assert sorted(said(invoice)) == [
        f"Unpriced work: {what} of {stream.title} were delivered in {invoice.period.label}, and no term charges them."
        for what in ("Items without a type", "MSAs", "standard NDAs")
    ]
    make.term(make.engagement_of(stream), "unit", "20", name="All the rest", workstream=stream)
    assert said(invoice) == []


def test_only_versions_in_force_in_the_period_charge_a_type(in_alder: Scope, bill: Membership) -> None:
    stream = typed_stream()
    priced(stream, "mutual", "45")
    term = make.term(make.engagement_of(stream), "unit", "30", workstream=stream)
    version = {"price": Decimal(30), "unit": "NDA", "workstream": stream, "item_types": ["standard"]}
    actions.revise_term(term=term, version={**version, "effective_from": date(2026, 10, 1)}, by=base.system())
    make.delivered(stream, 1, type="mutual"), make.delivered(stream, 1)
    invoice = make.drafted(make.engagement_of(stream), bill)
    assert [text.split(" of ")[0] for text in said(invoice)] == ["Unpriced work: Items without a type"]


def test_a_type_corrected_after_the_invoice_moves_the_charge(in_alder: Scope, bill: Membership, bella: Membership) -> None:
    stream = typed_stream()
    priced(stream, "mutual", "45")
    priced(stream, "standard", "30")
    item: WorkItem = make.delivered(stream, 1, type="mutual")[0]
    make.issued(make.engagement_of(stream), bill, bella)
    item.refresh_from_db()
    work.update_item(item=item, by=base.system(), version=item.version, type="standard")
    following = make.drafted(make.engagement_of(stream), bill, index=2, now=datetime(2026, 12, 2, 12, tzinfo=UTC))
    assert {name: amount for name, (_, amount) in charged(following).items()} == {
        "Review, mutual": Decimal(-45),
        "Review, standard": Decimal(30),
    }


def test_a_term_names_types_of_its_workstream_alone_and_reads_them_back(in_alder: Scope) -> None:
    stream = typed_stream()
    with pytest.raises(Refused, match=r"“lease” is no type of this workstream\. It has mutual, standard\."):
        priced(stream, "lease", "10")
    with pytest.raises(Refused, match="Only a unit price is limited"):
        make.term(make.engagement_of(stream), "fixed", "10", item_types=["mutual"])
    make.term(make.engagement_of(stream), "unit", "30", workstream=stream, item_types=["standard", "mutual"])
    version = ChargeTermVersion.objects.select_related("term", "workstream").get()
    assert version.item_types == NAMES
    assert "Only mutual NDAs and standard NDAs count." in " ".join(wording.describe(version, "unit", "USD"))


def test_the_form_takes_types_of_the_chosen_workstream(bill: Membership, client_of: SignIn) -> None:
    with in_organization(bill.organization_id):
        stream = typed_stream()
        other = base.workstream(stream.matter)
        base.item_types(other, msa="MSA")
        engagement = make.engagement_of(stream)
    browser, at = client_of(bill), f"/alder/engagements/{engagement.reference}/terms/new/?model=unit"
    form = {
        "name": "Mutual NDAs",
        "effective_from": "2026-09-01",
        "workstream": stream.pk,
        "billable_state": "delivered",
        "unit": "NDA",
        "shape": "standard",
        "price": "45",
        "item_types": [f"{stream.pk}:mutual"],
    }
    wrong = browser.post(at, {**form, "item_types": [f"{other.pk}:msa"], "do": "save"})
    assert f"MSA: no type of {stream.title}." in words(wrong)
    assert "Only mutual NDAs count." in words(browser.post(at, {**form, "do": "preview"}))
    assert browser.post(at, {**form, "do": "save"}).status_code == 302
    with in_organization(bill.organization_id):
        assert ChargeTermVersion.objects.get().item_types == {"mutual": "mutual NDA"}
        work.update_type(item_type=ItemType.objects.get(code="mutual"), by=base.system(), version=1, active=False)
    again = browser.get(f"/alder/engagements/{engagement.reference}/terms/1/revise/").content.decode()
    assert f'value="{stream.pk}:mutual"' in again and "checked" in again.split(f'value="{stream.pk}:mutual"')[1].split(">")[0]
