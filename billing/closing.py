"""What of this room is open when an engagement is closed."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse

from billing import queries
from billing.models import BillingPeriod, Invoice, InvoiceState
from engagements import closing
from engagements.closing import Unfinished
from engagements.models import Engagement
from lpo.accounts.roles import Permission


def register() -> None:
    if unfinished not in closing.sources:
        closing.sources.append(unfinished)


def unfinished(slug: str, engagement: Engagement) -> Iterator[Unfinished]:
    url, money = reverse("billing:invoices", args=[slug]), Permission.VIEW_MONEY
    live = Invoice.objects.filter(engagement=engagement).exclude(state__in=[InvoiceState.ISSUED, InvoiceState.DISCARDED])
    yield Unfinished(live.count(), "invoice in preparation", "invoices in preparation", url, money)
    invoiced = Invoice.objects.filter(engagement=engagement).exclude(state=InvoiceState.DISCARDED).values("period_id")
    begun = BillingPeriod.objects.filter(engagement=engagement).exclude(id__in=invoiced)
    yield Unfinished(begun.count(), "billing period without an invoice", "billing periods without an invoice", url, money)
    yield Unfinished(
        len(list(queries.open_claims(engagement))),
        "final service credit not on an invoice",
        "final service credits not on an invoice",
        url,
        money,
    )
