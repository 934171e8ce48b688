"""Background work of the room: done once or three times, it comes to the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.jobs.models import Job
from lpo.jobs.registry import Run
from lpo.tenancy.context import Scope, in_organization, scoped
from sla import actions, counting, tasks
from sla.models import Attainment, Clock, DirtyWindow
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock

pytestmark = pytest.mark.django_db


def run(scope: Scope, kind: str, **payload: object) -> Run:
    return Run(1, scope.organization_id, kind, payload, {}, Actor.system(scope.organization_id))


def test_moving_work_asks_for_one_count_and_the_worker_does_it(alder: Organization, now: WallClock, run_jobs: Callable[[], int]) -> None:
    now.is_at("2026-03-10 12:00")
    with in_organization(alder.id):
        level = make.level()
        for day in ("05", "06"):
            make.item(level.level.workstream, f"2026-03-{day} 09:00", delivered=f"2026-03-{day} 15:00")
        assert Job.objects.filter(kind="sla.attain").count() == 1
    assert run_jobs() == 1
    with in_organization(alder.id):
        assert list(Attainment.objects.values_list("numerator", "denominator")) == [(2, 2)]
        assert not DirtyWindow.objects.exists()


def test_counting_three_times_is_counting_once(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 12:00")
    level = make.level()
    make.item(level.level.workstream, "2026-03-05 09:00", delivered="2026-03-05 15:00")
    for _ in range(3):
        list(tasks.attain(run(in_alder, "sla.attain")))
        found = Attainment.objects.get()
        assert (found.numerator, found.denominator) == (1, 1)
        counting.count_window(level.level_id, found.window_start, now.is_at("2026-03-10 12:00"))


def test_recomputing_resumes_after_the_last_item_done(in_alder: Scope, now: WallClock, monkeypatch: pytest.MonkeyPatch) -> None:
    now.is_at("2026-03-10 12:00")
    monkeypatch.setattr(tasks, "CHUNK", 2)
    level = make.level()
    for hour in ("09", "10", "11"):
        make.item(level.level.workstream, f"2026-03-09 {hour}:00")
    made = list(Clock.objects.order_by("id").values("item_id", "due_at"))
    Clock.objects.all().delete()
    first = next(tasks.recompute(run(in_alder, "sla.recompute", level=level.level_id)))
    assert (first.done, first.total, Clock.objects.count()) == (2, 3, 2)
    again = Run(
        1,
        in_alder.organization_id,
        "sla.recompute",
        {"level": level.level_id},
        dict(first.cursor or {}),
        Actor.system(in_alder.organization_id),
        2,
    )
    assert [step.done for step in tasks.recompute(again)] == [3]
    assert list(Clock.objects.order_by("id").values("item_id", "due_at")) == made


def test_repinning_is_for_open_clocks_and_changes_nothing_the_second_time(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 14:00")
    level = make.level(target=8 * 3600)
    make.item(level.level.workstream, "2026-03-09 09:00")
    shorter = actions.add_level_version(
        level=level.level,
        effective_from=date(2026, 3, 9),
        by=base.system(),
        target=4 * 3600,
        expected_percent=Decimal(95),
        time_zone=level.time_zone,
    )
    for _ in range(3):
        list(tasks.recompute(run(in_alder, "sla.recompute", level=level.level_id, repin=True)))
        assert Clock.objects.get().level_version_id == shorter.pk


def test_figures_count_behind_a_wall_and_their_clocks_stay_there(alder: Organization, asha: Membership, now: WallClock) -> None:
    now.is_at("2026-03-10 12:00")
    with in_organization(alder.id):
        level = make.level()
        make.item(level.level.workstream, "2026-03-05 09:00", delivered="2026-03-05 15:00")
        make.counted(level)
    with scoped(Scope(alder.id, hidden_matters=(level.matter_id,))):
        assert (Clock.objects.count(), Attainment.objects.count()) == (0, 0)
    with in_organization(alder.id):
        assert (Clock.objects.count(), Attainment.objects.count()) == (1, 1)
