"""What is done to an invoice: refresh, send for approval, approve, return, discard, issue. Each a POST, then the page again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from billing import actions, overview
from billing.forms import ReturnForm
from billing.models import Invoice, InvoiceState
from billing.views.edges import acting, ask_again, invoice_or_404, invoice_url, told
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused


def _version(request: TenantRequest) -> int | None:
    """The version the page showed; None when a form carries none."""
    text = request.POST.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _moved(request: TenantRequest, row: Invoice, reached: set[InvoiceState], act: Callable[..., Any], **more: Any) -> HttpResponse:
    """Run one action and show the invoice again. The second click of a double one finds the state reached and changes nothing."""
    request.page_url = invoice_url(request, row)  # type: ignore[attr-defined]
    if row.state not in reached or not reached:
        told(request, lambda: act(invoice=row, by=request.actor, version=_version(request), **more))
    return HttpResponseRedirect(invoice_url(request, row))


@requires(POST=P.DRAFT_INVOICES)
@acting
def refresh(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    row = invoice_or_404(reference, period)
    before = row.net
    request.page_url = invoice_url(request, row)  # type: ignore[attr-defined]
    # Refreshing twice gives the same lines, so a version from before the first click is no conflict with oneself.
    found: list[Invoice] = []
    if told(request, lambda: found.append(actions.refresh_invoice(invoice=row, by=request.actor))):
        same = found[0].net == before
        messages.success(request, "Refreshed; nothing has changed." if same else "Refreshed from the work as it is now.")
    return HttpResponseRedirect(invoice_url(request, row))


@requires(POST=P.DRAFT_INVOICES)
@acting
def submit(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    row = invoice_or_404(reference, period)
    return _moved(request, row, {InvoiceState.IN_REVIEW}, actions.submit_invoice)


@requires(POST=P.APPROVE_INVOICES)
@acting
def approve(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    row = invoice_or_404(reference, period)
    return _moved(request, row, {InvoiceState.APPROVED}, actions.approve_invoice)


@requires(P.APPROVE_INVOICES, POST=P.APPROVE_INVOICES)
@acting
def send_back(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    """Return it with a reason, which the preparer reads on the page."""
    row = invoice_or_404(reference, period)
    form = ReturnForm(request.POST or None)
    request.page_url = invoice_url(request, row)  # type: ignore[attr-defined]
    if request.method == "POST":
        if row.state == InvoiceState.DRAFT:
            return HttpResponseRedirect(invoice_url(request, row))
        if form.is_valid():
            try:
                reason = form.cleaned_data["reason"]
                actions.return_to_draft(invoice=row, by=request.actor, version=_version(request), reason=reason)
                return HttpResponseRedirect(invoice_url(request, row))
            except Refused as refused:
                if refused.field == "version":
                    raise
                form.refuse(refused)
    context = {"form": form, "invoice": row, "back": invoice_url(request, row), "crumbs": _crumbs(request, row, "Return")}
    return render(request, "billing/return.html", context, status=422 if form.is_bound else 200)


@requires(P.DRAFT_INVOICES, POST=P.DRAFT_INVOICES)
@acting
def discard(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    row = invoice_or_404(reference, period)
    request.page_url = invoice_url(request, row)  # type: ignore[attr-defined]
    if request.method == "POST":
        return _moved(request, row, {InvoiceState.DISCARDED}, actions.discard_invoice)
    if row.state not in overview.OPEN_STATES:
        return HttpResponseRedirect(invoice_url(request, row))
    context = {"invoice": row, "back": invoice_url(request, row), "crumbs": _crumbs(request, row, "Discard")}
    return render(request, "billing/discard.html", context)


@requires(POST=P.DRAFT_INVOICES)
@acting
def draft_again(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    """A draft in place of one that was given up; a live one is refreshed."""
    row = invoice_or_404(reference, period)
    told(request, lambda: actions.draft_invoice(engagement=row.engagement, index=row.period.index, by=request.actor))
    return HttpResponseRedirect(invoice_url(request, row))


@requires(P.ISSUE_INVOICES, POST=P.ISSUE_INVOICES)
@acting
def issue(request: TenantRequest, organization: str, reference: str, period: str) -> HttpResponse:
    """Issuing cannot be undone: the person signs in once more and types the total or the word."""
    row = invoice_or_404(reference, period)
    page = invoice_url(request, row)
    request.page_url = page  # type: ignore[attr-defined]
    if row.state == InvoiceState.ISSUED:
        return HttpResponseRedirect(page)
    if row.state != InvoiceState.APPROVED:
        messages.error(request, f"This invoice is {row.get_state_display().lower()}; only an approved one is issued.")
        return HttpResponseRedirect(page)
    if (asked := ask_again(request, request.path)) is not None:
        return asked
    error = ""
    if request.method == "POST":
        typed = request.POST.get("confirmation", "").strip()
        if typed.upper() == "ISSUE" or typed.replace(",", "") == f"{row.gross:.2f}":
            return _issued(request, row)
        error = "Type the word to issue the invoice."
    context = {"invoice": row, "back": page, "error": error, "crumbs": _crumbs(request, row, "Issue")}
    return render(request, "billing/issue.html", context, status=422 if error else 200)


def _issued(request: TenantRequest, row: Invoice) -> HttpResponse:
    version = _version(request)
    if version is not None and version != row.version:
        messages.error(request, "Somebody changed this invoice since you opened it. Read it once more before you issue it.")
    else:
        told(request, lambda: actions.issue_invoice(invoice=row, by=request.actor))
    return HttpResponseRedirect(invoice_url(request, row))


def _crumbs(request: TenantRequest, row: Invoice, last: str) -> list[tuple[str, str]]:
    return [(f"{row.engagement.reference} {row.period.label}", invoice_url(request, row)), (last, "")]
