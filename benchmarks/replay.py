"""A long history replayed under a proposed contract, both sides, by chunks as its job does it: time for each item, and memory.

bin/proof replay          (BENCHMARK_REPLAY=1000000 for a larger history)
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import perf_counter

from django.db import connection
from django.utils import timezone

from benchmarks import floor, room
from benchmarks.chain import load
from benchmarks.load_file import peak
from engagements import actions as work
from engagements.models import WorkItem
from lpo.core.localtime import to_epoch
from lpo.tenancy.context import in_organization
from sla.actions.scenarios import question_of
from sla.replay import Tally, outcome_of_replay, replay
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

ITEMS = int(os.environ.get("BENCHMARK_REPLAY", "100000"))
PIECE = 10_000
MOST_MICROSECONDS = 500
MOST_MEGABYTES = 512


def main() -> None:
    organization = room.organization("benchmark-replay")
    begin = timezone.now().replace(day=1, hour=12, minute=0, second=0, microsecond=0) - timedelta(days=200)
    with in_organization(organization.id):
        stream = bills.workstream()
        level = levels.business_level(stream, hours=8, expected_percent=Decimal(95))
    lines = [f"R-{n},NDA with counterparty {n},{(begin + timedelta(seconds=n * 150 * 86_400 // ITEMS)).isoformat()}" for n in range(ITEMS)]
    load(stream, "\n".join(["id,title,received", *lines, ""]))
    with in_organization(organization.id):
        ids = list(WorkItem.objects.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), PIECE):
        with in_organization(organization.id):
            work.move_items(ids=ids[start : start + PIECE], to="delivered", by=make.system())
    with floor.superuser() as link, link.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE engagements_workitem, engagements_transition, sla_clock")
    month, last = f"{begin:%Y-%m}", f"{datetime.now(UTC):%Y-%m}"
    with in_organization(organization.id):
        asked = levels.replayed(level, last, last, target=16 * 3600)
    asked.first_month = datetime.fromisoformat(f"{month}-01").date()
    before, begun, tally = peak(), perf_counter(), Tally()
    with in_organization(organization.id):
        question = question_of(asked, to_epoch(timezone.now()))
        for _ in replay(question, tally):
            pass
        result = outcome_of_replay(question, tally)
    spent, grown = perf_counter() - begun, peak() - before
    assert result["items"] == ITEMS
    each = spent / ITEMS * 1_000_000
    room.figure(
        f"{ITEMS:,} items replayed under a proposed contract, both sides",
        f"{spent:.1f} s, {each:.0f} µs an item; {grown:.0f} MB more than before",
        f"at most {MOST_MICROSECONDS} µs an item and {MOST_MEGABYTES} MB",
        met=each <= MOST_MICROSECONDS and grown <= MOST_MEGABYTES,
    )
    connection.close()


if __name__ == "__main__":
    main()
