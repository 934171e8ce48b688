"""What a contract's own figures come to in a billing period: its baseline amount, and the time its cap runs over."""

from __future__ import annotations

from decimal import Decimal

from billing.models import BillingPeriod
from engagements.models import Contract
from engagements.models.clients import CapPeriod, Cycle
from lpo.core.money import round_money


def baseline_of(period: BillingPeriod, contract: Contract) -> Decimal:
    """The baseline amount for as many calendar months as the period touches, half up; a quarter's counts a third for each."""
    if contract.baseline_amount is None:
        return Decimal(0)
    first, last = period.starts_on, period.ends_on
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    each = 3 if contract.baseline_period == Cycle.QUARTER else 1
    return round_money(contract.baseline_amount * months / each, contract.currency)


def cap_periods(measured: BillingPeriod, contract: Contract) -> list[BillingPeriod]:
    """The periods whose credits share one cap with the measured one: itself, and the earlier ones of its quarter or year."""
    if contract.cap_period == CapPeriod.PERIOD:
        return [measured]
    first = measured.starts_on.replace(month=1, day=1)
    if contract.cap_period == CapPeriod.QUARTER:
        first = measured.starts_on.replace(month=measured.starts_on.month - (measured.starts_on.month - 1) % 3, day=1)
    same = BillingPeriod.objects.filter(engagement_id=measured.engagement_id, starts_on__gte=first, index__lte=measured.index)
    return [*same.order_by("index"), *([measured] if measured._state.adding else [])]
