"""Placed people and what their timesheets bring to an invoice: which term prices which day, the lines, and the days behind each line.

A submitted timesheet is billed; of several versions the one the client approved. Always run across walls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Q, QuerySet

from billing import queries
from billing.assembled import Assembled, Source
from billing.late import difference
from billing.models import BillingPeriod, Charge, ChargeTermVersion
from billing.periods import days_of
from billing.queries import TermSpan
from billing.rating import RatedLine
from billing.staff import Basis, Per, Person, Rule, WorkedDay, rate_staff
from billing.terms import Days
from engagements.models import Placement, PlacementTerms, Timesheet, TimesheetDay
from engagements.models.placements import SheetState
from engagements.placing import terms_of, terms_on
from engagements.sheets import short_day, week_of

BILLED = (SheetState.APPROVED, SheetState.SUBMITTED)
_DAY = timedelta(days=1)


def rule_of(version: ChargeTermVersion, currency: str) -> Rule:
    """The row as the pure rating core wants it."""
    return Rule(
        term=queries.pure_term(version, currency),
        per=Per(version.rate_per),
        basis=Basis(version.month_basis),
        overtime=version.overtime,
        overtime_price=version.overtime_price,
        charged_away=frozenset(version.charged_away),
        overlap_charged=version.overlap_charged,
    )


def worked_day(row: TimesheetDay) -> WorkedDay:
    return WorkedDay(row.day, row.hours, row.contracted, row.day_hours, row.week_hours, row.away, row.away_hours, row.handover)


@dataclass(frozen=True)
class Placed:
    """A placement with its terms, and the days its billed timesheets hold; `before`: days of the week the period begins within."""

    placement: Placement
    terms: Sequence[PlacementTerms]
    weekdays: str
    days: Mapping[date, TimesheetDay]
    before: Mapping[date, TimesheetDay]

    @property
    def key(self) -> str:
        return f"p{self.placement.pk}"

    def level_on(self, day: date) -> str:
        return terms_on(self.terms, day).level


def overlapping(engagement_ids: Iterable[int], first: date, last: date) -> QuerySet[Placement]:
    """Placements under these engagements with a day from `first` to `last`."""
    rows = Placement.objects.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=first), starts_on__lte=last)
    return rows.filter(matter__engagement__in=list(engagement_ids)).select_related("matter").order_by("id")


def billed_sheets(placements: Sequence[Placement], first: date, last: date) -> dict[int, dict[date, Timesheet]]:
    """By placement and first day of month or week: the approved version, else the one that waits for the client."""
    found: dict[int, dict[date, Timesheet]] = defaultdict(dict)
    rows = Timesheet.objects.filter(placement__in=[row.pk for row in placements], state__in=BILLED, starts_on__lte=last, ends_on__gte=first)
    # "approved" sorts before "submitted".
    for row in rows.order_by("placement_id", "state", "-number"):
        found[row.placement_id].setdefault(row.period_start, row)
    return found


def placed_in(engagement_id: int, period: Days) -> list[Placed]:
    """Everybody placed in the period with the days that are billed, in a fixed number of statements."""
    first, last = period.start, period.end - _DAY
    placements = list(overlapping([engagement_id], first, last))
    if not placements:
        return []
    sheets = billed_sheets(placements, first, last)
    by_id = {sheet.pk: sheet for rows in sheets.values() for sheet in rows.values()}
    own: dict[int, dict[date, TimesheetDay]] = defaultdict(dict)
    before: dict[int, dict[date, TimesheetDay]] = defaultdict(dict)
    for row in TimesheetDay.objects.filter(timesheet__in=list(by_id), day__range=(week_of(first), last)).order_by("day", "id"):
        sheet = by_id[row.timesheet_id]
        inside = row.day >= sheet.starts_on and row.day in period
        (own if inside else before)[sheet.placement_id].setdefault(row.day, row)
    terms = terms_of([row.pk for row in placements])
    return [
        Placed(row, terms[row.pk], _weekdays(sheets[row.pk], terms[row.pk], first), _within(row, own[row.pk]), before[row.pk])
        for row in placements
    ]


def _weekdays(sheets: Mapping[date, Timesheet], terms: Sequence[PlacementTerms], first: date) -> str:
    return sheets[max(sheets)].weekdays if sheets else terms_on(terms, first).weekdays


def _within(placement: Placement, days: Mapping[date, TimesheetDay]) -> dict[date, TimesheetDay]:
    """A placement that was ended since is not charged beyond its last day."""
    return {day: row for day, row in days.items() if placement.ends_on is None or day <= placement.ends_on}


def pricing(placed: Placed, day: date, spans: Sequence[TermSpan]) -> TermSpan | None:
    """The version that prices a day of a person: their own, else that of their level, else that for everybody."""
    in_force = [span for span in spans if span.term.model == "staff" and day in span.active]
    for fits in (
        lambda version: version.placement_id == placed.placement.pk,
        lambda version: version.placement_id is None and version.staff_level and version.staff_level == placed.level_on(day),
        lambda version: version.placement_id is None and not version.staff_level,
    ):
        for span in in_force:
            if fits(span.version):
                return span
    return None


# --- lines -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Charged:
    """A term version's lines over a period, and by placement the days they bill."""

    lines: tuple[RatedLine, ...]
    sources: Mapping[int, tuple[Source, ...]]
    matters: Mapping[int, int]


def charged(span: TermSpan, spans: Sequence[TermSpan], everybody: Sequence[Placed], period: BillingPeriod, currency: str) -> Charged:
    people, sources = [], {}
    for placed in everybody:
        counted = [day for day in sorted(placed.days) if pricing(placed, day, spans) == span]
        if counted:
            people.append(person_of(placed, counted))
            sources[placed.placement.pk] = tuple(_source(placed, placed.days[day]) for day in counted)
    lines = rate_staff(rule_of(span.version, currency), people, days_of(period), span.active)
    matters = {placed.placement.pk: placed.placement.matter_id for placed in everybody}
    return Charged(tuple(replace(line, key=f"v{span.version.number}:{line.key}") for line in lines), sources, matters)


def person_of(placed: Placed, counted: Iterable[date]) -> Person:
    days = {**placed.before, **placed.days}
    return Person(placed.key, placed.placement.name, placed.weekdays, tuple(map(worked_day, days.values())), frozenset(counted))


def _source(placed: Placed, row: TimesheetDay) -> Source:
    """The key says what the day says: a day that a correction leaves as it is stays charged as it was."""
    says = f"{row.hours.normalize():f}/{row.away}{row.away_hours.normalize():f}{'/h' if row.handover else ''}"
    reference = f"{placed.placement.name[:42]}, {short_day(row.day)}"
    key = f"day:{placed.placement.pk}:{row.day}:{says}"
    return Source(key, reference, row.hours, matter_id=row.matter_id, sheet_day_id=row.pk)


def placement_of(key: str) -> int | None:
    """The placement a line's key names: `v1:p12:fee` → 12; None for a cap or a minimum, which are the term's."""
    _, _, rest = key.partition(":")
    name = rest.partition(":")[0]
    return int(name[1:]) if name[:1] == "p" and name[1:].isdecimal() else None


def assembled(lines: Sequence[RatedLine], span: TermSpan, period: BillingPeriod, found: Charged) -> Iterator[Assembled]:
    """The lines, the first of each person with the days behind all of theirs."""
    told: set[int] = set()
    for line in lines:
        placement = placement_of(line.key)
        sources: tuple[Source, ...] = ()
        if placement is not None and placement not in told:
            told.add(placement)
            sources = found.sources.get(placement, ())
        yield Assembled(line, span.term.model, period, span.term, None, found.matters.get(placement or 0), sources)


def correction(rows: Sequence[TermSpan], spans: Sequence[TermSpan], period: BillingPeriod, currency: str) -> list[Assembled]:
    """rate(all known now) − billed of one staff term: person by person, with the days that are new and those that fell away."""
    everybody = placed_in(rows[0].term.engagement_id, days_of(period))
    parts = [charged(span, spans, everybody, period, currency) for span in rows]
    now = [line for part in parts for line in part.lines]
    lines = difference(now, queries.billed_lines(rows[0].term, period), period.label)
    if not lines:
        return []
    sources: dict[int, list[Source]] = defaultdict(list)
    for part in parts:
        for placement, found in part.sources.items():
            sources[placement] += found
    changed = _changed(rows[0].term.pk, period, sources)
    matters = {key: value for part in parts for key, value in part.matters.items()}
    gone = [key for line in lines if (key := placement_of(line.key)) is not None and key not in matters]
    matters |= dict(Placement.objects.filter(pk__in=gone).values_list("id", "matter_id")) if gone else {}
    return list(assembled(lines, rows[0], period, Charged(tuple(lines), changed, matters)))


def _changed(term_id: int, period: BillingPeriod, now: Mapping[int, Sequence[Source]]) -> dict[int, tuple[Source, ...]]:
    standing = Charge.objects.filter(term_id=term_id, line__rated_period=period, voided_at__isnull=True, sheet_day__isnull=False)
    charges = {charge.source_key: charge for charge in standing.order_by("id")}
    known = {source.key for rows in now.values() for source in rows}
    found: dict[int, list[Source]] = defaultdict(list)
    for placement, rows in now.items():
        found[placement] += [source for source in rows if source.key not in charges]
    for key, charge in charges.items():
        if key not in known and not key.startswith("return:") and f"return:{charge.pk}" not in charges:
            placement = int(key.split(":")[1])
            gone, day_id = charge.reference, charge.sheet_day_id
            found[placement].append(Source(f"return:{charge.pk}", gone, -charge.quantity, matter_id=charge.matter_id, sheet_day_id=day_id))
    return {placement: tuple(rows) for placement, rows in found.items()}


def rated_again(version: ChargeTermVersion, charges: Sequence[Charge], period: Days, active: Days, currency: str) -> Decimal:
    """What an issued invoice's staff lines come to, from the days they were charged for and the sheets those are on."""
    counted = {charge.sheet_day_id: charge for charge in charges if charge.sheet_day_id is not None}
    sheets = TimesheetDay.objects.filter(pk__in=list(counted)).values("timesheet_id")
    people: dict[int, dict[date, TimesheetDay]] = defaultdict(dict)
    own: dict[int, set[date]] = defaultdict(set)
    weekdays: dict[int, str] = {}
    names: dict[int, str] = {}
    rows = TimesheetDay.objects.filter(timesheet__in=sheets).select_related("timesheet__placement").order_by("timesheet__starts_on", "day")
    for row in rows:
        sheet = row.timesheet
        if row.day >= sheet.starts_on or row.day not in people[sheet.placement_id]:
            people[sheet.placement_id][row.day] = row
        weekdays[sheet.placement_id], names[sheet.placement_id] = sheet.weekdays, sheet.placement.name
        if row.pk in counted:
            own[sheet.placement_id].add(row.day)
    found = [
        Person(f"p{key}", names[key], weekdays[key], tuple(map(worked_day, days.values())), frozenset(own[key]))
        for key, days in people.items()
    ]
    return sum((line.amount for line in rate_staff(rule_of(version, currency), found, period, active)), Decimal(0))
