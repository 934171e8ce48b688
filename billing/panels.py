"""What billing shows on an engagement's page: its charge terms and its invoices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing import queries, wording
from billing.models import ChargeTermVersion, Invoice, InvoiceState
from engagements import panels
from engagements.models import Engagement
from engagements.panels import Panel
from lpo.accounts.roles import Permission

if TYPE_CHECKING:
    from lpo.accounts.access import TenantRequest

SHOWN = 6


def register() -> None:
    for source in (charge_terms, invoices):
        if source not in panels.engagement_panels:
            panels.engagement_panels.append(source)


def charge_terms(request: TenantRequest, engagement: Engagement) -> Panel | None:
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    versions = ChargeTermVersion.objects.filter(term__engagement=engagement).select_related("term", "workstream")
    latest = {version.term_id: version for version in versions.order_by("number")}
    currency = queries.currency_of(engagement)
    rows = [
        {"term": version.term, "version": version, "price": wording.summary(version, version.term.model, currency)}
        for version in sorted(latest.values(), key=lambda version: (version.term.position, version.term_id))
    ]
    context = {"engagement": engagement, "rows": rows, "may_edit": request.membership.may(Permission.EDIT_TERMS)}
    return Panel("Charge terms", "billing/_terms_panel.html", context, Permission.VIEW_MONEY, flush=True)


def invoices(request: TenantRequest, engagement: Engagement) -> Panel | None:
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    rows = Invoice.objects.filter(engagement=engagement).exclude(state=InvoiceState.DISCARDED).select_related("period").defer("snapshot")
    found = list(rows.order_by("-period__index")[: SHOWN + 1])
    context = {"engagement": engagement, "rows": found[:SHOWN], "more": len(found) > SHOWN}
    return Panel("Invoices", "billing/_invoices_panel.html", context, Permission.VIEW_MONEY, flush=True)
