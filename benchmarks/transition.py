"""The clocks of one moved item beside that item's own UPDATE and INSERT, in a small and a large workstream.

bin/proof transition       (BENCHMARK_ITEMS=20000 for a smaller run)
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from benchmarks import floor, room
from benchmarks.bulk import fill
from engagements.events import Changed
from engagements.models import WorkItem
from lpo.tenancy.context import in_organization
from sla import projection

FEW, MANY = 10_000, int(os.environ.get("BENCHMARK_ITEMS", "200000"))
MOVED, MOST = 200, 1.5
_ITEM = """
UPDATE engagements_workitem SET state = 'delivered', state_at = %(now)s, first_delivered_at = %(now)s, finished = true,
    version = version + 1
WHERE organization_id = %(organization)s AND id = %(id)s
"""
_TRANSITION = """
INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_label, reason)
SELECT organization_id, client_id, matter_id, id, 'received', 'delivered', %(now)s, now(), 'benchmark', ''
FROM engagements_workitem WHERE organization_id = %(organization)s AND id = %(id)s
"""


def moved(organization_id: int, item_id: int) -> tuple[float, float]:
    """Seconds of the two bare statements, of the item's clocks after them in the same transaction."""
    values: dict[str, Any] = {"organization": organization_id, "id": item_id, "now": datetime.now(UTC)}
    with in_organization(organization_id), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM engagements_workitem WHERE organization_id = %(organization)s AND id = %(id)s FOR UPDATE", values)
            begun = perf_counter()
            cursor.execute(_ITEM, values)
            cursor.execute(_TRANSITION, values)
            bare = perf_counter() - begun
        begun = perf_counter()
        projection.on_changed(Changed(organization_id, [item_id]))
        return bare, perf_counter() - begun


def statements(organization_id: int, item_id: int) -> int:
    with in_organization(organization_id), transaction.atomic(), CaptureQueriesContext(connection) as captured:
        projection.on_changed(Changed(organization_id, [item_id]))
    return len(captured)


def main() -> None:
    found = {}
    for size in (FEW, MANY):
        organization = room.organization(f"benchmark-transition-{size}")
        fill(organization.id, size)
        floor.checkpoint()
        with floor.superuser() as link, link.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        with in_organization(organization.id):
            ids = list(WorkItem.objects.order_by("id").values_list("id", flat=True)[: MOVED + 20])
        for item_id in ids[:20]:  # what a connection does once
            moved(organization.id, item_id)
        times = [moved(organization.id, item_id) for item_id in ids[20:]]
        found[size] = (median(bare for bare, _ in times), median(ours for _, ours in times), statements(organization.id, ids[0]))
    for size, (bare, ours, count) in found.items():
        room.figure(
            f"clocks of one moved item among {size:,}",
            f"{count} statements, {ours * 1000:.2f} ms; the item's own UPDATE and INSERT {bare * 1000:.2f} ms; ratio {ours / bare:.2f}",
            f"at most 2 statements and {MOST} ×, whatever the size",
            met=count <= 2 and ours <= MOST * bare,
        )


if __name__ == "__main__":
    main()
