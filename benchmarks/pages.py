"""The queue and a matter's page with a million items in the organization: statements of the view's own and server time.

bin/proof pages            (BENCHMARK_ITEMS=100000 for a smaller run)
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from decimal import Decimal
from time import perf_counter
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from benchmarks import floor, room
from engagements.models import Workstream
from lpo.accounts.roles import Role
from lpo.embedded.run import UNUSED_STATIC
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import make as bills
from tests.conftest import person
from tests.guards.test_query_budgets import BEFORE
from tests.sla import make as levels

FEW, MANY = 10_000, int(os.environ.get("BENCHMARK_ITEMS", "1000000"))
STREAMS = 20
REQUESTS = 60
MOST_STATEMENTS, MOST_SECONDS = 12, 0.1
# In each workstream one in ten is still open, which is more than a provider would bear; one in a hundred waits for the client.
_ITEMS = """
INSERT INTO engagements_workitem (organization_id, client_id, matter_id, workstream_id, kind, reference, source, external_id, title,
    quantity, priority, language, disposition, severity, received_at, state, state_at, finished, paused, first_delivered_at, created_at,
    version)
SELECT w.organization_id, w.client_id, w.matter_id, w.id, 'work', w.item_prefix || '-' || n, 'benchmark', n::text, 'NDA with party ' || n,
    1, 'standard', '', '', '', now() - n * interval '20 s', CASE WHEN turn %% 10 = 0 THEN 'in_review' ELSE 'delivered' END,
    now() - n * interval '20 s' + interval '1 h', turn %% 10 <> 0, turn %% 100 = 0,
    CASE WHEN turn %% 10 <> 0 THEN now() - n * interval '20 s' + interval '1 h' END, now(), 1
FROM generate_series(%(first)s, %(last)s) n
CROSS JOIN LATERAL (SELECT n / %(count)s AS turn) AS t
JOIN engagements_workstream w ON w.organization_id = %(organization)s AND w.id = (%(streams)s::bigint[])[1 + n %% %(count)s]
"""
CLOCKS = """
INSERT INTO sla_clock (organization_id, client_id, matter_id, item_id, level_id, level_version_id, cycle, started_at, due_at, stopped_at,
    cancelled, excluded, target_seconds, used_seconds, paused_seconds, late_seconds, window_start, computed_at)
SELECT i.organization_id, i.client_id, i.matter_id, i.id, v.level_id, v.id, 1, i.received_at, i.received_at + interval '1 day',
    i.first_delivered_at, false, false, 86400, 3600, 0, CASE WHEN i.finished THEN 0 END,
    date_trunc('month', i.received_at, 'America/New_York'), now()
FROM engagements_workitem i
JOIN sla_servicelevel l ON l.organization_id = i.organization_id AND l.workstream_id = i.workstream_id
JOIN sla_servicelevelversion v ON v.organization_id = l.organization_id AND v.level_id = l.id
WHERE i.organization_id = %(organization)s AND i.id > %(known)s
"""
COUNTERS = """
UPDATE engagements_workstream w SET item_count = (SELECT count(*) FROM engagements_workitem i
    WHERE i.organization_id = w.organization_id AND i.workstream_id = w.id)
WHERE w.organization_id = %(organization)s
"""
_AT_ONCE = 100_000
# What is spent around a view, the transaction's two ends included, and what the frame of every page asks: where else its reader works.
_AROUND = re.compile(BEFORE.pattern + r'|^(BEGIN|COMMIT)$|FROM "accounts_membership" INNER JOIN "accounts_organization" ON')


@dataclass(frozen=True)
class Measured:
    statements: int
    p95: float


def grow(streams: list[Workstream], first: int, last: int) -> None:
    """Rows as an import leaves them, written set by set past the policies, which are no part of what is measured."""
    for start in range(first, last + 1, _AT_ONCE):
        values: dict[str, Any] = {
            "organization": streams[0].organization_id,
            "streams": [stream.id for stream in streams],
            "count": len(streams),
            "first": start,
            "last": min(last, start + _AT_ONCE - 1),
        }
        with floor.superuser() as link, link.cursor() as cursor:
            cursor.execute("SELECT COALESCE(max(id), 0) FROM engagements_workitem")
            values["known"] = cursor.fetchone()[0]
            cursor.execute(_ITEMS, values)
            cursor.execute("ANALYZE engagements_workitem")
            cursor.execute(CLOCKS, values)
            cursor.execute(COUNTERS, values)
    with floor.superuser() as link, link.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE engagements_workitem, sla_clock")


def measure(browser: Browser, address: str) -> Measured:
    connection.force_debug_cursor = False
    for _ in range(5):
        assert browser.get(address).status_code == 200
    times = []
    for _ in range(REQUESTS):
        begun = perf_counter()
        browser.get(address)
        times.append(perf_counter() - begun)
    with CaptureQueriesContext(connection) as captured:
        browser.get(address)
    own = [query["sql"] for query in captured.captured_queries if not _AROUND.search(" ".join(query["sql"].split()))]
    return Measured(len(own), sorted(times)[int(REQUESTS * 0.95)])


def main() -> None:
    # Static files are served as in earnest: from a manifest.
    with tempfile.TemporaryDirectory() as folder, override_settings(STATIC_ROOT=folder):
        call_command("collectstatic", "--noinput", "--verbosity", "0", *UNUSED_STATIC)
        measure_pages()


def measure_pages() -> None:
    organization = room.organization("benchmark-pages")
    with in_organization(organization.id):
        engagement = bills.engagement_of(bills.workstream())
        matters = [make.matter(engagement) for _ in range(STREAMS // 2)]
        streams = [make.workstream(matter) for matter in matters for _ in range(2)]
        for stream in streams:
            levels.level(stream, expected_percent=Decimal(95))
    manager = person(organization, "Benchmark Manager", Role.PROJECT_MANAGER)
    browser = Browser()
    browser.force_login(manager.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    here = f"/{organization.slug}"
    pages = {
        "queue": f"{here}/work/",
        "queue of one workstream": f"{here}/work/?workstream={streams[0].item_prefix}",
        "matter": f"{here}/matters/{matters[0].reference}/",
        "workstream": f"{here}/matters/{matters[0].reference}/{streams[0].item_prefix}/",
    }
    found: dict[tuple[str, int], Measured] = {}
    first = 1
    for size in (FEW, MANY):
        grow(streams, first, size)
        first = size + 1
        for name, address in pages.items():
            found[name, size] = measure(browser, address)
    for name in pages:
        few, many = found[name, FEW], found[name, MANY]
        room.figure(
            f"{name} page with {MANY:,} items in the organization",
            f"{many.statements} statements, p95 {many.p95 * 1000:.0f} ms; with {FEW:,} items {few.statements}, {few.p95 * 1000:.0f} ms",
            f"at most {MOST_STATEMENTS} statements, the same at both sizes; p95 under {MOST_SECONDS * 1000:.0f} ms",
            met=many.statements == few.statements and many.statements <= MOST_STATEMENTS and max(many.p95, few.p95) < MOST_SECONDS,
        )
    connection.close()


if __name__ == "__main__":
    main()
