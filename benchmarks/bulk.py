"""One bulk action that delivers thousands of items, beside the bare statements that write the same rows.

bin/proof bulk             (BENCHMARK_BULK=2000 for a smaller run)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any

from django.db import connection
from django.utils import timezone

from benchmarks import floor, room
from benchmarks.chain import load
from engagements import actions
from engagements.models import WorkItem
from lpo.tenancy.context import in_organization
from sla.models import Clock
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

MOVED = int(os.environ.get("BENCHMARK_BULK", "10000"))
ROUNDS = 5
MOST = 1.5
START = datetime(2026, 10, 1, 12, tzinfo=UTC)
_ITEMS = """
UPDATE engagements_workitem SET state = 'delivered', state_at = %(now)s, finished = true, first_delivered_at = %(now)s,
    version = version + 1 WHERE id = ANY (%(ids)s)
"""
_CLOCKS = """
UPDATE sla_clock SET stopped_at = %(now)s, used_seconds = 1000, late_seconds = 0, window_start = '2026-10-01 04:00+00',
    computed_at = %(now)s WHERE organization_id = %(organization)s AND item_id = ANY (%(ids)s)
"""
_TRANSITIONS = """
INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_label, reason)
SELECT organization_id, client_id, matter_id, id, 'received', 'delivered', %(now)s, now(), 'benchmark', ''
FROM engagements_workitem WHERE id = ANY (%(ids)s)
"""


def fill(organization_id: int, count: int) -> None:
    """Items with their first transition and clock, by an import."""
    with in_organization(organization_id):
        stream = bills.workstream()
        levels.level(stream, expected_percent=Decimal(95))
    lines = [f"N-{n},NDA with counterparty {n},{(START + timedelta(seconds=n)).isoformat()}" for n in range(count)]
    load(stream, "\n".join(["id,title,received", *lines, ""]))


def ours(organization_id: int, ids: Sequence[int]) -> float:
    begun = perf_counter()
    with in_organization(organization_id):
        outcome = actions.move_items(ids=ids, to="delivered", by=make.system())
    spent = perf_counter() - begun
    assert len(outcome.changed) == len(ids), outcome.failures[:3]
    return spent


def bare(cursor: Any, organization_id: int, ids: Sequence[int]) -> float:
    values = {"now": timezone.now(), "ids": list(ids), "organization": organization_id}
    begun = perf_counter()
    cursor.execute("BEGIN")
    for statement in (_TRANSITIONS, _ITEMS, _CLOCKS):
        cursor.execute(statement, values)
    cursor.execute("COMMIT")
    return perf_counter() - begun


def main() -> None:
    organization = room.organization("benchmark-bulk")
    fill(organization.id, 2 * ROUNDS * MOVED)
    with in_organization(organization.id):
        ids = list(WorkItem.objects.order_by("id").values_list("id", flat=True))
    pieces = [ids[start : start + MOVED] for start in range(0, len(ids), MOVED)]
    moved, floors = [], []
    with floor.superuser() as link, link.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE engagements_workitem, engagements_transition, sla_clock")
        cursor.execute("CHECKPOINT")
        for turn in range(ROUNDS):
            moved.append(ours(organization.id, pieces[2 * turn]))
            floors.append(bare(cursor, organization.id, pieces[2 * turn + 1]))
    with in_organization(organization.id):
        assert Clock.objects.filter(stopped_at__isnull=False).count() == 2 * ROUNDS * MOVED
    ratio = median(moved) / median(floors)
    room.figure(
        f"{MOVED:,} items delivered in one action: checks, transitions, clocks, audit",
        f"{median(moved):.2f} s; a superuser's bare UPDATE of items and clocks and INSERT of transitions"
        f" {median(floors):.2f} s; ratio {ratio:.2f} (median of {ROUNDS})",
        f"at most {MOST} ×",
        met=ratio <= MOST,
    )
    connection.close()


if __name__ == "__main__":
    main()
