"""Slots on the pages of service levels that rooms above fill in their AppConfig.ready; this room knows no money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sla.models import CreditClaim, ServiceLevelVersion

if TYPE_CHECKING:
    from engagements.models import Engagement
    from lpo.accounts.access import TenantRequest


@dataclass(frozen=True)
class Became:
    """What a credit claim became elsewhere, in words, with its address."""

    text: str
    url: str


# Returns None where the claim became nothing yet, or nothing this viewer may see.
Source = Callable[["TenantRequest", CreditClaim], Became | None]

claim_became: list[Source] = []


@dataclass(frozen=True)
class InMoney:
    """What a percentage of the credit base comes to in the period so far, after the cap, in words: 100.00 USD of 2,000.00 so far."""

    text: str


# (request, a level's version, start of the window, percent of the credit base) → None where it is no money, or none this viewer may see.
Worth = Callable[["TenantRequest", ServiceLevelVersion, datetime, Decimal], InMoney | None]

credit_worth: list[Worth] = []


# (engagement, a day) → first and last day of the invoice period that holds it; None where nothing is invoiced then.
InvoicePeriod = Callable[["Engagement", date], tuple[date, date] | None]

invoice_period: list[InvoicePeriod] = []


def period_of_credit(engagement: Engagement, day: date) -> tuple[date, date]:
    """First and last day of the invoice period in which a credit of that day falls; the calendar month where nobody invoices."""
    found = next((period for source in invoice_period if (period := source(engagement, day)) is not None), None)
    first = day.replace(day=1)
    return found or (first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def in_money(request: TenantRequest, version: ServiceLevelVersion, window: datetime, percent: Decimal) -> str:
    """What a credit would come to, from the first room that knows; empty where none does."""
    found = (source(request, version, window, percent) for source in credit_worth)
    return next((worth.text for worth in found if worth is not None), "")


def became(request: TenantRequest, claim: CreditClaim) -> list[Became]:
    return [found for source in claim_became if (found := source(request, claim)) is not None]
