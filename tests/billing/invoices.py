"""Invoices used by several tests: one to send, one long, one without tax, one negative."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256

from billing.snapshot import (
    Adjustment,
    Appendix,
    Attachment,
    Buyer,
    Column,
    Contact,
    Credit,
    Detail,
    Group,
    Invoice,
    Line,
    Matter,
    Seller,
    TaxLine,
)
from billing.tax import Taxed, TaxKey, totals

D = Decimal
BACKUP = b"document,amount\r\nDOC-1,0.11\r\n"


def seller() -> Seller:
    return Seller(
        legal_name="Alder Legal Services Ltd",
        address=("4th Floor, 12 Finsbury Square", "London EC2A 1AS", "United Kingdom"),
        tax_ids=(Detail("VAT", "GB 123 4567 82"), Detail("Company no.", "08812345")),
        remittance=(
            Detail("Beneficiary", "Alder Legal Services Ltd"),
            Detail("Bank", "Barclays Bank UK PLC, London"),
            Detail("IBAN", "GB33 BUKB 2020 1555 5555 55"),
            Detail("BIC", "BUKBGB22"),
        ),
        queries=Contact("Priya Raman, Billing", "billing@alder.example", "+44 20 7946 0123"),
        logo_initials="AL",
        logo_colour="#0f766e",
    )


def buyer() -> Buyer:
    return Buyer(
        legal_name="Hale & Marsh LLP",
        address=("650 Fifth Avenue, 21st Floor", "New York, NY 10019", "United States"),
        tax_ids=(Detail("EIN", "13-4567890"),),
        accounts_payable=Contact("Accounts Payable", "ap@halemarsh.example"),
    )


def line(position: int, description: str, quantity: str, unit: str, price: str, amount: str, **more: str) -> Line:
    rate = D(more.pop("rate", "20"))
    category = more.pop("category", "S")
    return Line(position, description, D(quantity), unit, D(price), D(amount), category, rate, **more)


def groups() -> tuple[Group, ...]:
    return (
        Group(
            "Unit rate",
            (
                line(1, "First-pass review", "100000", "document", "0.11", "11000.00", detail="up to 100,000", matter="HM-0007"),
                line(2, "First-pass review", "12480", "document", "0.09", "1123.20", detail="above 100,000", matter="HM-0007"),
                line(3, "Privilege review", "3914", "document", "0.85", "3326.90", detail="3,914 accepted items", matter="HM-0007"),
                line(4, "Page conversion", "12345", "page", "0.0125", "154.31", matter="HM-0009"),
            ),
            D("15604.41"),
        ),
        Group(
            "Per user",
            (line(5, "Platform seats", "13", "seat", "95", "1235.00", detail="14 seats, 2 from 16 November (15 of 30 days)"),),
            D("1235.00"),
        ),
        Group(
            "Fixed",
            (
                line(6, "Project management", "1", "month", "4500", "4500.00", matter="HM-0007"),
                line(7, "Project management, up to the minimum", "1", "", "500", "500.00", detail="minimum 5,000.00", matter="HM-0007"),
            ),
            D("5000.00"),
        ),
        Group(
            "Service credits",
            (
                line(
                    8,
                    "Credit, batch turnaround, October 2026",
                    "1",
                    "",
                    "-1000",
                    "-1000.00",
                    detail="11 of 12 batches, 91.7 % against 95 %",
                    matter="HM-0007",
                ),
            ),
            D("-1000.00"),
        ),
    )


def assemble(groups: tuple[Group, ...], currency: str = "USD", matters: tuple[Matter, ...] = ()) -> Invoice:
    """An invoice of `groups` with its totals; credits, adjustments and rows are not named yet."""
    lines = [item for group in groups for item in group.lines]
    sums = totals([Taxed(item.amount, TaxKey(item.tax_category, item.tax_rate)) for item in lines], currency)
    labels = {"S": "VAT, standard", "AE": "Reverse charge", "O": "Out of scope"}
    return Invoice(
        number="ALD-2026-0042",
        issue_date=date(2026, 12, 2),
        issued_at=datetime(2026, 12, 2, 15, 4, 5, 678901, UTC),
        period_start=date(2026, 11, 1),
        period_end=date(2026, 11, 30),
        zone="America/New_York",
        due_date=date(2027, 1, 1),
        terms="Net 30 days",
        currency=currency,
        seller=seller(),
        buyer=buyer(),
        engagement="HM-E01",
        engagement_title="Document review",
        groups=groups,
        taxes=tuple(TaxLine(row.key.category, row.key.rate, labels[row.key.category], row.base, row.tax) for row in sums.rows),
        net=sums.net,
        tax=sums.tax,
        gross=sums.gross,
        amount_due=sums.gross,
        po_number="4471-B",
        matters=matters,
    )


def invoice() -> Invoice:
    """The one to send to a general counsel: every part present, on one or two pages."""
    matters = (
        Matter("HM-0007", "CM-88120/3", "Orion Freight v. Castellan, document review", D("19450.10")),
        Matter("HM-0009", "CM-90017/1", "Project Lark, conversion", D("154.31")),
    )
    return replace(
        assemble(groups(), matters=matters),
        credits=(
            Credit(
                8,
                "Batch turnaround, 95 % within 24 business hours",
                "October 2026, closed 9 November",
                "50 % × 40 % × 5,000.00",
                "within 1,845.00",
                D("-1000.00"),
            ),
        ),
        adjustments=(Adjustment(7, "Project management, up to the minimum", "minimum 5,000.00 − 4,500.00", D("500.00")),),
        attachments=(Attachment("ALD-2026-0042-backup.csv", "rows behind every line", sha256(BACKUP).hexdigest()),),
        notes=("Late payment interest as agreed in clause 14.3.",),
    )


def files() -> dict[str, bytes]:
    return {"ALD-2026-0042-backup.csv": BACKUP}


def long_invoice(lines: int = 50) -> Invoice:
    """Three pages of lines with an appendix, long names and accents."""
    many = tuple(
        line(
            number,
            f"Revisão de contratos São Paulo, lot {number}, O'Brien & Associés — clause-level comparison",
            str(number),
            "document",
            "45",
            f"{number * 45}.00",
        )
        for number in range(1, lines + 1)
    )
    bare = assemble((Group("Unit rate", many, D(sum(number * 45 for number in range(1, lines + 1)))),))
    appendix = Appendix(
        "Accepted items of lot 3",
        (Column("Item"), Column("Accepted"), Column("Amount", numeric=True)),
        tuple((f"NDA-{number:04}", "12 November 2026", "1.35") for number in range(1, 51)),
        100,
        D("135.00"),
        3,
        "ALD-2026-0042-backup.csv",
    )
    return replace(
        bare,
        appendix=(appendix,),
        attachments=(Attachment("ALD-2026-0042-backup.csv", "rows behind every line", sha256(BACKUP).hexdigest()),),
        buyer=replace(
            buyer(), legal_name="Companhia Brasileira de Distribuição e Logística Internacional São Ltda (em recuperação judicial)"
        ),
    )


def untaxed_invoice() -> Invoice:
    zero = (Group("Fixed", (line(1, "Managed NDA review", "1", "month", "2500", "2500.00", category="AE", rate="0"),), D(2500)),)
    return replace(assemble(zero, "EUR"), tax_note="Reverse charge: the recipient accounts for VAT (Article 196, Directive 2006/112/EC).")


def negative_invoice() -> Invoice:
    credit = (Group("Service credits", (line(1, "Credit, accuracy, October 2026", "1", "", "-922.50", "-922.50"),), D("-922.50")),)
    return assemble(credit)
