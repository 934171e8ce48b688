"""A load file of single documents imported with transitions and clocks, beside a superuser's COPY of the very same rows.

bin/proof load_file        (BENCHMARK_ITEMS=50000 for a smaller run)
"""

from __future__ import annotations

import os
import resource
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from django.db import connection

from benchmarks import floor, room
from engagements import actions
from engagements.models import ImportBatch, Transition, WorkItem, Workstream
from lpo.jobs.runner import run_due
from lpo.tenancy.context import in_organization
from sla.models import Clock
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

ITEMS = int(os.environ.get("BENCHMARK_ITEMS", "500000"))
RECEIVED = datetime(2026, 10, 1, 12, tzinfo=UTC)
TABLES = ("engagements_workitem", "engagements_transition", "sla_clock")
COLUMNS = (
    "DOCID",
    "BEGATTACH",
    "CUSTODIAN",
    "BATCH",
    "FROM",
    "TO",
    "SUBJECT",
    "DATESENT",
    "FILENAME",
    "FILEPATH",
    "MD5HASH",
    "DISPOSITION",
)
MOST_RATIO, MOST_MEGABYTES = 1.4, 256


def write(path: Path) -> None:
    """An export of a review platform: a dozen columns, of which four are kept."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("\x14".join(f"þ{name}þ" for name in COLUMNS) + "\r\n")
        for n in range(1, ITEMS + 1):
            cells = (
                *(f"ACME{n:08}", f"ACME{n - n % 3:08}", f"Custodian {n % 40}", f"REV-{n // 500:05}", f"person{n % 900}@acme.example"),
                *(f"person{n % 700}@birch.example", f"RE: quarterly figures, thread {n % 5000}", "2026-09-30 14:05:00"),
                *(f"message{n}.msg", f"\\\\share\\custodian{n % 40}\\mail\\message{n}.msg", f"{n * 2654435761:032x}", "Machine-Coded"),
            )
            file.write("\x14".join(f"þ{cell}þ" for cell in cells) + "\r\n")


def take_in(stream: Workstream, path: Path) -> ImportBatch:
    """Uploaded, reduced and checked row by row against what is known."""
    with in_organization(stream.organization_id):
        with path.open("rb") as file:
            batch = actions.upload_load_file(workstream=stream, by=make.system(), stream=file, file_name=path.name, source="review")
        batch = actions.check_load_file(batch=batch, by=make.system(), unit="documents", received=RECEIVED)
    return judged(stream, batch)


def judged(stream: Workstream, batch: ImportBatch) -> ImportBatch:
    run_due(stream.organization_id)
    with in_organization(stream.organization_id):
        batch.refresh_from_db()
    return batch


def load(stream: Workstream, batch: ImportBatch) -> None:
    with in_organization(stream.organization_id):
        actions.confirm_import(batch=batch, by=make.system())
    run_due(stream.organization_id)


def written(stream: Workstream) -> tuple[int, int, int]:
    with in_organization(stream.organization_id):
        return WorkItem.objects.count(), Transition.objects.count(), Clock.objects.count()


def peak() -> float:
    """Megabytes this process held at most, Python and Django included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    organization = room.organization("benchmark-load-file")
    with in_organization(organization.id):
        stream = bills.workstream()
        levels.level(stream, expected_percent=Decimal(95))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export.dat")
        write(path)
        size = path.stat().st_size / 1024 / 1024
        floor.checkpoint()
        begun = perf_counter()
        batch = take_in(stream, path)
        checked = perf_counter() - begun
        load(stream, batch)
        ours, held = perf_counter() - begun, peak()
        assert written(stream) == (ITEMS, ITEMS, ITEMS), written(stream)
        copied = floor.recopy(TABLES)
        floors = sum(copied.values())
        print(f"checked after {checked:.1f} s; COPY: " + ", ".join(f"{name} {spent:.1f} s" for name, spent in copied.items()))
        ratio = ours / floors
        room.figure(
            f"load file of {ITEMS:,} documents, {size:,.0f} MB: read, checked, written with transitions and clocks",
            f"{ours:,.1f} s; a superuser's COPY of the same rows {floors:,.1f} s; ratio {ratio:.2f}",
            f"at most {MOST_RATIO} ×",
            met=ratio <= MOST_RATIO,
        )
        room.figure(
            f"memory of the process that imports a load file of {size:,.0f} MB",
            f"{held:,.0f} MB at most",
            f"under {MOST_MEGABYTES} MB",
            met=held < MOST_MEGABYTES,
        )
        again = take_in(stream, path)
        same = (again.counts["unchanged"], again.counts["new"], again.counts["changed"]) == (ITEMS, 0, 0) and written(stream)[0] == ITEMS
        room.figure(
            "the same load file a second time",
            f"{again.counts['unchanged']:,} of {ITEMS:,} rows unchanged, {written(stream)[0] - ITEMS} items more",
            "nothing changes",
            met=same,
        )
    connection.close()


if __name__ == "__main__":
    main()
