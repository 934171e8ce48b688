"""The invoice's figures as printed text. Pure: nothing here knows templates or PDF."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from billing.explanation import tidy
from billing.snapshot import Appendix, Contact, DocumentKind, Group, Invoice, Line
from lpo.core.colours import ink_on
from lpo.core.money import exponent

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_MINUS = "−"


def money(amount: Decimal, currency: str) -> str:
    """1,234.50, with as many digits as the currency has and a true minus sign."""
    return f"{amount:,.{exponent(currency)}f}".replace("-", _MINUS)


def number(value: Decimal) -> str:
    """A quantity: thousands marked, no idle zeros."""
    return f"{tidy(value):,f}".replace("-", _MINUS)


def price(value: Decimal, currency: str) -> str:
    """An unrounded unit price, with at least the currency's digits: 0.0125, 95.00."""
    digits = max(exponent(currency), -int(tidy(value).as_tuple().exponent))
    return f"{value:,.{digits}f}".replace("-", _MINUS)


def day(value: date) -> str:
    """30 November 2026: read alike on both sides of the Atlantic."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def span(start: date, end: date) -> str:
    """A period of inclusive days, nothing said twice: 1–30 November 2026."""
    if start == end:
        return day(start)
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}–{day(end)}"
    if start.year == end.year:
        return f"{start.day} {_MONTHS[start.month - 1]} – {day(end)}"
    return f"{day(start)} – {day(end)}"


def percent(rate: Decimal) -> str:
    return f"{tidy(rate):f} %"


def view(invoice: Invoice, *, draft: bool) -> dict[str, Any]:
    """Everything the template prints, as text, in the order it is read."""
    word = "Credit note" if invoice.kind is DocumentKind.CREDIT_NOTE else "Invoice"
    heading = f"Draft {word.lower()}" if draft else word
    currency = invoice.currency
    return {
        "draft": draft,
        "language": invoice.language,
        "paper": invoice.paper.value,
        "title": f"{heading} {invoice.number}, {invoice.seller.legal_name}".replace(" ,", ","),
        "heading": heading,
        "footer": " · ".join(part for part in (invoice.seller.legal_name, f"{word} {invoice.number}".strip()) if part),
        "issued_at": invoice.issued_at_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "mark": {"initials": invoice.seller.logo_initials, "colour": invoice.seller.logo_colour, "ink": ink_on(invoice.seller.logo_colour)},
        "seller": invoice.seller,
        "buyer": invoice.buyer,
        "buyer_contact": _contact(invoice.buyer.accounts_payable),
        "facts": _facts(invoice, word),
        "due": _due(invoice),
        "currency": currency,
        "groups": [_group(group, currency) for group in invoice.groups],
        "totals": _totals(invoice),
        "tax_note": invoice.tax_note,
        **_tables(invoice),
        "notes": invoice.notes,
        "payable": invoice.amount_due > 0,
        "remittance": invoice.seller.remittance,
        "reference": invoice.number,
        "queries": _contact(invoice.seller.queries),
        "appendix": [_appendix(table, currency) for table in invoice.appendix],
        "attachments": invoice.attachments,
    }


def _tables(invoice: Invoice) -> dict[str, list[dict[str, str]]]:
    """What stands in tables of its own below the lines."""
    currency = invoice.currency
    return {
        "taxes": [
            {"label": row.label, "rate": percent(row.rate), "base": money(row.base, currency), "tax": money(row.tax, currency)}
            for row in invoice.taxes
        ],
        "matters": [
            {"ours": row.reference, "theirs": row.client_matter_id, "title": row.title, "subtotal": money(row.subtotal, currency)}
            for row in invoice.matters
        ],
        "credits": [
            {
                "line": str(row.position),
                "level": row.level,
                "period": row.period,
                "formula": row.formula,
                "cap": row.cap,
                "amount": money(row.amount, currency),
            }
            for row in invoice.credits
        ],
        "adjustments": [
            {"line": str(row.position), "description": row.description, "formula": row.formula, "amount": money(row.amount, currency)}
            for row in invoice.adjustments
        ],
    }


def _facts(invoice: Invoice, word: str) -> list[tuple[str, str, str]]:
    zone = invoice.zone.rsplit("/", 1)[-1].replace("_", " ")
    facts = [
        (f"{word} no.", invoice.number),
        ("Issue date", day(invoice.issue_date)),
        ("Corrects invoice", invoice.corrects),
        ("Supply period", span(invoice.period_start, invoice.period_end)),
        ("Payment terms", invoice.terms),
        ("Due date", day(invoice.due_date)),
        ("Purchase order", invoice.po_number),
        ("Engagement", ", ".join(part for part in (invoice.engagement, invoice.engagement_title) if part)),
    ]
    return [(label, value, f"{zone} time" if label == "Supply period" else "") for label, value in facts if value]


def _due(invoice: Invoice) -> dict[str, str]:
    """The one figure everybody looks for."""
    amount = money(invoice.amount_due, invoice.currency)
    if invoice.amount_due > 0:
        return {"label": "Amount due", "amount": amount, "note": f"by {day(invoice.due_date)}"}
    if invoice.amount_due < 0:
        return {"label": "Amount credited", "amount": amount, "note": "in your favour, nothing to pay"}
    return {"label": "Amount due", "amount": amount, "note": "nothing to pay"}


def _group(group: Group, currency: str) -> dict[str, Any]:
    return {"title": group.title, "lines": [_line(line, currency) for line in group.lines], "subtotal": money(group.subtotal, currency)}


def _line(line: Line, currency: str) -> dict[str, str]:
    # The standard category needs no letter beside its rate; every other one says why the rate is what it is.
    tax = percent(line.tax_rate) if line.tax_category == "S" else f"{line.tax_category} {percent(line.tax_rate)}"
    return {
        "position": str(line.position),
        "description": line.description,
        "detail": " · ".join(part for part in (line.detail, line.matter and f"Matter {line.matter}") if part),
        "quantity": number(line.quantity),
        "unit": line.counted_in,
        "price": price(line.unit_price, currency),
        "tax": tax,
        "amount": money(line.amount, currency),
    }


def _totals(invoice: Invoice) -> list[tuple[str, str]]:
    rows = [("Net", invoice.net), ("Tax", invoice.tax), ("Total", invoice.gross)]
    if invoice.prepaid:
        rows.append(("Paid from retainer", -invoice.prepaid))
    return [(label, money(amount, invoice.currency)) for label, amount in rows]


def _contact(contact: Contact | None) -> str:
    return ", ".join(part for part in (contact.name, contact.email, contact.phone) if part) if contact else ""


def _appendix(table: Appendix, currency: str) -> dict[str, Any]:
    hidden = table.row_count - len(table.rows)
    return {
        "title": table.title,
        "line": str(table.line),
        "columns": [{"title": column.title, "number": column.numeric} for column in table.columns],
        "rows": [[{"text": text, "number": column.numeric} for text, column in zip(row, table.columns, strict=True)] for row in table.rows],
        "sum": f"Line {table.line}, {f'all {table.row_count:,} rows, ' if hidden else ''}{currency}",
        "total": money(table.total, currency),
        "lead": str(len(table.columns) - 1),
        "more": f"{len(table.rows):,} of {table.row_count:,} rows; all of them are in the attached file {table.filename}" if hidden else "",
    }
