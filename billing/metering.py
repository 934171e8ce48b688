"""Terms fed by usage records: which records count in a span of days, and what they come to. The invoice, its replay and the worked
months of a term all rate through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from billing import queries
from billing.expenses import Expense, rate_expenses
from billing.models import ChargeTermVersion, UsageRecord
from billing.outcomes import Event, OutcomeRule, rate_outcomes
from billing.queries import TermSpan
from billing.rating import RatedLine, Unpriced, rate
from billing.terms import Days, Model, Term
from billing.volume import Measure, Reading, rate_volume
from engagements import utbms

METERED = {Model.PER_USER, Model.DATA_VOLUME, Model.OUTCOME, Model.EXPENSE}


def counted(span: TermSpan) -> list[UsageRecord]:
    """The records that count on the days a version is in force: not withdrawn, of its direction, an expense once it is approved."""
    if span.term.model == Model.PER_USER:
        return list(queries.seats(span.term, span.active))
    last = span.active.end - timedelta(days=1)
    rows = UsageRecord.objects.filter(term=span.term, starts_on__range=(span.active.start, last), withdrawn_at__isnull=True)
    if span.term.model == Model.EXPENSE:
        rows = rows.filter(approved_at__isnull=False)
    if span.version.direction:
        rows = rows.filter(direction=span.version.direction)
    return list(rows.order_by("starts_on", "id"))


def rate_records(
    version: ChargeTermVersion, records: Sequence[UsageRecord], period: Days, active: Days, currency: str
) -> tuple[RatedLine, ...]:
    """The lines of one version for these records. Raises `Unpriced` beyond the last tier, and for an amount in another currency."""
    term = queries.pure_term(version, currency)
    for record in records:
        if record.amount is not None and record.currency != currency:
            raise Unpriced(f"{version.term.name}: {record.subject} is in {record.currency}, the invoice in {currency}")
    match term.model:
        case Model.DATA_VOLUME:
            readings = [Reading(_reference(row), row.starts_on, row.quantity, row.unit, row.subject) for row in records]
            return rate_volume(term, readings, Measure(version.measure), period, active)
        case Model.EXPENSE:
            return rate_expenses(term, [_expense(row) for row in records], version.markup_percent, period, active)
        case Model.OUTCOME:
            return rate_outcomes(outcome_rule(version, term), [_event(row) for row in records], period, active)
        case _:
            return rate(term, [queries.seat_usage(row) for row in records], period, active=active)


def outcome_rule(version: ChargeTermVersion, term: Term) -> OutcomeRule:
    return OutcomeRule(replace(term, unit=term.unit or "outcome"), version.percent, version.event_cap)


def _reference(row: UsageRecord) -> str:
    """What a leaf names as its row: the id it was reported under; what people entered has none of its own and is named by what it was."""
    return row.subject if row.source in {"entered", "correction"} else f"{row.source}:{row.event_id}"


def _expense(row: UsageRecord) -> Expense:
    assert row.amount is not None  # noqa: S101 -- an expense is recorded with its amount
    return Expense(_reference(row), row.starts_on, row.amount, row.subject, row.code, utbms.EXPENSES.get(row.code, row.code))


def _event(row: UsageRecord) -> Event:
    event = Event(_reference(row), row.starts_on, row.subject)
    return event if row.amount is None else replace(event, amount=row.amount)
