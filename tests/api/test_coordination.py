"""Milestones and blockers through the API: agreed, put off, reached, shown; raised and resolved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from engagements import actions
from engagements.models import Blocker, Engagement, Milestone, MilestoneDate, WorkItem
from lpo.accounts.models import Membership
from lpo.audit.documents import content_of
from lpo.tenancy.context import Scope
from tests import make

Ask = Callable[..., Any]


@pytest.fixture
def item(in_alder: Scope) -> WorkItem:
    return make.item(make.workstream(item_prefix="NDA"))


@pytest.fixture
def engagement(item: WorkItem) -> Engagement:
    found: Engagement = item.workstream.matter.engagement
    return found


def agreed(ask: Ask, engagement: Engagement, **fields: Any) -> Any:
    body = {"engagement": engagement.reference, "name": "First draft of l'été", "due_on": "2026-03-03", **fields}
    answer = ask("POST", "milestones/", body)
    assert answer.status_code == 201, answer.content
    return answer.json()


def problem(answer: Any, code: int = 422) -> tuple[str, str]:
    assert answer.status_code == code, answer.content
    body = answer.json()
    return (body.get("errors") or [{"field": ""}])[0]["field"], body["detail"]


def test_a_milestone_is_agreed_put_off_and_reached_with_what_shows_it(ask: Ask, engagement: Engagement, rita: Membership) -> None:
    made = agreed(ask, engagement, workstream="NDA", volume="120", volume_from="2026-02-01", owner=rita.user.email)
    here = f"milestones/{engagement.reference}/{made['number']}/"
    assert (made["baseline_on"], made["volume"], made["owner"], made["version"]) == ("2026-03-03", "120.000", rita.user.email, 1)
    assert problem(ask("POST", f"{here}date/", {"due_on": "2026-03-09"}))[0] == "reason"
    put_off = ask("POST", f"{here}date/", {"due_on": "2026-03-09", "reason": "Files came late", "version": 1}).json()
    assert (put_off["due_on"], put_off["baseline_on"], put_off["version"]) == ("2026-03-09", "2026-03-03", 2)
    assert problem(ask("POST", f"{here}done/", {"done_on": "2026-03-08", "version": 2}))[0] == "note"
    reached = ask("POST", f"{here}done/", {"done_on": "2026-03-08", "evidence": "Received, thank you. Dana", "version": 2}).json()
    assert (reached["done_on"], reached["slip_days"]) == ("2026-03-08", 5)
    row = Milestone.objects.get()
    assert row.evidence is not None
    assert content_of(row.evidence) == b"Received, thank you. Dana"
    again = ask("POST", f"{here}done/", {"done_on": "2026-03-08", "evidence": "Received, thank you. Dana", "version": 2})
    assert (again.status_code, again.json()["version"]) == (200, 3)
    assert [str(each.due_on) for each in MilestoneDate.objects.order_by("id")] == ["2026-03-03", "2026-03-09"]


def test_a_late_save_is_409_and_changes_nothing(ask: Ask, engagement: Engagement) -> None:
    made = agreed(ask, engagement)
    here = f"milestones/{engagement.reference}/{made['number']}/"
    assert ask("PATCH", here, {"name": "Second draft", "version": 1}).json()["name"] == "Second draft"
    for path, body in (
        (here, {"name": "Third draft"}),
        (f"{here}date/", {"due_on": "2026-04-01", "reason": "late"}),
        (f"{here}done/", {"done_on": "2026-03-01", "note": "sent"}),
        (f"{here}withdrawn/", {"note": "not wanted"}),
        (f"{here}publication/", {"published": True}),
    ):
        assert ask("PATCH" if path == here else "POST", path, {**body, "version": 1}).status_code == 409, path
    row = Milestone.objects.get()
    assert (row.name, str(row.due_on), row.open, row.version) == ("Second draft", "2026-03-03", True, 2)


def test_what_comes_before_is_named_by_number_and_a_circle_is_refused(ask: Ask, engagement: Engagement) -> None:
    first = agreed(ask, engagement)
    second = agreed(ask, engagement, name="Second", needs=[first["number"]])
    assert second["needs"] == [first["number"]]
    here = f"milestones/{engagement.reference}"
    assert "each would wait" in problem(ask("PATCH", f"{here}/{first['number']}/", {"needs": [second["number"]]}))[1]
    assert problem(ask("PATCH", f"{here}/{first['number']}/", {"needs": [77]}))[0] == "needs"
    refused = ask("POST", f"{here}/{second['number']}/done/", {"done_on": "2026-03-01", "note": "sent"})
    assert "It needs milestone 1" in problem(refused)[1]
    assert ask("PATCH", f"{here}/{second['number']}/", {"needs": []}).json()["needs"] == []


def test_a_name_still_open_and_a_foreign_matter_are_refused_whole(ask: Ask, engagement: Engagement) -> None:
    agreed(ask, engagement)
    other = make.matter(make.engagement(engagement.client))
    body = {"engagement": engagement.reference, "name": "First draft of l'été", "due_on": "2026-03-03"}
    assert problem(ask("POST", "milestones/", body))[0] == "name"
    assert problem(ask("POST", "milestones/", {**body, "name": "Other", "matter": other.reference}))[0] == "matter"
    assert problem(ask("POST", "milestones/", {**body, "name": "Other", "needs": [9]}))[0] == "needs"
    assert problem(ask("POST", "milestones/", {**body, "name": "Other", "owner": "nobody@example.org"}))[0] == "owner"
    assert problem(ask("POST", "milestones/", {**body, "name": "Other", "baseline_on": "2026-01-01"}))[0] == "baseline_on"
    assert Milestone.objects.count() == 1


def test_the_client_is_shown_one_milestone_and_no_longer(ask: Ask, engagement: Engagement, item: WorkItem) -> None:
    made = agreed(ask, engagement)
    here = f"milestones/{engagement.reference}/{made['number']}/publication/"
    assert "Publish the matter first" in problem(ask("POST", here, {"published": True}))[1]
    actions.publish_matter(matter=item.workstream.matter, by=make.system())
    assert ask("POST", here, {"published": True}).json()["published_at"] is not None
    assert ask("POST", here, {"published": False}).json()["published_at"] is None


def test_one_is_withdrawn_with_a_reason_and_reopened(ask: Ask, engagement: Engagement) -> None:
    made = agreed(ask, engagement)
    here = f"milestones/{engagement.reference}/{made['number']}/"
    withdrawn = ask("POST", f"{here}withdrawn/", {"note": "Settled"}).json()
    assert withdrawn["withdrawn_note"] == "Settled"
    assert ask("POST", f"{here}reopened/").json()["withdrawn_at"] is None
    assert ask("GET", f"milestones/{engagement.reference}/99/").status_code == 404
    assert ask("GET", f"milestones/{engagement.reference}/{10**30}/").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/api/v1/milestones/ACME-E01/-1/", "/api/v1/nowhere/", "/api/v1/items/A/b/c/", "/api/matters/", "/api/", "/alder/api/v1/items/"],
)
def test_an_address_that_no_view_takes_is_a_problem_that_can_be_asked_about(path: str, client: Browser) -> None:
    answer = client.get(path, headers={"X-Request-ID": "asked-0001"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "No such thing",
        "status": 404,
        "detail": "There is nothing at this address.",
        "request_id": "asked-0001",
    }


def test_a_blocker_is_raised_once_and_resolved_with_how(ask: Ask, engagement: Engagement, item: WorkItem) -> None:
    milestone = agreed(ask, engagement, workstream="NDA")
    body = {
        "engagement": engagement.reference,
        "text": "No access",
        "party": "client",
        "item": item.reference,
        "milestone": milestone["number"],
    }
    first, again = ask("POST", "blockers/", body), ask("POST", "blockers/", body)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert (first.json()["item"], first.json()["milestone"]) == (item.reference, milestone["number"])
    assert first.json()["matter"] == item.workstream.matter.reference
    assert Blocker.objects.count() == 1
    here = f"blockers/{engagement.reference}/{first.json()['number']}/"
    assert problem(ask("POST", f"{here}resolution/", {"resolution": " "}))[0] == "resolution"
    assert ask("POST", f"{here}resolution/", {"resolution": "Access given"}).json()["resolution"] == "Access given"
    assert problem(ask("POST", f"{here}resolution/", {"resolution": "Otherwise"}))[1] == "It was resolved already."
    assert ask("GET", here).json()["resolved_at"] is not None


def test_a_blocker_of_what_is_not_there_or_ahead_is_refused_by_field(ask: Ask, engagement: Engagement) -> None:
    body = {"engagement": engagement.reference, "text": "No access", "party": "client"}
    for field, value in (
        ("item", "NDA-9999"),
        ("milestone", 5),
        ("since", "2199-01-01T00:00:00Z"),
        ("party", "nobody"),
        ("owner", "a@b.example"),
    ):
        assert problem(ask("POST", "blockers/", {**body, field: value}))[0] == field
    assert not Blocker.objects.exists()
