"""Rating data volume: readings of single days, in units that differ, to the one quantity a period is priced by. Pure.

A sum adds every reading. Average, peak and month-end look at days: a day's volume is the sum of its readings, and a day nobody
measured is no day of zero. What they come to is held for the whole period; of a part of it the calendar days count, as of a seat.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import StrEnum

from billing.explanation import Explanation, Leaf, LeafKind, tidy
from billing.rating import LineKind, RatedLine, rate
from billing.terms import Days, Term, Usage
from lpo.core.money import EXACT, require_decimal

# Bytes in one. Decimal units step by 1,000, binary ones by 1,024: 1 GiB is 7.4 % more than 1 GB.
UNITS = {
    "MB": Decimal(1000**2),
    "GB": Decimal(1000**3),
    "TB": Decimal(1000**4),
    "MiB": Decimal(1024**2),
    "GiB": Decimal(1024**3),
    "TiB": Decimal(1024**4),
}
_SHOWN = Decimal("1E-6")


class Measure(StrEnum):
    """What of a period's readings is priced."""

    SUM = "sum"
    AVERAGE = "average"
    PEAK = "peak"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured on one local day, in `unit`."""

    reference: str
    day: date
    quantity: Decimal
    unit: str
    label: str

    def __post_init__(self) -> None:
        require_decimal(self.quantity)
        if self.unit not in UNITS:
            raise ValueError(f"{self.unit or 'nothing'} is no unit of data; use one of {', '.join(UNITS)}")
        if self.quantity < 0:
            raise ValueError(f"a volume is never negative: {self.reference}")


@dataclass(frozen=True)
class _Measured:
    """Rows in raw bytes (times the days held where only a part of a period counts), the raw units of one priced unit, and what was done."""

    usage: tuple[Usage, ...]
    scale: Decimal
    steps: tuple[Leaf, ...]
    detail: str


def rate_volume(term: Term, readings: Iterable[Reading], measure: Measure, period: Days, active: Days) -> tuple[RatedLine, ...]:
    """The lines of a term over the whole period, for the readings of the days on which it was in force.

    Raises `Unpriced` beyond the last tier, `ValueError` where the term's unit is none of data.
    """
    if term.unit not in UNITS:
        raise ValueError(f"{term.unit or 'nothing'} is no unit of data; use one of {', '.join(UNITS)}")
    held = period.common(active)
    with localcontext(EXACT):
        found = _measured(term, sorted((row for row in readings if row.day in held), key=_place), measure, period, held)
    lines = rate(replace(term, source_units=found.scale), found.usage, period, active=active)
    return tuple(_told(line, found) for line in lines)


def _place(row: Reading) -> tuple[date, str, str, Decimal]:
    return row.day, row.reference, row.unit, row.quantity


def _measured(term: Term, rows: Sequence[Reading], measure: Measure, period: Days, held: Days) -> _Measured:
    whole = UNITS[term.unit]
    by_day: dict[date, Decimal] = defaultdict(Decimal)
    for row in rows:
        by_day[row.day] += row.quantity * UNITS[row.unit]
    counted, days, said = _counted(rows, by_day, measure, term)
    part = measure is not Measure.SUM and term.prorated and len(held) != len(period)
    if part:
        said = [*said, f"{len(held)} of {len(period)} days in force"]
    factor, scale = (Decimal(len(held)), whole * days * len(period)) if part else (Decimal(1), whole * days)
    usage = tuple(Usage(row.reference, row.quantity * UNITS[row.unit] * factor, row.day, label=_label(row, term.unit)) for row in counted)
    steps = [
        Leaf(LeafKind.CONVERSION, _conversion(unit, term.unit), Decimal(0)) for unit in sorted({row.unit for row in counted} - {term.unit})
    ]
    steps += [Leaf(LeafKind.MEASURE, text, Decimal(0)) for text in said]
    return _Measured(usage, scale, tuple(steps), ", ".join(said))


def _counted(
    rows: Sequence[Reading], by_day: dict[date, Decimal], measure: Measure, term: Term
) -> tuple[Sequence[Reading], Decimal, list[str]]:
    """The rows that count, the days they are shared by, and the measure in words."""
    if measure is Measure.SUM or not by_day:
        return rows, Decimal(1), []
    measured = f"{len(by_day)} {'day' if len(by_day) == 1 else 'days'} measured"
    if measure is Measure.AVERAGE:
        return rows, Decimal(len(by_day)), [f"average of {measured}"]
    chosen = max(by_day)
    if measure is Measure.PEAK:
        # Of days alike the first.
        chosen = min(day for day in by_day if by_day[day] == max(by_day.values()))
    volume = f"{_number(by_day[chosen] / UNITS[term.unit])} {term.unit}"
    what = f"peak of {measured}" if measure is Measure.PEAK else "as last measured in the period"
    return [row for row in rows if row.day == chosen], Decimal(1), [f"{what}: {volume} on {_day(chosen)}"]


def _label(row: Reading, unit: str) -> str:
    """`3 Oct 2026, main, 100 GiB, which is 107.374182 GB`."""
    converted = "" if row.unit == unit else f", which is {_number(row.quantity * UNITS[row.unit] / UNITS[unit])} {unit}"
    return f"{_day(row.day)}, {row.label}, {_number(row.quantity)} {row.unit}{converted}"


def _conversion(of: str, into: str) -> str:
    return f"1 {of} is {UNITS[of]:,f} bytes, 1 {into} is {UNITS[into]:,f} bytes"


def _told(line: RatedLine, found: _Measured) -> RatedLine:
    """A charge with what was measured and converted as steps of their own, which add nothing."""
    if line.kind is not LineKind.CHARGE:
        return line
    parts = line.explanation.parts
    closing = [part for part in parts if isinstance(part, Leaf) and part.kind is LeafKind.ROUNDING]
    rows = [part for part in parts if part not in closing]
    detail = "; ".join(text for text in (line.detail, found.detail) if text)
    return replace(line, detail=detail, explanation=Explanation(line.explanation.label, (*rows, *found.steps, *closing)))


def _number(value: Decimal) -> str:
    return f"{tidy(value.quantize(_SHOWN, ROUND_HALF_UP, context=EXACT)):,f}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
