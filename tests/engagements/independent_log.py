"""What the shared event log says, worked out from the raw file in a few lines of its own.

It shares nothing with the importer: string handling, the standard library and a plain loop.
`python tests/engagements/independent_log.py FILE` prints the totals.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

NAMES = {
    "Queued/Awaiting Assignment": "received",
    "Accepted/Assigned": "assigned",
    "Accepted/In Progress": "in_review",
    "Accepted/Wait": "WAIT",
    "Completed/Closed": "delivered",
    "Completed/Cancelled": "cancelled",
}


def read(path: Path) -> tuple[dict[str, list[tuple[float, int, str]]], list[int]]:
    """Case → its rows as (epoch seconds, line, name), sorted; and the lines nothing is known of."""
    cases: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    strange = []
    with path.open(newline="", encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            name = NAMES.get(row["status"] + "/" + row["sub_status"])
            if name is None:
                strange.append(line)
            else:
                cases[row["case_id"]].append((datetime.fromisoformat(row["timestamp"]).timestamp(), line, name))
    for rows in cases.values():
        rows.sort()
    return dict(cases), strange


def case(rows: list[tuple[float, int, str]]) -> dict[str, Any]:
    """States as (name, epoch), waits as (from, to), deliveries."""
    states: list[tuple[str, float]] = [("received", rows[0][0])]
    waits: list[tuple[float, float | None]] = []
    since: float | None = None
    for at, _, name in rows:
        if name == "WAIT":
            if since is None:
                since = at
            continue
        if since is not None:
            if at > since:
                waits.append((since, at))
            since = None
        if name != states[-1][0]:
            states.append((name, at))
    if since is not None:
        waits.append((since, None))
    delivered = [at for name, at in states if name == "delivered"]
    return {"states": states, "waits": waits, "first": min(delivered, default=None), "last": max(delivered, default=None)}


def totals(path: Path) -> dict[str, Any]:
    cases, strange = read(path)
    told = {name: case(rows) for name, rows in cases.items()}
    return {
        "items": len(told),
        "transitions": sum(len(c["states"]) for c in told.values()),
        "pauses": sum(len(c["waits"]) for c in told.values()),
        "paused_seconds": sum(end - start for c in told.values() for start, end in c["waits"] if end is not None),
        "delivered": sum(c["first"] is not None for c in told.values()),
        "first_deliveries": sum(c["first"] or 0 for c in told.values()),
        "last_deliveries": sum(c["last"] or 0 for c in told.values()),
        "rejected": strange,
    }


if __name__ == "__main__":
    for key, value in totals(Path(sys.argv[1])).items():
        sys.stdout.write(f"{key}: {value}\n")
