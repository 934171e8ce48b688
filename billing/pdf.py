"""The invoice as a PDF/A-3a: rendered from the frozen snapshot and packaged assets only, the same input giving the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from billing.pdf_view import view
from billing.snapshot import Invoice
from lpo.core.paper import Enclosure, glyphs, printed, written


def missing_glyphs(invoice: Invoice) -> str:
    """Characters the shipped font cannot print, in order of code point: to be found before issue, as an archive refuses empty boxes."""
    return "".join(sorted({letter for letter in invoice.to_json().decode() if ord(letter) not in glyphs()}))


def invoice_html(invoice: Invoice, *, draft: bool = False) -> str:
    """The page that is laid out; every value in it is text made from the snapshot."""
    return written("billing/invoice_pdf.html", view(invoice, draft=draft))


def render_invoice(invoice: Invoice, *, files: Mapping[str, bytes] | None = None, draft: bool = False) -> bytes:
    """`invoice` as PDF/A-3a bytes, with its attachments inside.

    `files` holds the bytes of every attachment the snapshot names, by file name; a missing, unnamed or altered one raises
    `ValueError`. `draft` marks every page. The bytes depend on the arguments and the packaged assets only, on no clock.
    """
    files = files or {}
    _check_files(invoice, files)
    return printed(
        invoice_html(invoice, draft=draft),
        stylesheet="invoice.css",
        identifier=_identifier(invoice, files, draft),
        enclosed=[_enclosure(invoice, name, files[name]) for name in sorted(files)],
    )


def _identifier(invoice: Invoice, files: Mapping[str, bytes], draft: bool) -> bytes:
    digest = sha256(invoice.to_json())
    for name in sorted(files):
        digest.update(sha256(files[name]).digest())
    digest.update(b"draft" if draft else b"final")
    return digest.hexdigest()[:32].encode()


def _check_files(invoice: Invoice, files: Mapping[str, bytes]) -> None:
    named = {attachment.filename: attachment.sha256 for attachment in invoice.attachments}
    if set(named) != set(files):
        raise ValueError(f"attachments differ from the snapshot's: {sorted(set(named) ^ set(files))}")
    for name, data in files.items():
        if sha256(data).hexdigest() != named[name]:
            raise ValueError(f"{name} is not the file the snapshot was frozen with")


def _enclosure(invoice: Invoice, name: str, data: bytes) -> Enclosure:
    described = next(attachment for attachment in invoice.attachments if attachment.filename == name)
    return Enclosure(name, data, described.description, invoice.issued_at_utc)
