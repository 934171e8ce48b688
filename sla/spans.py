"""The month or quarter that a scorecard is asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from lpo.core.periods import add_months

_PERIOD = re.compile(r"(\d{4})-(?:(0[1-9]|1[0-2])|[Qq]([1-4]))\Z")


class NoPeriod(ValueError):
    """What was asked for names neither a month nor a quarter."""


@dataclass(frozen=True, slots=True)
class Span:
    """The chosen month or quarter, by the dates of each contract's own calendar."""

    first: date
    months: int

    @property
    def next(self) -> date:
        return add_months(self.first, self.months)

    @property
    def key(self) -> str:
        return f"{self.first:%Y-%m}" if self.months == 1 else f"{self.first.year}-Q{self.first.month // 3 + 1}"

    @property
    def label(self) -> str:
        return f"{self.first:%B %Y}" if self.months == 1 else f"Q{self.first.month // 3 + 1} {self.first.year}"

    def moved(self, steps: int) -> Span:
        return Span(add_months(self.first, steps * self.months), self.months)

    def of(self, months: int) -> Span:
        """The month or the quarter that holds the first day of this one."""
        month = self.first.month if months == 1 else (self.first.month - 1) // 3 * 3 + 1
        return Span(self.first.replace(month=month), months)

    def overlaps(self, first: date, following: date) -> bool:
        return first < self.next and following > self.first


def span_named(text: str, today: date) -> Span:
    """2026-10, 2026-Q4; the last ended month where nothing is said. Raises `NoPeriod`."""
    if not text:
        return Span(add_months(today.replace(day=1), -1), 1)
    found = _PERIOD.match(text)
    if found is None or not 1971 <= int(found[1]) <= 2198:
        raise NoPeriod(f"“{text[:20]}” is no period: write a month as 2026-10, a quarter as 2026-Q4.")
    year, month, quarter = found.groups()
    return Span(date(int(year), int(month), 1), 1) if month else Span(date(int(year), int(quarter) * 3 - 2, 1), 3)


def periods(span: Span) -> dict[str, Any]:
    """Ways to other periods, for the page's template."""
    steps = (("previous", span.moved(-1)), ("next", span.moved(1)))
    chips = [
        {"label": label, "url": f"?period={span.of(months).key}", "current": span.months == months}
        for months, label in ((1, "Month"), (3, "Quarter"))
    ]
    return {"chips": chips, **{which: {"label": other.label, "url": f"?period={other.key}"} for which, other in steps}}
