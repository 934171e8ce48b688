"""What a service credit would come to in money while its period still runs: the base so far, the cap on what is left of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from billing import assembly
from billing.models import BillingPeriod
from billing.periods import period_on
from billing.rating import Unpriced
from engagements.models import Engagement
from engagements.queries import contract_on
from lpo.accounts.roles import Permission
from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.money import round_money
from lpo.core.periods import Period
from lpo.core.templatetags.formats import money
from lpo.tenancy.context import current_scope, in_organization
from sla import windows
from sla.models import ServiceLevelVersion
from sla.slots import InMoney

if TYPE_CHECKING:
    from lpo.accounts.access import TenantRequest


def credit_worth(request: TenantRequest, version: ServiceLevelVersion, window: datetime, percent: Decimal) -> InMoney | None:
    """A percentage of the credit base of the period in which the window ends, under what the cap leaves of it."""
    if not request.membership.may(Permission.VIEW_MONEY):
        return None
    scope = current_scope()
    assert scope is not None  # noqa: S101 -- a page is served inside an organization
    # A total never varies by who asks: the base holds what stands behind walls too.
    with in_organization(scope.organization_id):
        last = windows.period(to_epoch(window), version.time_zone, version.window).last_day
        return _worth(version.level.workstream.matter.engagement_id, last, percent)


def _worth(engagement_id: int, day: date, percent: Decimal) -> InMoney | None:
    engagement = Engagement.objects.select_related("client", "legal_entity").get(pk=engagement_id)
    try:
        period = _row(engagement, period_on(engagement, day))
        contract = contract_on(engagement_id, period.starts_on)
        if contract is None:
            return None
        base, room = assembly.at_stake(engagement, period, contract)
    except (Unpriced, ValueError):
        # What cannot be rated yet has no amount; the draft says why.
        return None
    if base <= 0:
        return None
    currency = contract.currency
    whole = round_money(base * percent / 100, currency)
    granted = min(whole, max(Decimal(0), room))
    capped = f", {money(whole, currency)} before the cap" if granted != whole else ""
    return InMoney(f"{money(granted, currency)} {currency} of {money(base, currency)} so far{capped}")


def _row(engagement: Engagement, period: Period) -> BillingPeriod:
    """The period's row, or what it would be: looking makes none."""
    found: BillingPeriod | None = BillingPeriod.objects.filter(engagement=engagement, index=period.index).first()
    return found or BillingPeriod(
        engagement=engagement,
        client_id=engagement.client_id,
        index=period.index,
        starts_on=period.first_day,
        ends_on=period.last_day,
        starts_at=from_epoch(period.start),
        ends_at=from_epoch(period.end),
        label=period.label,
    )
