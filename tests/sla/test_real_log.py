"""A real tracker's history, measured by us and by a short script that shares nothing with us: the same figures, month by month.

The log is not part of the project: case_id, timestamp, status, sub_status, as of the BPI Challenge 2013.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engagements import events
from engagements.models import Pause, Transition, WorkItem, Workstream
from lpo.tenancy.context import Scope, current_organization_id
from sla import actions
from sla.models import Attainment, AttainmentRow, Clock, ServiceLevelVersion
from sla.verify import verify
from tests import make as base
from tests.event_log import LOG, needed
from tests.sla import make, raw_log

ZONE = "Europe/Brussels"
STATES = {
    ("Queued", "Awaiting Assignment"): "received",
    ("Accepted", "Assigned"): "assigned",
    ("Accepted", "In Progress"): "in_review",
    ("Completed", "Closed"): "delivered",
    ("Completed", "Cancelled"): "cancelled",
}

pytestmark = [pytest.mark.django_db, needed]


def rows_of(case: raw_log.Case, item: WorkItem, scope: dict[str, Any]) -> Iterator[Transition | Pause]:
    """What an import writes of one case: a transition for each new state, a pause from each wait to what follows it."""
    before, since = "", None
    for at, status, sub in case.events:
        if sub == "Wait":
            since = since or at
            continue
        if since is not None:
            yield Pause(**scope, item=item, party="client", reason="information", started_at=since, ended_at=at, by_label="log")
            since = None
        to = STATES[status, sub]
        if to != before:
            yield Transition(**scope, item=item, from_state=before, to_state=to, at=at, by_label="log")
            before = to


def load(stream: Workstream, cases: dict[str, raw_log.Case]) -> None:
    scope: dict[str, Any] = {"client_id": stream.client_id, "matter_id": stream.matter_id}
    items = [
        WorkItem(
            **scope,
            workstream=stream,
            reference=f"{stream.item_prefix}-{number:04d}",
            external_id=name,
            source="log",
            title=name,
            received_at=case.events[0][0],
            state="received",
            state_at=case.events[-1][0],
        )
        for number, (name, case) in enumerate(cases.items(), 1)
    ]
    made = WorkItem.objects.bulk_create(items)
    rows = [row for item, case in zip(made, cases.values(), strict=True) for row in rows_of(case, item, scope)]
    Transition.objects.bulk_create([row for row in rows if isinstance(row, Transition)])
    Pause.objects.bulk_create([row for row in rows if isinstance(row, Pause)])
    events.tell(events.Changed(current_organization_id(), [item.pk for item in made]))


def by_month(version: ServiceLevelVersion) -> dict[str, tuple[int, int]]:
    zone = ZoneInfo(ZONE)
    rows = [row for row in make.counted(version) if row.denominator]
    return {f"{row.window_start.astimezone(zone):%Y-%m}": (row.numerator, row.denominator) for row in rows}


def test_attainment_of_a_real_log_is_what_an_independent_count_says(in_alder: Scope) -> None:
    stream = base.workstream(kind="other", title="Problem management", unit="problem")
    office, given = make.calendar("Brussels office", time_zone=ZONE), {"time_zone": ZONE, "effective_from": date(2000, 1, 1)}
    levels = {
        (24 * 30, False): make.level(stream, name="Month", target=24 * 30 * 3600, **given),
        (80, True): make.level(stream, name="Office", unit="business", target=80 * 3600, calendar_version=office, **given),
        (24, False): make.level(stream, name="Day", target=24 * 3600, **given),
    }
    cases = raw_log.read(LOG)
    assert len(cases) > 1000
    load(stream, cases)
    for (hours, in_office), level in levels.items():
        expected = raw_log.attainment(cases, timedelta(hours=hours), ZoneInfo(ZONE), office=in_office)
        assert by_month(level) == expected
        cancelled = Clock.objects.filter(level_id=level.level_id, cancelled=True, cycle=1)
        assert sum(counted for _, counted in expected.values()) + cancelled.count() == len(cases)


def test_a_closed_month_of_the_log_replays_identically(in_alder: Scope) -> None:
    stream = base.workstream(kind="other", title="Problem management", unit="problem")
    level = make.level(stream, target=30 * 86_400, time_zone=ZONE, effective_from=date(2000, 1, 1))
    load(stream, raw_log.read(LOG))
    make.counted(level)
    busiest = Attainment.objects.order_by("-denominator", "id")[0]
    closed = actions.close_window(level=level.level, window_start=busiest.window_start, by=base.system())
    assert AttainmentRow.objects.filter(attainment=closed).count() == closed.denominator + closed.excluded
    assert [finding.identical for finding in verify()] == [True]
