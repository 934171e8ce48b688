"""Worked months of a rate for people: a whole one, a part of one, one with an absence and overtime; by the core that makes the invoices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from billing.models import ChargeTermVersion
from billing.rating import RatedLine, total
from billing.staff import Person, WorkedDay, rate_staff
from billing.staffing import rule_of
from billing.terms import Days
from lpo.core.periods import Period

_DAY, _WEEK, _NOTHING = Decimal(8), Decimal(40), Decimal(0)


@dataclass(frozen=True)
class Worked:
    """One period: what is counted, the lines it makes and their sum; `problem` where it cannot be rated."""

    label: str
    counted: str
    lines: Sequence[RatedLine] = ()
    problem: str = ""

    @property
    def amount(self) -> Decimal:
        return total(self.lines)


@dataclass(frozen=True)
class Example:
    """Forty hours a week, Monday to Friday, with what the month brings: (number of the working day, hours) → (hours, absence)."""

    counted: str
    first_day: int
    day: Callable[[int], tuple[Decimal, str]]


EXAMPLES = (
    Example("a person for the whole month, 40 h a week", 1, lambda n: (_DAY, "")),
    Example("a person from the 15th", 15, lambda n: (_DAY, "")),
    Example("a whole month: three days of leave, ten hours on each of the first five days", 1, lambda n: _third(n)),
)


def _third(n: int) -> tuple[Decimal, str]:
    return (_NOTHING, "leave") if 8 <= n <= 10 else (Decimal(10) if n <= 5 else _DAY, "")


def worked_month(version: ChargeTermVersion, period: Period, currency: str, example: Example) -> Worked:
    """The first month of a period as the example has it. Where the version begins within it, from there."""
    days = Days(period.first_day, period.next_day)
    active = days.common(Days(version.effective_from, max(version.effective_from, days.end)))
    found, n = [], 0
    start = active.start + timedelta(days=max(0, example.first_day - active.start.day))
    for offset in range((days.end - start).days):
        day = start + timedelta(days=offset)
        held = _DAY if day.isoweekday() < 6 else _NOTHING
        n += 1 if held else 0
        hours, away = example.day(n) if held else (_NOTHING, "")
        found.append(WorkedDay(day, hours, held, _DAY, _WEEK, away, held if away else _NOTHING))
    name = version.placement.name if version.placement is not None else "A person"
    person = Person("example", name, "12345", tuple(found), frozenset(row.day for row in found))
    return Worked(period.label, example.counted, rate_staff(rule_of(version, currency), [person], days, active))
