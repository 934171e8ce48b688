"""Approved invoices of many engagements, ready for a month's run."""

from __future__ import annotations

from datetime import UTC, date, datetime

from billing import actions as billing
from billing.models import Invoice
from engagements.models import Client
from tests import make
from tests.billing import make as bills

STARTS = date(2025, 1, 1)
LONG_AFTER = datetime(2026, 3, 2, 12, tzinfo=UTC)
MONTHS = 12


def approved(count: int) -> list[Invoice]:
    """Drafted, submitted and approved: a flat fee and two seats each, up to twelve months of one engagement."""
    entity = make.legal_entity()
    client = make.client(tax_category="S", tax_rate="20")
    return [approved_invoice(invoice) for invoice in drafts(count, client, entity_id=entity.id)]


def drafts(count: int, client: Client, *, entity_id: int) -> list[Invoice]:
    made: list[Invoice] = []
    while len(made) < count:
        engagement = make.engagement(client, starts_on=STARTS)
        assert engagement.legal_entity_id == entity_id
        bills.term(engagement, "fixed", "2500.01")
        bills.seats(bills.term(engagement, "per_user", "33.335"), ["u1", "u2"], STARTS)
        months = range(min(MONTHS, count - len(made)))
        made += [billing.draft_invoice(engagement=engagement, index=index, by=make.system(), now=LONG_AFTER) for index in months]
    return made


def approved_invoice(invoice: Invoice) -> Invoice:
    billing.submit_invoice(invoice=invoice, by=make.system())
    return billing.approve_invoice(invoice=invoice, by=make.system())


def issued(count: int) -> list[Invoice]:
    return [billing.issue_invoice(invoice=invoice, by=make.system()) for invoice in approved(count)]
