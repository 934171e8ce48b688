"""A month's run: every engagement with a period that ended in it, from the first draft to the issued invoices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from billing import actions, overview
from billing.actions import documents
from billing.models import Invoice, InvoiceState
from billing.overview import RunRow
from billing.views.edges import acting, address, ask_again, file, invoice_url, month_of
from billing.wording import KINDS
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.documents import content_of
from lpo.audit.models import Document
from lpo.core.errors import Refused
from lpo.core.money import add
from lpo.core.periods import add_months
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import current_scope

JOBS = ("billing.draft_month", "billing.issue_month", "billing.export")
_STATES = [
    ("none", "Not drafted"),
    ("draft", "Draft"),
    ("in_review", "In review"),
    ("approved", "Approved"),
    ("issued", "Issued"),
]


def _month(text: str) -> date:
    """The month asked for; the one that ended last where none is."""
    return month_of(text) or add_months(timezone.localdate().replace(day=1), -1)


def _here(request: TenantRequest, month: date) -> str:
    return f"{address('run', request.organization.slug)}?{urlencode({'month': f'{month:%Y-%m}'})}"


@requires(P.VIEW_MONEY)
def run(request: TenantRequest, organization: str) -> HttpResponse:
    month = _month(request.GET.get("month", ""))
    rows = overview.run_rows(month)
    jobs = _jobs(request, month)
    parked = _parked(jobs)
    outcome = request.session.pop("billing_run", {}) if request.session.get("billing_run") else {}
    may = request.membership.may
    offered = _offered(request, rows)
    context = {
        "month": month,
        "may_submit": InvoiceState.DRAFT in offered,
        "may_approve": InvoiceState.IN_REVIEW in offered,
        "here": _here(request, month),
        "previous_url": _here(request, add_months(month, -1)),
        "next_url": _here(request, add_months(month, 1)),
        # What could not be drafted or was refused stands before everything else.
        "rows": sorted(
            (_row(request, row, parked, outcome, offered) for row in rows), key=lambda row: not (row["parked"] or row["failed"])
        ),
        "counts": _counts(rows),
        "totals": _totals(rows),
        "jobs": [job for job in jobs.values() if job.live or job.state == JobState.DEAD],
        "export": jobs.get("export"),
        "approved": sum(row.invoice is not None and row.invoice.state == InvoiceState.APPROVED for row in rows),
        "issued": sum(row.invoice is not None and row.invoice.state == InvoiceState.ISSUED for row in rows),
        "open": sum(row.ended and row.priced and (row.invoice is None or row.invoice.state == InvoiceState.DRAFT) for row in rows),
        "outcome": outcome,
        "may_draft": may(P.DRAFT_INVOICES),
        "may_edit_terms": may(P.EDIT_TERMS),
        "may_issue": may(P.ISSUE_INVOICES) and not ("issue" in jobs and jobs["issue"].live),
        "may_export": may(P.EXPORT_INVOICES),
        "may_see_jobs": may(P.VIEW_JOBS),
    }
    return render(request, "billing/run.html", context)


def _export_key(request: TenantRequest, month: date) -> str:
    return f"export:{month:%Y-%m}:{request.membership.id}"


def _jobs(request: TenantRequest, month: date) -> dict[str, Job]:
    """The latest job of each kind for the month; of the exports the viewer's own."""
    keys = {f"draft:{month:%Y-%m}": "draft", f"issue:{month:%Y-%m}": "issue", _export_key(request, month): "export"}
    found: dict[str, Job] = {}
    for job in Job.objects.filter(kind__in=JOBS, key__in=keys).defer("payload", "cursor").order_by("id"):
        found[keys[job.key]] = job
    return found


def _parked(jobs: dict[str, Job]) -> dict[str, str]:
    """Engagements that a finished job left aside, with the reason."""
    found: dict[str, str] = {}
    for name in ("draft", "issue"):
        if name in jobs and jobs[name].state == JobState.DONE:
            found |= jobs[name].result.get("parked", {})
    return found


def _offered(request: TenantRequest, rows: Sequence[RunRow]) -> set[str]:
    """The states in which this person can move some invoice of the month: what one prepared oneself, another approves."""
    may = request.membership.may
    found = set()
    for invoice in (row.invoice for row in rows if row.invoice is not None):
        if invoice.state == InvoiceState.DRAFT and may(P.DRAFT_INVOICES):
            found.add(str(invoice.state))
        if invoice.state == InvoiceState.IN_REVIEW and may(P.APPROVE_INVOICES) and not _waits_for_another(request, invoice):
            found.add(str(invoice.state))
    return found


def _row(request: TenantRequest, row: RunRow, parked: dict[str, str], outcome: dict[str, Any], offered: set[str]) -> dict[str, Any]:
    reference = row.engagement.reference
    invoice = row.invoice
    waits = invoice is None or invoice.state in {InvoiceState.DRAFT, InvoiceState.APPROVED}
    return {
        "row": row,
        "invoice": invoice,
        "kind": KINDS[invoice.state] if invoice else "draft",
        "url": invoice_url(request, invoice) if invoice else "",
        "parked": parked.get(reference, "") if waits else "",
        "failed": outcome.get("failed", {}).get(reference, ""),
        "changed": reference in outcome.get("changed", []),
        "first": row.findings[0].text if row.findings else "",
        "change": overview.change_text(row.change) if row.change else "",
        "terms_url": address("terms", request.organization.slug, reference),
        "selectable": invoice is not None and invoice.state in offered and not _waits_for_another(request, invoice),
    }


def _waits_for_another(request: TenantRequest, invoice: Invoice) -> bool:
    return invoice.state == InvoiceState.IN_REVIEW and invoice.prepared_by_id == request.membership.id


def _counts(rows: Sequence[RunRow]) -> list[tuple[str, str, int]]:
    by_state: dict[str, int] = {}
    for row in rows:
        state = row.invoice.state if row.invoice else "none" if row.priced else "unpriced"
        by_state[state] = by_state.get(state, 0) + 1
    return [(state, label, by_state.get(state, 0)) for state, label in _STATES]


def _totals(rows: Sequence[RunRow]) -> list[dict[str, Any]]:
    """Net by currency, with what the same engagements came to a period earlier."""
    found: dict[str, list[RunRow]] = {}
    for row in rows:
        if row.invoice is not None:
            found.setdefault(row.invoice.currency, []).append(row)
    totals = []
    for currency, listed in sorted(found.items()):
        net = add(*(row.invoice.net for row in listed if row.invoice))
        before = add(*(row.previous.net for row in listed if row.previous))
        change = overview.change(net, before)
        relative = f"{overview.change_text(change)} {'above' if change > 0 else 'below'}" if change else "as"
        totals.append({"currency": currency, "net": net, "note": f"{relative} the period before" if before else ""})
    return totals


# --- what is done ----------------------------------------------------------------------------------------------------------------


def _posted_month(request: TenantRequest) -> date:
    month = month_of(request.POST.get("month", ""))
    if month is None:
        raise Http404("No such month.")
    return month


@requires(POST=P.DRAFT_INVOICES)
@acting
def draft_all(request: TenantRequest, organization: str) -> HttpResponse:
    month = _posted_month(request)
    payload = {"month": month.isoformat()}
    enqueue("billing.draft_month", payload, by=request.actor, key=f"draft:{month:%Y-%m}", title=f"Drafts of {month:%B %Y}")
    return HttpResponseRedirect(_here(request, month))


@requires(POST=P.EXPORT_INVOICES)
@acting
def export(request: TenantRequest, organization: str) -> HttpResponse:
    month = _posted_month(request)
    payload = {"month": month.isoformat()}
    # What a person may read differs by wall, so everybody's export is their own.
    enqueue("billing.export", payload, by=request.actor, key=_export_key(request, month), title=f"Export of {month:%B %Y}")
    return HttpResponseRedirect(_here(request, month))


@requires(POST=P.VIEW_MONEY)
@acting
def bulk(request: TenantRequest, organization: str) -> HttpResponse:
    """Send for approval or approve what was ticked; a refusal leaves the others done and is shown in its row."""
    month = _posted_month(request)
    moves: dict[str, tuple[Callable[..., Any], InvoiceState]] = {
        "submit": (actions.submit_invoice, InvoiceState.DRAFT),
        "approve": (actions.approve_invoice, InvoiceState.IN_REVIEW),
    }
    if request.POST.get("do") not in moves:
        raise Http404("No such action.")
    act, start = moves[request.POST["do"]]
    request.actor.need(P.DRAFT_INVOICES if start == InvoiceState.DRAFT else P.APPROVE_INVOICES)
    chosen = set(request.POST.getlist("selected"))
    changed, failed = [], {}
    for row in overview.run_rows(month):
        if row.invoice is None or row.engagement.reference not in chosen:
            continue
        try:
            with transaction.atomic():
                act(invoice=row.invoice, by=request.actor)
            changed.append(row.engagement.reference)
        except Refused as refused:
            failed[row.engagement.reference] = refused.message
    request.session["billing_run"] = {"changed": changed, "failed": failed, "did": request.POST["do"]}
    return HttpResponseRedirect(_here(request, month))


@requires(P.ISSUE_INVOICES, POST=P.ISSUE_INVOICES)
@acting
def issue_all(request: TenantRequest, organization: str) -> HttpResponse:
    """Issue every approved invoice of the month, after signing in once more and typing how many."""
    month = _month(request.GET.get("month", "")) if request.method == "GET" else _posted_month(request)
    page = f"{address('run_issue', organization)}?month={month:%Y-%m}"
    approved = [row.invoice for row in overview.run_rows(month) if row.invoice and row.invoice.state == InvoiceState.APPROVED]
    if not approved:
        messages.info(request, f"No invoice of {month:%B %Y} is approved and waits to be issued.")
        return HttpResponseRedirect(_here(request, month))
    if (asked := ask_again(request, page)) is not None:
        return asked
    word, error = f"ISSUE {len(approved)}", ""
    if request.method == "POST":
        if request.POST.get("confirmation", "").strip().upper() == word:
            _enqueue_issue(request, month, approved)
            return HttpResponseRedirect(_here(request, month))
        error = f"{len(approved)} invoices are approved now. Type {word} to issue them."
    sums = {currency: add(*(row.gross for row in approved if row.currency == currency)) for currency in {row.currency for row in approved}}
    context = {
        "month": month,
        "word": word,
        "error": error,
        "approved": [(row, invoice_url(request, row)) for row in approved],
        "sums": sorted(sums.items()),
        "back": _here(request, month),
        "crumbs": [(f"{month:%B %Y}", _here(request, month)), ("Issue", "")],
    }
    return render(request, "billing/issue_month.html", context, status=422 if error else 200)


def _enqueue_issue(request: TenantRequest, month: date, approved: Sequence[Invoice]) -> None:
    payload = {"month": month.isoformat(), "invoices": sorted(row.id for row in approved)}
    title = f"Issue {len(approved)} invoices of {month:%B %Y}"
    enqueue("billing.issue_month", payload, by=request.actor, key=f"issue:{month:%Y-%m}", title=title, total=len(approved))


@requires(P.EXPORT_INVOICES)
def export_file(request: TenantRequest, organization: str, sha256: str) -> HttpResponse:
    """A finished export by the hash of its bytes. Who stands outside a wall gets their own exports only."""
    found = Document.objects.filter(kind="invoice_export", sha256=sha256)
    scope = current_scope()
    if scope.hidden_matters or scope.only_matters is not None:
        found = found.filter(reference=documents.export_reference(request.membership.id))
    document = found.order_by("id").first()
    if document is None:
        raise Http404("No such file.")
    return file(content_of(document), document.file_name, document.media_type)
