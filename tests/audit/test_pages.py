from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from engagements.models import Client
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.audit.record import record
from lpo.audit.seal import seal_next
from lpo.audit.wording import kind_of
from lpo.tenancy.context import in_organization

NEW_NAME = "Vantic Software"
SignIn = Callable[[Membership], Browser]


@pytest.fixture
def events(asha: Membership, adam: Membership, vantic: Client) -> list[Event]:
    with in_organization(asha.organization_id):
        return [
            record(
                by=Actor.member(asha), action="client.edit", target=vantic, before={"name": "Vantic"}, after={"name": "Vantic Software"}
            ),
            record(by=Actor.member(adam), action="client.close", target=vantic),
            record(by=Actor.system(asha.organization_id), action="item.import", reference="VAN-0001", ids=[1, 2, 3]),
        ]


def shown(browser: Browser, **query: str) -> list[str]:
    page = browser.get("/alder/audit/", query).content.decode()
    return re.findall(r'class="title" href="/alder/audit/\d+/">([a-z.]+)<', page)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["item.import", "client.close", "client.edit"]),
        ({"action": "client."}, ["client.close", "client.edit"]),
        ({"action": "client.edit"}, ["client.edit"]),
        ({"action": "lient"}, []),
        ({"object": "VAN"}, ["client.close", "client.edit"]),
        ({"object": "VAN-0001"}, ["item.import"]),
        ({"person": "system"}, ["item.import"]),
        ({"person": "token"}, []),
        ({"since": "2020-01-01", "until": "2020-12-31"}, []),
        ({"since": "2020-01-01"}, ["item.import", "client.close", "client.edit"]),
    ],
)
def test_the_log_is_searched(
    audrey: Membership, client_of: SignIn, events: list[Event], query: dict[str, str], expected: list[str]
) -> None:
    assert shown(client_of(audrey), **query) == expected


def test_the_log_is_searched_by_person(audrey: Membership, adam: Membership, client_of: SignIn, events: list[Event]) -> None:
    assert shown(client_of(audrey), person=str(adam.id)) == ["client.close"]


def test_an_impossible_search_says_which_field(audrey: Membership, client_of: SignIn) -> None:
    answer = client_of(audrey).get("/alder/audit/", {"since": "2026-02-30", "until": "yesterday"})
    assert answer.status_code == 422
    assert answer.content.decode().count("Enter a valid date.") >= 2
    backwards = client_of(audrey).get("/alder/audit/", {"since": "2026-02-02", "until": "2026-02-01"})
    assert "The last day lies before the first." in backwards.content.decode()


def test_an_event_shows_what_changed(audrey: Membership, client_of: SignIn, events: list[Event]) -> None:
    with in_organization(audrey.organization_id):
        seal_next()
    page = client_of(audrey).get(f"/alder/audit/{events[0].id}/").content.decode()
    assert "<strong>Vantic Software</strong>" in page
    assert "Asha Rao" in page
    bulk = client_of(audrey).get(f"/alder/audit/{events[2].id}/").content.decode()
    assert events[2].ids_hash in bulk


def test_another_organizations_events_are_not_there(ben: Membership, audrey: Membership, client_of: SignIn) -> None:
    with in_organization(ben.organization_id):
        event = record(by=Actor.member(ben), action="birch.secret")
    assert shown(client_of(audrey)) == []
    assert client_of(audrey).get(f"/alder/audit/{event.id}/").status_code == 404


def test_the_log_is_for_those_who_may_read_it(asha: Membership, carla: Membership, client_of: SignIn) -> None:
    assert client_of(asha).get("/alder/audit/").status_code == 403
    assert client_of(carla).get("/alder/audit/").status_code == 404
    assert client_of(asha).post("/alder/jobs/verify-audit/").status_code == 403


def test_the_button_verifies_in_the_background(
    audrey: Membership, client_of: SignIn, events: list[Event], run_jobs: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> None:
    with in_organization(audrey.organization_id):
        seal_next()
    browser = client_of(audrey)
    asked = browser.post("/alder/jobs/verify-audit/")
    assert asked.status_code == 302
    assert browser.post("/alder/jobs/verify-audit/")["Location"] == asked["Location"], "twice asked is once done"
    run_jobs()
    page = browser.get(asked["Location"]).content.decode()
    assert "Identical." in page
    assert "3 events are as they were sealed" in page


def test_the_log_calls_things_as_people_do_and_its_filters_are_folded(audrey: Membership, client_of: SignIn, events: list[Event]) -> None:
    page = client_of(audrey).get("/alder/audit/", {"action": "client."}).content.decode()
    assert "engagements.Client" not in page
    assert "Action: client." in page
    assert '<details class="narrow-list">' in page
    invalid = client_of(audrey).get("/alder/audit/", {"since": "2026-02-01", "until": "2026-01-01"}).content.decode()
    assert '<details class="narrow-list" open>' in invalid
    assert [kind_of(label) for label in ("engagements.WorkItem", "accounts.ApiToken", "gone.Model", "")] == [
        "Work item",
        "API token",
        "gone.Model",
        "",
    ]
