"""What billing shows on other rooms' pages: an engagement's charge terms and invoices, the line a credit claim became."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone

from billing import finding, queries, wording
from billing.models import ChargeTermVersion, Invoice, InvoiceLine, InvoiceState
from billing.spending import spent
from engagements import panels
from engagements.models import Engagement
from engagements.panels import Panel
from lpo.accounts.roles import Permission
from lpo.core.templatetags.formats import money
from sla import slots
from sla.models import CreditClaim
from sla.slots import Became

if TYPE_CHECKING:
    from lpo.accounts.access import TenantRequest

SHOWN = 6


def register() -> None:
    for source in (spend, charge_terms, invoices):
        if source not in panels.engagement_panels:
            panels.engagement_panels.append(source)
    panels.searches["Invoices"] = finding.invoices
    if credited not in slots.claim_became:
        slots.claim_became.append(credited)


def spend(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """What is invoiced and in preparation against the contract's baseline amount."""
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    rows = spent(engagement, timezone.now())
    if not rows:
        return None
    return Panel("Fees against the baseline", "billing/_spend_panel.html", {"rows": rows}, Permission.VIEW_MONEY, flush=True)


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
    context = {"engagement": engagement, "rows": [(row, wording.KINDS[row.state]) for row in found[:SHOWN]], "more": len(found) > SHOWN}
    return Panel("Invoices", "billing/_invoices_panel.html", context, Permission.VIEW_MONEY, flush=True)


def credited(request: TenantRequest, claim: CreditClaim) -> Became | None:
    """The invoice line that gives the credit, opened."""
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    lines = InvoiceLine.objects.filter(claim=claim).defer("explanation", "invoice__snapshot")
    line = lines.select_related("invoice__engagement", "invoice__period").order_by("-id").first()
    if line is None:
        return None
    invoice = line.invoice
    page = reverse("billing:invoice", args=[request.organization.slug, invoice.engagement.reference, invoice.period.slug])
    named = (
        f"invoice {invoice.number}" if invoice.number else f"the {invoice.get_state_display().lower()} invoice of {invoice.period.label}"
    )
    amount = f"{money(line.amount, invoice.currency)} {invoice.currency}"
    return Became(f"Line {line.position} of {named}, {amount}", f"{page}?line={line.position}#why")
