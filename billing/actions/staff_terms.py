"""What a term that prices people must keep to: one price for each day of a person, and days already invoiced keep theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from billing.models import ChargeTerm, ChargeTermVersion, InvoiceLine, InvoiceState
from billing.queries import currency_of
from billing.staffing import rule_of
from engagements.models import Engagement
from engagements.models.placements import AwayKind
from lpo.core.errors import Refused

# Models that price people's days or entries, each under one term only.
BY_PERSON = {"staff", "hourly"}


def check_staff(term: ChargeTerm, row: ChargeTermVersion, engagement: Engagement) -> None:
    """Raise `Refused` naming the field where a staff version cannot be rated, or would price what another one does."""
    if row.placement is not None and row.placement.matter.engagement_id != engagement.pk:
        raise Refused(f"{row.placement.name} is placed under another engagement.", "placement")
    if row.placement is not None and row.staff_level:
        raise Refused("Price one person or a level, not both.", "staff_level")
    if unknown := sorted(set(row.charged_away) - set(AwayKind.values)):
        raise Refused(f"{unknown[0]} is no kind of absence.", "charged_away")
    try:
        rule_of(row, currency_of(engagement))
    except ValueError as error:
        raise Refused(f"{str(error)[:1].upper()}{str(error)[1:]}.", "overtime_price") from error
    _check_alone(term, row, engagement, ("placement_id", "staff_level"))


def check_hourly(term: ChargeTerm, row: ChargeTermVersion, engagement: Engagement) -> None:
    """Raise `Refused` naming the field where an hourly version prices nobody, or would price what another one does."""
    if row.timekeeper is not None and row.timekeeper.organization_id != engagement.organization_id:
        raise Refused("This is nobody of the organization.", "timekeeper")
    if row.timekeeper is not None and row.role:
        raise Refused("Price one person or a role, not both.", "role")
    if row.shape != "standard" or row.free_units:
        raise Refused("An hourly rate has one price.", "shape")
    if row.increment_minutes <= 0:
        raise Refused("An increment is above zero.", "increment_minutes")
    _check_alone(term, row, engagement, ("timekeeper_id", "role", "workstream_id"))


def _check_alone(term: ChargeTerm, row: ChargeTermVersion, engagement: Engagement, whom: Sequence[str]) -> None:
    """No second term prices the same people at the same time; `whom` names the columns that say who they are."""
    others = ChargeTermVersion.objects.filter(term__engagement=engagement, term__model=term.model, term__active=True)
    others = others.exclude(term_id=term.pk) if term.pk else others
    by_term: dict[int, list[ChargeTermVersion]] = {}
    for other in others.select_related("term").order_by("term_id", "number"):
        by_term.setdefault(other.term_id, []).append(other)
    for versions in by_term.values():
        for other, following in zip(versions, [*versions[1:], None], strict=True):
            same = all(getattr(other, name) == getattr(row, name) for name in whom)
            ends = [day for day in (other.effective_to, following.effective_from - timedelta(days=1) if following else None) if day]
            last = min(ends, default=date.max)
            if same and last >= row.effective_from and other.effective_from <= (row.effective_to or date.max):
                raise Refused(
                    f"{other.term.name} prices the same people from {other.effective_from:%d %b %Y}. Close it first.", "effective_from"
                )


def check_not_invoiced(engagement: Engagement, model: str, first: date, field: str) -> None:
    """Days of people that were invoiced keep the term they were invoiced under. Raises `Refused`."""
    billed = InvoiceLine.objects.filter(term__engagement=engagement, term__model=model, invoice__state=InvoiceState.ISSUED)
    last = billed.select_related("rated_period").order_by("-rated_period__ends_on").first()
    if last is not None and last.rated_period is not None and first <= last.rated_period.ends_on:
        raise Refused(f"{last.rated_period.label} is already invoiced with people; choose a date after {last.rated_period.ends_on}.", field)
