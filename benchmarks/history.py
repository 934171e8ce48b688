"""A year of a million events as one history, in several files, beside a superuser's COPY of the very same rows.

bin/proof history          (BENCHMARK_EVENTS=100000 for a smaller run)
"""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

from django.db import connection

from benchmarks import floor, room
from benchmarks.load_file import judged, load, peak
from engagements import actions
from engagements.models import ImportBatch, Pause, Transition, WorkItem, Workstream
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

EVENTS = int(os.environ.get("BENCHMARK_EVENTS", "1000000"))
# What a case goes through: every fourth waits for the client once.
PLAIN = ("Queued", "Assigned", "Active", "Closed")
WAITING = ("Queued", "Assigned", "Active", "Waiting", "Active", "Closed")
TABLES = ("engagements_workitem", "engagements_transition", "engagements_pause", "sla_clock")
FILES = 4
MOST_MEGABYTES = 512
BEGIN = datetime(2025, 11, 1, tzinfo=UTC)
MAPPING: dict[str, Any] = {
    "columns": {"item": "case", "at": "when", "status": "status"},
    "statuses": {
        "Queued": "received",
        "Assigned": "assigned",
        "Active": "in_review",
        "Waiting": "paused",
        "Closed": "delivered",
    },
    "zone": "UTC",
}


def events() -> Iterator[tuple[datetime, str, str]]:
    chance, case = random.Random(2013), 0  # noqa: S311
    told = 0
    while told < EVENTS:
        case += 1
        at = BEGIN + timedelta(seconds=chance.randrange(340 * 86_400))
        for status in (WAITING if case % 4 == 0 else PLAIN)[: EVENTS - told]:
            yield at, f"CASE-{case:07}", status
            at += timedelta(seconds=chance.randrange(60, 86_400 * 3))
            told += 1


def write(folder: str) -> None:
    """The year in the order in which it happened, a quarter to a file."""
    told = sorted(events())
    size = -(-len(told) // FILES)
    for number in range(FILES):
        lines = [f"{case},{at.isoformat()},{status}" for at, case, status in told[number * size : (number + 1) * size]]
        Path(folder, f"quarter-{number + 1}.csv").write_text("\n".join(["case,when,status", *lines, ""]))


def expected() -> tuple[int, int, int]:
    """Items, moves and waits, counted from the events alone: a return to work after a wait is no move."""
    told, last = Counter[str](), ""
    for _, _, last in events():
        told[last] += 1
    broken_off = last == "Waiting"  # the last case may end while it waits
    return told["Queued"], told.total() - 2 * told["Waiting"] + broken_off, told["Waiting"]


def take_in(stream: Workstream, folder: str) -> ImportBatch:
    files = [(path.name, path.read_bytes()) for path in sorted(Path(folder).glob("*.csv"))]
    with in_organization(stream.organization_id):
        batch = actions.upload_history(workstream=stream, by=make.system(), files=files, source="tracker")
        batch = actions.map_columns(batch=batch, by=make.system(), mapping=MAPPING)
    del files
    return judged(stream, batch)


def main() -> None:
    organization = room.organization("benchmark-history")
    with in_organization(organization.id):
        stream = bills.workstream()
        levels.level(stream, expected_percent=Decimal(95))
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own, whose memory is no part of what is measured.
        writer = get_context("spawn").Process(target=write, args=(folder,))
        writer.start()
        writer.join()
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 1024 / 1024
        floor.checkpoint()
        begun = perf_counter()
        batch = take_in(stream, folder)
        checked, held_checking = perf_counter() - begun, peak()
        load(stream, batch)
        ours, held = perf_counter() - begun, peak()
        with in_organization(organization.id):
            written = WorkItem.objects.count(), Transition.objects.count(), Pause.objects.count()
        items, moves, waits = expected()
        name = f"history of {EVENTS:,} events in {FILES} files, {size:,.0f} MB"
        room.figure(
            f"{name}: what is there afterwards",
            "{:,} items, {:,} moves, {:,} waits".format(*written),
            f"{items:,}, {moves:,} and {waits:,}, counted from the events alone",
            met=written == (items, moves, waits),
        )
        copied = floor.recopy(TABLES)
        floors = sum(copied.values())
        print(f"checked after {checked:.1f} s with {held_checking:.0f} MB; COPY: " + ", ".join(f"{t} {s:.1f} s" for t, s in copied.items()))
        room.figure(
            f"{name}: read, compared, written with transitions, pauses and clocks",
            f"{ours:,.0f} s; a superuser's COPY of the same rows {floors:,.0f} s; ratio {ours / floors:.2f}",
        )
        room.figure(f"{name}: memory of the process", f"{held:,.0f} MB at most", f"under {MOST_MEGABYTES} MB", met=held < MOST_MEGABYTES)
        again = take_in(stream, folder)
        room.figure(
            f"{name}: a second time",
            f"{again.counts['unchanged']:,} of {EVENTS:,} rows unchanged",
            "nothing changes",
            met=again.counts["unchanged"] == EVENTS,
        )
    connection.close()


if __name__ == "__main__":
    main()
