"""The chain's bulk steps beside a floor measured in the same run: import and COPY, attainment and aggregate, draft.

bin/proof chain            (BENCHMARK_ITEMS=50000 for a smaller run)
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection

from benchmarks import floor as floors
from benchmarks import room
from billing import actions as billing
from engagements import actions
from engagements.models import WorkItem, Workstream
from lpo.jobs.runner import run_due
from lpo.tenancy.context import in_organization
from sla import counting
from sla.models import Clock
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

ITEMS = int(os.environ.get("BENCHMARK_ITEMS", "100000"))
START = datetime(2026, 10, 1, 12, tzinfo=UTC)


def rows(count: int) -> str:
    lines = ["id,title,received"]
    lines += [f"N-{n},NDA with counterparty {n},{(START + timedelta(seconds=20 * n)).isoformat()}" for n in range(count)]
    return "\n".join(lines) + "\n"


def load(stream: Workstream, text: str) -> None:
    """The whole way of a file: checked row by row, compared with what is known, written with transitions and clocks."""
    organization_id = stream.organization_id
    with in_organization(organization_id):
        batch = actions.upload_file(workstream=stream, by=make.system(), purpose="items", content=text.encode(), file_name="items.csv")
        mapping = {"columns": {"external_id": "id", "title": "title", "received_at": "received"}, "zone": "UTC", "dates": "iso"}
        actions.map_columns(batch=batch, by=make.system(), mapping=mapping)
    run_due(organization_id)
    with in_organization(organization_id):
        actions.confirm_import(batch=batch, by=make.system())
    run_due(organization_id)


def ratio(name: str, ours: float, floor: float, words: str, most: float = 0) -> None:
    measured = f"{ours * 1000:,.1f} ms; {words} {floor * 1000:,.1f} ms; ratio {ours / floor:.2f}"
    room.figure(name, measured, f"at most {most} ×" if most else "", met=not most or ours / floor <= most)


def attainment(level_id: int) -> None:
    window = Clock.objects.filter(level_id=level_id).order_by("window_start").values_list("window_start", flat=True)[0]
    clocks = Clock.objects.filter(level_id=level_id, window_start=window).count()
    now = datetime.now(UTC)
    ours = room.seconds(lambda: counting.count_window(level_id, window, now), 7)

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*), count(*) FILTER (WHERE stopped_at <= due_at) FROM sla_clock WHERE level_id = %s AND window_start = %s",
                [level_id, window],
            )

    ratio(f"attainment of a window of {clocks:,} clocks", ours, room.seconds(bare, 7), "bare aggregate")


def draft(stream: Workstream) -> None:
    """A month's draft with every item delivered. Floor: reading the same rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at,"
            " recorded_at, by_label, reason)"
            " SELECT organization_id, client_id, matter_id, id, state, 'delivered', received_at + interval '1 h', now(), 'benchmark', ''"
            " FROM engagements_workitem WHERE workstream_id = %s AND state <> 'delivered' AND received_at < '2026-10-31'",
            [stream.id],
        )
        billable = cursor.rowcount
        cursor.execute("ANALYZE engagements_transition")
    engagement = bills.engagement_of(stream)
    bills.term(engagement, "unit", "45", workstream=stream)
    now = datetime(2027, 1, 2, 12, tzinfo=UTC)
    ours = room.seconds(lambda: billing.draft_invoice(engagement=engagement, index=1, by=make.system(), now=now))

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT item_id, min(at) FROM engagements_transition WHERE to_state = 'delivered' GROUP BY 1")
            cursor.fetchall()

    ratio(f"draft of a month of {billable:,} billable items", ours, room.seconds(bare, 3), "reading their deliveries")


def main() -> None:
    organization = room.organization("benchmark-chain")
    with in_organization(organization.id):
        stream = bills.workstream()
        version = levels.level(stream, expected_percent=Decimal(95))
    text = rows(ITEMS)
    floors.checkpoint()
    ours = room.seconds(lambda: load(stream, text))
    copied = floors.recopy(("engagements_workitem", "engagements_transition", "sla_clock"))
    words = "a superuser's COPY of the same rows"
    ratio(f"import of {ITEMS:,} items from CSV with checks, transitions and clocks", ours, sum(copied.values()), words, 1.4)
    with in_organization(organization.id):
        assert WorkItem.objects.filter(workstream=stream).count() == ITEMS
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM sla_clock WHERE level_id = %s", [version.level_id])
            assert cursor.fetchone()[0] == ITEMS
    with in_organization(organization.id):
        attainment(version.level_id)
        draft(stream)


if __name__ == "__main__":
    main()
