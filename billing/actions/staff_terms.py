"""What a term that prices people must keep to: one price for each day of a person, and days already invoiced keep theirs."""

from __future__ import annotations

from datetime import date, timedelta

from billing.models import ChargeTerm, ChargeTermVersion, InvoiceLine, InvoiceState
from billing.queries import currency_of
from billing.staffing import rule_of
from engagements.models import Engagement
from engagements.models.placements import AwayKind
from lpo.core.errors import Refused


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
    _check_alone(term, row, engagement)


def _check_alone(term: ChargeTerm, row: ChargeTermVersion, engagement: Engagement) -> None:
    """No second term prices the same people at the same time."""
    others = ChargeTermVersion.objects.filter(term__engagement=engagement, term__model="staff", term__active=True)
    others = others.exclude(term_id=term.pk) if term.pk else others
    by_term: dict[int, list[ChargeTermVersion]] = {}
    for other in others.select_related("term").order_by("term_id", "number"):
        by_term.setdefault(other.term_id, []).append(other)
    for versions in by_term.values():
        for other, following in zip(versions, [*versions[1:], None], strict=True):
            same = (other.placement_id, other.staff_level) == (row.placement_id, row.staff_level)
            ends = [day for day in (other.effective_to, following.effective_from - timedelta(days=1) if following else None) if day]
            last = min(ends, default=date.max)
            if same and last >= row.effective_from and other.effective_from <= (row.effective_to or date.max):
                raise Refused(
                    f"{other.term.name} prices the same people from {other.effective_from:%d %b %Y}. Close it first.", "effective_from"
                )


def check_not_invoiced(engagement: Engagement, first: date, field: str) -> None:
    """Days of people that were invoiced keep the term they were invoiced under. Raises `Refused`."""
    billed = InvoiceLine.objects.filter(term__engagement=engagement, term__model="staff", invoice__state=InvoiceState.ISSUED)
    last = billed.select_related("rated_period").order_by("-rated_period__ends_on").first()
    if last is not None and last.rated_period is not None and first <= last.rated_period.ends_on:
        raise Refused(f"{last.rated_period.label} is already invoiced with people; choose a date after {last.rated_period.ends_on}.", field)
