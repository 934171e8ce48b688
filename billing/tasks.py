"""Background work of billing: rendering the PDF of an issued invoice, and the export of a month."""

from __future__ import annotations

from collections.abc import Generator
from datetime import date

from django.urls import reverse

from billing import exports
from billing.actions import documents
from billing.models import Invoice
from billing.pdf import render_invoice
from billing.snapshot import Invoice as Snapshot
from lpo.accounts.models import Organization
from lpo.jobs.registry import Progress, Result, Run, handler


@handler("billing.render")
def render(run: Run) -> Result:
    """Render an issued invoice's PDF from its snapshot and store it under its hash; a second run finds it stored."""
    invoice = Invoice.objects.get(pk=run.payload["invoice"])
    stored = documents.pdf_of(invoice)
    if stored is None:
        files = documents.attached(invoice)
        content = render_invoice(Snapshot.from_json(invoice.snapshot), files=files)
        stored = documents.store_pdf(invoice, content, run.actor)
    return Result(data={"sha256": stored.sha256, "file": stored.file_name})


@handler("billing.export", chunked=True)
def export(run: Run) -> Generator[Progress, None, Result]:
    """A month's issued invoices as a ZIP of their PDFs with a CSV of their lines."""
    first, last = date.fromisoformat(run.payload["first"]), date.fromisoformat(run.payload["last"])
    invoices = list(exports.invoices(first, last))
    yield Progress(0, len(invoices), "Collecting invoices")
    missing = [invoice.number for invoice in invoices if documents.pdf_of(invoice) is None]
    for number in missing:
        invoice = next(row for row in invoices if row.number == number)
        documents.store_pdf(invoice, render_invoice(Snapshot.from_json(invoice.snapshot), files=documents.attached(invoice)), run.actor)
        yield Progress(len(invoices) - len(missing), len(invoices), f"Rendering {number}")
    content = exports.archive(invoices)
    name = f"invoices-{first:%Y-%m}.zip"
    document = documents.store_export(name, content, run.actor)
    slug = Organization.objects.get(pk=run.organization_id).slug
    return Result(url=reverse("billing:export_file", args=[slug, document.id]), data={"invoices": len(invoices), "file": name})
