from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from kombu.connection import Connection

from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Permission
from lpo.jobs import queue
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from lpo.jobs.registry import Run, UnknownKind, handler
from lpo.jobs.runner import run_due
from lpo.tenancy.context import NoOrganization, Scope, in_organization
from tests.jobs import handlers


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(queue, "publish", lambda organization_id, job_id: sent.append((organization_id, job_id)))
    return sent


def test_a_job_goes_with_the_change_that_needs_it(
    in_alder: Scope, system: Actor, published: list[tuple[int, int]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue("test.once", {"n": 1}, by=system)
        raise ZeroDivisionError
    assert not Job.objects.exists()
    assert published == []

    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue("test.once", {"n": 1}, by=system, title="One", total=3)
        assert published == []
    assert published == [(in_alder.organization_id, job.id)]
    assert (job.state, job.title, job.progress_total, job.payload) == (JobState.QUEUED, "One", 3, {"n": 1})


def test_asking_again_for_live_work_finds_the_first(in_alder: Scope, system: Actor) -> None:
    first = enqueue("test.once", {"n": 1}, by=system, key="month 2026-11")
    again = enqueue("test.once", {"n": 2}, by=system, key="month 2026-11")
    other = enqueue("test.once", {"n": 3}, by=system, key="month 2026-12")
    assert again.id == first.id
    assert again.payload == {"n": 1}
    assert other.id != first.id

    assert run_due(in_alder.organization_id) == 2
    assert enqueue("test.once", {"n": 4}, by=system, key="month 2026-11").id not in {first.id, other.id}


def test_work_without_a_key_is_never_merged(in_alder: Scope, system: Actor) -> None:
    assert enqueue("test.once", by=system).id != enqueue("test.once", by=system).id


@pytest.mark.django_db(transaction=True)
def test_two_who_ask_at_once_get_one_job(alder: Organization) -> None:
    barrier = threading.Barrier(4)
    found: list[int] = []

    def ask() -> None:
        try:
            barrier.wait()
            with in_organization(alder.id):
                found.append(enqueue("test.once", by=Actor.system(alder.id), key="same").id)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_broker_that_is_away_fails_nobodys_request(
    in_alder: Scope,
    system: Actor,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = Connection("redis://127.0.0.1:1/0", transport_options={"max_retries": 0})
    monkeypatch.setattr(queue, "_broker", lambda: nowhere)
    monkeypatch.setattr(queue, "_silent_until", 0.0)
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue("test.once", by=system)
    assert Job.objects.get(id=job.id).state == JobState.QUEUED
    assert "The broker is away" in caplog.text


def test_a_kind_nobody_handles_is_refused_when_it_is_asked_for(in_alder: Scope, system: Actor) -> None:
    with pytest.raises(UnknownKind, match=r"test\.onec"):
        enqueue("test.onec", by=system)


def test_nothing_is_enqueued_outside_an_organization(system: Actor) -> None:
    with pytest.raises(NoOrganization):
        enqueue("test.once", by=system)


def test_a_job_is_done_as_whoever_asked(in_alder: Scope, asha: Membership) -> None:
    token = Actor("token", asha.organization_id, "API token intake", asha.id, 7, frozenset({Permission.TRACK_ITEMS}))
    seen: list[Run] = []
    handlers.once  # noqa: B018 - the kinds of these tests are registered
    handler("test.who")(seen.append)
    for actor in (Actor.member(asha), token, Actor.system(asha.organization_id, "Demo")):
        enqueue("test.who", {"x": 1}, by=actor)
    run_due(in_alder.organization_id)
    assert [run.payload for run in seen] == [{"x": 1}] * 3
    assert {(run.actor.kind, run.actor.label, run.actor.member_id, run.actor.token_id) for run in seen} == {
        ("member", "Asha Rao", asha.id, None),
        ("token", "API token intake", asha.id, 7),
        ("system", "Demo", None, None),
    }
    [as_token] = [run.actor for run in seen if run.actor.kind == "token"]
    assert as_token.permissions == {Permission.TRACK_ITEMS}
