"""Three worked months of a term before it is saved, computed by the rating core that will compute the invoices."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from billing import queries, wording
from billing.hours import rate_hours
from billing.metering import rate_records
from billing.models import ChargeTermVersion
from billing.periods import numbered, period_on
from billing.rating import Unpriced, rate
from billing.terms import Days, Usage
from billing.units import counted_in
from billing.worked_records import EXAMPLES_OF, TIMES, example_records, example_time, examples_of, steps
from billing.worked_staff import EXAMPLES, Worked, worked_month
from engagements.models import Engagement
from lpo.core.localtime import from_epoch
from lpo.core.periods import Period

MONTHS = 3


def worked_months(version: ChargeTermVersion, model: str, engagement: Engagement) -> list[Worked]:
    """The first three periods of a version: with what the workstream delivered of late, or with example quantities."""
    currency = queries.currency_of(engagement)
    if model == "staff":
        first = period_on(engagement, max(version.effective_from, engagement.starts_on)).index
        return [worked_month(version, numbered(engagement, first), currency, example) for example in EXAMPLES]
    first = period_on(engagement, max(version.effective_from, engagement.starts_on)).index
    quantities = _quantities(version, model, engagement, first)
    return [_worked(version, model, numbered(engagement, first + n), quantities[n], currency) for n in range(MONTHS)]


def _worked(version: ChargeTermVersion, model: str, period: Period, quantity: tuple[Decimal, str], currency: str) -> Worked:
    days = Days(period.first_day, period.next_day)
    following = version.effective_to + timedelta(days=1) if version.effective_to else days.end
    active = days.common(Days(version.effective_from, max(version.effective_from, following)))
    if not len(active):
        return Worked(period.label, "not in force")
    if model == "fixed" and not version.recurring:
        return _once(version, period, days, currency)
    try:
        if model == "hourly":
            lines = rate_hours(queries.pure_term(version, currency), example_time(version, int(quantity[0]), active), days, active)
        elif model in EXAMPLES_OF:
            lines = rate_records(version, example_records(version, model, quantity[0], active, currency), days, active, currency)
        else:
            lines = rate(queries.pure_term(version, currency), _usage(model, quantity[0], active), days, active=active)
    except Unpriced as error:
        return Worked(period.label, quantity[1], problem=str(error))
    part = "" if len(active) == len(days) else f"{len(active)} of {len(days)} days"
    counted = part or "whole period" if model == "fixed" else f"{quantity[1]}{f', in force {part}' if part else ''}"
    return Worked(period.label, counted, lines)


def _once(version: ChargeTermVersion, period: Period, days: Days, currency: str) -> Worked:
    if version.effective_from not in days:
        return Worked(period.label, "charged once, not in this period")
    return Worked(period.label, "charged once", rate(queries.pure_term(version, currency), [], days))


def _usage(model: str, quantity: Decimal, active: Days) -> list[Usage]:
    if model == "fixed":
        return []
    if model == "unit":
        return [Usage("example", quantity, active.start)]
    seats = [Usage(f"user {n + 1}", Decimal(1), active.start) for n in range(int(quantity))]
    middle = active.start + timedelta(days=len(active) // 2)
    return [*seats, Usage("joins midway", Decimal(1), middle)]


def _quantities(version: ChargeTermVersion, model: str, engagement: Engagement, first: int) -> list[tuple[Decimal, str]]:
    if model == "fixed":
        return [(Decimal(0), "")] * MONTHS
    if model == "hourly":
        return [(Decimal(n), said) for n, (_, said) in enumerate(TIMES)]
    if model in EXAMPLES_OF:
        return examples_of(version, model)
    if model == "per_user":
        return [(Decimal(n), f"{n} users and one who joins midway") for n in (3, 5, 10)]
    measured = _measured(version, engagement, first)
    if any(count for count, _ in measured):
        return measured
    return [(count, f"{_counted(count, version)}, an example") for count in steps(version)]


def _counted(count: Decimal, version: ChargeTermVersion) -> str:
    return f"{wording.number(count)} {counted_in(count, version.unit, version.unit_plural)}"


def _measured(version: ChargeTermVersion, engagement: Engagement, first: int) -> list[tuple[Decimal, str]]:
    """What the workstream had billable in the last three periods before the version, as the invoice would count it."""
    found = []
    for index in range(first - MONTHS, first):
        if index < 0 or version.workstream_id is None:
            found.append((Decimal(0), "nothing was delivered"))
            continue
        period = numbered(engagement, index)
        count = queries.billable_quantity(version, from_epoch(period.start), from_epoch(period.end))
        found.append((count, f"{_counted(count, version)}, as in {period.label}"))
    return found
