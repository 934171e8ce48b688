"""Rating time: an hour's price over the minutes of entries, a line for each person, matter, task and activity. Pure.

Minutes are rounded up to the increment for each entry, or once on a line's total, or not at all; each line is rounded half up once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from billing.rating import RatedLine, limited, rate
from billing.terms import ZERO, Days, Term, Usage


@dataclass(frozen=True, slots=True)
class Task:
    """Whose line an entry stands on. `person` and `matter` are stable keys, `name` is the timekeeper's, `label` the task in words."""

    name: str
    person: str
    matter: str
    code: str = ""
    activity: str = ""
    label: str = ""

    @property
    def key(self) -> str:
        return "-".join((self.person, self.matter, self.code, self.activity))


@dataclass(frozen=True, slots=True)
class Entry:
    """Minutes of one local day."""

    reference: str
    day: date
    minutes: Decimal
    label: str
    task: Task


def rate_hours(term: Term, entries: Iterable[Entry], period: Days, active: Days) -> tuple[RatedLine, ...]:
    """A line for each task, then what discount, cap and minimum make of them. The order of the entries changes nothing."""
    by_task: dict[Task, list[Usage]] = defaultdict(list)
    for entry in entries:
        if entry.day in period.common(active):
            label = f"{entry.day.day} {entry.day:%b %Y}, {entry.label}"
            by_task[entry.task].append(Usage(entry.reference, entry.minutes, entry.day, label=label))
    lines: list[RatedLine] = []
    for task in sorted(by_task, key=lambda task: (task.name, task.key)):
        words = f"{term.description}: {task.name}{', ' if task.label else ''}{task.label}"
        alone = replace(term, description=words, discount_percent=ZERO, discount_amount=ZERO, cap=None, minimum=None)
        lines += [replace(line, key=f"{task.key}:{line.key}") for line in rate(alone, by_task[task], period, active=active)]
    return limited(term, lines, period, active)
