"""Worked months of hourly terms and of terms fed by reported usage: quantities that show the price's steps, nothing of it stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from billing import wording
from billing.hours import Entry, Task
from billing.models import ChargeTermVersion, UsageRecord
from billing.terms import Days
from billing.units import counted_in
from engagements import utbms

_TENTHS = (Decimal("0.8"), Decimal(1), Decimal("1.2"))


def _volumes(version: ChargeTermVersion, quantity: Decimal, active: Days) -> list[UsageRecord]:
    """Readings of every day around a level; where they are summed, three transfers that make the quantity."""
    way = version.direction
    if version.measure == "sum":
        parts = [quantity / 4, quantity / 4, quantity / 2]
        return [_volume(version, active, n * len(active) // 3, part, way) for n, part in enumerate(parts)]
    return [_volume(version, active, n, quantity * _TENTHS[n * 3 // len(active)], way) for n in range(len(active))]


def _volume(version: ChargeTermVersion, active: Days, n: int, quantity: Decimal, way: str) -> UsageRecord:
    return _record(version, active, n, subject="example", quantity=quantity, unit=version.unit, direction=way)


def _outcomes(version: ChargeTermVersion, quantity: Decimal, active: Days) -> list[UsageRecord]:
    rows = range(int(quantity))
    return [_record(version, active, n % len(active), subject=f"{version.unit} {n + 1}", amount=Decimal(10_000) * (n + 1)) for n in rows]


def _expenses(version: ChargeTermVersion, quantity: Decimal, active: Days) -> list[UsageRecord]:
    said = (("Courier", "E107", "42.50"), ("Filing fee", "E112", "405.00"), ("Copies", "E101", "18.75"))
    rows = [said[n % 3] for n in range(int(quantity))]
    return [
        _record(version, active, n % len(active), subject=what, code=code, amount=Decimal(amount))
        for n, (what, code, amount) in enumerate(rows)
    ]


def _record(version: ChargeTermVersion, active: Days, n: int, **values: Any) -> UsageRecord:
    day = active.start + timedelta(days=n)
    return UsageRecord(source="example", event_id=f"{n:04d}", starts_on=day, **values)


EXAMPLES_OF: Mapping[str, Callable[[ChargeTermVersion, Decimal, Days], list[UsageRecord]]] = {
    "data_volume": _volumes,
    "outcome": _outcomes,
    "expense": _expenses,
}


def example_records(version: ChargeTermVersion, model: str, quantity: Decimal, active: Days, currency: str) -> list[UsageRecord]:
    """Records of one period, not stored, in the engagement's currency."""
    records = EXAMPLES_OF[model](version, quantity, active)
    for record in records:
        record.currency = currency
    return records


def examples_of(version: ChargeTermVersion, model: str) -> list[tuple[Decimal, str]]:
    """Three quantities with what they stand for."""
    if model == "expense":
        return [(Decimal(n), f"{n} expenses of {', '.join(utbms.EXPENSES[code].lower() for code in _CODES[:n])}") for n in (1, 2, 3)]
    if model == "outcome":
        return [(Decimal(n), f"{n} {counted_in(Decimal(n), version.unit, version.unit_plural)}{_worth(version, n)}") for n in (1, 3, 10)]
    measured = "" if version.measure == "sum" else ", from four fifths of it on the first days to six fifths on the last"
    return [(n, f"{wording.number(n)} {version.unit}{measured}, an example") for n in steps(version)]


_CODES = ("E107", "E112", "E101")


def _worth(version: ChargeTermVersion, n: int) -> str:
    if not version.percent:
        return ""
    return " of 10,000" if n == 1 else f" of 10,000 to {n * 10_000:,d}"


def steps(version: ChargeTermVersion) -> list[Decimal]:
    """Quantities that show the price's steps: inside the first tier, in the next, beyond."""
    bounds = [Decimal(bound) for bound, _ in version.tiers if bound is not None]
    if bounds:
        last = bounds[-1] * 2 if version.tiers[-1][0] is None else bounds[-1]
        return [bounds[0] / 2, (bounds[0] + (bounds[1] if len(bounds) > 1 else last)) / 2, last]
    if version.package_size:
        return [version.package_size * n for n in (Decimal("0.5"), Decimal("2.1"), Decimal(10))]
    return [version.free_units + n for n in (Decimal(10), Decimal(100), Decimal(1000))]


# Minutes of a month's entries, and what they are in words.
TIMES: tuple[tuple[tuple[int, ...], str], ...] = (
    ((1, 6, 7, 61), "entries of 1, 6, 7 and 61 minutes"),
    ((95, 40, 150, 15), "entries of 95, 40, 150 and 15 minutes"),
    ((443,) * 20, "twenty days of 443 minutes"),
)


def example_time(version: ChargeTermVersion, month: int, active: Days) -> list[Entry]:
    """Entries of one person on one task."""
    task = Task(version.timekeeper.display_name if version.timekeeper is not None else "a person", "t0", "m0")
    minutes, _ = TIMES[month]
    days = [active.start + timedelta(days=n % len(active)) for n in range(len(minutes))]
    return [Entry(f"{n}", day, Decimal(many), "example", task) for n, (day, many) in enumerate(zip(days, minutes, strict=True))]
