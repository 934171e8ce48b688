"""The demo's recorded work: event logs as a tracker would export them, fixed by a seed for each client and month.

Arrivals fall into working hours of several zones; deliveries into the time the promise allows, save for the misses a month is
given. Nothing here touches the database: the logs go through the history import like any customer's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from lpo.core.localtime import from_epoch, to_epoch
from sla.businesstime import CalendarSpec, OpenHours

HEADER = ("Ticket", "Changed at", "Status", "Subject", "Priority", "Documents", "Owner")
MAPPING: dict[str, Any] = {
    "columns": {
        "item": "Ticket",
        "at": "Changed at",
        "status": "Status",
        "title": "Subject",
        "priority": "Priority",
        "quantity": "Documents",
        "assignee": "Owner",
    },
    "statuses": {
        "New": "received",
        "Assigned": "assigned",
        "In review": "in_review",
        "Quality check": "quality_check",
        "Waiting for client": {"becomes": "paused", "party": "client", "reason": "signature"},
        "Delivered": "delivered",
        "Accepted": "accepted",
        "Returned": "returned",
        "Cancelled": "cancelled",
    },
    "zone": "UTC",
    "dates": "iso",
}
REVIEWERS = ("rita@alder.example", "rashid@alder.example", "ren@alder.example")
NEW_YORK = ZoneInfo("America/New_York")
OFFICE = CalendarSpec(NEW_YORK, dict.fromkeys(range(5), ((9 * 60, 17 * 60),)))

_FIRST = (
    "Orrin", "Corvid", "Bluefin", "Halcyon", "Juniper", "Kestrel", "Lumen", "Marlow", "Nimbus", "Osprey", "Pinnacle", "Quillon", "Redwood",
    "Söderberg", "Tamarind", "Umbra", "Vesper", "Wexford", "Yarrow", "Zephyr", "O'Hara", "Château", "Delmar", "Everett",
)  # fmt: skip
_LAST = ("Systems", "Analytics", "Labs", "Partners", "Robotics", "Logistics", "Biotech", "Cloud", "Foods", "Capital", "Media", "Energy")


@dataclass(frozen=True)
class Log:
    """One exported file: its name and rows in the order a tracker writes them, by time."""

    name: str
    rows: tuple[tuple[str, ...], ...]

    def content(self) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(HEADER)
        writer.writerows(self.rows)
        return text.getvalue().encode()


Row = tuple[datetime, str, str, str, str, str, str]


def _log(name: str, rows: Sequence[Row]) -> Log:
    ordered = sorted(rows, key=lambda row: row[0])
    return Log(name, tuple((row[1], row[0].isoformat(timespec="seconds"), *row[2:]) for row in ordered))


def seeded(client: str, month: date) -> Random:
    """The same month of the same client always tells the same story."""
    return Random(f"{client} {month:%Y-%m}")  # noqa: S311 -- a story, not a secret


def _days(month: date, until: date | None = None) -> list[date]:
    """Weekdays of a month, up to but without `until`."""
    day, found = month.replace(day=1), []
    while day.month == month.month and (until is None or day < until):
        if day.weekday() < 5:
            found.append(day)
        day += timedelta(days=1)
    return found


def _arrival(random: Random, day: date, zone: ZoneInfo) -> datetime:
    minute = int(random.triangular(8 * 60, 18 * 60, 11 * 60))
    local = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute, seconds=random.randrange(60))
    return local.astimezone(UTC)


def company(random: Random) -> str:
    return f"{random.choice(_FIRST)} {random.choice(_LAST)}"


def ndas(month: date, scale: int, misses: int) -> Log:
    """Some fifty NDAs: 24 hours elapsed from receipt, waiting for the client excluded; `misses` of them late."""
    random = seeded("VAN", month)
    days, rows = _days(month), []
    count = random.randint(46, 57) * scale
    late = set(random.sample(range(count), misses * scale))
    for number in range(count):
        zone = random.choice((ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Berlin"), NEW_YORK, ZoneInfo("Asia/Kolkata")))
        received = _arrival(random, random.choice(days), zone)
        title = f"{random.choice(('Mutual NDA', 'One-way NDA', 'NDA amendment'))}, {company(random)}"
        spent = timedelta(hours=random.uniform(25, 33) if number in late else min(23.2, random.lognormvariate(2.2, 0.55)))
        rows += list(
            _item(random, f"V{month:%y%m}-{number + 1:03d}", received, spent, title, "standard", "1", waits=random.random() < 0.12)
        )
    return _log(f"vantic-ndas-{month:%Y-%m}.csv", rows)


def _item(
    random: Random, ticket: str, received: datetime, spent: timedelta, title: str, priority: str, quantity: str, *, waits: bool
) -> Iterator[Row]:
    """The rows of one item that takes `spent` of elapsed time, its wait for the client not counted."""
    owner = random.choice(REVIEWERS)

    def row(at: datetime, status: str) -> Row:
        return at, ticket, status, title, priority, quantity, owner

    yield row(received, "New")
    yield row(received + spent * 0.05, "Assigned")
    started = received + spent * 0.1
    yield row(started, "In review")
    delivered = received + spent
    if waits:
        asked = received + spent * 0.4
        waited = timedelta(hours=random.uniform(2, 30))
        yield row(asked, "Waiting for client")
        yield row(asked + waited, "In review")
        delivered += waited
    yield row(delivered - spent * 0.08, "Quality check")
    yield row(delivered, "Delivered")
    if random.random() < 0.7:
        yield row(delivered + timedelta(hours=random.uniform(20, 90)), "Accepted")


def drafts(month: date, scale: int, misses: int) -> Log:
    """Demand letters in business hours: 24 of them on a 9–17 calendar; `misses` late."""
    random = seeded("MER", month)
    hours = OpenHours(OFFICE, month - timedelta(days=31), month + timedelta(days=92))
    days, rows = _days(month), []
    count = random.randint(28, 36) * scale
    late = set(random.sample(range(count), misses * scale))
    for number in range(count):
        received = _arrival(random, random.choice(days), NEW_YORK)
        worked = random.uniform(25, 34) if number in late else random.uniform(7, 23)
        delivered = from_epoch(hours.due(to_epoch(received), int(worked * 3600)))
        title = f"Demand letter, claim {month.year}-{random.randrange(100, 999)}"
        rows += list(_item(random, f"M{month:%y%m}-{number + 1:03d}", received, delivered - received, title, "standard", "1", waits=False))
    return _log(f"meridian-drafting-{month:%Y-%m}.csv", rows)


def returned(ticket: str, title: str, at: datetime) -> Row:
    """A row that takes a delivered item back, as next month's file brings it."""
    return at, ticket, "Returned", title, "standard", "1", REVIEWERS[0]


def cancelled(ticket: str, title: str, at: datetime) -> Row:
    return at, ticket, "Cancelled", title, "standard", "1", REVIEWERS[0]


def until(log: Log, now: datetime) -> Log:
    """The items of a running month that are delivered by now, each with the rows it has so far."""
    done = {row[0] for row in log.rows if row[2] == "Delivered" and datetime.fromisoformat(row[1]) < now}
    return Log(log.name, tuple(row for row in log.rows if row[0] in done and datetime.fromisoformat(row[1]) < now))


def before(log: Log, now: datetime) -> Log:
    """What a tracker can have written by now: on the first days of a month, the last one is still being delivered."""
    return Log(log.name, tuple(row for row in log.rows if datetime.fromisoformat(row[1]) < now))


def with_rows(log: Log, rows: Sequence[Row]) -> Log:
    return Log(log.name, (*log.rows, *_log("", rows).rows))


@dataclass(frozen=True)
class Review:
    """The e-discovery review: batches read by people, volumes coded by machine, samples of the discard pile."""

    log: Log
    batches: tuple[str, ...]
    volumes: tuple[str, ...]
    samples: tuple[str, ...]


def review(month: date, scale: int, misses: int) -> Review:
    """500,000 documents: 440,000 machine-coded in volumes, 60,000 read in batches of 500 over three weeks, the discards sampled."""
    random = seeded("HM", month)
    hours = OpenHours(OFFICE, month - timedelta(days=31), month + timedelta(days=62))
    days = _days(month)[2:17]
    rows: list[Row] = []
    volumes = tuple(f"VOL-{number:03d}" for number in range(1, 45))
    for position, name in enumerate(volumes):
        received = _arrival(random, days[position % 3], NEW_YORK)
        title = f"Coding volume {name[4:]}, 10,000 documents"
        rows += list(_item(random, name, received, timedelta(hours=random.uniform(3, 9)), title, "volume", "10000", waits=False))
    batches = tuple(f"BAT-{number:04d}" for number in range(1, 120 * scale + 1))
    late = set(random.sample(range(len(batches)), misses * scale))
    for position, name in enumerate(batches):
        received = _arrival(random, days[position * len(days) // len(batches)], NEW_YORK)
        worked = random.uniform(17, 22) if position in late else random.uniform(6, 15.5)
        delivered = from_epoch(hours.due(to_epoch(received), int(worked * 3600)))
        title = f"Review batch {name[4:]}, 500 documents"
        rows += list(_item(random, name, received, delivered - received, title, "batch", "500", waits=False))
    samples = tuple(f"ELU-{number:02d}" for number in range(1, 5))
    for name in samples:
        received = _arrival(random, days[-2], NEW_YORK)
        title = f"Discard pile, sample {name[4:]}, 750 documents"
        rows += list(_item(random, name, received, timedelta(hours=random.uniform(5, 20)), title, "sample", "750", waits=False))
    return Review(_log(f"hale-marsh-review-{month:%Y-%m}.csv", rows), batches, volumes, samples)


def morning(day: date) -> datetime:
    """In New York, so that it is the same day for everybody who reads it."""
    return datetime(day.year, day.month, day.day, 9, tzinfo=NEW_YORK)


LOAD_FILE_NAME = "hale-marsh-supplemental.dat"


def load_file() -> bytes:
    """A Concordance export of five further review batches. Most of its columns may be privileged, and none of those is taken in."""
    columns = ("BEGDOC", "ENDDOC", "BATCH", "GROUPID", "REVIEWER", "CUSTODIAN", "EMAIL SUBJECT", "FILENAME", "NATIVEPATH")
    lines = [columns]
    for number in range(1, 301):
        first, last, batch = f"HM-{40_000 + 3 * number:08d}", f"HM-{40_002 + 3 * number:08d}", 122 + (number - 1) // 60
        said = ("Jo Marsh", "Re: charter party, “Osprey”", f"Mail {number:04d}.msg", f"NATIVES\\{batch:04d}\\{first}.msg")
        lines.append((first, last, f"BAT-{batch:04d}", f"FAM-{number // 2:05d}", "ren@alder.example" if batch == 122 else "", *said))
    return "".join("¶".join(f"þ{cell}þ" for cell in line) + "\r\n" for line in lines).encode()


def leases(month: date, scale: int, misses: int) -> Log:
    """Lease reviews of the second organization."""
    random = seeded("COP", month)
    rows: list[Row] = []
    count = random.randint(8, 13) * scale
    late = set(random.sample(range(count), misses))
    for number in range(count):
        received = _arrival(random, random.choice(_days(month)), ZoneInfo("Europe/London"))
        spent = timedelta(hours=random.uniform(50, 60) if number in late else random.uniform(8, 46))
        rows += list(
            _item(random, f"L{month:%y%m}-{number + 1:02d}", received, spent, f"Lease, plot {number + 1}", "standard", "1", waits=False)
        )
    return Log(f"copperfield-leases-{month:%Y-%m}.csv", tuple((*row[:-1], "") for row in _log("", rows).rows))
