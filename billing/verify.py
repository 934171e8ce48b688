"""Replaying issued invoices: stored bytes against their hash, recomputed figures against the frozen snapshot. Never re-renders."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from billing import metering, queries, staffing, tax, timekeeping
from billing.actions.documents import pdf_of
from billing.explanation import Explanation
from billing.models import Charge, ChargeTermVersion, Invoice, InvoiceLine, InvoiceState
from billing.periods import days_of
from billing.rating import rate
from billing.snapshot import Invoice as Snapshot
from billing.terms import Days, Usage
from lpo.audit.documents import Corrupt, content_of
from lpo.audit.models import Document
from lpo.core.money import add


@dataclass(frozen=True)
class Verdict:
    """One verified object; no differences means identical."""

    name: str
    differences: tuple[str, ...]

    @property
    def identical(self) -> bool:
        return not self.differences


def verify() -> Iterator[Verdict]:
    """Every issued invoice of the current organization, in order of issue."""
    for invoice in Invoice.objects.filter(state=InvoiceState.ISSUED).order_by("issued_at", "id"):
        yield Verdict(invoice.number, tuple(_differences(invoice)))


def _differences(invoice: Invoice) -> Iterator[str]:
    digest = hashlib.sha256(invoice.snapshot.encode()).hexdigest()
    if digest != invoice.snapshot_sha256:
        yield f"snapshot has hash {digest[:12]}…, stored {invoice.snapshot_sha256[:12]}…"
    frozen = Snapshot.from_json(invoice.snapshot)
    rows = list(InvoiceLine.objects.filter(invoice=invoice).select_related("term", "rated_period").order_by("position"))
    yield from _figures(invoice, frozen, rows)
    for row in rows:
        yield from _line(row, frozen)
    yield from _recounted(invoice, rows)
    yield from _file(invoice)


def _figures(invoice: Invoice, frozen: Snapshot, rows: list[InvoiceLine]) -> Iterator[str]:
    totals = tax.totals([tax.Taxed(row.amount, tax.TaxKey(row.tax_category, row.tax_rate)) for row in rows], invoice.currency)
    for name in ("net", "tax", "gross"):
        values = {getattr(totals, name), getattr(frozen, name), getattr(invoice, name)}
        if len(values) > 1:
            yield f"{name}: lines come to {getattr(totals, name)}, snapshot {getattr(frozen, name)}, invoice {getattr(invoice, name)}"
    if frozen.number != invoice.number:
        yield f"snapshot is numbered {frozen.number}"


def _line(row: InvoiceLine, frozen: Snapshot) -> Iterator[str]:
    stored = next((line for line in frozen.lines if line.position == row.position), None)
    if stored is None or stored.amount != row.amount:
        yield f"line {row.position}: {row.amount}, snapshot {stored.amount if stored else 'has none'}"
    leaves = Explanation.from_data(row.explanation).total()
    if leaves != row.amount:
        yield f"line {row.position}: leaves sum to {leaves}, the line is {row.amount}"


def _recounted(invoice: Invoice, rows: list[InvoiceLine]) -> Iterator[str]:
    """Rate the invoice's own period anew from its charges and pinned term versions."""
    by_version: dict[tuple[int, int], list[InvoiceLine]] = {}
    for row in rows:
        if row.term_id is not None and row.rated_period_id == invoice.period_id:
            number = int(row.key.partition(":")[0].removeprefix("v"))
            by_version.setdefault((row.term_id, number), []).append(row)
    for (term_id, number), lines in by_version.items():
        version = ChargeTermVersion.objects.select_related("term__engagement__legal_entity").get(term_id=term_id, number=number)
        amount = add(*(line.amount for line in lines))
        again = _rated_again(invoice, version, lines)
        if again != amount:
            yield f"{version.term.name}: rated again it comes to {again}, billed {amount}"


def _rated_again(invoice: Invoice, version: ChargeTermVersion, lines: list[InvoiceLine]) -> Decimal:
    period = days_of(invoice.period)
    span = next(s for s in queries.spans(invoice.engagement, period) if s.version.id == version.id)
    active: Days | None = span.active if version.recurring or version.term.model != "fixed" else None
    charges = Charge.objects.filter(line_id__in=[line.id for line in lines]).select_related("usage").order_by("id")
    if version.term.model == "staff":
        return staffing.rated_again(version, list(charges), period, span.active, invoice.currency)
    if version.term.model == "hourly":
        return timekeeping.rated_again(version, list(charges), period, span.active, invoice.currency)
    if version.term.model in metering.METERED:
        records = [charge.usage for charge in charges if charge.usage is not None]
        return add(*(line.amount for line in metering.rate_records(version, records, period, span.active, invoice.currency)))
    usage = [_usage(charge, invoice, version) for charge in charges if version.term.model != "fixed"]
    return add(*(line.amount for line in rate(queries.pure_term(version, invoice.currency), usage, period, active=active)))


def _usage(charge: Charge, invoice: Invoice, version: ChargeTermVersion) -> Usage:
    zone = version.term.engagement.legal_entity.time_zone
    assert charge.happened_at is not None  # noqa: S101 -- an item's charge holds its instant
    day = max(invoice.period.starts_on, min(queries.local_day(charge.happened_at, zone), invoice.period.ends_on))
    return Usage(charge.reference, charge.quantity, day)


def _file(invoice: Invoice) -> Iterator[str]:
    stored = pdf_of(invoice)
    if stored is None:
        yield "its PDF is not stored yet"
        return
    try:
        content_of(Document.objects.get(pk=stored.pk))
    except Corrupt as error:
        yield str(error)
