"""Invoices: what was issued, every line down to its rows, and the stored file with its hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from billing.explanation import Explanation, Leaf
from billing.exports import lines_csv
from billing.freeze import GROUPS, backup_csv
from billing.models import Charge, Invoice, InvoiceLine
from billing.snapshot import Invoice as Snapshot
from billing.wording import KINDS
from engagements.models import Client, Timesheet
from lpo.accounts.access import TenantRequest
from lpo.core.money import add
from lpo.core.templatetags.formats import money, price
from lpo.portal import queries, staffed
from lpo.portal.access import address, download, page, portal
from lpo.portal.columns import readable
from lpo.portal.paging import positions, whole
from sla.models import CreditClaim

SIZE = 24
ROWS = 50
# A tree of thousands of leaves is no explanation; the rest is in the file beside it.
LEAVES = 100


@portal
def invoices(request: TenantRequest, client: Client) -> HttpResponse:
    base = queries.invoices(client)
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    if before and not after:
        edge = base.filter(number=before).values("id")[:1]
        rows = list(base.filter(id__gt=edge).order_by("id")[: SIZE + 1])
        previous, following, rows = len(rows) > SIZE, True, rows[:SIZE][::-1]
    else:
        edge = base.filter(number=after).values("id")[:1]
        rows = list((base.filter(id__lt=edge) if after else base).order_by("-id")[: SIZE + 1])
        previous, following, rows = bool(after), len(rows) > SIZE, rows[:SIZE]
    today = timezone.now().astimezone(ZoneInfo(client.time_zone)).date()
    context = {
        "rows": [(row, row.due_date is not None and row.due_date < today, *_billed(row)) for row in rows],
        **positions(rows, "number", previous, following),
    }
    return page(request, client, "invoices.html", context)


def _billed(row: Any) -> tuple[date, date]:
    """First and last day billed, as the snapshot has them."""
    return date.fromisoformat(row.period_start), date.fromisoformat(row.period_end)


def _invoice_or_404(client: Client, number: str) -> Invoice:
    found: Invoice = get_object_or_404(readable(Invoice).filter(client=client, state="issued"), number=number)
    return found


@dataclass(frozen=True)
class Check:
    """One comparison made just now, on this page."""

    name: str
    identical: bool
    detail: str


def verified(invoice: Invoice, frozen: Snapshot, content: bytes | None, recorded: str) -> list[Check]:
    """Stored bytes against their hashes, and the lines against the total. Nothing is rendered anew."""
    snapshot = hashlib.sha256(invoice.snapshot.encode()).hexdigest()
    total = add(*(line.amount for group in frozen.groups for line in group.lines))
    checks = [
        Check("Figures", snapshot == invoice.snapshot_sha256, f"SHA-256 {snapshot}"),
        Check("Sum of the lines", total == invoice.net, f"{money(total, invoice.currency)} {invoice.currency}"),
    ]
    if content is not None:
        digest = hashlib.sha256(content).hexdigest()
        checks.insert(0, Check("PDF", digest == recorded, f"SHA-256 {digest}"))
    return checks


@portal
def invoice(request: TenantRequest, client: Client, number: str) -> HttpResponse:
    found = _invoice_or_404(client, number)
    frozen = Snapshot.from_json(found.snapshot)
    stored = queries.stored_pdf(found)
    checks = verified(found, frozen, bytes(stored.content) if stored else None, stored.sha256 if stored else "")
    today = timezone.now().astimezone(ZoneInfo(client.time_zone)).date()
    context = {
        "invoice": found,
        "frozen": frozen,
        "pdf": stored,
        "checks": checks,
        "identical": all(check.identical for check in checks),
        "overdue": found.due_date is not None and found.due_date < today,
        "issued_kind": KINDS[found.state],
    }
    return page(request, client, "invoice.html", context)


@portal
def pdf(request: TenantRequest, client: Client, number: str) -> HttpResponse:
    stored = queries.stored_pdf(_invoice_or_404(client, number))
    if stored is None:
        raise Http404
    return download(bytes(stored.content), stored.file_name, stored.media_type)


@portal
def invoice_csv(request: TenantRequest, client: Client, number: str) -> HttpResponse:
    found = _invoice_or_404(client, number)
    return download(lines_csv([found]), f"{found.number}-lines.csv", "text/csv; charset=utf-8")


def _line_or_404(client: Client, number: str, position: int) -> InvoiceLine:
    rows = readable(InvoiceLine, "invoice").filter(invoice__client=client, invoice__state="issued")
    found: InvoiceLine = get_object_or_404(rows, invoice__number=number, position=position)
    return found


@portal
def line(request: TenantRequest, client: Client, number: str, position: int) -> HttpResponse:
    found = _line_or_404(client, number, position)
    after, before = whole(request.GET.get("after", "")), whole(request.GET.get("before", ""))
    base = Charge.objects.filter(line=found)
    if before is not None and after is None:
        rows = list(base.filter(id__lt=before).order_by("-id")[: ROWS + 1])
        previous, following, rows = len(rows) > ROWS, True, rows[:ROWS][::-1]
    else:
        rows = list((base if after is None else base.filter(id__gt=after)).order_by("id")[: ROWS + 1])
        previous, following, rows = after is not None, len(rows) > ROWS, rows[:ROWS]
    sheets = staffed.sheets_of(rows)
    explanation = Explanation.from_data(found.explanation)
    leaves = sum(1 for _ in explanation.leaves())
    context = {
        "line": found,
        "invoice": found.invoice,
        "group": GROUPS.get(found.group, found.group),
        "tree": _node(explanation, found.invoice.currency, [LEAVES]),
        "leaves": leaves,
        "cut": leaves > LEAVES,
        "exact": explanation.total() == found.amount,
        "rows": [(row, _sheet_url(request, client, sheets.get(row.pk))) for row in rows],
        "evidence": _evidence(request, client, found),
        **positions(rows, "id", previous, following),
    }
    return page(request, client, "line.html", context)


def _sheet_url(request: TenantRequest, client: Client, sheet: Timesheet | None) -> str:
    """The page of the timesheet that a charged day is on; empty where it was not published."""
    if sheet is None:
        return ""
    placement = sheet.placement
    day = sheet.period_start.isoformat()
    return f"{address(request, client, 'timesheet', placement.matter.reference, placement.number, day)}?v={sheet.number}"


def _evidence(request: TenantRequest, client: Client, line: InvoiceLine) -> dict[str, Any] | None:
    """For a credit: the published window it was given for, and the credit's formula."""
    claim = CreditClaim.objects.filter(pk=line.claim_id).first() if line.claim_id else None
    named = queries.address_of(client, claim.attainment_id) if claim else None
    if claim is None or named is None:
        return None
    return {"formula": claim.formula, "url": address(request, client, "window", *named)}


def _node(part: Explanation | Leaf, currency: str, room: list[int]) -> dict[str, Any]:
    """A part of the tree as the component takes it; amounts with all their digits, so that they visibly add up."""
    if isinstance(part, Leaf):
        room[0] -= 1
        detail = ""
        if part.quantity is not None and part.unit_price is not None:
            detail = f"{part.quantity.normalize():f} × {price(part.unit_price, currency)}"
        return {"label": part.label, "amount": price(part.amount, currency), "note": detail, "children": []}
    total = part.total()
    children = []
    for child in part.parts:
        if room[0] <= 0:
            break
        children.append(_node(child, currency, room))
    return {"label": part.label, "amount": price(Decimal(total), currency), "children": children}


@portal
def line_csv(request: TenantRequest, client: Client, number: str, position: int) -> HttpResponse:
    """The leaves of a line; their amounts sum to it exactly. The same bytes are attached to the PDF."""
    found = _line_or_404(client, number, position)
    return download(backup_csv(found), f"{number}-line-{position}.csv", "text/csv; charset=utf-8")
