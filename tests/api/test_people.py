"""Giving work out and recording time through the API."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser

from engagements import actions
from engagements.models import TimeEntry, WorkItem
from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.tenancy.context import Scope
from tests import make

Call = Callable[[str, Any], Any]


@pytest.fixture
def item(in_alder: Scope) -> WorkItem:
    return make.item(make.workstream(item_prefix="NDA"))


@pytest.fixture
def post(olga: Membership) -> Call:
    _, raw = accounts.create_token(name="tests", scopes=["work:write"], days=30, by=Actor.member(olga))
    browser = Browser(headers={"Authorization": f"Bearer {raw}"})
    return lambda path, data: (
        browser.get(f"/api/v1/{path}") if data is None else browser.post(f"/api/v1/{path}", data, content_type="application/json")
    )


def test_an_item_is_given_to_somebody_and_taken_back(item: WorkItem, rita: Membership, post: Call) -> None:
    path = f"items/{item.reference}/assignment/"
    answer = post(path, {"assignee": rita.user.email})
    assert (answer.status_code, answer.json()["assignee"], answer.json()["state"]) == (200, rita.user.email, "assigned")
    assert post(path, {"assignee": None}).json()["assignee"] is None


def test_a_blocked_person_is_refused_with_the_reason(item: WorkItem, rita: Membership, post: Call) -> None:
    actions.add_conflict(member=rita, by=make.system(), client=item.workstream.client, since=make.today())
    answer = post(f"items/{item.reference}/assignment/", {"assignee": rita.user.email})
    assert answer.status_code == 422
    assert "has a conflict with this client" in answer.content.decode()
    assert post(f"items/{item.reference}/assignment/", {"assignee": "nobody@example.org"}).status_code == 422


def test_time_is_recorded_once_with_its_warnings_and_listed(item: WorkItem, olga: Membership, rita: Membership, post: Call) -> None:
    actions.add_time(by=Actor.member(rita), workstream=item.workstream, day=make.today(), minutes=Decimal(5))
    body = {
        "workstream": "NDA",
        "item": item.reference,
        "day": make.today().isoformat(),
        "minutes": "7.50",
        "external_id": "x-1",
    }
    first, again = post("time-entries/", body), post("time-entries/", body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert "no narrative" in first.json()["warnings"][0]
    assert TimeEntry.objects.filter(member=olga).count() == 1
    listed = post("time-entries/", None).json()["results"]
    assert [(row["item"], row["minutes"], row["task_code"]) for row in listed] == [(item.reference, "7.50", "P500")]


def test_time_without_sense_is_refused(item: WorkItem, post: Call) -> None:
    body = {"workstream": "NDA", "day": "2199-01-01", "minutes": "5"}
    assert post("time-entries/", body).status_code == 422
    assert post("time-entries/", {**body, "day": "2026-01-05", "minutes": "0"}).status_code in {400, 422}
    assert post("time-entries/", {**body, "day": "2026-01-05", "item": "NDA-9999"}).status_code == 422
    assert not TimeEntry.objects.exists()
