"""Attainment of one window over a million clocks beside the aggregate written by hand, and Today with many clocks open.

bin/proof windows          (BENCHMARK_CLOCKS=100000 for a smaller run)
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.test import Client as Browser
from django.test import override_settings

from benchmarks import floor, pages, room
from engagements.models import Workstream
from lpo.accounts.models import Organization
from lpo.accounts.roles import Role
from lpo.embedded.run import UNUSED_STATIC
from lpo.jobs.runner import run_due
from lpo.tenancy.context import in_organization
from sla import counting, projection, store
from sla.models import Attainment, DirtyWindow, ServiceLevelVersion
from tests.billing import make as bills
from tests.conftest import person
from tests.sla import make as levels

CLOCKS = int(os.environ.get("BENCHMARK_CLOCKS", "1000000"))
ALL, OPEN = 200_000, 10_000
OTHERS = 11  # further windows with clocks, which one change must leave alone
WINDOW = datetime(2026, 10, 1, 4, tzinfo=UTC)
MOST = 1.5
_ITEMS = """
INSERT INTO engagements_workitem (organization_id, client_id, matter_id, workstream_id, kind, reference, source, external_id, title,
    quantity, priority, language, disposition, severity, received_at, state, state_at, finished, paused, first_delivered_at, created_at,
    version)
SELECT w.organization_id, w.client_id, w.matter_id, w.id, 'work', w.item_prefix || '-' || n, 'benchmark', n::text, 'NDA with party ' || n,
    1, 'standard', '', '', '', begun.at, CASE WHEN n <= %(open)s THEN 'in_review' ELSE 'delivered' END, begun.at, n > %(open)s, false,
    CASE WHEN n > %(open)s THEN begun.at + n %% 30 * interval '1 h' END, now(), 1
FROM generate_series(1, %(count)s) n
CROSS JOIN LATERAL (SELECT CASE WHEN n <= %(open)s THEN now() - n %% 700 * interval '1 min'
    ELSE %(from)s + n %% 2400000 * interval '1 s' END AS at) AS begun
JOIN engagements_workstream w ON w.organization_id = %(organization)s AND w.id = %(stream)s
"""
# The same figures by hand, past the policies.
_BY_HAND = """
SELECT count(*) FILTER (WHERE NOT out AND stopped_at <= due_at), count(*) FILTER (WHERE NOT out AND late),
    count(*) FILTER (WHERE NOT out AND NOT late AND stopped_at IS NULL), count(*) FILTER (WHERE out),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY used_seconds) FILTER (WHERE stopped_at IS NOT NULL AND NOT excluded),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY used_seconds) FILTER (WHERE stopped_at IS NOT NULL AND NOT excluded)
FROM (SELECT *, excluded OR cancelled AS out, stopped_at > due_at OR (stopped_at IS NULL AND held_since IS NULL AND due_at < now()) AS late
      FROM sla_clock WHERE organization_id = %s AND level_id = %s AND window_start = %s AND cycle = 1) AS c
"""


def fill(stream: Workstream, count: int, still_open: int) -> None:
    """Items of October with clocks of 24 hours and what they used; `still_open` of them run since today."""
    values: dict[str, Any] = {"organization": stream.organization_id, "stream": stream.id, "count": count, "open": still_open}
    with floor.superuser() as link, link.cursor() as cursor:
        cursor.execute("SELECT COALESCE(max(id), 0) FROM engagements_workitem")
        known = cursor.fetchone()[0]
        cursor.execute(_ITEMS, {**values, "from": WINDOW + timedelta(days=1)})
        cursor.execute(pages.CLOCKS, {**values, "known": known})
        cursor.execute("UPDATE sla_clock SET used_seconds = extract(epoch FROM stopped_at - started_at) WHERE stopped_at IS NOT NULL")
        cursor.execute(pages.COUNTERS, values)
        cursor.execute("VACUUM ANALYZE engagements_workitem, sla_clock")


def attainment(version: ServiceLevelVersion, count: int) -> None:
    now = datetime.now(UTC)
    with in_organization(version.organization_id):
        ours = room.seconds(lambda: counting.count_window(version.level_id, WINDOW, now), 7)
        found = Attainment.objects.get(level_id=version.level_id, window_start=WINDOW)
    with floor.superuser() as link, link.cursor() as cursor:

        def by_hand() -> None:
            cursor.execute(_BY_HAND, [version.organization_id, version.level_id, WINDOW])

        bare = room.seconds(by_hand, 7)
        met, missed, pending, excluded, *_ = cursor.fetchone()
    same = (found.numerator, found.denominator, found.pending, found.excluded) == (met, met + missed, pending, excluded)
    room.figure(
        f"attainment of one window of {count:,} clocks, median and p90 with it",
        f"{ours * 1000:,.0f} ms; the aggregate written by hand {bare * 1000:,.0f} ms; ratio {ours / bare:.2f};"
        f" {'the same figures' if same else 'OTHER FIGURES'}",
        f"at most {MOST} ×",
        met=same and ours <= MOST * bare,
    )


def one_change(organization: Organization, version: ServiceLevelVersion) -> None:
    """Other windows were counted before; one becomes dirty, and the job counts that one."""
    now = datetime.now(UTC)
    with in_organization(organization.id):
        for month in range(1, OTHERS + 1):
            counting.count_window(version.level_id, datetime(2025, month, 1, 5, tzinfo=UTC), now)
        before = dict(Attainment.objects.values_list("window_start", "computed_at"))
        store.mark_dirty([(version.level_id, int(WINDOW.timestamp()))])
        projection.request_count()
    run_due(organization.id)
    with in_organization(organization.id):
        counted = [start for start, at in Attainment.objects.values_list("window_start", "computed_at") if before.get(start) != at]
        left = DirtyWindow.objects.count()
    room.figure(
        f"windows counted again after one change, of {OTHERS + 1}",
        f"{len(counted)}, {left} left to count",
        "only the one touched",
        met=counted == [WINDOW] and not left,
    )


def today(organization: Organization) -> None:
    manager = person(organization, "Benchmark Manager", Role.PROJECT_MANAGER)
    browser = Browser()
    browser.force_login(manager.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    found = pages.measure(browser, f"/{organization.slug}/today/")
    room.figure(
        f"Today with {OPEN:,} open clocks of {ALL:,}",
        f"{found.statements} statements, p95 {found.p95 * 1000:.0f} ms",
        f"at most {pages.MOST_STATEMENTS} statements; p95 under {pages.MOST_SECONDS * 1000:.0f} ms",
        met=found.statements <= pages.MOST_STATEMENTS and found.p95 < pages.MOST_SECONDS,
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, override_settings(STATIC_ROOT=folder):
        call_command("collectstatic", "--noinput", "--verbosity", "0", *UNUSED_STATIC)
        board = room.organization("benchmark-today")
        with in_organization(board.id):
            stream = bills.workstream()
            levels.level(stream, expected_percent=Decimal(95))
        fill(stream, ALL, OPEN)
        today(board)
    organization = room.organization("benchmark-windows")
    with in_organization(organization.id):
        stream = bills.workstream()
        version = levels.level(stream, expected_percent=Decimal(95))
    fill(stream, CLOCKS, 0)
    attainment(version, CLOCKS)
    one_change(organization, version)


if __name__ == "__main__":
    main()
