"""The snapshot of an invoice: from rows as they stand now to the frozen document that PDF and exports are rendered from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from billing import snapshot, tax
from billing.bill_to import Billed, agreed, lines_of
from billing.explanation import CSV_HEADER, Explanation, LeafKind, csv_rows
from billing.models import Invoice, InvoiceLine
from billing.orders import number_of
from billing.pdf_view import number, price
from billing.sheet_files import DECIDED, sheet_files
from engagements.models import Client, Contract, LegalEntity, Matter
from lpo.core.exports import plain, write_csv
from lpo.core.money import add, round_money

GROUPS = {
    "fixed": "Fixed",
    "unit": "Unit rate",
    "per_user": "Per user",
    "data_volume": "Data volume",
    "staff": "Staff",
    "hourly": "Time",
    "outcome": "Outcomes",
    "expense": "Expenses",
    "credit": "Service credits",
}
TAX_LABELS = {"S": "Tax", "Z": "Zero rate", "E": "Exempt", "AE": "Reverse charge", "O": "Out of scope"}
TAX_NOTES = {"AE": "Reverse charge: the recipient accounts for the tax.", "E": "Exempt from tax.", "O": "Outside the scope of tax."}


def freeze(
    invoice: Invoice, contract: Contract, *, number: str, issued_at: datetime, issue_date: date, due_date: date
) -> tuple[snapshot.Invoice, dict[str, bytes]]:
    """The snapshot, and the files it names by their hash. Raises `snapshot.Inconsistent` if any figure disagrees."""
    rows = list(InvoiceLine.objects.filter(invoice=invoice).select_related("rated_period").order_by("position"))
    for row in rows:
        # The column keeps four decimals; canonical JSON keeps digits, so an amount is written with its currency's.
        row.amount = round_money(row.amount, invoice.currency)
    matters = {matter.id: matter for matter in Matter.objects.filter(engagement_id=invoice.engagement_id).order_by("reference")}
    sheets = sheet_files(rows)
    told = {file.name: file.description for file in sheets}
    files = _files(rows) | {file.name: file.content for file in sheets}
    totals = tax.totals([tax.Taxed(row.amount, tax.TaxKey(row.tax_category, row.tax_rate)) for row in rows], invoice.currency)
    frozen = snapshot.Invoice(
        number=number,
        issue_date=issue_date,
        issued_at=issued_at,
        period_start=invoice.period.starts_on,
        period_end=invoice.period.ends_on,
        zone=invoice.legal_entity.time_zone,
        due_date=due_date,
        terms=f"Net {contract.payment_days} days",
        currency=invoice.currency,
        seller=_seller(invoice.legal_entity),
        buyer=_buyer(invoice.client, rows, matters),
        engagement=invoice.engagement.reference,
        engagement_title=invoice.engagement.title,
        groups=_groups(rows, matters),
        taxes=tuple(
            snapshot.TaxLine(row.key.category, row.key.rate, tax_label(row.key.category, row.key.rate), row.base, row.tax)
            for row in totals.rows
        ),
        net=totals.net,
        tax=totals.tax,
        gross=totals.gross,
        amount_due=totals.gross,
        matters=_matters(rows, matters),
        credits=_credits(rows),
        adjustments=_adjustments(rows),
        appendix=tuple(_appendix(row, files, invoice.currency) for row in rows if _counted(row)),
        attachments=tuple(
            snapshot.Attachment(name, told.get(name) or _behind(name), hashlib.sha256(content).hexdigest())
            for name, content in sorted(files.items())
        ),
        tax_note=TAX_NOTES.get(invoice.client.tax_category, ""),
        po_number=number_of(invoice, contract),
        paper=snapshot.Paper.LETTER if invoice.legal_entity.country in {"US", "CA"} else snapshot.Paper.A4,
    )
    return frozen, files


def attached_files(invoice: Invoice) -> dict[str, bytes]:
    """The files a snapshot names, made again from the frozen lines and days: the same rows give the same bytes."""
    rows = list(InvoiceLine.objects.filter(invoice=invoice).order_by("position"))
    named = {file.filename for file in snapshot.Invoice.from_json(invoice.snapshot).attachments}
    sheets = {file.name: file.content for file in sheet_files(rows, DECIDED)}
    return _files(rows) | {name: content for name, content in sheets.items() if name in named}


def _behind(name: str) -> str:
    return f"Rows behind line {name.split('-')[1].split('.')[0]}"


def backup_csv(row: InvoiceLine) -> bytes:
    """The leaves of one line; the amount column sums to the line exactly."""
    return write_csv(CSV_HEADER, csv_rows(Explanation.from_data(row.explanation)))


def _counted(row: InvoiceLine) -> bool:
    """Whether the line stands on counted rows, which belong in the appendix."""
    return any(leaf.kind is LeafKind.ROW for leaf in Explanation.from_data(row.explanation).leaves())


def _files(rows: Sequence[InvoiceLine]) -> dict[str, bytes]:
    return {f"line-{row.position}.csv": backup_csv(row) for row in rows if _counted(row)}


def _seller(entity: LegalEntity) -> snapshot.Seller:
    identifiers = [snapshot.Detail("Tax ID", entity.tax_id), snapshot.Detail("Registration", entity.registration_number)]
    remittance = []
    for line in lines_of(entity.remittance):
        label, found, value = line.partition(":")
        remittance.append(snapshot.Detail(label.strip(), value.strip()) if found else snapshot.Detail("", line))
    initials = "".join(word[0] for word in entity.name.split()[:2]).upper()
    return snapshot.Seller(
        legal_name=entity.name,
        address=lines_of(entity.address),
        tax_ids=tuple(detail for detail in identifiers if detail.value),
        remittance=tuple(remittance),
        queries=_contact(entity.query_contact),
        logo_initials=initials,
        logo_colour=entity.colour,
    )


def _buyer(client: Client, rows: Sequence[InvoiceLine], matters: Mapping[int, Matter]) -> snapshot.Buyer:
    contact = snapshot.Contact(client.accounts_payable, client.accounts_payable_email) if client.accounts_payable else None
    identifiers = (snapshot.Detail("Tax ID", client.tax_id),) if client.tax_id else ()
    return snapshot.Buyer(client.legal_name, lines_of(client.billing_address), identifiers, contact, billed_to(rows, matters))


def billed_to(rows: Sequence[InvoiceLine], matters: Mapping[int, Matter]) -> tuple[str, ...]:
    """The bill-to that the matters with a line here agree on; empty where the client's billing address stands."""
    named = {row.matter_id for row in rows if row.matter_id is not None}
    return agreed(Billed(matter.reference, matter.bill_to) for key, matter in matters.items() if key in named)


def _contact(text: str) -> snapshot.Contact:
    """“Name, address” as it was typed: the part with an @ is the e-mail address."""
    parts = [part.strip() for part in text.replace("<", ",").replace(">", "").split(",") if part.strip()]
    email = next((part for part in parts if "@" in part), "")
    return snapshot.Contact(", ".join(part for part in parts if part != email) or email, email)


def _line(row: InvoiceLine, matters: Mapping[int, Matter]) -> snapshot.Line:
    matter = matters.get(row.matter_id) if row.matter_id else None
    return snapshot.Line(
        position=row.position,
        description=row.description,
        quantity=Decimal(plain(row.quantity.normalize())),
        unit=row.unit,
        unit_plural=row.unit_plural,
        task_code=row.task_code,
        activity_code=row.activity_code,
        expense_code=row.expense_code,
        unit_price=Decimal(plain(row.unit_price.normalize())),
        amount=row.amount,
        tax_category=row.tax_category,
        tax_rate=row.tax_rate,
        detail=row.detail,
        matter=matter.reference if matter else "",
        explanation=str(row.position),
    )


def _groups(rows: Sequence[InvoiceLine], matters: Mapping[int, Matter]) -> tuple[snapshot.Group, ...]:
    found = []
    for code, title in GROUPS.items():
        lines = tuple(_line(row, matters) for row in rows if row.group == code)
        if lines:
            found.append(snapshot.Group(title, lines, add(*(line.amount for line in lines))))
    return tuple(found)


def _matters(rows: Sequence[InvoiceLine], matters: Mapping[int, Matter]) -> tuple[snapshot.Matter, ...]:
    named = [matter for key, matter in matters.items() if any(row.matter_id == key for row in rows)]
    return tuple(
        snapshot.Matter(m.reference, m.client_matter_id, m.title, add(*(row.amount for row in rows if row.matter_id == m.id)))
        for m in named
    )


def _credits(rows: Sequence[InvoiceLine]) -> tuple[snapshot.Credit, ...]:
    found = []
    for row in rows:
        if row.group == "credit":
            level, _, period = row.description.removeprefix("Service credit, ").rpartition(", ")
            found.append(snapshot.Credit(row.position, level, period, row.detail, "", row.amount))
    return tuple(found)


def _adjustments(rows: Sequence[InvoiceLine]) -> tuple[snapshot.Adjustment, ...]:
    kinds = ("discount", "cap", "minimum")
    named = [row for row in rows if row.key.rpartition(":")[2] in kinds]
    return tuple(snapshot.Adjustment(row.position, row.description, row.detail, row.amount) for row in named)


def _appendix(row: InvoiceLine, files: Mapping[str, bytes], currency: str) -> snapshot.Appendix:
    leaves = list(Explanation.from_data(row.explanation).leaves())
    name = f"line-{row.position}.csv"
    return snapshot.Appendix(
        title=row.description,
        columns=(snapshot.Column("Row"), snapshot.Column("Quantity", True), snapshot.Column("Amount", True)),
        rows=tuple(
            (leaf.label, number(leaf.quantity) if leaf.quantity is not None else "", price(leaf.amount, currency))
            for leaf in leaves[: snapshot.INLINE_ROWS]
        ),
        row_count=len(leaves),
        total=row.amount,
        line=row.position,
        filename=name if name in files else "",
    )


def tax_label(category: str, rate: Decimal) -> str:
    """`Tax 20 %`, `Reverse charge`."""
    return f"{TAX_LABELS[category]} {rate.normalize():f} %" if rate else TAX_LABELS[category]
