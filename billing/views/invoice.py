"""One invoice: its lines, each with what is behind it, its files and its comparison with the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from billing import exports, freeze, overview, queries
from billing.actions import documents
from billing.explain import Opened, opened
from billing.explanation import LeafKind
from billing.findings import visible_findings
from billing.models import Invoice, InvoiceLine, InvoiceState
from billing.noted import Finding
from billing.orders import number_of
from billing.pdf import render_invoice
from billing.sheet_files import sheets_behind
from billing.snapshot import Inconsistent, bill_to_of
from billing.views.edges import file, invoice_or_404, invoice_url, timesheet_url
from billing.wording import KINDS
from engagements.models import Matter
from engagements.queries import contract_on
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.documents import content_of
from lpo.audit.models import Document, Event
from lpo.core.exports import write_csv
from lpo.core.money import add
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from sla.models import ServiceLevel
from sla.queries import first_day

EVENTS = {
    "invoice.draft": "Drafted",
    "invoice.refresh": "Refreshed",
    "invoice.submit": "Sent for approval",
    "invoice.approve": "Approved",
    "invoice.return": "Returned",
    "invoice.discard": "Discarded",
    "invoice.issue": "Issued",
}


@dataclass(frozen=True)
class Group:
    """Lines of one pricing model under its title."""

    title: str
    lines: Sequence[InvoiceLine]

    @property
    def subtotal(self) -> Decimal:
        return add(*(line.amount for line in self.lines))


@requires(P.VIEW_MONEY)
def invoice(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    row = invoice_or_404(reference, period)
    lines = overview.lines_of(row)
    hidden = overview.restricted(row, lines)
    previous = overview.previous_of(row)
    matters = {matter.id: matter for matter in Matter.objects.filter(engagement=row.engagement_id).only("reference", "bill_to")}
    context = {
        **_head(request, row, previous),
        "bill_to": _bill_to(row, lines, matters) if hidden is None else (),
        "groups": _groups(lines),
        "hidden": hidden,
        "tax": _tax(row, lines),
        "line_count": len(lines),
        "opened": _opened(request, row, lines),
        "matters": {key: matter.reference for key, matter in matters.items()},
        "findings": _findings(row),
        "events": _events(row),
        "stored": _stored(request, row) if row.state == InvoiceState.ISSUED else None,
        "may": _may(request, row),
        "readable": hidden is None,
    }
    return render(request, "billing/invoice.html", context)


def _bill_to(row: Invoice, lines: Sequence[InvoiceLine], matters: Mapping[int, Matter]) -> tuple[str, ...]:
    """Of an issued invoice as it was frozen, of an earlier one as it would be."""
    if row.state != InvoiceState.ISSUED:
        return freeze.billed_to(lines, matters)
    return bill_to_of(Invoice.objects.values_list("snapshot", flat=True).get(pk=row.pk))


def _head(request: TenantRequest, row: Invoice, previous: Invoice | None) -> dict[str, Any]:
    contract = contract_on(row.engagement, row.period.starts_on)
    urls = ("refresh", "submit", "approve", "send_back", "discard", "issue", "preview", "compare", "invoice_lines", "invoice_pdf")
    return {
        "invoice": row,
        "kind": KINDS[row.state],
        "page_url": invoice_url(request, row),
        "urls": {name: invoice_url(request, row, name) for name in urls},
        "contract": contract,
        "order_number": number_of(row, contract) if contract is not None else "",
        "previous": previous,
        "previous_url": invoice_url(request, _beside(row, previous)) if previous else "",
        "against": _against(row, previous),
        "crumbs": [
            ("Invoices", reverse("billing:invoices", args=[request.organization.slug])),
            (f"{row.period.ends_on:%B %Y}", f"{reverse('billing:run', args=[request.organization.slug])}?month={row.period.ends_on:%Y-%m}"),
            (row.client.name, ""),
        ],
    }


def _beside(row: Invoice, previous: Invoice) -> Invoice:
    previous.engagement = row.engagement
    return previous


def _against(row: Invoice, previous: Invoice | None) -> str:
    """`3.1 % above October 2026`."""
    change = overview.change(row.net, previous.net) if previous else None
    if previous is None or change is None:
        return ""
    if change == 0:
        return f"as {previous.period.label}"
    return f"{overview.change_text(change)} {'above' if change > 0 else 'below'} {previous.period.label}"


def _groups(lines: Sequence[InvoiceLine]) -> list[Group]:
    found = [Group(title, [line for line in lines if line.group == code]) for code, title in freeze.GROUPS.items()]
    return [group for group in found if group.lines]


def _tax(row: Invoice, lines: Sequence[InvoiceLine]) -> str:
    """An invoice has one (category, rate): the client's when it was drafted."""
    if lines:
        category, rate = lines[0].tax_category, lines[0].tax_rate
    else:
        category, rate = row.client.tax_category, row.client.tax_rate
    return freeze.tax_label(category, rate)


def _findings(row: Invoice) -> dict[str, list[Finding]]:
    found = visible_findings([row])[row.id] if row.state in overview.OPEN_STATES else []
    return {
        "blocks": [finding for finding in found if finding.severity == "block"],
        "warnings": [finding for finding in found if finding.severity != "block"],
    }


def _events(row: Invoice) -> list[tuple[Event, str, str]]:
    rows = Event.objects.filter(object_type="billing.Invoice", object_id=row.id).order_by("-id")[:12]
    return [(event, EVENTS.get(event.action, event.action), str((event.after or {}).get("reason", ""))) for event in rows]


def _may(request: TenantRequest, row: Invoice) -> dict[str, bool]:
    """What this person may do with the invoice as it is."""
    may, state = request.membership.may, InvoiceState(row.state)
    editable = state in overview.OPEN_STATES
    own = row.prepared_by_id == request.membership.id
    return {
        "refresh": editable and may(P.DRAFT_INVOICES),
        "submit": state == InvoiceState.DRAFT and may(P.DRAFT_INVOICES),
        "approve": state == InvoiceState.IN_REVIEW and may(P.APPROVE_INVOICES) and not own,
        "waits": state == InvoiceState.IN_REVIEW and may(P.APPROVE_INVOICES) and own,
        "return": state in {InvoiceState.IN_REVIEW, InvoiceState.APPROVED} and may(P.APPROVE_INVOICES),
        "again": state == InvoiceState.DISCARDED and may(P.DRAFT_INVOICES),
        "discard": editable and may(P.DRAFT_INVOICES),
        "issue": state == InvoiceState.APPROVED and may(P.ISSUE_INVOICES),
        "render": may(P.EXPORT_INVOICES),
        "work": may(P.VIEW_WORK),
    }


def _stored(request: TenantRequest, row: Invoice) -> dict[str, Any]:
    """The PDF, or how far its rendering is."""
    document = documents.pdf_of(row)
    if document is not None:
        return {"document": document}
    job = Job.objects.filter(kind="billing.render", key=f"render:{row.id}").order_by("-id").first()
    return {"document": None, "job": job, "failed": job is None or job.state in {JobState.DEAD, JobState.CANCELLED}}


# --- a line opened -------------------------------------------------------------------------------------------------------------


def _opened(request: TenantRequest, row: Invoice, lines: Sequence[InvoiceLine]) -> dict[str, Any] | None:
    chosen = request.GET.get("line", "")
    position = int(chosen) if chosen.isdecimal() and len(chosen) < 7 else (lines[0].position if lines and not chosen else 0)
    line = _line(row, position) if any(line.position == position for line in lines) else None
    if line is None:
        return None
    found = opened(line)
    slug = request.organization.slug
    return {
        "line": line,
        "rule": found.rule,
        "version": found.version,
        "rows": found.rows,
        "sections": [_section(section, found, slug, request.membership.may(P.VIEW_WORK)) for section in found.sections],
        "csv_url": invoice_url(request, row, "line_rows", line.position),
        "asked": bool(chosen),
        "evidence": _evidence(line, slug),
        "sheets": _sheets(line, slug),
    }


def _section(section: Any, found: Opened, slug: str, sees_work: bool) -> dict[str, Any]:
    items = sees_work and found.version is not None and found.version.workstream_id is not None
    return {
        "title": section.title,
        "more": section.more,
        "more_amount": section.more_amount,
        "leaves": [{"leaf": leaf, "url": _leaf_url(leaf, slug, items)} for leaf in section.leaves],
    }


def _leaf_url(leaf: Any, slug: str, items: bool) -> str:
    if leaf.kind is LeafKind.ROW and items and leaf.source:
        return reverse("engagements:item", args=[slug, leaf.source])
    if leaf.kind is LeafKind.BILLED and leaf.source:
        return reverse("billing:by_number", args=[slug, leaf.source])
    return ""


def _evidence(line: InvoiceLine, slug: str) -> Mapping[str, str]:
    """The window that a credit was decided in, with the items behind its figure."""
    if line.claim is None:
        return {}
    level, attainment = line.claim.level, line.claim.attainment
    number = ServiceLevel.objects.filter(workstream_id=level.workstream_id, id__lte=level.id).count()
    parts = [slug, level.workstream.item_prefix, number, first_day(attainment.window_start, attainment.level_version)]
    return {"label": f"{level.name}, {attainment.label}: every item", "url": reverse("sla:window", args=parts)}


def _sheets(line: InvoiceLine, slug: str) -> list[tuple[str, str, str]]:
    """The timesheets of the person a line charges: label, state and page."""
    if line.group != "staff":
        return []
    return [
        (f"{sheet.placement.name}, {sheet.label}", sheet.get_state_display(), timesheet_url(slug, sheet)) for sheet in sheets_behind(line)
    ]


def _line(row: Invoice, position: int) -> InvoiceLine | None:
    lines = InvoiceLine.objects.filter(invoice=row, position=position).defer("explanation")
    found = lines.select_related("term", "rated_period", "claim__level__workstream", "claim__attainment__level_version").first()
    if found is not None:
        found.invoice = row
    return found


@requires(P.VIEW_MONEY)
def line_rows(request: TenantRequest, organization: str, reference: str, period: str, position: int) -> HttpResponse:
    """The backup of one line: every leaf, the amounts summing to the line exactly."""
    row = invoice_or_404(reference, period)
    line = InvoiceLine.objects.filter(invoice=row, position=position).first()
    if line is None:
        raise Http404("No such page.")
    return file(freeze.backup_csv(line), f"{_name(row)}-line-{position}.csv", "text/csv; charset=utf-8")


# --- files ---------------------------------------------------------------------------------------------------------------------


def _name(row: Invoice) -> str:
    return row.number or f"{row.engagement.reference}-{row.period.slug}-draft"


def _refuse_walled(row: Invoice) -> None:
    """A file holds every line; it is not for who may not see them all."""
    if overview.restricted(row, overview.lines_of(row)) is not None:
        raise PermissionDenied("This file holds lines of a restricted matter. A person inside its wall can open it.")


@requires(P.VIEW_MONEY)
def invoice_pdf(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    """The stored bytes of an issued invoice, checked against their hash."""
    row = invoice_or_404(reference, period)
    stored = documents.pdf_of(row) if row.state == InvoiceState.ISSUED else None
    if stored is None:
        raise Http404("No such file.")
    _refuse_walled(row)
    content = content_of(Document.objects.get(pk=stored.pk))
    return file(content, stored.file_name, documents.PDF, inline="download" not in request.GET)


@requires(P.VIEW_MONEY)
def preview(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    """The draft as it would print, marked as a draft on every page. Nothing is stored."""
    row = invoice_or_404(reference, period)
    if row.state not in overview.OPEN_STATES:
        raise Http404("No such file.")
    _refuse_walled(row)
    contract = contract_on(row.engagement, row.period.starts_on)
    if contract is None:
        raise Http404("No such file.")
    now = timezone.now()
    today = queries.local_day(now, row.legal_entity.time_zone)
    due = today + timedelta(days=contract.payment_days)
    try:
        frozen, files = freeze.freeze(row, contract, number="DRAFT", issued_at=now, issue_date=today, due_date=due)
    except Inconsistent as error:
        return render(request, "billing/cannot_preview.html", {"back": invoice_url(request, row), "why": str(error)}, status=422)
    return file(render_invoice(frozen, files=files, draft=True), f"{_name(row)}.pdf", documents.PDF, inline=True)


@requires(P.VIEW_MONEY)
def invoice_lines(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    """The lines as CSV: of an issued invoice from its snapshot, of a draft as they stand."""
    row = invoice_or_404(reference, period)
    _refuse_walled(row)
    if row.state == InvoiceState.ISSUED:
        content = exports.lines_csv([Invoice.objects.get(pk=row.pk)])
    else:
        header = ("line", "group", "description", "detail", "quantity", "unit", "unit price", "amount", "currency")
        content = write_csv(header, (_cells(line, row) for line in overview.lines_of(row)))
    return file(content, f"{_name(row)}-lines.csv", "text/csv; charset=utf-8")


def _cells(line: InvoiceLine, row: Invoice) -> tuple[Any, ...]:
    title = freeze.GROUPS.get(line.group, line.group)
    return (line.position, title, line.description, line.detail, line.quantity, line.unit, line.unit_price, line.amount, row.currency)


@requires(P.VIEW_MONEY)
def compare(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    row = invoice_or_404(reference, period)
    previous = overview.previous_of(row)
    now, before = overview.lines_of(row), overview.lines_of(previous) if previous else []
    hidden = overview.restricted(row, now)
    context = {
        **_head(request, row, previous),
        "rows": [(freeze.GROUPS.get(line.group, line.group), line) for line in overview.compare(now, before)],
        "hidden": hidden,
        "difference": row.net - previous.net if previous else None,
    }
    context["crumbs"] = [*context["crumbs"][:-1], (row.client.name, context["page_url"]), ("Compare", "")]
    return render(request, "billing/compare.html", context)


@requires(POST=P.EXPORT_INVOICES)
def render_again(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    """Ask once more for a PDF whose rendering failed; one that is stored or on its way stays as it is."""
    row = invoice_or_404(reference, period)
    if row.state == InvoiceState.ISSUED and documents.pdf_of(row) is None:
        enqueue("billing.render", {"invoice": row.id}, by=request.actor, key=f"render:{row.id}", title=f"PDF of {row.number}")
    return HttpResponse(status=302, headers={"Location": invoice_url(request, row)})
