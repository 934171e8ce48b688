"""Rating people: a rate by month, day or hour over the days of their timesheets. Pure; the order of people and days changes nothing.

A day counts under one term only and is charged once. Overtime is what a week's hours exceed its contracted hours by, reckoned by
whole weeks from Monday in the order of the days. Sums are exact fractions, rounded half up once for each line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fractions import Fraction

from billing.explanation import Explanation, Leaf, LeafKind, tidy
from billing.rating import LineKind, RatedLine, limited
from billing.terms import ZERO, Days, Term
from lpo.core.money import EXACT, exponent, require_decimal

_LEAF, _SHOWN, _PRICE = Decimal("1E-12"), Decimal("1E-6"), Decimal("1E-8")
_NOT_CHARGED = {LeafKind.AWAY: "absent and not charged", LeafKind.HANDOVER: "of handover not charged"}
_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Per(StrEnum):
    """What one rate buys."""

    MONTH = "month"
    DAY = "day"
    HOUR = "hour"


class Basis(StrEnum):
    """By which days a part of a month is reckoned."""

    CALENDAR = "calendar"
    WORKING = "working"


@dataclass(frozen=True, slots=True)
class WorkedDay:
    """One day of a timesheet, in hours. `contracted` is what the day holds, `day_hours` what a full day of the person does, `week_hours`
    the whole week. `handover`: the person replaced was still there."""

    day: date
    hours: Decimal
    contracted: Decimal
    day_hours: Decimal
    week_hours: Decimal
    away: str = ""
    away_hours: Decimal = ZERO
    handover: bool = False

    def __post_init__(self) -> None:
        require_decimal(self.hours, self.contracted, self.day_hours, self.week_hours, self.away_hours)
        if min(self.hours, self.contracted, self.week_hours, self.away_hours) < 0 or self.day_hours <= 0:
            raise ValueError(f"{self.day}: hours are never negative, and a full day has some")


@dataclass(frozen=True)
class Person:
    """A placed person with the days known of them. `key` is stable; `counted` are the days that this term prices.

    `days` also hold those before the period that its first week began with. `weekdays` (ISO, "12345") is the working week by which a
    month's working days are counted where the person was not placed.
    """

    key: str
    name: str
    weekdays: str
    days: tuple[WorkedDay, ...]
    counted: frozenset[date]


@dataclass(frozen=True)
class Rule:
    """How a term prices people. `term` gives name, currency, price (`unit_price`), discount, cap and minimum.

    `overtime` multiplies an hour's price for hours beyond the week's contracted ones; 0: they are not charged. An hour costs
    `overtime_price`, else the rate itself or the day's rate by its hours; a month's rate needs it said. `charged_away`: kinds of absence
    that are charged as if worked.
    """

    term: Term
    per: Per
    basis: Basis = Basis.CALENDAR
    overtime: Decimal = ZERO
    overtime_price: Decimal | None = None
    charged_away: frozenset[str] = frozenset()
    overlap_charged: bool = False

    def __post_init__(self) -> None:
        if self.overtime < 0:
            raise ValueError("overtime is multiplied by a number above zero, or not charged")
        if self.per is Per.MONTH and self.overtime and self.overtime_price is None:
            raise ValueError("overtime beside a month's rate needs the price of an hour")
        if self.overtime_price is not None and self.overtime_price < 0:
            raise ValueError("the price of an hour is never negative")


def rate_staff(rule: Rule, people: Iterable[Person], period: Days, active: Days) -> tuple[RatedLine, ...]:
    """The lines of a term over the whole period: each person's rate and overtime, then discount, cap and minimum.

    Raises `ValueError` for a person twice, or a day twice.
    """
    lines: list[RatedLine] = []
    known: set[str] = set()
    for person in sorted(people, key=lambda one: (one.name, one.key)):
        if person.key in known:
            raise ValueError(f"{person.name} is listed twice")
        known.add(person.key)
        lines += _lines(rule, person, period)
    return limited(rule.term, lines, period, active)


@dataclass(frozen=True, slots=True)
class _Day:
    """A counted day with its hours split at the week's contracted ones. `free`: a handover that is not charged."""

    at: WorkedDay
    normal: Decimal
    over: Decimal
    free: bool


def _lines(rule: Rule, person: Person, period: Days) -> Iterator[RatedLine]:
    days = [one for one in _split(rule, person) if one.at.day in period and one.at.day in person.counted]
    if not days:
        return
    fee = {Per.MONTH: _by_month, Per.DAY: _by_day, Per.HOUR: _by_hour}[rule.per](rule, person, days, period)
    if fee is not None:
        yield fee
    if rule.overtime and (overtime := _overtime(rule, person, days)) is not None:
        yield overtime


def _split(rule: Rule, person: Person) -> Iterator[_Day]:
    """Each day in order: what of its hours lies within the week's contracted hours, and what beyond."""
    monday, worked = date.min, ZERO
    last: date | None = None
    for row in sorted(person.days, key=lambda one: one.day):
        if row.day == last:
            raise ValueError(f"{person.name}: {row.day} is listed twice")
        last = row.day
        if row.day - timedelta(days=row.day.weekday()) != monday:
            monday, worked = row.day - timedelta(days=row.day.weekday()), ZERO
        before, worked = max(ZERO, worked - row.week_hours), worked + row.hours
        over = max(ZERO, worked - row.week_hours) - before
        yield _Day(row, row.hours - over, over, row.handover and not rule.overlap_charged)


# --- by month ----------------------------------------------------------------------------------------------------------


def _by_month(rule: Rule, person: Person, days: Sequence[_Day], period: Days) -> RatedLine | None:
    """The month's rate, less the days that are not placed, not charged as absent, or a handover. Month by month of the period."""
    price, months, leaves, days_of = Fraction(rule.term.unit_price), Fraction(0), [], _MonthDays()
    placed = {row.day: row for row in person.days}
    for month in _months(period):
        inside = [one for one in days if one.at.day in month and _counts(rule, one.at.day, placed, person.weekdays)]
        whole = sum(1 for day in _dates(month) if _counts(rule, day, placed, person.weekdays))
        if not inside or not whole:
            continue
        days_of.placed, days_of.whole = days_of.placed + len(inside), days_of.whole + whole
        leaves.append(Leaf(LeafKind.FEE, f"Rate for {month.start:%B %Y}", rule.term.unit_price, rule.term.reference))
        missing = whole - len(inside)
        if missing:
            text = f"{missing} of {whole} {rule.basis.value} days outside the placement or under another rate"
            leaves.append(Leaf(LeafKind.PRORATION, text, _leaf(-price * missing / whole)))
        share = Fraction(len(inside), whole)
        for kind, label, part in _taken_off(rule, inside):
            leaves.append(Leaf(kind, label, _leaf(-price * part / whole)))
            share -= part / whole
            days_of.off[kind] = days_of.off.get(kind, Fraction(0)) + part
        months += share
    if not months:
        return None
    return _line(rule, person, "fee", months, price * months, leaves, f"{_span(days)}, {days_of.in_words(rule.basis)}")


@dataclass
class _MonthDays:
    """How many days of the months were placed, how many they have, and what was taken `off` and why."""

    placed: int = 0
    whole: int = 0
    off: dict[LeafKind, Fraction] = field(default_factory=dict)

    def in_words(self, basis: Basis) -> str:
        """`18 of 21 working days, 3 absent and not charged`: the first number is what is charged, as the quantity is."""
        charged = self.placed - sum(self.off.values(), Fraction(0))
        words = [f"{_number(charged)} of {self.whole} {basis.value} days"]
        words += [f"{_number(self.off[kind])} {reason}" for kind, reason in _NOT_CHARGED.items() if kind in self.off]
        return ", ".join(words)


def _counts(rule: Rule, day: date, placed: dict[date, WorkedDay], weekdays: str) -> bool:
    if rule.basis is Basis.CALENDAR:
        return True
    return placed[day].contracted > 0 if day in placed else str(day.isoweekday()) in weekdays


def _taken_off(rule: Rule, days: Sequence[_Day]) -> Iterator[tuple[LeafKind, str, Fraction]]:
    """Parts of days that are placed and still not charged."""
    for one in days:
        row, part = one.at, Fraction(0)
        if row.away and row.away not in rule.charged_away:
            part = min(Fraction(1), Fraction(row.away_hours) / Fraction(row.contracted)) if row.contracted else Fraction(int(not row.hours))
            if part:
                yield LeafKind.AWAY, f"{_day(row.day)}, {_words(row.away)}{_part(part)}, not charged", part
        if one.free and part < 1:
            yield LeafKind.HANDOVER, f"{_day(row.day)}, handover, not charged", 1 - part


def _part(part: Fraction) -> str:
    return "" if part == 1 else f" ({_number(Fraction(round(part * 100), 100))} of the day)"


# --- by day and by hour ---------------------------------------------------------------------------------------------------


def _by_day(rule: Rule, person: Person, days: Sequence[_Day], period: Days) -> RatedLine | None:
    return _by_time(rule, person, days, lambda hours, row: Fraction(hours) / Fraction(row.day_hours))


def _by_hour(rule: Rule, person: Person, days: Sequence[_Day], period: Days) -> RatedLine | None:
    return _by_time(rule, person, days, lambda hours, row: Fraction(hours))


def _by_time(rule: Rule, person: Person, days: Sequence[_Day], counted: Callable[[Decimal, WorkedDay], Fraction]) -> RatedLine | None:
    """A leaf for each day with hours: as a part of a full day, or as hours."""
    price, units, leaves = Fraction(rule.term.unit_price), Fraction(0), []
    for one in days:
        row = one.at
        paid = row.away_hours if row.away in rule.charged_away else ZERO
        if not (row.hours or row.away_hours):
            continue
        part = Fraction(0) if one.free else counted(one.normal + paid, row)
        units += part
        leaves.append(
            Leaf(LeafKind.ROW, _worked(rule, one), _leaf(price * part), _source(row), _decimal(part, _SHOWN), rule.term.unit_price)
        )
    if not units:
        return None
    worked = sum((one.at.hours for one in days), ZERO)
    detail = f"{_span(days)}, {_number(Fraction(worked))} h worked"
    return _line(rule, person, "fee", units, price * units, leaves, detail)


def _worked(rule: Rule, one: _Day) -> str:
    """`Wed 1 Oct 2026, 6 h, leave 2 h not charged`."""
    row, parts = one.at, []
    if row.hours:
        parts.append(f"{_number(Fraction(row.hours))} h")
    if row.away_hours:
        parts.append(f"{_words(row.away)} {_number(Fraction(row.away_hours))} h {'' if row.away in rule.charged_away else 'not '}charged")
    if one.over:
        parts.append(f"{_number(Fraction(one.over))} h of it overtime{'' if rule.overtime else ', not charged'}")
    if one.free:
        parts.append("handover, not charged")
    return ", ".join([_day(row.day), *parts])


# --- overtime ----------------------------------------------------------------------------------------------------------


def _overtime(rule: Rule, person: Person, days: Sequence[_Day]) -> RatedLine | None:
    exact, hours, prices, leaves = Fraction(0), Fraction(0), [], []
    for one in days:
        if not one.over or one.free:
            continue
        price = _hour(rule, one.at) * Fraction(rule.overtime)
        part = price * Fraction(one.over)
        exact, hours = exact + part, hours + Fraction(one.over)
        prices.append(price)
        text = f"{_day(one.at.day)}, beyond {_number(Fraction(one.at.week_hours))} h a week"
        leaves.append(Leaf(LeafKind.ROW, text, _leaf(part), _source(one.at), tidy(one.over), _decimal(price, _PRICE)))
    if not exact:
        return None
    detail = f"{_number(hours)} h beyond the contracted week, × {_number(Fraction(rule.overtime))}"
    return _line(rule, person, "overtime", hours, exact, leaves, detail, price=exact / hours, unit="h")


def _hour(rule: Rule, row: WorkedDay) -> Fraction:
    if rule.overtime_price is not None:
        return Fraction(rule.overtime_price)
    price = Fraction(rule.term.unit_price)
    return price / Fraction(row.day_hours) if rule.per is Per.DAY else price


# --- lines ---------------------------------------------------------------------------------------------------------------


def _line(
    rule: Rule,
    person: Person,
    what: str,
    quantity: Fraction,
    exact: Fraction,
    leaves: Sequence[Leaf],
    detail: str,
    *,
    price: Fraction | None = None,
    unit: str = "",
) -> RatedLine:
    """A charge line; what the leaves lack to the amount, rounded half up once, is the rounding leaf."""
    currency = rule.term.currency
    amount = round_half_up(exact, currency)
    lacking = EXACT.subtract(amount, sum((leaf.amount for leaf in leaves), ZERO))
    closing = [Leaf(LeafKind.ROUNDING, f"Rounded half up to {currency}", tidy(lacking))] if lacking else []
    description = f"{rule.term.description}: {person.name}{', overtime' if what == 'overtime' else ''}"
    shown = rule.term.unit_price if price is None else _decimal(price, _PRICE)
    explanation = Explanation(description, (*leaves, *closing))
    key = f"{person.key}:{what}"
    return RatedLine(key, LineKind.CHARGE, description, _decimal(quantity, _SHOWN), unit or rule.per, shown, amount, explanation, detail)


def round_half_up(value: Fraction, currency: str) -> Decimal:
    """`value` at the currency's exponent, a tie away from zero, seen exactly."""
    scaled = abs(value) * 10 ** exponent(currency)
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(-units if value < 0 else units).scaleb(-exponent(currency), context=EXACT)


def _decimal(value: Fraction, step: Decimal) -> Decimal:
    quotient = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return tidy(quotient.quantize(step, ROUND_HALF_EVEN, context=EXACT))


def _leaf(value: Fraction) -> Decimal:
    return _decimal(value, _LEAF)


def _number(value: Fraction) -> str:
    return f"{_decimal(value, Decimal('0.01')):,f}"


def _source(row: WorkedDay) -> str:
    return row.day.isoformat()


def _months(period: Days) -> Iterator[Days]:
    """The calendar months of the period, each whole."""
    start = period.start.replace(day=1)
    while start < period.end:
        following = (start + timedelta(days=32)).replace(day=1)
        yield Days(start, following)
        start = following


def _dates(days: Days) -> Iterator[date]:
    return (days.start + timedelta(days=n) for n in range(len(days)))


def _span(days: Sequence[_Day]) -> str:
    """`1 Oct – 31 Oct 2026`: the first and the last day that count."""
    first, last = days[0].at.day, days[-1].at.day
    if first == last:
        return f"{last.day} {last:%b %Y}"
    return f"{first.day} {first:%b}{'' if first.year == last.year else f' {first.year}'} – {last.day} {last:%b %Y}"


def _day(day: date) -> str:
    return f"{_NAMES[day.weekday()]} {day.day} {day:%b %Y}"


def _words(kind: str) -> str:
    return "public holiday" if kind == "holiday" else kind
