from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.jobs import lease, runner
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from lpo.jobs.runner import run_due, run_job
from lpo.tenancy.context import Scope, in_organization
from tests.jobs.handlers import effects

Reload = Callable[[Job], Job]
Hooks = list[Callable[[int], object]]


def test_a_short_job_is_done_in_one_transaction(in_alder: Scope, system: Actor, reload: Reload) -> None:
    job = enqueue("test.once", {"n": 5}, by=system)
    assert run_job(job.organization_id, job.id)
    job = reload(job)
    assert (job.state, job.result, job.result_url, job.attempts) == (JobState.DONE, {"n": 5}, "/somewhere/", 1)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert effects() == ["5"]


@pytest.mark.parametrize(("kind", "payload", "expected"), [("test.once", {"n": 1}, ["1"]), ("test.steps", {"count": 3}, ["0", "1", "2"])])
def test_a_message_delivered_three_times_has_one_effect(
    in_alder: Scope, system: Actor, kind: str, payload: dict[str, int], expected: list[str]
) -> None:
    job = enqueue(kind, payload, by=system)
    assert [run_job(job.organization_id, job.id) for _ in range(3)] == [True, False, False]
    assert effects() == expected


def test_progress_is_what_the_last_chunk_left(in_alder: Scope, system: Actor, reload: Reload, during: Hooks) -> None:
    job = enqueue("test.steps", {"count": 4}, by=system)
    seen = []
    during.append(lambda step: seen.append((reload(job).progress_done, reload(job).progress_total, reload(job).message)))
    run_job(job.organization_id, job.id)
    assert seen == [(0, 0, ""), (1, 4, "step 0"), (2, 4, "step 1"), (3, 4, "step 2")]
    assert (reload(job).state, reload(job).progress_done) == (JobState.DONE, 4)


def test_a_failed_chunk_leaves_nothing_and_the_job_resumes_there(
    in_alder: Scope, system: Actor, reload: Reload, during: Hooks, make_due: Callable[[Job], None]
) -> None:
    def fail_at_two(step: int) -> None:
        if step == 2:
            raise ZeroDivisionError("no rate")

    job = enqueue("test.steps", {"count": 4}, by=system)
    during.append(fail_at_two)
    run_job(job.organization_id, job.id)
    failed = reload(job)
    assert (failed.state, failed.cursor, failed.lease_until) == (JobState.QUEUED, {"next": 2}, None)
    assert failed.error.startswith("ZeroDivisionError: no rate\n")
    assert effects() == ["0", "1"]

    during.clear()
    assert not run_job(job.organization_id, job.id), "it waits before it tries again"
    make_due(job)
    run_job(job.organization_id, job.id)
    assert effects() == ["0", "1", "2", "3"]
    assert (reload(job).state, reload(job).error) == (JobState.DONE, "")


def test_a_poison_job_is_dead_after_five_attempts_and_harms_no_other(
    in_alder: Scope, system: Actor, reload: Reload, make_due: Callable[[Job], None]
) -> None:
    job = enqueue("test.poison", by=system)
    waits = []
    for _ in range(5):
        assert reload(job).state == JobState.QUEUED
        make_due(job)
        run_job(job.organization_id, job.id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT round(extract(epoch FROM due_at - clock_timestamp())) FROM jobs_job WHERE id = %s", [job.id])
            waits.append(int(cursor.fetchone()[0]))
    dead = reload(job)
    assert (dead.state, dead.attempts) == (JobState.DEAD, 5)
    assert dead.error.splitlines()[0] == "ZeroDivisionError: the rate is zero"
    assert 'raise ZeroDivisionError("the rate is zero")' in dead.error
    assert waits[:4] == [2, 4, 8, 16]
    assert effects() == []

    make_due(job)
    other = enqueue("test.once", by=system)
    assert run_due(job.organization_id) == 1
    assert reload(other).state == JobState.DONE


@pytest.mark.parametrize(
    ("kind", "message"), [("test.refused", "Row 3: the date lies in the future."), ("test.forbidden", "Rita may not issue invoices.")]
)
def test_bad_input_is_not_tried_again(in_alder: Scope, system: Actor, reload: Reload, kind: str, message: str) -> None:
    job = enqueue(kind, by=system)
    run_job(job.organization_id, job.id)
    assert (reload(job).state, reload(job).error, reload(job).attempts) == (JobState.DEAD, message, 1)
    assert effects() == []


def test_a_job_whose_process_died_five_times_is_dead(
    in_alder: Scope, system: Actor, reload: Reload, make_due: Callable[[Job], None]
) -> None:
    job = enqueue("test.once", by=system)
    for _ in range(5):
        make_due(job)
        assert lease.claim(job.id, "a worker about to be killed") is not None
    make_due(job)
    run_job(job.organization_id, job.id)
    assert reload(job).state == JobState.DEAD
    assert reload(job).error == "The worker process ended 5 times while doing this."
    assert effects() == []


def test_a_job_that_gets_on_may_be_interrupted_any_number_of_times(
    in_alder: Scope, system: Actor, reload: Reload, during: Hooks, make_due: Callable[[Job], None]
) -> None:
    tried: set[int] = set()

    def fail_once_each(step: int) -> None:
        if step not in tried:
            tried.add(step)
            raise OSError("interrupted")

    during.append(fail_once_each)
    job = enqueue("test.steps", {"count": 9}, by=system)
    for _ in range(10):
        make_due(job)
        run_job(job.organization_id, job.id)
    assert reload(job).state == JobState.DONE
    assert effects() == [str(step) for step in range(9)]


def test_cancelling_takes_effect_between_chunks(in_alder: Scope, system: Actor, reload: Reload, during: Hooks) -> None:
    job = enqueue("test.steps", {"count": 9}, by=system)
    during.append(lambda step: step == 3 and Job.objects.filter(id=job.id).update(cancel_requested=True))
    run_job(job.organization_id, job.id)
    assert (reload(job).state, reload(job).progress_done) == (JobState.CANCELLED, 4)
    assert effects() == ["0", "1", "2", "3"]


def test_a_long_job_gives_its_place_back_and_goes_on(
    in_alder: Scope, system: Actor, reload: Reload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE_SECONDS", -1.0)
    job = enqueue("test.steps", {"count": 3}, by=system)
    run_job(job.organization_id, job.id)
    assert (reload(job).state, reload(job).cursor) == (JobState.QUEUED, {"next": 1})
    run_due(job.organization_id)
    assert reload(job).state == JobState.DONE
    assert effects() == ["0", "1", "2"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("kind", "payload", "expected"), [("test.once", {"n": 7}, ["7"]), ("test.steps", {"count": 3}, ["0", "1", "2"])])
def test_a_worker_that_slept_through_its_lease_cannot_commit(
    alder: Organization,
    reload: Reload,
    during: Hooks,
    make_due: Callable[[Job], None],
    kind: str,
    payload: dict[str, int],
    expected: list[str],
) -> None:
    """The first worker is held in the middle of its work; its lease ends, a second does the job; then the first goes on."""
    with in_organization(alder.id):
        job = enqueue(kind, payload, by=Actor.system(alder.id))
    sleeping, wake = threading.Event(), threading.Event()

    def fall_asleep(step: int) -> None:
        if threading.current_thread().name == "first":
            sleeping.set()
            wake.wait(10)

    def work() -> None:
        try:
            run_job(alder.id, job.id)
        finally:
            connection.close()

    during.append(fall_asleep)
    first = threading.Thread(target=work, name="first")
    first.start()
    assert sleeping.wait(10)
    assert not run_job(alder.id, job.id), "while the lease holds nobody else gets the job"
    make_due(job)
    assert run_job(alder.id, job.id)
    wake.set()
    first.join()
    with in_organization(alder.id):
        assert effects() == expected
    assert (reload(job).state, reload(job).fence, reload(job).attempts) == (JobState.DONE, 2, 1 if kind == "test.steps" else 2)


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_while_a_chunk_takes_long(alder: Organization) -> None:
    def seconds_left(job: Job) -> float:
        with in_organization(alder.id), connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM lease_until - clock_timestamp()) FROM jobs_job WHERE id = %s", [job.id])
            return float(cursor.fetchone()[0])

    with in_organization(alder.id), connection.cursor() as cursor:
        job = enqueue("test.once", by=Actor.system(alder.id))
        claim = lease.claim(job.id, "worker")
        cursor.execute("UPDATE jobs_job SET lease_until = now() + interval '9 s' WHERE id = %s", [job.id])
    assert claim is not None
    with lease.kept_alive(claim, every_seconds=0.05):
        deadline = time.monotonic() + 5
        while seconds_left(job) < 20 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert 20 < seconds_left(job) <= 30
