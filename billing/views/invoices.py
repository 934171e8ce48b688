"""The list of invoices, and the way from a number to its invoice."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import urlencode

from billing import overview
from billing.findings import visible_findings
from billing.models import Invoice, InvoiceState
from billing.noted import Finding
from billing.views.edges import address, invoice_url, month_of
from billing.wording import KINDS
from engagements.models import Client
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.paging import newest_first

STATES = [("", "All"), *InvoiceState.choices]


def _filtered(query: dict[str, str]) -> tuple[QuerySet[Invoice], dict[str, str]]:
    """The rows asked for, and the filters that were understood."""
    rows, kept = Invoice.objects.all(), {}
    if query.get("state") in InvoiceState.values:
        kept["state"] = query["state"]
        rows = rows.filter(state=query["state"])
    else:
        rows = rows.exclude(state=InvoiceState.DISCARDED)
    if client := query.get("client", "").strip():
        kept["client"] = client
        rows = rows.filter(client__code=client)
    if month := month_of(query.get("month", "")):
        kept["month"] = f"{month:%Y-%m}"
        rows = rows.filter(period__ends_on__range=overview.month_bounds(month))
    return rows, kept


@requires(P.VIEW_MONEY)
def invoices(request: TenantRequest, organization: str) -> HttpResponse:
    rows, kept = _filtered(request.GET.dict())
    related = rows.select_related("client", "engagement", "period").defer("snapshot")
    page = newest_first(related, {**kept, **{name: request.GET[name] for name in ("older", "newer") if name in request.GET}})
    pending = [row for row in page.rows if row.state in overview.OPEN_STATES]
    found = visible_findings(pending)
    listed = [_row(request, row, found.get(row.id, [])) for row in page.rows]
    if kept.get("state") == InvoiceState.DRAFT:
        listed.sort(key=lambda row: (not row["blocks"], not row["warnings"]))
    here = address("invoices", organization)
    context = {
        "page": page,
        "rows": listed,
        "totals": overview.totals(rows),
        "kept": {"state": "", "client": "", "month": "", **kept},
        "filtered": bool(kept),
        "here": here,
        "chips": [
            {"label": label, "url": _with(here, kept, state=state), "current": kept.get("state", "") == state} for state, label in STATES
        ],
        "clients": list(Client.objects.order_by("name", "id").values_list("code", "name")[:500]),
        "any": bool(listed) or Invoice.objects.exists(),
    }
    return render(request, "billing/invoices.html", context)


def _with(here: str, kept: dict[str, str], **changed: str) -> str:
    query = {name: value for name, value in {**kept, **changed}.items() if value}
    return f"{here}?{urlencode(query)}" if query else here


def _row(request: TenantRequest, invoice: Invoice, found: list[Finding]) -> dict[str, object]:
    blocks = sum(finding.severity == "block" for finding in found)
    return {
        "invoice": invoice,
        "url": invoice_url(request, invoice),
        "kind": KINDS[invoice.state],
        "blocks": blocks,
        "warnings": len(found) - blocks,
        "first": found[0].text if found else "",
    }


@requires(P.VIEW_MONEY)
def by_number(request: TenantRequest, organization: str, number: str) -> HttpResponse:
    """People say the number aloud; the page is the engagement's period."""
    found = Invoice.objects.filter(number=number).select_related("engagement", "period").defer("snapshot").first()
    if found is None:
        raise Http404("No such page.")
    return HttpResponseRedirect(invoice_url(request, found))
