"""One month's end as of the days after it: windows closed and published, claims made final, invoices issued by two people."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime

from billing import actions as billing
from billing.models import Invoice, InvoiceLine
from billing.periods import period_on
from engagements.models import Engagement
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla import actions as sla
from sla.models import Attainment


@dataclass(frozen=True)
class Chain:
    """`settle` waits until background work is done."""

    organization: Organization
    preparer: Membership
    approver: Membership
    settle: Callable[[Organization], None]

    def close(self, now: datetime) -> list[Attainment]:
        """Close and publish every window that had ended by `now`."""
        self.settle(self.organization)
        by = Actor.system(self.organization.id, "Month end")
        with in_organization(self.organization.id):
            figures = Attainment.objects.filter(state="open", window_end__lte=now).select_related("level").order_by("id")
            return [
                sla.close_window(level=figure.level, window_start=figure.window_start, by=by, publish=True, now=now) for figure in figures
            ]

    def invoice(self, month: date, now: datetime, drafts: AbstractSet[str], in_review: AbstractSet[str]) -> list[Invoice]:
        """Draft, approve and issue the month of every engagement that has something to bill.

        `drafts` and `in_review` name engagements whose invoice stops there.
        """
        issued = []
        with in_organization(self.organization.id):
            sla.finalize_claims(by=Actor.system(self.organization.id, "Month end"), now=now)
            engagements = Engagement.objects.select_related("client", "legal_entity").filter(status="open").order_by("reference")
            for engagement in engagements:
                last = month.replace(day=28)
                if engagement.starts_on <= last:
                    stop = "draft" if engagement.reference in drafts else "in_review" if engagement.reference in in_review else ""
                    invoice = self._issue(engagement, period_on(engagement, last).index, now, stop)
                    issued += [invoice] if invoice is not None else []
        return issued

    def _issue(self, engagement: Engagement, index: int, now: datetime, stop: str) -> Invoice | None:
        preparer, approver = Actor.member(self.preparer), Actor.member(self.approver)
        invoice = billing.draft_invoice(engagement=engagement, index=index, by=preparer, now=now)
        if not InvoiceLine.objects.filter(invoice=invoice).exists():
            billing.discard_invoice(invoice=invoice, by=preparer)
            return None
        if stop == "draft":
            return invoice
        billing.submit_invoice(invoice=invoice, by=preparer)
        if stop == "in_review":
            return invoice
        billing.approve_invoice(invoice=invoice, by=approver, now=now)
        return billing.issue_invoice(invoice=invoice, by=preparer, now=now)
