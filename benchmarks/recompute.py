"""The clocks of a million items with pauses computed anew, beside copying the same rows out and in again, constraints included.

bin/proof recompute        (BENCHMARK_ITEMS=100000 for a smaller run)
"""

from __future__ import annotations

import os
import tempfile
from time import perf_counter
from typing import Any

from benchmarks import floor, room
from lpo.accounts.models import Organization
from lpo.jobs.runner import run_due
from lpo.tenancy.context import in_organization
from sla import projection
from sla.actions import recompute
from sla.models import Clock, ServiceLevelVersion
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

ITEMS = int(os.environ.get("BENCHMARK_ITEMS", "1000000"))
MOST = 1.0
_ITEMS = """
INSERT INTO engagements_workitem (organization_id, client_id, matter_id, workstream_id, kind, reference, source, external_id, title,
    quantity, priority, language, disposition, severity, received_at, state, state_at, finished, paused, first_delivered_at, created_at,
    version)
SELECT w.organization_id, w.client_id, w.matter_id, w.id, 'work', w.item_prefix || '-' || n, 'benchmark', n::text, 'NDA with party ' || n,
    1, 'standard', '', '', '', begun.at, 'delivered', begun.at + n %% 60 * interval '1 h', true, false, begun.at + n %% 60 * interval '1 h',
    now(), 1
FROM generate_series(1, %(count)s) n
CROSS JOIN LATERAL (SELECT timestamptz '2026-03-01 14:00Z' + n %% 15000000 * interval '1 s' AS at) AS begun
JOIN engagements_workstream w ON w.organization_id = %(organization)s AND w.id = %(stream)s
"""
# Received, begun, delivered; of every tenth returned and delivered again.
_MOVES = """
INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_label, reason)
SELECT i.organization_id, i.client_id, i.matter_id, i.id, step.was, step.becomes, i.received_at + step.share * (i.state_at - i.received_at),
    now(), 'benchmark', ''
FROM engagements_workitem i
CROSS JOIN LATERAL (VALUES ('', 'received', 0.0), ('received', 'in_review', 0.3), ('in_review', 'delivered', 0.6),
    ('delivered', 'returned', 0.8), ('returned', 'delivered', 1.0)) AS step(was, becomes, share)
WHERE i.organization_id = %(organization)s AND i.workstream_id = %(stream)s AND (step.share <= 0.6 OR i.external_id::int %% 10 = 0)
"""
# Every second item waited for the client once, one in six for twice as long a second time.
_PAUSES = """
INSERT INTO engagements_pause (organization_id, client_id, matter_id, item_id, party, reason, note, started_at, ended_at, recorded_at,
    by_label, contest_note)
SELECT i.organization_id, i.client_id, i.matter_id, i.id, 'client', 'information', '', begun.at, begun.at + turn.n * interval '2 h', now(),
    'benchmark', ''
FROM engagements_workitem i
JOIN (VALUES (1, 2), (2, 6)) AS turn(n, every) ON i.external_id::int %% turn.every = 0
CROSS JOIN LATERAL (SELECT i.received_at + turn.n * interval '3 h' AS at) AS begun
WHERE i.organization_id = %(organization)s AND i.workstream_id = %(stream)s
"""


def fill(version: ServiceLevelVersion, count: int) -> None:
    values: dict[str, Any] = {"organization": version.organization_id, "stream": version.level.workstream_id, "count": count}
    with floor.superuser() as link, link.cursor() as cursor:
        for statement in (_ITEMS, _MOVES, _PAUSES):
            cursor.execute(statement, values)
        cursor.execute("VACUUM ANALYZE engagements_workitem, engagements_transition, engagements_pause")


def anew(organization: Organization, version: ServiceLevelVersion) -> float:
    """Seconds of the job that computes the level's clocks from the facts."""
    with in_organization(organization.id):
        recompute(level=version.level, by=make.system())
    floor.checkpoint()
    begun = perf_counter()
    run_due(organization.id, leave=[projection.ATTAIN])
    return perf_counter() - begun


def copied_out() -> float:
    with tempfile.TemporaryFile() as file, floor.superuser() as link, link.cursor() as cursor:
        begun = perf_counter()
        cursor.copy_expert("COPY sla_clock TO STDOUT", file)
        return perf_counter() - begun


def spoiled() -> None:
    """Every clock as it would stand before a correction of all of them: each figure another."""
    with floor.superuser() as link, link.cursor() as cursor:
        cursor.execute(
            "UPDATE sla_clock SET due_at = due_at + interval '1 h', used_seconds = used_seconds + 60, paused_seconds = paused_seconds + 60"
        )
        cursor.execute("VACUUM ANALYZE sla_clock")


def said(name: str, ours: float, bare: float, count: int) -> None:
    room.figure(
        f"{name}, {count:,} clocks of {ITEMS:,} items with pauses",
        f"{ours:.1f} s; their rows copied out and in again {bare:.1f} s; ratio {ours / bare:.2f}",
        f"at most {MOST} ×",
        met=ours <= MOST * bare,
    )


def main() -> None:
    organization = room.organization("benchmark-recompute")
    with in_organization(organization.id):
        version = levels.business_level(bills.workstream(), hours=24)
    fill(version, ITEMS)
    first = anew(organization, version)
    with floor.superuser() as link, link.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE sla_clock")
    same = anew(organization, version)
    spoiled()
    every = anew(organization, version)
    with in_organization(organization.id):
        count = Clock.objects.count()
    bare = copied_out() + floor.recopy(["sla_clock"])["sla_clock"]
    said("clocks recomputed, every one changed", every, bare, count)
    said("clocks recomputed, none changed", same, bare, count)
    said("clocks made where none were", first, bare, count)


if __name__ == "__main__":
    main()
