"""The worked cases through the database: items moved by actions, clocks read back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagements import actions as work
from engagements.events import Changed
from engagements.models import Pause
from lpo.jobs.models import Job
from lpo.tenancy.context import Scope
from sla import actions, projection
from sla.models import Clock, DirtyWindow
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

pytestmark = pytest.mark.django_db


def test_two_business_hours_from_friday_afternoon_end_on_monday_over_the_clock_change(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-06 16:30")
    level = make.business_level(hours=2)
    item = make.item(level.level.workstream, "2026-03-06 16:00")
    assert make.clock(item).due_at.isoformat() == "2026-03-09T14:00:00+00:00"


@pytest.mark.parametrize(
    ("received", "hours", "due"), [("2026-03-06 17:00", 1, "2026-03-09 10:00"), ("2026-03-09 09:00", 8, "2026-03-09 17:00")]
)
def test_a_start_at_the_close_counts_from_the_next_opening(in_alder: Scope, now: WallClock, received: str, hours: int, due: str) -> None:
    now.is_at("2026-03-09 09:30")
    level = make.business_level(hours=hours)
    assert make.clock(make.item(level.level.workstream, received)).due_at == new_york(due)


def test_a_pause_of_the_clients_moves_the_due_instant_by_its_open_hours_only(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 10:00")
    level = make.business_level(hours=4)
    item = make.item(level.level.workstream, "2026-03-06 16:00", paused=[("2026-03-06 16:30", "2026-03-09 09:30")])
    clock = make.clock(item)
    assert (clock.due_at, clock.used_seconds, clock.held_since) == (new_york("2026-03-09 13:00"), 3600, None)


def test_pauses_that_overlap_count_once(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 18:00")
    level = make.business_level(hours=8, pausing_parties=["client", "third_party"])
    item = make.item(level.level.workstream, "2026-03-09 09:00")
    for party, start, end in [("client", "10:00", "12:00"), ("third_party", "11:00", "13:00")]:
        at, until = new_york(f"2026-03-09 {start}"), new_york(f"2026-03-09 {end}")
        work.pause_item(item=item, by=base.system(), party=party, reason="information", note="asked", at=at)
        work.resume_item(item=item, by=base.system(), at=until, party=party)
    work.move_item(item=item, to="delivered", by=base.system(), at=new_york("2026-03-09 17:00"), reason="as recorded")
    assert make.clock(item).used_seconds == 5 * 3600


def test_done_three_minutes_late_is_missed_by_180_seconds_whenever_it_was_looked_at(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 09:55")
    level = make.level(target=3600)
    item = make.item(level.level.workstream, "2026-03-09 09:00")
    projection.refresh([item.id])
    now.is_at("2026-03-09 10:05")
    item = work.move_item(item=item, to="delivered", by=base.system(), at=new_york("2026-03-09 10:03"))
    projection.refresh([item.id])
    clock = make.clock(item)
    assert (clock.due_at, clock.late_seconds) == (new_york("2026-03-09 10:00"), 180)


@pytest.mark.parametrize(("received", "due"), [("2026-11-12 15:00", "2026-11-16 17:00"), ("2026-11-12 17:30", "2026-11-17 17:00")])
def test_two_business_days_end_at_the_close_of_the_second(in_alder: Scope, now: WallClock, received: str, due: str) -> None:
    now.is_at("2026-11-12 18:00")
    level = make.business_level(days=2)
    assert make.clock(make.item(level.level.workstream, received)).due_at == new_york(due)


def test_sixteen_business_hours_are_two_working_days_to_the_minute(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-11-12 18:00")
    level = make.business_level(hours=16)
    assert make.clock(make.item(level.level.workstream, "2026-11-12 15:00")).due_at == new_york("2026-11-16 15:00")


def test_a_shorter_goal_leaves_running_clocks_alone_until_somebody_says_otherwise(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 14:00")
    level = make.level(target=8 * 3600)
    item = make.item(level.level.workstream, "2026-03-09 09:00")
    same: dict[str, Any] = {"expected_percent": level.expected_percent, "time_zone": level.time_zone}
    shorter = actions.add_level_version(level=level.level, effective_from=date(2026, 3, 9), by=base.system(), target=4 * 3600, **same)
    assert make.clock(item).level_version_id == level.pk
    item = work.move_item(item=item, to="in_review", by=base.system())
    assert (make.clock(item).level_version_id, make.clock(item).due_at) == (level.pk, new_york("2026-03-09 17:00"))
    projection.refresh([item.id], repin=True)
    assert (make.clock(item).level_version_id, make.clock(item).due_at) == (shorter.pk, new_york("2026-03-09 13:00"))


def test_a_finished_clock_keeps_its_version_even_when_asked_otherwise(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 17:30")
    level = make.level(target=8 * 3600)
    item = make.item(level.level.workstream, "2026-03-09 09:00", delivered="2026-03-09 16:00")
    same: dict[str, Any] = {"expected_percent": level.expected_percent, "time_zone": level.time_zone}
    actions.add_level_version(level=level.level, effective_from=date(2026, 3, 9), by=base.system(), target=4 * 3600, **same)
    projection.refresh([item.id], repin=True)
    clock = make.clock(item)
    assert (clock.level_version_id, clock.late_seconds) == (level.pk, 0)


def test_work_received_before_the_promise_has_no_clock(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 17:30")
    level = make.level(effective_from=date(2026, 3, 9))
    early = make.item(level.level.workstream, "2026-03-08 23:59")
    first = make.item(level.level.workstream, "2026-03-09 00:00")
    assert [clock.item_id for clock in Clock.objects.all()] == [first.id]
    assert early.id != first.id


def test_an_open_hold_keeps_the_clock_from_running_out(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 12:00")
    level = make.level(target=8 * 3600)
    item = make.item(level.level.workstream, "2026-03-09 09:00", paused=[("2026-03-09 10:00", None)])
    clock = make.clock(item)
    assert (clock.held_since, clock.used_seconds, clock.stopped_at) == (new_york("2026-03-09 10:00"), 3600, None)
    work.resume_item(item=item, by=base.system())
    assert (make.clock(item).held_since, make.clock(item).due_at) == (None, new_york("2026-03-10 19:00"))


def test_the_providers_own_pause_stops_nothing(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 12:00")
    level = make.level(target=8 * 3600)
    item = make.item(level.level.workstream, "2026-03-09 09:00")
    work.pause_item(item=item, by=base.system(), party="provider", reason="internal")
    clock = make.clock(item)
    assert (clock.held_since, clock.due_at) == (None, new_york("2026-03-09 17:00"))


def test_withdrawing_a_pause_brings_the_earlier_due_instant_back(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 16:00")
    level = make.level(target=8 * 3600)
    item = make.item(level.level.workstream, "2026-03-09 09:00", paused=[("2026-03-09 10:00", "2026-03-09 12:00")])
    assert make.clock(item).due_at == new_york("2026-03-09 19:00")
    work.withdraw_pause(pause=Pause.objects.get(item=item), by=base.system(), note="The client had answered.")
    assert make.clock(item).due_at == new_york("2026-03-09 17:00")


def test_undoing_a_delivery_reopens_the_clock(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 16:00")
    level = make.level()
    item = make.item(level.level.workstream, "2026-03-09 09:00", delivered="2026-03-09 15:00")
    assert make.clock(item).stopped_at == new_york("2026-03-09 15:00")
    work.undo_last_move(item=item, by=base.system())
    assert make.clock(item).stopped_at is None


def test_a_return_starts_a_second_cycle_and_leaves_the_first_as_it_was(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 16:00")
    level = make.level()
    item = make.item(level.level.workstream, "2026-03-09 09:00", delivered="2026-03-09 15:00")
    work.move_item(item=item, to="returned", by=base.system(), at=new_york("2026-03-10 09:00"), reason="Clause 4")
    first, second = make.clock(item), make.clock(item, 2)
    assert (first.stopped_at, second.started_at, second.stopped_at) == (new_york("2026-03-09 15:00"), new_york("2026-03-10 09:00"), None)


def test_where_the_last_delivery_decides_the_clock_resumes_on_return(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 16:00")
    level = make.level(decides="last")
    item = make.item(level.level.workstream, "2026-03-09 09:00", delivered="2026-03-09 15:00")
    work.move_item(item=item, to="returned", by=base.system(), at=new_york("2026-03-10 09:00"), reason="Clause 4")
    clock = make.clock(item)
    assert (clock.stopped_at, clock.due_at, Clock.objects.count()) == (None, new_york("2026-03-11 03:00"), 1)


def test_what_is_cancelled_in_time_leaves_the_fraction_and_what_was_overdue_stays_missed(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 16:00")
    level = make.level(target=8 * 3600)
    early, late = (make.item(level.level.workstream, "2026-03-09 09:00", title=name) for name in ("early", "late"))
    work.move_item(item=early, to="cancelled", by=base.system(), at=new_york("2026-03-09 12:00"), reason="Deal is off")
    work.move_item(item=late, to="cancelled", by=base.system(), at=new_york("2026-03-09 18:00"), reason="Deal is off")
    assert (make.clock(early).cancelled, make.clock(early).used_seconds) == (True, 3 * 3600)
    assert (make.clock(late).cancelled, make.clock(late).late_seconds) == (False, 3600)


def test_answering_an_enquiry_acknowledges_it(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 11:00")
    level = make.business_level(kind="response", name="Response", hours=2)
    enquiry = make.item(level.level.workstream, "2026-03-09 09:30", kind="enquiry")
    make.item(level.level.workstream, "2026-03-09 09:30", kind="work")
    work.move_item(item=enquiry, to="answered", by=base.system())
    clock = Clock.objects.get()
    assert (clock.item_id, clock.used_seconds) == (enquiry.id, 5400)


def test_a_level_for_critical_errors_leaves_minor_ones_alone(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 11:00")
    level = make.level(kind="error_resolution", name="Critical errors", target=4 * 3600, severity="critical")
    critical = make.item(level.level.workstream, "2026-03-09 09:30", kind="error", severity="critical")
    minor = make.item(level.level.workstream, "2026-03-09 09:30", kind="error", severity="minor")
    assert list(Clock.objects.values_list("item_id", flat=True)) == [critical.id]
    work.update_item(item=minor, by=base.system(), version=minor.version, severity="critical")
    assert Clock.objects.count() == 2
    work.set_severity(item=critical, by=base.system(), severity="major", note="The client agrees")
    assert list(Clock.objects.values_list("item_id", flat=True)) == [minor.id]


def test_projecting_three_times_is_projecting_once(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 12:00")
    level = make.business_level(hours=8)
    items = [
        make.item(level.level.workstream, "2026-03-09 09:00", paused=[("2026-03-09 10:00", "2026-03-09 11:00")]),
        make.item(level.level.workstream, "2026-03-09 09:30", delivered="2026-03-10 11:00"),
        make.item(level.level.workstream, "2026-03-09 09:45", paused=[("2026-03-09 10:00", None)]),
    ]
    once = list(Clock.objects.order_by("id").values())
    for _ in range(3):
        projection.on_changed(Changed(items[0].organization_id, [item.id for item in items]))
    assert list(Clock.objects.order_by("id").values()) == once


def test_one_transition_costs_one_statement_to_read_and_one_to_write(in_alder: Scope, now: WallClock) -> None:
    """Clocks of three levels, the windows to count again and the job that counts them."""
    now.is_at("2026-03-10 12:00")
    workstream = base.workstream()
    calendar = make.calendar()
    for n in range(3):
        make.business_level(workstream, hours=8 + n, name=f"Level {n}", calendar_version=calendar)
    item = make.item(workstream, "2026-03-10 09:00")
    for paused in ("2026-03-10 10:00", "2026-03-10 11:00"):
        work.pause_item(item=item, by=base.system(), party="client", reason="information", note="asked", at=make.new_york(paused))
        work.resume_item(item=item, by=base.system())
    DirtyWindow.objects.all().delete()
    Job.objects.filter(kind=projection.ATTAIN).update(state="done")
    with CaptureQueriesContext(connection) as queries:
        projection.on_changed(Changed(item.organization_id, [item.id]))
    assert len(queries) == 2, "\n".join(query["sql"] for query in queries)
    assert DirtyWindow.objects.count() == 3
    assert Job.objects.filter(kind=projection.ATTAIN, state="queued").count() == 1
