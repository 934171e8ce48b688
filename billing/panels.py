"""What billing shows on other rooms' pages: an engagement's charge terms and invoices, the line a credit claim became."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone

from billing import finding, queries, wording
from billing.models import Charge, ChargeTerm, ChargeTermVersion, Invoice, InvoiceLine, InvoiceState
from billing.periods import invoice_period
from billing.spending import spent
from billing.staffing import Placed, pricing
from billing.stakes import credit_worth
from billing.terms import Days
from engagements import beside, panels
from engagements.models import Engagement, Placement
from engagements.panels import Panel
from engagements.placing import terms_of
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
    if rates not in panels.placement_panels:
        panels.placement_panels.append(rates)
    panels.searches["Invoices"] = finding.invoices
    if credited not in slots.claim_became:
        slots.claim_became.append(credited)
    if invoice_period not in slots.invoice_period:
        slots.invoice_period.append(invoice_period)
    if credit_worth not in slots.credit_worth:
        slots.credit_worth.append(credit_worth)


def spend(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """What is invoiced and in preparation against the contract's baseline amount."""
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    rows = spent(engagement, timezone.now(), beside.contracts_of(engagement))
    if not rows:
        return None
    return Panel("Fees against the baseline", "billing/_spend_panel.html", {"rows": rows}, Permission.VIEW_MONEY, flush=True)


def charge_terms(request: TenantRequest, engagement: Engagement) -> Panel | None:
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    versions = ChargeTermVersion.objects.filter(term__engagement=engagement).select_related(
        "term", "workstream", "placement", "timekeeper__user"
    )
    latest = {version.term_id: version for version in versions.order_by("number")}
    contract = beside.contracts_of(engagement)[-1:]
    currency = contract[0].currency if contract else engagement.client.currency
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


def rates(request: TenantRequest, placement: Placement) -> Panel | None:
    """What prices a placed person today, and the last lines that charged them."""
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    engagement = Engagement.objects.select_related("client", "legal_entity").get(pk=placement.matter.engagement_id)
    day = min(max(timezone.localdate(), placement.starts_on), placement.ends_on or timezone.localdate())
    spans = queries.spans(engagement, Days(day, day + timedelta(days=1)))
    placed = Placed(placement, terms_of([placement.pk])[placement.pk], "", {}, {})
    span = pricing(placed, day, spans)
    lines = InvoiceLine.objects.filter(
        pk__in=Charge.objects.filter(sheet_day__timesheet__placement=placement, voided_at__isnull=True).values("line")
    ).exclude(invoice__state=InvoiceState.DISCARDED)
    found = lines.select_related("invoice__engagement", "invoice__period").defer("explanation", "invoice__snapshot").order_by("-id")[:SHOWN]
    currency = queries.currency_of(engagement)
    context = {
        "engagement": engagement,
        "term": span.term if span else None,
        "number": ChargeTerm.objects.filter(engagement=engagement, id__lte=span.term.id).count() if span else 0,
        "words": wording.describe(span.version, "staff", currency) if span else [],
        "lines": [(line, wording.KINDS[line.invoice.state]) for line in found],
        "may_edit": request.membership.may(Permission.EDIT_TERMS),
    }
    return Panel("Rate", "billing/_rates_panel.html", context, Permission.VIEW_MONEY, flush=True)


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
