from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.celery import PULSE_SECONDS, Steady, app
from lpo.jobs import beat, lease, registry
from lpo.jobs.beat import sweep, tick
from lpo.jobs.models import BeatSlot, Job, JobState
from lpo.jobs.queue import enqueue
from lpo.jobs.registry import Schedule
from lpo.jobs.runner import run_due
from lpo.tenancy.context import Scope, in_organization
from tests.jobs.handlers import effects


@pytest.fixture(autouse=True)
def only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """One schedule a minute and one a day, instead of those of the rooms above."""
    ours = [Schedule("test.once", 1, "Every minute"), Schedule("test.steps", 24 * 60, "Every day")]
    monkeypatch.setattr(beat, "schedules", lambda: ours)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    sent: list[tuple[int, int]] = []

    def publish(organization_id: int, job_id: int) -> bool:
        sent.append((organization_id, job_id))
        return True

    monkeypatch.setattr(beat, "publish", publish)
    monkeypatch.setattr(beat, "waiting_messages", lambda: 0)
    return sent


def jobs_of(organization: Organization) -> list[str]:
    with in_organization(organization.id):
        return sorted(Job.objects.values_list("kind", flat=True))


def test_each_slot_makes_one_job_for_each_organization(alder: Organization, birch: Organization) -> None:
    assert sorted(tick()) == ["test.once", "test.steps"]
    assert tick() == []
    assert jobs_of(alder) == jobs_of(birch) == ["test.once", "test.steps"]
    minute, day = BeatSlot.objects.order_by("schedule").values_list("slot", flat=True)
    assert (minute.second, minute.microsecond) == (0, 0)
    assert (day.hour, day.minute, day.second) == (0, 0, 0), "slots lie in UTC, where no night has a clock change"


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_take_one_slot(alder: Organization, birch: Organization) -> None:
    barrier = threading.Barrier(2)
    taken: list[list[str]] = []

    def pulse() -> None:
        try:
            barrier.wait()
            taken.append(tick())
        finally:
            connection.close()

    beats = [threading.Thread(target=pulse) for _ in range(2)]
    for one in beats:
        one.start()
    for one in beats:
        one.join()
    # The racing pair may straddle a minute, which is then a second, rightful slot.
    minutes = BeatSlot.objects.filter(schedule="test.once").count()
    assert sum(kinds.count("test.once") for kinds in taken) == minutes
    assert sum(kinds.count("test.steps") for kinds in taken) == 1
    assert jobs_of(alder) == jobs_of(birch) == ["test.once", "test.steps"]


def test_the_next_turn_uses_the_row_of_the_last_again(in_alder: Scope) -> None:
    tick()
    run_due(in_alder.organization_id)
    first = Job.objects.get(kind="test.once")
    assert first.state == JobState.DONE
    BeatSlot.objects.all().delete()
    tick()
    again = Job.objects.get(kind="test.once")
    assert (again.id, again.state, again.attempts) == (first.id, JobState.QUEUED, 0)
    run_due(in_alder.organization_id)
    assert effects().count("0") == 2


def test_a_turn_that_has_not_run_yet_is_not_doubled(in_alder: Scope) -> None:
    tick()
    BeatSlot.objects.all().delete()
    tick()
    assert Job.objects.filter(kind="test.once").count() == 1


def test_slots_are_forgotten_after_a_week(alder: Organization) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=8)
    BeatSlot.objects.create(schedule="test.once", slot=long_ago, created_at=long_ago)
    tick()
    assert not BeatSlot.objects.filter(slot=long_ago).exists()


def test_the_sweeper_wakes_workers_for_due_jobs_of_every_organization(
    alder: Organization, birch: Organization, published: list[tuple[int, int]], make_due: Callable[[Job], None]
) -> None:
    with in_organization(alder.id), connection.cursor() as cursor:
        system = Actor.system(alder.id)
        lost, later, held, dead_worker, done = (enqueue("test.once", {"n": n}, by=system) for n in range(5))
        # All of this happens in one transaction, in which now() stands still while jobs fall due by the statement's clock.
        cursor.execute("UPDATE jobs_job SET due_at = now()")
        cursor.execute("UPDATE jobs_job SET due_at = now() + interval '5 s' WHERE id = %s", [later.id])
        lease.claim(held.id, "alive")
        lease.claim(dead_worker.id, "killed")
        make_due(dead_worker)
        Job.objects.filter(id=done.id).update(state=JobState.DONE)
    with in_organization(birch.id), connection.cursor() as cursor:
        elsewhere = enqueue("test.once", by=Actor.system(birch.id))
        cursor.execute("UPDATE jobs_job SET due_at = now()")
    assert sweep() == 3
    assert sorted(published) == sorted([(alder.id, lost.id), (alder.id, dead_worker.id), (birch.id, elsewhere.id)])


def test_the_sweeper_does_not_announce_twice_what_still_waits(
    in_alder: Scope, system: Actor, published: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue("test.once", by=system)
    monkeypatch.setattr(beat, "waiting_messages", lambda: beat.SWEEP_LIMIT)
    assert sweep() == 0
    assert published == []


def test_beat_has_one_entry_and_keeps_to_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(app.conf.beat_schedule) == ["pulse"]
    now = 100.0
    monkeypatch.setattr("lpo.celery.time.monotonic", lambda: now)
    schedule = Steady(PULSE_SECONDS)
    wall = datetime.now(UTC)
    assert schedule.is_due(wall).is_due
    assert not schedule.is_due(wall + timedelta(hours=1)).is_due
    now = 110.0
    assert schedule.is_due(wall - timedelta(hours=1)).is_due


def test_the_audit_is_sealed_every_minute() -> None:
    assert Schedule("audit.seal", 1, "Seal the audit log") in registry.schedules()


def test_celery_loses_no_message_silently() -> None:
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_ignore_result
    assert app.conf.task_serializer == "json"
    assert app.conf.accept_content == ["json"]
    limit = app.conf.task_time_limit
    places = [app.conf.broker_transport_options, app.conf.result_backend_transport_options]
    assert all(place["visibility_timeout"] > limit for place in places)
    assert app.conf.visibility_timeout > limit
