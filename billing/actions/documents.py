"""The stored files of invoices."""

from __future__ import annotations

from billing.freeze import attached_files
from billing.models import Invoice
from lpo.accounts.actor import Actor
from lpo.audit.documents import store
from lpo.audit.models import Document

PDF = "application/pdf"


def pdf_of(invoice: Invoice) -> Document | None:
    """The stored PDF of an issued invoice, or None while it is still being rendered. Its bytes are deferred."""
    found = Document.objects.filter(kind="invoice_pdf", client_id=invoice.client_id, reference=invoice.number)
    return found.defer("content").order_by("id").first()


def attached(invoice: Invoice) -> dict[str, bytes]:
    """The backup files that the invoice's snapshot names."""
    return attached_files(invoice)


def store_pdf(invoice: Invoice, content: bytes, by: Actor) -> Document:
    """Keep the rendered invoice; the client may read it from then on."""
    return store(
        kind="invoice_pdf",
        content=content,
        file_name=f"{invoice.number}.pdf",
        media_type=PDF,
        by=by,
        client_id=invoice.client_id,
        reference=invoice.number,
        published=True,
    )


def store_export(name: str, content: bytes, by: Actor) -> Document:
    """Keep an export for whoever asked: another person may stand outside a wall that they are inside of."""
    reference = export_reference(by.member_id)
    return store(kind="invoice_export", content=content, file_name=name, media_type="application/zip", by=by, reference=reference)


def export_reference(member_id: int | None) -> str:
    return f"member:{member_id}" if member_id is not None else "system"
