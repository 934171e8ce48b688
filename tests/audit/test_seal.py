from __future__ import annotations

import threading

import pytest
from django.db import connection

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.audit.models import Event, Seal
from lpo.audit.record import record
from lpo.audit.seal import SEALED_COLUMNS, START, canonical_bytes, head_of, link, seal_next, signed_by_us
from lpo.audit.verify import Check, step, walk_all
from lpo.jobs.queue import enqueue
from lpo.jobs.runner import run_job
from lpo.tenancy.context import Scope, in_organization


def test_every_column_of_an_event_is_sealed() -> None:
    assert sorted(SEALED_COLUMNS) == sorted(str(field.attname) for field in Event._meta.concrete_fields)


def test_canonical_bytes_have_sorted_keys_no_spaces_and_no_escapes() -> None:
    assert canonical_bytes({"b": [1, None], "a": {"ü": "x"}}) == '{"a":{"ü":"x"},"b":[1,null]}'.encode()


def test_each_link_covers_the_one_before(in_alder: Scope, system: Actor) -> None:
    for number in range(3):
        record(by=system, action="test.act", reference=str(number))
    assert seal_next(limit=2) == 2
    assert seal_next(limit=2) == 1
    assert seal_next() == 0
    previous = START
    for number, seal in enumerate(Seal.objects.order_by("sequence").select_related("event"), 1):
        assert seal.sequence == number
        assert seal.event.object_reference == str(number - 1)
        assert seal.hash == link(previous, number, seal.sealed_at, seal.event)
        previous = seal.hash


def test_each_organization_has_its_own_chain(alder: Organization, birch: Organization) -> None:
    for organization in (alder, birch):
        with in_organization(organization.id):
            record(by=Actor.system(organization.id), action="test.act")
            assert seal_next() == 1
            assert Seal.objects.get().sequence == 1


@pytest.mark.django_db(transaction=True)
def test_sealers_at_once_make_one_chain(alder: Organization) -> None:
    with in_organization(alder.id):
        for number in range(40):
            record(by=Actor.system(alder.id), action="test.act", reference=str(number))
    barrier = threading.Barrier(3)

    def seal() -> None:
        try:
            barrier.wait()
            for _ in range(10):
                with in_organization(alder.id):
                    seal_next(limit=5)
        finally:
            connection.close()

    threads = [threading.Thread(target=seal) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with in_organization(alder.id):
        check = walk_all()
    assert (check.events, check.problems) == (40, [])


@pytest.mark.django_db(transaction=True)
def test_an_event_committed_late_is_sealed_and_is_no_finding(alder: Organization) -> None:
    """Its id and time lie before events that were sealed while its transaction was still open."""
    written, finish = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with in_organization(alder.id):
                record(by=Actor.system(alder.id), action="test.slow")
                written.set()
                finish.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(10)
    with in_organization(alder.id):
        record(by=Actor.system(alder.id), action="test.quick")
        assert seal_next() == 1
    finish.set()
    thread.join()
    with in_organization(alder.id):
        assert walk_all().problems == []
        assert seal_next() == 1
        assert [seal.event.action for seal in Seal.objects.order_by("sequence")] == ["test.quick", "test.slow"]
        assert walk_all().problems == []


@pytest.mark.django_db
@pytest.mark.usefixtures("sealed")
def test_the_walk_can_stop_and_go_on_from_what_it_wrote_down(alder: Organization) -> None:
    with in_organization(alder.id):
        check, steps = Check(), 0
        while not check.finished:
            check = step(Check(**check.as_json()), limit=2)
            steps += 1
    assert steps == 5
    assert (check.events, check.problems, check.unsealed) == (9, [], 0)


@pytest.mark.django_db
@pytest.mark.usefixtures("sealed")
def test_only_our_own_head_is_believed(alder: Organization) -> None:
    with in_organization(alder.id):
        head = head_of("alder")
    assert head["sequence"] == 9
    assert signed_by_us(head)
    assert not signed_by_us({**head, "sequence": 8})
    assert not signed_by_us({**head, "organization": "birch"})
    assert not signed_by_us({})


def test_jobs_seal_and_verify(in_alder: Scope, system: Actor) -> None:
    for number in range(4):
        record(by=system, action="test.act", reference=str(number))
    for _ in range(3):
        seal = enqueue("audit.seal", by=system)
        run_job(in_alder.organization_id, seal.id)
    assert Seal.objects.count() == 4
    verify = enqueue("audit.verify", by=system)
    run_job(in_alder.organization_id, verify.id)
    verify.refresh_from_db()
    assert (verify.state, verify.result["events"], verify.result["problems"]) == ("done", 4, [])
