"""The frozen invoice: everything its PDF, XML and exports may say, as values with one canonical JSON form.

A snapshot refuses to exist unless its figures agree: groups sum to their lines, net to the groups, tax to its rows, gross to both.
"""

from __future__ import annotations

import json
import types
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, Self, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from billing.tax import TaxKey, tax_on
from billing.units import counted_in
from lpo.core.exports import plain
from lpo.core.money import add, exponent, is_money

VERSION = 1
# Rows of an appendix table that are printed; beyond them the attached file carries the rest, since pages of rows cost seconds.
INLINE_ROWS = 200


class Inconsistent(ValueError):
    """Figures of a snapshot that do not agree with one another."""


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Paper(StrEnum):
    A4 = "A4"
    LETTER = "letter"


@dataclass(frozen=True)
class Detail:
    """A name and a value printed side by side: a tax id, a bank account."""

    label: str
    value: str


@dataclass(frozen=True)
class Contact:
    name: str
    email: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Seller:
    """The legal entity that invoices. `logo_colour` is #rrggbb; `remittance` is where to pay; `queries` is whom to ask."""

    legal_name: str
    address: tuple[str, ...]
    tax_ids: tuple[Detail, ...]
    remittance: tuple[Detail, ...]
    queries: Contact
    logo_initials: str = ""
    logo_colour: str = "#1a1d23"


@dataclass(frozen=True)
class Buyer:
    """The client. `bill_to` is the name and address the matters are billed to, where that is not the client's own."""

    legal_name: str
    address: tuple[str, ...]
    tax_ids: tuple[Detail, ...] = ()
    accounts_payable: Contact | None = None
    bill_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matter:
    """One matter billed here; `subtotal` is the net of its lines."""

    reference: str
    client_matter_id: str
    title: str
    subtotal: Decimal


@dataclass(frozen=True)
class Line:
    """One line. `tax_rate` is in percent; `unit_price` is unrounded; `explanation` names the stored tree, `matter` the matter."""

    position: int
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    tax_category: str
    tax_rate: Decimal
    detail: str = ""
    matter: str = ""
    explanation: str = ""
    unit_plural: str = ""
    task_code: str = ""
    activity_code: str = ""
    expense_code: str = ""

    @property
    def counted_in(self) -> str:
        """The unit as it reads beside the quantity."""
        return counted_in(self.quantity, self.unit, self.unit_plural)


@dataclass(frozen=True)
class Group:
    """Lines of one pricing model under its title: Fixed, Unit rate, Per user, Service credits …"""

    title: str
    lines: tuple[Line, ...]
    subtotal: Decimal


@dataclass(frozen=True)
class TaxLine:
    """Tax of one (category, rate). `label` is how it is printed: "VAT 20 %", "Reverse charge"."""

    category: str
    rate: Decimal
    label: str
    base: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Credit:
    """A service credit named: which level, measured when, by which formula, under which cap. `amount` is negative."""

    position: int
    level: str
    period: str
    formula: str
    cap: str
    amount: Decimal


@dataclass(frozen=True)
class Adjustment:
    """A minimum, cap or discount named: `position` is its line's."""

    position: int
    description: str
    formula: str
    amount: Decimal


@dataclass(frozen=True)
class Attachment:
    """A file inside the PDF. `sha256` pins its bytes, which are passed beside the snapshot."""

    filename: str
    description: str
    sha256: str
    media_type: str = "text/csv"


@dataclass(frozen=True)
class Column:
    """A column of an appendix; numbers stand at the right."""

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Appendix:
    """The rows behind the line at position `line`, whose amount is `total`.

    `rows` holds what is printed, ready to read, at most `INLINE_ROWS`; `row_count` is all there are, in the attached `filename`.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    row_count: int
    total: Decimal
    line: int
    filename: str = ""


@dataclass(frozen=True)
class Invoice:
    """One frozen invoice or credit note. Period ends are inclusive local days of `zone`; `issued_at` is an instant.

    Draft snapshots may leave `number` empty. `prepaid` is what was drawn from retainers: amount due = gross − prepaid.
    """

    number: str
    issue_date: date
    issued_at: datetime
    period_start: date
    period_end: date
    zone: str
    due_date: date
    terms: str
    currency: str
    seller: Seller
    buyer: Buyer
    engagement: str
    engagement_title: str
    groups: tuple[Group, ...]
    taxes: tuple[TaxLine, ...]
    net: Decimal
    tax: Decimal
    gross: Decimal
    amount_due: Decimal
    matters: tuple[Matter, ...] = ()
    credits: tuple[Credit, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    appendix: tuple[Appendix, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    notes: tuple[str, ...] = ()
    tax_note: str = ""
    po_number: str = ""
    prepaid: Decimal = field(default=Decimal(0))
    kind: DocumentKind = DocumentKind.INVOICE
    corrects: str = ""
    language: str = "en"
    paper: Paper = Paper.A4
    version: int = VERSION

    def __post_init__(self) -> None:
        _check(self)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line, in order of the groups."""
        return tuple(line for group in self.groups for line in group.lines)

    @property
    def issued_at_utc(self) -> datetime:
        """The issue instant in UTC, whatever zone it came in."""
        return self.issued_at.astimezone(UTC)

    def to_json(self) -> bytes:
        """Canonical UTF-8 JSON: sorted keys, no spaces, Decimals as digits, dates ISO, instants in UTC with microseconds."""
        return json.dumps(_data(self), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """The invoice `to_json` wrote. Raises `ValueError` for another version and for keys that are missing or unknown."""
        data = json.loads(text)
        if data.get("version") != VERSION:
            raise ValueError(f"snapshot version {data.get('version')!r} is not {VERSION}")
        invoice: Self = _value(cls, data)
        return invoice


def bill_to_of(text: str) -> tuple[str, ...]:
    """The bill-to of a frozen invoice, without reading the rest of it into values."""
    return tuple(json.loads(text)["buyer"].get("bill_to", ()))


# --- consistency --------------------------------------------------------------------------------------------------------


def _check(invoice: Invoice) -> None:
    exponent(invoice.currency)
    ZoneInfo(invoice.zone)
    if invoice.issued_at.tzinfo is None:
        raise Inconsistent("the issue instant has no zone")
    if invoice.period_end < invoice.period_start:
        raise Inconsistent("the period ends before it starts")
    _check_sums(invoice)
    _check_references(invoice)
    for appendix in invoice.appendix:
        if len(appendix.rows) > INLINE_ROWS or len(appendix.rows) > appendix.row_count:
            raise Inconsistent(f"{appendix.title}: at most {INLINE_ROWS} rows are printed, and never more than there are")
        if len(appendix.rows) < appendix.row_count and not appendix.filename:
            raise Inconsistent(f"{appendix.title}: rows that are not printed are in an attached file")
        if any(len(row) != len(appendix.columns) for row in appendix.rows):
            raise Inconsistent(f"{appendix.title}: a row has a cell for each column")


def _check_sums(invoice: Invoice) -> None:
    lines = invoice.lines
    _agree("net", invoice.net, [line.amount for line in lines])
    for group in invoice.groups:
        _agree(f"subtotal of {group.title}", group.subtotal, [line.amount for line in group.lines])
    for matter in invoice.matters:
        _agree(f"subtotal of {matter.reference}", matter.subtotal, [line.amount for line in lines if line.matter == matter.reference])
    bases: dict[TaxKey, list[Decimal]] = {TaxKey(row.category, row.rate): [] for row in invoice.taxes}
    for line in lines:
        bases.setdefault(TaxKey(line.tax_category, line.tax_rate), []).append(line.amount)
    if len(bases) != len(invoice.taxes):
        raise Inconsistent("every (category, rate) of the lines has exactly one tax row")
    _agree("tax", invoice.tax, [row.tax for row in invoice.taxes])
    _agree("gross", invoice.gross, [invoice.net, invoice.tax])
    _agree("amount due", invoice.amount_due, [invoice.gross, -invoice.prepaid])
    for row in invoice.taxes:
        _agree(f"base of {row.label}", row.base, bases[TaxKey(row.category, row.rate)])
        # A credit note's tax is a cumulative difference and may be a cent off its own base.
        if invoice.kind is DocumentKind.INVOICE and row.tax != tax_on(row.base, row.rate, invoice.currency):
            raise Inconsistent(f"{row.label}: tax on {row.base} is {tax_on(row.base, row.rate, invoice.currency)}, not {row.tax}")
    shown = [line.amount for line in lines] + [row.tax for row in invoice.taxes] + [invoice.prepaid]
    if not all(is_money(amount, invoice.currency) for amount in shown):
        raise Inconsistent(f"an amount is finer than {invoice.currency} can express")


def _check_references(invoice: Invoice) -> None:
    lines = {line.position: line for line in invoice.lines}
    if len(lines) != len(invoice.lines):
        raise Inconsistent("line positions repeat")
    matters = {matter.reference for matter in invoice.matters}
    if any(line.matter and line.matter not in matters for line in lines.values()):
        raise Inconsistent("a line names a matter that is not listed")
    named_lines: tuple[Credit | Adjustment, ...] = (*invoice.credits, *invoice.adjustments)
    for named in named_lines:
        if named.position not in lines or lines[named.position].amount != named.amount:
            raise Inconsistent(f"credit or adjustment at line {named.position} does not match that line")
    for appendix in invoice.appendix:
        if appendix.line not in lines or lines[appendix.line].amount != appendix.total:
            raise Inconsistent(f"{appendix.title}: rows sum to {appendix.total}, which is not line {appendix.line}")
    files = {attachment.filename for attachment in invoice.attachments}
    if len(files) != len(invoice.attachments) or any(table.filename and table.filename not in files for table in invoice.appendix):
        raise Inconsistent("attached files have names of their own, and an appendix names one of them")


def _agree(what: str, stated: Decimal, addends: list[Decimal]) -> None:
    if stated != add(*addends):
        raise Inconsistent(f"{what} is {stated}, its parts sum to {add(*addends)}")


# --- canonical JSON -----------------------------------------------------------------------------------------------------


# Added when documents had been frozen without them: written where they say something, so those keep their bytes.
_LATER = {"unit_plural", "bill_to", "task_code", "activity_code", "expense_code"}


def _data(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        named = ((item.name, getattr(value, item.name)) for item in fields(value))
        return {name: _data(part) for name, part in named if part not in ("", ()) or name not in _LATER}
    if isinstance(value, tuple):
        return [_data(item) for item in value]
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | int):
        return str(value) if isinstance(value, StrEnum) else value
    raise TypeError(f"a snapshot holds no {type(value).__name__}")


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _value(hint: Any, data: Any) -> Any:
    """`data` as the type `hint` says."""
    origin = get_origin(hint)
    if origin is tuple:
        return tuple(_value(get_args(hint)[0], item) for item in data)
    if origin in (Union, types.UnionType):
        return None if data is None else _value(next(kind for kind in get_args(hint) if kind is not type(None)), data)
    if isinstance(hint, type) and is_dataclass(hint):
        expected = {item.name for item in fields(hint)}
        if set(data) | _LATER & expected != expected:
            raise ValueError(f"{hint.__name__}: unexpected or missing {sorted(set(data) ^ expected)}")
        hints = _hints(hint)
        return hint(**{name: _value(hints[name], item) for name, item in data.items()})
    if hint is datetime:
        return datetime.fromisoformat(data)
    if hint is date:
        return date.fromisoformat(data)
    return hint(data)
