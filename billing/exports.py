"""Exports of issued invoices, from stored files and frozen snapshots only."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from billing import queries
from billing.actions import documents
from billing.models import Invoice, InvoiceLine
from billing.snapshot import Invoice as Snapshot
from engagements.models import Matter, MatterInsider
from lpo.accounts.actor import Actor
from lpo.audit.documents import content_of
from lpo.audit.models import Document
from lpo.core.exports import Cell, write_csv

HEADER = (
    "invoice", "issue date", "due date", "client", "engagement", "period start", "period end", "line", "group", "description", "detail",
    "matter", "quantity", "unit", "unit price", "amount", "currency", "tax category", "tax rate",
)  # fmt: skip


def invoices(first: date, last: date) -> Iterable[Invoice]:
    """Issued invoices with an issue date from `first` to `last`, in order of their numbers."""
    return queries.invoices_of_month(first, last)


def invoices_of(first: date, last: date) -> Iterable[Invoice]:
    """Issued invoices whose period ended from `first` to `last`, in order of their numbers."""
    return queries.invoices_of_periods(first, last)


def readable_by(actor: Actor, rows: Sequence[Invoice]) -> tuple[list[Invoice], int]:
    """The invoices that bill nothing behind a wall the actor stands outside of, and how many were left out."""
    if actor.member_id is None:
        return list(rows), 0
    inside = MatterInsider.objects.filter(member_id=actor.member_id).values("matter_id")
    walled = Matter.objects.filter(walled=True).exclude(id__in=inside).values("id")
    closed = set(
        InvoiceLine.objects.filter(invoice__in=[row.id for row in rows], matter_id__in=walled).values_list("invoice_id", flat=True)
    )
    return [row for row in rows if row.id not in closed], len(closed)


def archive(rows: Sequence[Invoice]) -> bytes:
    """A ZIP of the stored PDFs and a CSV of the lines. Entries carry the issue instant, so the same invoices give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for invoice in rows:
            stored = documents.pdf_of(invoice)
            if stored is not None:
                _add(archive_file, invoice, stored.file_name, content_of(Document.objects.get(pk=stored.pk)))
        if rows:
            _add(archive_file, rows[-1], "lines.csv", lines_csv(rows))
    return buffer.getvalue()


def lines_csv(rows: Sequence[Invoice]) -> bytes:
    """Every line of the invoices, from their snapshots; the amounts of an invoice sum to its net."""
    return write_csv(HEADER, _lines(rows))


def _lines(rows: Sequence[Invoice]) -> Iterator[Sequence[Cell]]:
    for row in rows:
        frozen = Snapshot.from_json(row.snapshot)
        for group in frozen.groups:
            for line in group.lines:
                yield (
                    frozen.number, frozen.issue_date, frozen.due_date, frozen.buyer.legal_name, frozen.engagement, frozen.period_start,
                    frozen.period_end, line.position, group.title, line.description, line.detail, line.matter, line.quantity, line.unit,
                    line.unit_price, line.amount, frozen.currency, line.tax_category, line.tax_rate,
                )  # fmt: skip


def _add(archive_file: zipfile.ZipFile, invoice: Invoice, name: str, content: bytes) -> None:
    assert invoice.issued_at is not None  # noqa: S101 -- only issued invoices are exported
    entry = zipfile.ZipInfo(name, invoice.issued_at.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive_file.writestr(entry, content)
