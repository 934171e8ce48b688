"""What one wait does to a due date: the clock's own engine with and without it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagements import actions as work
from engagements.models import LateEntry, Pause, WorkItem
from engagements.panels import PauseEffect
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from sla import actions
from sla.models import AttainmentRow, Exclusion
from sla.waits import effects_of
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

pytestmark = pytest.mark.django_db


def effects(item: WorkItem) -> list[PauseEffect]:
    pauses = list(Pause.objects.filter(item=item).order_by("started_at", "id"))
    found = effects_of(pauses)
    return [found[pause.pk] for pause in pauses]


def test_a_wait_moves_the_due_date_by_its_open_hours(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 10:00")
    level = make.business_level(hours=4)
    item = make.item(level.level.workstream, "2026-03-06 16:00", paused=[("2026-03-06 16:30", "2026-03-09 09:30")])
    (effect,) = effects(item)
    assert (effect.level, effect.due_at, effect.without) == ("NDA turnaround", new_york("2026-03-09 13:00"), new_york("2026-03-09 12:00"))
    assert make.clock(item).due_at == effect.due_at


def test_of_two_waits_that_overlap_each_is_taken_out_alone(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 15:00")
    level = make.level(pausing_parties=["client", "third_party"])
    item = make.item(level.level.workstream, "2026-03-09 09:00")
    for party, start, end in (("client", "10:00", "12:00"), ("third_party", "11:00", "13:00")):
        at, until = new_york(f"2026-03-09 {start}"), new_york(f"2026-03-09 {end}")
        work.pause_item(item=item, by=base.system(), party=party, reason="information", note="asked", at=at)
        work.resume_item(item=item, by=base.system(), at=until, party=party)
    assert [effect.due_at - effect.without for effect in effects(item)] == [timedelta(hours=1), timedelta(hours=1)]


def test_a_wait_of_ours_has_no_effect_and_one_under_no_promise_is_left_out(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 15:00")
    level = make.level()
    item = make.item(level.level.workstream, "2026-03-09 09:00")
    work.pause_item(item=item, by=base.system(), party="provider", reason="internal", note="sick", at=new_york("2026-03-09 10:00"))
    assert [effect.moved for effect in effects(item)] == [False]
    loose = make.item(base.workstream(), "2026-03-09 09:00", paused=[("2026-03-09 10:00", None)])
    assert effects_of(list(Pause.objects.filter(item=loose))) == {}


def test_many_waits_take_as_many_statements_as_one(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 15:00")
    stream = make.level().level.workstream
    taken = []
    for n in (1, 9):
        for _ in range(n):
            make.item(stream, "2026-03-09 09:00", paused=[("2026-03-09 10:00", None)])
        pauses = list(Pause.objects.order_by("id"))
        with CaptureQueriesContext(connection) as queries:
            assert len(effects_of(pauses)) == len(pauses)
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_an_error_that_is_not_ours_leaves_the_fraction_with_evidence_only(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 15:00")
    level = make.level(item_kind="error", stop_state="corrected", kind="error_resolution", name="Error resolution")
    error = make.item(level.level.workstream, "2026-03-09 09:00", kind="error", severity="critical")
    facts = {"level": level.level, "item": error, "reason": "The client's own template", "by": base.system()}
    with pytest.raises(Refused) as refusal:
        actions.exclude_item(**facts)
    assert refusal.value.field == "evidence" and not make.clock(error).excluded
    shown = base.message(error, "It was our template after all. Dana")
    actions.exclude_item(**facts, evidence=shown)
    assert make.clock(error).excluded and Exclusion.objects.get().evidence == shown


def test_a_frozen_row_says_that_it_rests_on_a_late_entry(in_alder: Scope, now: WallClock, asha: Membership, olga: Membership) -> None:
    now.is_at("2026-03-09 15:00")
    level = make.level()
    late, plain = (make.item(level.level.workstream, "2026-03-09 09:00") for _ in range(2))
    why, at = "The tracker was down.", new_york("2026-03-09 11:00")
    work.move_item(item=late, to="delivered", by=Actor.member(asha), at=at, reason=why)
    assert make.clock(late).stopped_at is None
    work.approve_late(entry=LateEntry.objects.get(), by=Actor.member(olga))
    assert make.clock(late).stopped_at == at
    work.move_item(item=plain, to="delivered", by=base.system())
    make.counted(level)
    now.is_at("2026-05-01 09:00")
    closed = actions.close_window(level=level.level, window_start=make.clock(late).window_start, by=base.system())
    told = dict(AttainmentRow.objects.filter(attainment=closed).values_list("item_reference", "reason"))
    assert told == {late.reference: "Recorded late, approved by a second person", plain.reference: ""}
