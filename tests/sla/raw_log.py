"""A second opinion on an event log: what a careful person with a CSV, a calendar and a stopwatch would count. Shares nothing with `sla`."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]


@dataclass
class Case:
    """One case of the log: every event in its order."""

    events: list[tuple[datetime, str, str]] = field(default_factory=list)


def read(path: Path) -> dict[str, Case]:
    """Cases by id, events in order of time; rows of unknown meaning are left out."""
    cases: dict[str, Case] = defaultdict(Case)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["status"] != "Unmatched":
                at = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
                cases[row["case_id"]].events.append((at, row["status"], row["sub_status"]))
    for case in cases.values():
        case.events.sort(key=lambda event: event[0])
    return dict(cases)


@dataclass(frozen=True)
class Life:
    """When a case began, when it was done, in which spans it waited; `cancelled` where that came first."""

    began: datetime
    done: datetime | None
    cancelled: datetime | None
    waits: tuple[Span, ...]


def life(case: Case) -> Life:
    """A wait lasts from its own event to the next one of another kind."""
    done = next((at for at, status, sub in case.events if (status, sub) == ("Completed", "Closed")), None)
    last_at, last_status, last_sub = case.events[-1]
    cancelled = last_at if (last_status, last_sub) == ("Completed", "Cancelled") else None
    waits: list[Span] = []
    since: datetime | None = None
    for at, _, sub in case.events:
        waiting = sub in {"Wait", "Wait - Customer", "Wait - Vendor", "Wait - User", "Wait - Implementation"}
        if waiting and since is None:
            since = at
        elif not waiting and since is not None:
            waits.append((since, at))
            since = None
    return Life(case.events[0][0], done, cancelled, tuple(waits))


def office_hours(first: datetime, last: datetime, zone: ZoneInfo) -> list[Span]:
    """Nine to five, Monday to Friday, one day after the other."""
    spans = []
    day: date = first.astimezone(zone).date()
    while day <= last.astimezone(zone).date() + timedelta(days=1):
        if day.weekday() < 5:
            spans.append(tuple(datetime.combine(day, time(hour), zone).astimezone(UTC) for hour in (9, 17)))
        day += timedelta(days=1)
    return spans  # type: ignore[return-value]


def running(began: datetime, until: datetime, waits: tuple[Span, ...], open_spans: list[Span] | None) -> list[Span]:
    """The stretches that count: open, and nobody waited."""
    pieces = [(began, until)] if open_spans is None else [(max(a, began), min(b, until)) for a, b in open_spans]
    for wait_start, wait_end in waits:
        cut: list[Span] = []
        for start, end in pieces:
            cut += [(start, min(end, wait_start)), (max(start, wait_end), end)]
        pieces = cut
    return [(start, end) for start, end in pieces if start < end]


def attainment(cases: dict[str, Case], target: timedelta, zone: ZoneInfo, *, office: bool) -> dict[str, tuple[int, int]]:
    """Met and counted by month ("2012-05") of the contract's zone. Undone cases of the past count as missed when they came due."""
    met: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for case in cases.values():
        found = life(case)
        horizon = (found.done or found.cancelled or found.began) + timedelta(days=400)
        spans = office_hours(found.began, horizon, zone) if office else None
        due = _run_out(running(found.began, horizon, found.waits, spans), target)
        stop = found.done
        if stop is None and found.cancelled is not None and found.cancelled <= due:
            continue
        in_time = stop is not None and stop <= due
        month = f"{(stop if in_time and stop else due).astimezone(zone):%Y-%m}"
        met[month] += in_time
        counted[month] += 1
    return {month: (met[month], counted[month]) for month in sorted(counted)}


def _run_out(pieces: list[Span], target: timedelta) -> datetime:
    left = target
    for start, end in pieces:
        if end - start >= left:
            return start + left
        left -= end - start
    raise AssertionError("the horizon is too near")
