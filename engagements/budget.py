"""The baseline of a contract and what was delivered against it, by month or quarter of the contract's zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from django.db.models import Sum
from django.utils import timezone

from engagements import queries
from engagements.contracts import governing
from engagements.models import Contract, Engagement, WorkItem, Workstream
from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.periods import Cycle, Period, add_months, period_at, period_containing
from lpo.tenancy.context import current_organization_id, in_organization

# Periods begin on the first of a month, a quarter's in January, April, July and October.
_ANCHOR = date(1970, 1, 1)


@dataclass(frozen=True)
class Delivered:
    """One period's baseline and ceiling, from the version that governs its first day, and what was delivered in it."""

    label: str
    contract: Contract
    actual: Decimal
    running: bool

    @property
    def share(self) -> Fraction | None:
        """Of the baseline; None without one."""
        baseline = self.contract.baseline_volume
        return Fraction(self.actual) / Fraction(baseline) if baseline else None

    @property
    def kind(self) -> str:
        ceiling, baseline = self.contract.volume_ceiling, self.contract.baseline_volume
        if ceiling is not None and self.actual > ceiling:
            return "breach"
        return "risk" if baseline is not None and self.actual > baseline else "progressing"


def periods_back(contract: Contract, now: datetime, n: int) -> list[Period]:
    """The running period of the contract's baseline and those before it, the running one first."""
    zone, cycle = ZoneInfo(contract.time_zone), Cycle(contract.baseline_period)
    running = period_containing(to_epoch(now), _ANCHOR, cycle, zone)
    return [period_at(_ANCHOR, cycle, running.index - back, zone) for back in range(n)]


def delivered(
    engagement: Engagement, n: int = 3, now: datetime | None = None, versions: Sequence[Contract] | None = None
) -> list[Delivered]:
    """The last `n` periods with a baseline, the running one first. Counted across walls: a total never varies by who reads it.

    `versions`: those of the contract in order of their numbers, where they were read already.
    """
    now = now or timezone.now()
    versions = queries.contracts_of(engagement.id) if versions is None else versions
    present = governing(versions, now.date())
    if present is None or present.baseline_volume is None:
        return []
    with in_organization(current_organization_id()):
        streams = Workstream.objects.filter(matter__engagement=engagement, unit__iexact=present.baseline_unit)
        ids = list(streams.values_list("id", flat=True))
        found = []
        for period in periods_back(present, now, n):
            contract = governing(versions, period.first_day) or present
            if period.next_day > engagement.starts_on and contract.baseline_volume is not None:
                running = period.start <= to_epoch(now) < period.end
                found.append(Delivered(period.label, contract, _quantity(ids, period), running))
    return found


def _quantity(stream_ids: list[int], period: Period) -> Decimal:
    rows = WorkItem.objects.filter(workstream_id__in=stream_ids, kind="work", first_delivered_at__isnull=False)
    within = rows.filter(first_delivered_at__gte=from_epoch(period.start), first_delivered_at__lt=from_epoch(period.end))
    return within.aggregate(sum=Sum("quantity"))["sum"] or Decimal(0)


def renewed_until(last_day: date, months: int) -> date:
    """The last day of a term of so many months that begins the day after `last_day`."""
    following = date.fromordinal(last_day.toordinal() + 1)
    return date.fromordinal(add_months(following, months).toordinal() - 1)
