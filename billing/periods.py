"""Billing periods of an engagement: period k on the client's cycle, between local midnights of the legal entity's zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from billing.models import BillingPeriod
from billing.terms import Days
from engagements.models import Engagement
from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.periods import Cycle, Period, period_at, period_containing


def anchor_of(engagement: Engagement) -> date:
    """Periods are whole calendar months or quarters; the first holds the engagement's first day."""
    return engagement.starts_on.replace(day=1)


def period_of(engagement: Engagement, instant: datetime) -> Period:
    """The period that holds `instant`. Raises `ValueError` before the engagement's first period."""
    period = period_containing(to_epoch(instant), anchor_of(engagement), _cycle(engagement), _zone(engagement))
    if period.index < 0:
        raise ValueError(f"{engagement.reference} began on {engagement.starts_on}; nothing is billed before.")
    return period


def period_on(engagement: Engagement, day: date) -> Period:
    """The period that holds a local day of the legal entity."""
    zone = _zone(engagement)
    return period_of(engagement, datetime(day.year, day.month, day.day, 12, tzinfo=zone))


def numbered(engagement: Engagement, index: int) -> Period:
    return period_at(anchor_of(engagement), _cycle(engagement), index, _zone(engagement))


def stored(engagement: Engagement, period: Period) -> BillingPeriod:
    """The row of a period, made on first use. Its bounds never change: a later change of zone or cycle finds them kept."""
    row, _ = BillingPeriod.objects.get_or_create(
        engagement=engagement,
        index=period.index,
        defaults={
            "client_id": engagement.client_id,
            "starts_on": period.first_day,
            "ends_on": period.last_day,
            "starts_at": from_epoch(period.start),
            "ends_at": from_epoch(period.end),
            "label": period.label,
        },
    )
    return row


def invoice_period(engagement: Engagement, day: date) -> tuple[date, date] | None:
    """First and last day of the period that holds a day: as it was stored, else as the cycle has it. None before the first."""
    row = BillingPeriod.objects.filter(engagement=engagement, starts_on__lte=day, ends_on__gte=day).first()
    if row is not None:
        return row.starts_on, row.ends_on
    try:
        period = period_on(engagement, day)
    except ValueError:
        return None
    return period.first_day, period.last_day


def days_of(period: BillingPeriod) -> Days:
    return Days(period.starts_on, date.fromordinal(period.ends_on.toordinal() + 1))


def _zone(engagement: Engagement) -> ZoneInfo:
    return ZoneInfo(engagement.legal_entity.time_zone)


def _cycle(engagement: Engagement) -> Cycle:
    return Cycle(engagement.client.billing_cycle)
