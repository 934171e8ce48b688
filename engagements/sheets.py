"""The days of a placement: which month or week a day belongs to, and what each day holds by contract. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

_CENT, _DAY, ZERO = Decimal("0.01"), timedelta(days=1), Decimal(0)
_SHORT = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Terms:
    """From a day on: hours a week, worked on ISO weekdays ("12345")."""

    effective_from: date
    hours_per_week: Decimal
    weekdays: str

    @property
    def day_hours(self) -> Decimal:
        return (self.hours_per_week / len(self.weekdays)).quantize(_CENT)

    def works_on(self, day: date) -> bool:
        return str(day.isoweekday()) in self.weekdays


@dataclass(frozen=True)
class Away:
    """Days away, first and last inclusive."""

    starts_on: date
    ends_on: date
    kind: str


@dataclass(frozen=True)
class Facts:
    """A placement as its days follow from it. `handover_until`: the last day of the person it replaces."""

    starts_on: date
    ends_on: date | None
    terms: tuple[Terms, ...]
    away: tuple[Away, ...] = ()
    handover_until: date | None = None

    def __contains__(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def terms_on(self, day: date) -> Terms:
        """The last that has begun; before all of them the first."""
        begun = [terms for terms in self.terms if terms.effective_from <= day]
        return begun[-1] if begun else self.terms[0]


@dataclass(frozen=True)
class PlannedDay:
    """What one day holds by contract, and how much of it is an absence on record. Hours."""

    day: date
    contracted: Decimal
    day_hours: Decimal
    week_hours: Decimal
    away: str
    handover: bool

    @property
    def away_hours(self) -> Decimal:
        return self.contracted if self.away else ZERO

    @property
    def hours(self) -> Decimal:
        """Worked as contracted: all of the day, unless somebody is away."""
        return ZERO if self.away else self.contracted


def planned(facts: Facts, first: date, last: date) -> list[PlannedDay]:
    """Each day from `first` to `last` that lies in the placement."""
    return [_planned(facts, day) for day in days(first, last) if day in facts]


def _planned(facts: Facts, day: date) -> PlannedDay:
    terms = facts.terms_on(day)
    away = next((row.kind for row in facts.away if row.starts_on <= day <= row.ends_on), "")
    handover = facts.handover_until is not None and day <= facts.handover_until
    contracted = terms.day_hours if terms.works_on(day) else ZERO
    return PlannedDay(day, contracted, terms.day_hours, _week_hours(facts, day), away, handover)


def _week_hours(facts: Facts, day: date) -> Decimal:
    """What the day's whole week holds: the full week's hours, less where the placement begins or ends within it."""
    terms, monday = facts.terms_on(day), week_of(day)
    placed = [one for one in days(monday, monday + 6 * _DAY) if terms.works_on(one) and one in facts]
    return (terms.hours_per_week * len(placed) / len(terms.weekdays)).quantize(_CENT)


def days(first: date, last: date) -> Iterator[date]:
    """Both ends included."""
    while first <= last:
        yield first
        first += _DAY


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def period_of(day: date, cycle: str) -> tuple[date, date]:
    """First and last day of the month or week that holds `day`."""
    if cycle == "week":
        return week_of(day), week_of(day) + 6 * _DAY
    return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])


def label_of(first: date, cycle: str) -> str:
    """October 2026 · Week of 5 Oct 2026."""
    return f"Week of {first.day} {first:%b %Y}" if cycle == "week" else f"{first:%B %Y}"


def periods(first: date, last: date, cycle: str) -> Iterator[date]:
    """First days of the months or weeks that a stretch of days touches, oldest first."""
    while first <= last:
        start, end = period_of(first, cycle)
        yield start
        first = end + _DAY


def short_day(day: date) -> str:
    """`Wed 1 Oct 2026`."""
    return f"{_SHORT[day.weekday()]} {day.day} {day:%b %Y}"


def weekdays_in_words(weekdays: str) -> str:
    """`Mon–Fri`; `Mon, Wed, Fri`."""
    numbers = [int(digit) for digit in weekdays]
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{_SHORT[numbers[0] - 1]}–{_SHORT[numbers[-1] - 1]}"
    return ", ".join(_SHORT[number - 1] for number in numbers)


def missing_days(starts_on: date, ends_on: date, covered: Sequence[tuple[date, date]]) -> list[tuple[date, date]]:
    """Stretches from `starts_on` to `ends_on` that none of `covered` holds, both ends inclusive."""
    found, at = [], starts_on
    for first, last in sorted(covered):
        if first > at:
            found.append((at, min(first - _DAY, ends_on)))
        at = max(at, last + _DAY)
    if at <= ends_on:
        found.append((at, ends_on))
    return [(first, last) for first, last in found if first <= last]
