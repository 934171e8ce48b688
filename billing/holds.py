"""What of this room keeps a contract version as it is: invoices issued under it, and charge terms that cite it."""

from __future__ import annotations

from collections.abc import Iterator

from billing.models import ChargeTermVersion, Invoice, InvoiceState
from engagements import contracts
from engagements.contracts import Hold, Span


def register() -> None:
    if holds not in contracts.sources:
        contracts.sources.append(holds)


def holds(engagement_id: int, span: Span) -> Iterator[Hold]:
    versions = ChargeTermVersion.objects.filter(term__engagement_id=engagement_id).exclude(clause="").select_related("term")
    for version in versions.order_by("term_id", "number"):
        if version.effective_from in span:
            yield Hold(f"Charge term {version.term.name}, version {version.number}, cites {version.clause}", clause=version.clause)
    issued = Invoice.objects.filter(engagement_id=engagement_id, state=InvoiceState.ISSUED).select_related("period").defer("snapshot")
    under = [invoice for invoice in issued.order_by("period__index") if invoice.period.starts_on in span]
    if under:
        yield Hold(f"Invoice {under[-1].number} is issued for {under[-1].period.label}", until=under[-1].period.ends_on)
