"""The invoice PDF: what a reader finds in it, what an archive needs, and the same bytes every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from weasyprint import HTML
from weasyprint.urls import FatalURLFetchingError

from billing import pdf
from billing.pdf import invoice_html, missing_glyphs, render_invoice
from billing.pdf_view import money, number, price, span
from billing.snapshot import DocumentKind, Invoice, Paper
from lpo.core.colours import ink_on
from lpo.core.press import PackagedAssets
from tests.billing.invoices import BACKUP, files, invoice, long_invoice, negative_invoice, untaxed_invoice

D = Decimal
ROOT = Path(pdf.__file__).resolve().parent.parent


@cache
def rendered(make: Callable[[], Invoice], draft: bool = False) -> bytes:
    frozen = make()
    return render_invoice(frozen, files=files() if frozen.attachments else None, draft=draft)


def reader(make: Callable[[], Invoice], draft: bool = False) -> PdfReader:
    return PdfReader(BytesIO(rendered(make, draft)))


def catalog(document: PdfReader) -> Any:
    return document.trailer["/Root"]


def metadata(document: PdfReader) -> str:
    return str(catalog(document)["/Metadata"].get_data().decode())


@cache
def text(make: Callable[[], Invoice], draft: bool = False) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader(make, draft).pages))


# --- what a reader finds ---


def test_every_amount_of_the_snapshot_is_in_the_text() -> None:
    frozen, printed = invoice(), text(invoice)
    amounts = [line.amount for line in frozen.lines] + [group.subtotal for group in frozen.groups]
    amounts += [matter.subtotal for matter in frozen.matters] + [frozen.net, frozen.tax, frozen.gross, frozen.amount_due]
    missing = [amount for amount in amounts if f"{amount:,.2f}".replace("-", "−") not in printed]
    assert missing == []


@pytest.mark.parametrize(
    "words",
    [
        "Alder Legal Services Ltd",
        "VAT GB 123 4567 82",
        "Hale & Marsh LLP",
        "EIN 13-4567890",
        "ALD-2026-0042",
        "2 December 2026",
        "1–30 November 2026",
        "1 January 2027",
        "Net 30 days",
        "4471-B",
        "HM-E01, Document review",
        "CM-88120/3",
        "0.0125",
        "GB33 BUKB 2020 1555 5555 55",
        "billing@alder.example",
        "Batch turnaround, 95 % within 24 business hours",
        "50 % × 40 % × 5,000.00",
        "within 1,845.00",
        "minimum 5,000.00 − 4,500.00",
        "Page 1 of 2",
    ],
)
def test_the_invoice_says(words: str) -> None:
    assert words in text(invoice)


def test_the_amount_due_stands_in_the_top_third() -> None:
    found: list[float] = []

    def visit(words: str, _matrix: object, where: list[float], _font: object, _size: float) -> None:
        if "25,007.29" in words:
            found.append(where[5])

    page = reader(invoice).pages[0]
    page.extract_text(visitor_text=visit)
    assert found
    assert max(found) > float(page.mediabox.height) * 2 / 3


def test_table_heads_repeat_on_every_page_of_lines() -> None:
    pages = [page.extract_text() for page in reader(long_invoice).pages]
    of_lines = [page for page in pages if "Revisão" in page]
    assert len(of_lines) >= 3
    assert all("Unit price" in page for page in of_lines)
    assert all(f"Page {position} of {len(pages)}" in page for position, page in enumerate(pages, start=1))


def test_accents_and_apostrophes_arrive_whole() -> None:
    printed = text(long_invoice)
    assert "Revisão de contratos São Paulo" in printed
    assert "O'Brien & Associés — clause-level comparison" in printed
    assert "Distribuição e Logística Internacional São Ltda" in printed


def test_rows_that_are_not_printed_are_named_with_their_file() -> None:
    assert "50 of 100 rows; all of them are in the attached file ALD-2026-0042-backup.csv" in text(long_invoice)


def test_zero_tax_says_why() -> None:
    printed = text(untaxed_invoice)
    assert "Reverse charge: the recipient accounts for VAT" in printed
    assert "AE 0 %" in printed


def test_a_negative_total_is_a_credit_with_nothing_to_pay() -> None:
    printed = text(negative_invoice)
    assert "−1,107.00" in printed
    assert "nothing to pay" in printed
    assert "How to pay" not in printed


def test_a_credit_note_names_the_invoice_it_corrects() -> None:
    note = replace(negative_invoice(), kind=DocumentKind.CREDIT_NOTE, corrects="ALD-2026-0042", number="ALD-C-0007")
    printed = " ".join(page.extract_text() for page in PdfReader(BytesIO(render_invoice(note))).pages)
    assert "Credit note no." in printed
    assert "Corrects invoice" in printed


def test_only_drafts_are_marked_as_drafts_on_every_page() -> None:
    assert all("DRAFT" in page.extract_text() for page in reader(invoice, draft=True).pages)
    assert "DRAFT" not in text(invoice)
    assert "Draft invoice" in text(invoice, draft=True)


def test_letters_the_font_lacks_are_known_before_issue() -> None:
    assert missing_glyphs(long_invoice()) == ""
    named = replace(untaxed_invoice(), engagement_title="Łódź, Ελλάς, Ромашка, 東京")
    assert missing_glyphs(named) == "京東"


def test_a_name_without_a_space_stays_in_its_column() -> None:
    frozen = replace(untaxed_invoice(), po_number="9" * 60, buyer=replace(untaxed_invoice().buyer, legal_name="W" * 60))
    printed = PdfReader(BytesIO(render_invoice(frozen))).pages[0].extract_text()
    assert "9" * 60 not in printed
    assert printed.count("9" * 15) >= 1
    assert "W" * 60 not in printed


def test_names_are_text_and_never_markup() -> None:
    html = invoice_html(replace(invoice(), terms='<img src="http://example.com/x">'))
    assert "<img" not in html
    assert "&lt;img src=&quot;http://example.com/x&quot;&gt;" in html


def test_american_invoices_are_on_letter_paper() -> None:
    box = PdfReader(BytesIO(render_invoice(replace(untaxed_invoice(), paper=Paper.LETTER)))).pages[0].mediabox
    assert (round(float(box.width)), round(float(box.height))) == (612, 792)


# --- what an archive needs ---


def test_the_file_claims_pdf_a_3a_with_language_and_title() -> None:
    document = reader(invoice)
    claims = metadata(document)
    assert 'pdfaid:part="3"' in claims
    assert 'pdfaid:conformance="A"' in claims
    assert catalog(document)["/Lang"] == "en"
    assert catalog(document)["/MarkInfo"].get_object() == {"/Marked": True}
    assert document.metadata is not None
    assert document.metadata.title == "Invoice ALD-2026-0042, Alder Legal Services Ltd"
    assert document.metadata.creation_date_raw == "D:20261202150405Z"


def test_tables_are_tagged_with_header_cells() -> None:
    tags: set[str] = set()
    waiting = [catalog(reader(invoice))["/StructTreeRoot"]]
    while waiting:
        node = waiting.pop().get_object()
        if isinstance(node, list):
            waiting += node
        elif hasattr(node, "get"):
            tags.add(str(node.get("/S")))
            if "/K" in node:
                waiting.append(node["/K"])
    assert {"/H1", "/H2", "/Table", "/TR", "/TH", "/TD", "/P"} <= tags


def test_every_font_is_embedded_and_is_the_packaged_one() -> None:
    names = set()
    for page in reader(long_invoice).pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            descriptor = font["/DescendantFonts"][0]["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(descriptor)
            names.add(str(descriptor["/FontName"]).split("+")[-1])
    assert {re.sub(r"[^A-Za-z].*", "", name) for name in names} == {"Inter"}


def test_the_backup_file_is_inside_with_the_instant_of_issue() -> None:
    document = reader(invoice)
    assert document.attachments["ALD-2026-0042-backup.csv"] == [BACKUP]
    (embedded,) = document.attachment_list
    assert embedded.name == "ALD-2026-0042-backup.csv"
    assert embedded.creation_date == embedded.modification_date == datetime(2026, 12, 2, 15, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("wrong", [{}, {"other.csv": BACKUP}, {"ALD-2026-0042-backup.csv": b"altered"}])
def test_attachments_must_be_those_the_snapshot_was_frozen_with(wrong: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=r"differ from|frozen with"):
        render_invoice(invoice(), files=wrong)


# --- the same bytes, and nothing from outside ---


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    first = rendered(invoice)
    render_invoice(long_invoice(), files=files())  # whatever was rendered in between
    assert render_invoice(invoice(), files=files()) == first


def test_another_process_that_may_ask_no_clock_gives_the_same_bytes() -> None:
    program = """
import datetime, hashlib, weasyprint
class NoClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        raise AssertionError("the clock was read")
weasyprint.datetime = NoClock
from tests.billing.invoices import files, invoice
from billing.pdf import render_invoice
print(hashlib.sha256(render_invoice(invoice(), files=files())).hexdigest())
"""
    environment = {**os.environ, "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "LANG": "C"}
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, env=environment, check=True)
    assert result.stdout.strip() == sha256(rendered(invoice)).hexdigest()


def test_no_date_but_the_issue_instant_is_in_the_file() -> None:
    stamps = set(re.findall(rb"D:(\d{14})", rendered(untaxed_invoice)))
    assert stamps <= {b"20261202150405"}
    document = reader(untaxed_invoice)
    assert date.today().isoformat() not in metadata(document)  # noqa: DTZ011


def test_a_changed_snapshot_gives_another_identifier() -> None:
    def identifier(data: bytes) -> bytes:
        identifiers: Any = PdfReader(BytesIO(data)).trailer["/ID"]
        return bytes(identifiers[0].original_bytes)

    changed = render_invoice(replace(untaxed_invoice(), terms="Net 45 days"))
    assert identifier(changed) != identifier(rendered(untaxed_invoice))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.css",
        "file:///etc/passwd",
        "https://assets.invalid/../lpo/settings.py",
        "https://assets.invalid/css/app.css",
        "data:,x",
    ],
)
def test_nothing_but_the_packaged_assets_is_fetched(url: str) -> None:
    with pytest.raises(FatalURLFetchingError):
        PackagedAssets().fetch(url)


def test_a_page_that_asks_for_more_is_not_rendered() -> None:
    with pytest.raises(FatalURLFetchingError, match="nothing but its own assets"):
        HTML(string='<img src="http://example.com/pixel.png">', url_fetcher=PackagedAssets()).write_pdf()


# --- how figures are written ---


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (money(D("-1000"), "USD"), "−1,000.00"),
        (money(D(1234567), "JPY"), "1,234,567"),
        (money(D("1.5"), "BHD"), "1.500"),
        (number(D("12480.000")), "12,480"),
        (number(D("0.516129")), "0.516129"),
        (price(D("0.0125"), "USD"), "0.0125"),
        (price(D(95), "USD"), "95.00"),
        (price(D(95), "JPY"), "95"),
        (span(date(2026, 11, 1), date(2026, 11, 30)), "1–30 November 2026"),
        (span(date(2026, 11, 16), date(2026, 12, 15)), "16 November – 15 December 2026"),
        (span(date(2026, 12, 16), date(2027, 1, 15)), "16 December 2026 – 15 January 2027"),
        (span(date(2026, 12, 16), date(2026, 12, 16)), "16 December 2026"),
        (ink_on("#0f766e"), "#ffffff"),
        (ink_on("#ffd33d"), "#1a1d23"),
    ],
)
def test_figures_are_written_for_people(written: str, expected: str) -> None:
    assert written == expected
