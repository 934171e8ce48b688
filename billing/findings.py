"""Pre-flight: what stands in the way of issuing, and what the approver should see first. Computed, never stored."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from billing import queries
from billing.models import ChargeTermVersion, Invoice, InvoiceLine
from engagements.models import ImportBatch, Matter, MatterInsider, Transition, Workstream
from lpo.accounts.models import Membership
from lpo.accounts.roles import ROLE_PERMISSIONS, Permission
from sla.models import Attainment, CreditClaim


@dataclass(frozen=True)
class Finding:
    """`severity` is block or warn; `position` names a line, None the whole invoice."""

    severity: str
    text: str
    position: int | None = None


def findings(invoice: Invoice) -> list[Finding]:
    """Everything found, blocks first."""
    found = [
        *_lines(invoice),
        *_unpriced(invoice),
        *_loading(invoice),
        *_windows(invoice),
        *_claims(invoice),
        *_walls(invoice),
        *_addresses(invoice),
    ]
    return sorted(found, key=lambda finding: (finding.severity != "block", finding.position or 0))


def blocking(invoice: Invoice) -> list[Finding]:
    return [finding for finding in findings(invoice) if finding.severity == "block"]


def _lines(invoice: Invoice) -> list[Finding]:
    if not InvoiceLine.objects.filter(invoice=invoice).exists():
        return [Finding("block", "There is nothing to bill: no line has an amount.")]
    if invoice.gross < 0:
        return [Finding("warn", "Credits exceed the charges: the invoice comes to less than zero.")]
    return []


def _unpriced(invoice: Invoice) -> list[Finding]:
    """Delivered work in a workstream that no unit term feeds on, unless a fixed fee covers the engagement."""
    terms = ChargeTermVersion.objects.filter(term__engagement_id=invoice.engagement_id)
    if terms.filter(term__model="fixed").exists():
        return []
    fed = terms.filter(workstream_id__isnull=False).values("workstream_id")
    streams = Workstream.objects.filter(matter__engagement_id=invoice.engagement_id).exclude(id__in=fed).order_by("id")
    found = []
    for stream in streams:
        delivered = Transition.objects.filter(
            item__workstream=stream, to_state="delivered", at__gte=invoice.period.starts_at, at__lt=invoice.period.ends_at
        )
        if delivered.exists():
            found.append(
                Finding("block", f"Unpriced work: {stream.title} was delivered in {invoice.period.label}, and no term charges it.")
            )
    return found


def _loading(invoice: Invoice) -> list[Finding]:
    loading = ImportBatch.objects.filter(workstream__matter__engagement_id=invoice.engagement_id, state="loading").order_by("id")
    return [Finding("block", f"{batch.file_name} is still loading; its items are not complete.") for batch in loading]


def _windows(invoice: Invoice) -> list[Finding]:
    open_windows = Attainment.objects.filter(
        level__workstream__matter__engagement_id=invoice.engagement_id,
        state="open",
        window_start__gte=invoice.period.starts_at,
        window_start__lt=invoice.period.ends_at,
        level__active=True,
    ).exclude(denominator=0)
    names = [f"{row.level.name}, {row.label}" for row in open_windows.select_related("level").order_by("id")]
    if not names:
        return []
    return [Finding("warn", f"Service-level windows still open, so their credits are not on this invoice: {queries.names(names)}.")]


def _claims(invoice: Invoice) -> list[Finding]:
    provisional = CreditClaim.objects.filter(level__workstream__matter__engagement_id=invoice.engagement_id, state="provisional")
    names = [f"{claim.level.name}, {claim.attainment.label}" for claim in provisional.select_related("level", "attainment").order_by("id")]
    if not names:
        return []
    return [Finding("warn", f"Credits that can still be contested wait for a later invoice: {queries.names(names)}.")]


def _walls(invoice: Invoice) -> list[Finding]:
    """A walled matter needs somebody inside its wall who may bill."""
    billers = [role for role, permissions in ROLE_PERMISSIONS.items() if Permission.DRAFT_INVOICES in permissions]
    members = Membership.objects.filter(organization_id=invoice.organization_id, role__in=billers, is_active=True).values("id")
    inside = MatterInsider.objects.filter(member_id__in=members).values("matter_id")
    walled = Matter.objects.filter(engagement_id=invoice.engagement_id, walled=True).exclude(id__in=inside)
    return [Finding("block", "A restricted matter is billed here, and nobody inside its wall may bill.")] if walled.exists() else []


def _addresses(invoice: Invoice) -> list[Finding]:
    found = []
    contract = queries.contract_on(invoice.engagement, invoice.period.starts_on)
    if contract is not None and not contract.purchase_order:
        found.append(Finding("warn", "The contract names no purchase order."))
    if invoice.client.tax_category == "AE" and not invoice.client.tax_id:
        found.append(Finding("block", f"Reverse charge needs {invoice.client.name}'s tax ID."))
    if not invoice.client.accounts_payable:
        found.append(Finding("warn", f"{invoice.client.name} has no accounts-payable contact."))
    return found


def late_work(invoice: Invoice) -> bool:
    """Whether a line corrects an earlier period."""
    return InvoiceLine.objects.filter(Q(invoice=invoice) & ~Q(rated_period_id=invoice.period_id) & Q(claim_id__isnull=True)).exists()
