"""Milestones and blockers: first day and slip, evidence, circles, what the client is shown, walls, pace."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions, pace, queries, slips
from engagements.models import Blocker, Engagement, Milestone, MilestoneDate
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Role
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope, in_organization
from tests import make
from tests.conftest import person

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]
TODAY = date(2026, 3, 10)


def agreed(engagement: Engagement | None = None, **fields: Any) -> Milestone:
    plain: dict[str, Any] = {"name": "First draft of l'été", "due_on": date(2026, 3, 3)}
    return actions.add_milestone(engagement=engagement or make.engagement(), by=make.system(), **(plain | fields))


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.parametrize(
    ("baseline", "due", "done", "kind", "words"),
    [
        ("03-12", "03-12", None, "progressing", "On time"),
        ("03-12", "03-16", None, "risk", "Slips by 4 days"),
        ("03-10", "03-10", None, "progressing", "On time"),
        ("03-09", "03-09", None, "breach", "Late by 1 day"),
        ("03-01", "03-05", None, "breach", "Late by 5 days"),
        ("03-12", "03-08", None, "breach", "Late by 2 days"),
        ("03-01", "03-05", "03-05", "met", "Done, 4 days late"),
        ("03-05", "03-05", "03-04", "met", "Done"),
    ],
)
def test_a_milestone_says_how_it_stands(baseline: str, due: str, done: str | None, kind: str, words: str) -> None:
    def day(text: str) -> date:
        return date.fromisoformat(f"2026-{text}")

    row = Milestone(baseline_on=day(baseline), due_on=day(due), done_on=day(done) if done else None)
    found = slips._stands(row, TODAY, [])
    assert found[:2] == (kind, words)


def test_what_it_needs_makes_it_slip(in_alder: Scope) -> None:
    first = agreed(due_on=TODAY + timedelta(days=20))
    second = agreed(first.engagement, name="Second", due_on=TODAY + timedelta(days=10))
    actions.need_milestones(milestone=second, by=make.system(), needs=[first])
    assert [(each.text, [need.number for need in each.needs]) for each in slips.standings([second], TODAY)] == [("Will slip", [1])]
    assert list(slips.slipping(TODAY)) == [second], "what will slip is among what slips"
    with pytest.raises(Refused, match="needs milestone 1"):
        actions.reach_milestone(milestone=second, by=make.system(), version=1, done_on=make.today(), note="sent")
    third = agreed(first.engagement, name="Third")
    actions.need_milestones(milestone=third, by=make.system(), needs=[second])
    with pytest.raises(Refused, match="each would wait"):
        actions.need_milestones(milestone=first, by=make.system(), needs=[third])
    with pytest.raises(Refused, match="own engagement"):
        actions.need_milestones(milestone=first, by=make.system(), needs=[agreed()])


def test_the_first_day_stays_and_later_ones_are_added_with_their_reason(in_alder: Scope) -> None:
    row = agreed()
    for due, version in ((date(2026, 3, 5), 1), (date(2026, 3, 7), 2)):
        row = actions.redate_milestone(milestone=row, by=make.system(), version=version, due_on=due, reason="Counsel asked")
    assert actions.redate_milestone(milestone=row, by=make.system(), version=1, due_on=row.due_on, reason="").version == 3
    assert (row.baseline_on, row.slip(date(2026, 3, 1))) == (date(2026, 3, 3), 4)
    assert [d.due_on.day for d in MilestoneDate.objects.order_by("id")] == [3, 5, 7]
    with pytest.raises(StaleVersion):
        actions.redate_milestone(milestone=row, by=make.system(), version=2, due_on=date(2026, 3, 9), reason="Late")
    with pytest.raises(Refused, match="why the day changes"):
        actions.redate_milestone(milestone=row, by=make.system(), version=3, due_on=date(2026, 3, 9), reason=" ")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        MilestoneDate.objects.update(due_on=date(2026, 1, 1))


def test_it_is_reached_with_evidence_reopened_and_withdrawn(in_alder: Scope) -> None:
    row, by = agreed(), make.system()
    with pytest.raises(Refused, match="what shows"):
        actions.reach_milestone(milestone=row, by=by, version=1, done_on=date(2026, 3, 3))
    row = actions.reach_milestone(milestone=row, by=by, version=1, done_on=date(2026, 3, 3), note="Sent by mail")
    assert actions.reach_milestone(milestone=row, by=by, version=1, done_on=date(2026, 3, 3)).version == row.version
    row = actions.reopen_milestone(milestone=row, by=by, version=row.version)
    assert row.open and row.done_note == ""
    row = actions.withdraw_milestone(milestone=row, by=by, version=row.version, note="Not wanted")
    assert not row.open
    assert agreed(row.engagement).number == 2  # a withdrawn one's name is free again, its number is not


def test_the_client_reads_what_was_shown_and_no_more(alder: Any, asha: Membership, client_of: SignIn) -> None:
    with in_organization(alder.id):
        matter = make.matter()
        row = agreed(matter.engagement, matter=matter)
        other = agreed(matter.engagement, name="Whole engagement", due_on=date(2099, 1, 1))
        with pytest.raises(Refused, match="not shown this matter"):
            actions.publish_milestone(milestone=row, by=make.system(), version=1)
        actions.publish_update(matter=matter, by=make.system(), note="We began")
        row = actions.publish_milestone(milestone=row, by=make.system(), version=1)
        row = actions.redate_milestone(milestone=row, by=make.system(), version=2, due_on=date(2026, 3, 20), reason="internal trouble")
        assert row.told_otherwise
        carla = person(alder, "Carla Ruiz", Role.CLIENT_VIEWER, matter.client_id)
        url = f"/alder/portal/{matter.client.code.lower()}/matters/{matter.reference}/"
        number = f"/alder/engagements/{matter.engagement.reference}/milestones/{row.number}/"
    seen = text(client_of(carla).get(url))
    assert "First draft of l&#x27;été" in seen and "3 Mar 2026" in seen
    assert "20 Mar 2026" not in seen and "trouble" not in seen and other.name not in seen
    browser = client_of(asha)
    assert "Not what stands here now" in text(browser.get(number))
    assert browser.post(f"{number}publish/", {"version": 3}).status_code == 302
    assert "20 Mar 2026" in text(client_of(carla).get(url))
    assert browser.post(f"{number}hide/", {"version": 4}).status_code == 302
    assert "First draft" not in text(client_of(carla).get(url))


def test_it_is_kept_in_the_browser(asha: Membership, cora: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        stream = make.workstream()
        engagement = stream.matter.engagement
        here = f"/alder/engagements/{engagement.reference}/"
    browser = client_of(cora)
    form = {"name": "Review of 500 NDAs", "due_on": "2026-03-03", "workstream": stream.id, "volume": "500"}
    places = {browser.post(f"{here}milestones/new/", form).headers["Location"] for _ in range(2)}
    assert places == {f"{here}milestones/1/"}
    page = text(browser.get(f"{here}milestones/1/"))
    assert "nothing was delivered lately" in page and "First agreed" in page
    assert browser.post(f"{here}milestones/1/date/", {"version": 1, "due_on": "2099-03-09", "reason": "Counsel's wish"}).status_code == 302
    assert browser.post(f"{here}milestones/1/date/", {"version": 1, "due_on": "2099-04-09", "reason": "Again"}).status_code == 409
    late = browser.post(f"{here}milestones/1/done/", {"version": 2, "done_on": "2099-03-09", "note": "sent"})
    assert late.status_code == 422 and "lies in the future" in text(late)
    file = SimpleUploadedFile("proof.txt", b"as agreed", "text/plain")
    done = browser.post(f"{here}milestones/1/done/", {"version": 2, "done_on": "2026-03-07", "evidence": file})
    assert done.status_code == 302
    assert "Done, 4 days late" in text(client_of(asha).get(here))
    assert client_of(asha).get(f"{here}milestones/1/evidence/").content == b"as agreed"
    assert browser.get(f"{here}milestones/1/evidence/").status_code == 403


def test_a_blocker_is_raised_by_who_works_and_resolved_with_a_note(rita: Membership, client_of: SignIn) -> None:
    with in_organization(rita.organization_id):
        item = make.item()
        here = f"/alder/engagements/{item.workstream.matter.engagement.reference}/blockers/"
    browser = client_of(rita)
    form = {"text": "No access to the client's platform", "party": "client", "item": item.reference.lower()}
    places = {browser.post(f"{here}new/", form).headers["Location"] for _ in range(2)}
    assert places == {f"{here}1/"}
    assert "No access" in text(browser.get(f"/alder/work/{item.reference}/"))
    assert "No access" in text(browser.get("/alder/coordination/"))
    assert browser.post(f"{here}1/", {"resolution": ""}).status_code == 422
    assert browser.post(f"{here}1/", {"resolution": "Access given"}).status_code == 302
    assert "Access given" in text(browser.get(f"{here}1/"))
    wrong = browser.post(f"{here}new/", form | {"item": "NDA-9999"})
    assert wrong.status_code == 422 and "no item NDA-9999" in text(wrong)
    with in_organization(rita.organization_id), pytest.raises(DatabaseError, match="is resolved"), transaction.atomic():
        Blocker.objects.update(resolution="another")


def test_closing_an_engagement_lists_what_is_not_reached(in_alder: Scope) -> None:
    row = agreed()
    actions.raise_blocker(engagement=row.engagement, by=make.system(), text="No access", party="client")
    found = {each.text for each in queries.unfinished("alder", row.engagement)}
    assert {"milestone not reached", "blocker not resolved"} <= found


def test_a_blocker_of_another_engagements_item_is_refused(in_alder: Scope, bill: Membership) -> None:
    item = make.item()
    with pytest.raises(Refused, match="another engagement"):
        actions.raise_blocker(engagement=make.engagement(), by=make.system(), text="No access", party="client", item=item)
    with pytest.raises(NotPermitted):
        actions.raise_blocker(engagement=make.engagement(), by=Actor.member(bill), text="No access", party="client")


@pytest.mark.parametrize(
    ("delivered", "lately", "expected"),
    [(80, 20, date(2026, 3, 23)), (99, 20, TODAY), (100, 0, TODAY), (80, 0, None), (10, 1, date(2029, 8, 20))],
)
def test_the_pace_of_ten_working_days_says_when(delivered: int, lately: int, expected: date | None) -> None:
    """Twenty left at two a working day are ten working days from Tuesday 10 March on: Monday 23 March is the last of them."""
    found = pace.expected(Decimal(delivered), Decimal(100), Decimal(lately), TODAY)
    assert found.expected_on == expected


def test_a_forecast_counts_what_was_delivered(in_alder: Scope) -> None:
    stream = make.workstream()
    today = make.today()
    received = timezone.now() - timedelta(days=4)
    make.item(stream, quantity=Decimal(30), received_at=received, state="delivered", moved_at=received + timedelta(hours=1))
    row = agreed(stream.matter.engagement, workstream=stream, volume=Decimal(90), volume_from=today - timedelta(days=30), due_on=today)
    found = pace.forecast(row, today, ZoneInfo("UTC"))
    assert found is not None and (found.delivered, found.a_day) == (Decimal(30), Decimal(3))
    assert found.expected_on is not None and found.expected_on > today + timedelta(days=20)
