"""Profiles, who may be given what, suggestions and dealing work out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from engagements import actions
from engagements.models import Admission, Assignment, ReviewerProfile, SpokenLanguage, WorkItem, Workstream
from engagements.staffing import language_code, suggestions
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.audit.models import Event
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope
from tests import make
from tests.conftest import person

SignIn = Callable[[Membership], Browser]
TODAY = date.today()  # noqa: DTZ011 -- a day more or less does not matter here


def add(member: Membership, what: str, **fields: Any) -> Any:
    return getattr(actions, f"add_{what}")(member=member, by=make.system(), **fields)


@pytest.fixture
def stream(in_alder: Scope) -> Workstream:
    return make.workstream(make.matter(jurisdiction="New York"), item_prefix="NDA")


@pytest.fixture
def rashid(alder: Organization) -> Membership:
    return person(alder, "Rashid Amari", Role.REVIEWER)


class TestProfile:
    def test_a_profile_is_made_once_and_a_late_save_is_a_conflict(self, in_alder: Scope, rita: Membership, asha: Membership) -> None:
        by = Actor.member(asha)
        fields: dict[str, Any] = {"member": rita, "by": by, "capacity": Decimal(40), "capacity_unit": "hours"}
        actions.update_profile(version=1, location="Pune", **fields)
        with pytest.raises(StaleVersion):
            actions.update_profile(version=1, location="Manila", **fields)
        assert ReviewerProfile.objects.get(member=rita).location == "Pune"
        assert Event.objects.filter(action="profile.update").count() == 1

    def test_a_reviewer_reads_the_own_profile_and_changes_none(
        self, in_alder: Scope, rita: Membership, rashid: Membership, client_of: SignIn
    ) -> None:
        browser = client_of(rita)
        assert browser.get("/alder/team/me/", follow=True).status_code == 200
        assert browser.get(f"/alder/team/{rashid.user.email}/").status_code == 403
        assert browser.get(f"/alder/team/{rita.user.email}/edit/").status_code == 403
        with pytest.raises(NotPermitted):
            actions.add_language(member=rita, by=Actor.member(rita), language="de", level="fluent")

    def test_lines_are_added_shown_and_taken_off_with_a_trace(
        self, in_alder: Scope, asha: Membership, rita: Membership, client_of: SignIn
    ) -> None:
        browser, home = client_of(asha), f"/alder/team/{rita.user.email}/"
        past = (TODAY - timedelta(days=9)).isoformat()
        browser.post(f"{home}admissions/new/", {"jurisdiction": "New York", "number": "551", "valid_to": past})
        text = browser.get(home).content.decode()
        assert "New York" in text and "Lapsed" in text
        assert browser.post(f"{home}admissions/remove/", {"row": Admission.objects.get().pk}).status_code == 302
        assert "551" not in browser.get(home).content.decode()
        assert (Event.objects.get(action="admission.remove").before or {})["number"] == "551"
        add(asha, "language", language="de", level="fluent")
        page = browser.get(home)
        assert [row.action for row in page.context["events"]] == ["admission.remove", "admission.add"], (
            "hers alone, the line gone since too"
        )
        assert "Admission removed" in page.content.decode() and "Admission added" in page.content.decode()

    def test_two_people_at_once_take_off_the_line_each_of_them_read(
        self, in_alder: Scope, asha: Membership, olga: Membership, rita: Membership, client_of: SignIn
    ) -> None:
        home = f"/alder/team/{rita.user.email}/"
        german, french = add(rita, "language", language="de", level="fluent"), add(rita, "language", language="fr", level="fluent")
        other = add(olga, "language", language="es", level="fluent")
        first, second = client_of(asha), client_of(olga)
        assert first.post(f"{home}languages/remove/", {"row": german.pk}).status_code == 302
        late = second.post(f"{home}languages/remove/", {"row": german.pk}, follow=True).content.decode()
        assert "somebody removed it in the meantime" in late and "French" in late
        for row in (other.pk, "x", 10**30, ""):
            assert "somebody removed it" in first.post(f"{home}languages/remove/", {"row": row}, follow=True).content.decode()
        assert set(SpokenLanguage.objects.values_list("pk", flat=True)) == {french.pk, other.pk}
        with pytest.raises(Refused, match="somebody removed it"):
            actions.remove_from_profile(row=german, member=rita, by=Actor.member(asha))

    def test_two_absences_never_overlap(self, in_alder: Scope, rita: Membership) -> None:
        add(rita, "absence", starts_on=TODAY, ends_on=TODAY + timedelta(days=5))
        with pytest.raises(Refused, match="is on record"):
            add(rita, "absence", starts_on=TODAY + timedelta(days=5), ends_on=TODAY + timedelta(days=8))

    def test_a_client_viewer_has_no_profile(self, in_alder: Scope, carla: Membership, asha: Membership, client_of: SignIn) -> None:
        with pytest.raises(Refused):
            add(carla, "language", language="de", level="fluent")
        assert client_of(asha).get(f"/alder/team/{carla.user.email}/").status_code == 404


class TestBlocked:
    def test_a_conflict_with_the_client_blocks_every_edge(
        self, stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn
    ) -> None:
        item = make.item(stream)
        add(rita, "conflict", client=stream.client, since=TODAY)
        with pytest.raises(Refused, match="has a conflict"):
            actions.assign_item(item=item, by=make.system(), member=rita)
        outcome = actions.assign_items(ids=[item.id], by=make.system(), member=rita)
        assert [failure.reason for failure in outcome.failures] == ["Rita O'Brien has a conflict with this client."]
        page = client_of(asha).post(f"/alder/work/{item.reference}/assign/", {"assignee": rita.id})
        assert page.status_code == 422 and "has a conflict with this client" in page.content.decode().replace("&#x27;", "'")
        rows = [{"external_id": "7", "title": "From outside", "received_at": item.received_at, "assignee": rita.user.email}]
        (done,) = actions.upsert_items(by=make.system(), workstream=stream, source="api", rows=rows)
        assert (done.outcome, done.field, "conflict" in done.reason) == ("refused", "assignee", True)
        assert not Assignment.objects.filter(member=rita).exists()

    def test_a_party_by_name_is_a_conflict_too(self, stream: Workstream, rita: Membership) -> None:
        matter = make.matter(parties=["Orrin & Söhne, Inc."])
        add(rita, "conflict", party="ORRIN & SOHNE INC", since=TODAY)
        with pytest.raises(Refused, match="has a conflict with a party"):
            actions.assign_item(item=make.item(make.workstream(matter)), by=make.system(), member=rita)
        assert actions.assign_item(item=make.item(stream), by=make.system(), member=rita).assignee_id == rita.id

    @pytest.mark.parametrize(
        ("admission", "reason"),
        [
            (None, "not admitted in New York"),
            ({"jurisdiction": "Texas"}, "not admitted in New York"),
            ({"jurisdiction": "New York", "valid_to": TODAY - timedelta(days=3)}, "lapsed on"),
            ({"jurisdiction": "New York", "valid_from": TODAY + timedelta(days=3)}, "not yet admitted"),
            ({"jurisdiction": "new york", "valid_to": TODAY + timedelta(days=3)}, ""),
        ],
    )
    def test_work_that_needs_an_admission_goes_to_the_admitted(
        self, stream: Workstream, rita: Membership, admission: dict[str, Any] | None, reason: str
    ) -> None:
        stream = actions.update_workstream(workstream=stream, by=make.system(), version=stream.version, requires_admission=True)
        if admission:
            add(rita, "admission", **admission)
        item = make.item(stream)
        if reason:
            with pytest.raises(Refused, match=reason):
                actions.assign_item(item=item, by=make.system(), member=rita)
        else:
            assert actions.assign_item(item=item, by=make.system(), member=rita).assignee_id == rita.id

    def test_who_left_and_who_is_outside_the_wall_are_refused(
        self, stream: Workstream, asha: Membership, rita: Membership, rashid: Membership
    ) -> None:
        item = make.item(stream)
        rashid.is_active = False
        rashid.save()
        with pytest.raises(Refused, match="active member"):
            actions.assign_item(item=item, by=make.system(), member=rashid)
        actions.raise_wall(matter=stream.matter, by=Actor.member(asha))
        with pytest.raises(Refused, match="outside the wall"):
            actions.assign_item(item=item, by=make.system(), member=rita)


class TestSuggestions:
    def test_who_speaks_the_language_and_has_room_comes_first_and_says_why(
        self, stream: Workstream, rita: Membership, rashid: Membership, cora: Membership
    ) -> None:
        add(rashid, "language", language="de", level="native")
        add(rashid, "training", kind="nda_review", title="NDA playbook", passed_on=TODAY, score=Decimal(92))
        add(rita, "absence", starts_on=TODAY - timedelta(days=2), ends_on=TODAY + timedelta(days=2))
        add(cora, "conflict", client=stream.client, since=TODAY)
        first, second, last = suggestions([cora, rita, rashid], make.item(stream, language="German"))
        assert first.member == rashid
        assert first.reasons == ("German, native", "trained: NDA playbook, 92 %", "0 open items")
        assert second.member == rita and any("away until" in doubt for doubt in second.doubts)
        assert last.member == cora and "conflict" in last.blocked

    def test_of_equals_the_one_with_less_open_comes_first(self, stream: Workstream, rita: Membership, rashid: Membership) -> None:
        for _ in range(3):
            actions.assign_item(item=make.item(stream), by=make.system(), member=rashid)
        assert [each.member for each in suggestions([rashid, rita], make.item(stream))] == [rita, rashid]

    def test_a_language_is_known_by_name_or_code(self) -> None:
        assert {language_code(text) for text in ("German", "de", "DE", "de-AT", " german ")} == {"de"}

    def test_the_page_offers_them_to_who_gives_work_out(
        self, stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn
    ) -> None:
        item = make.item(stream)
        here, browser = f"/alder/work/{item.reference}/", client_of(asha)
        plain = browser.get(here).content.decode()
        assert "Suggested" not in plain and f'href="{here}?suggest=1#suggestions"' in plain, "read when somebody asks"
        text = browser.get(f"{here}?suggest=1").content.decode()
        assert "<main" in text and "Suggested" in text and "no training on record for NDA review" in text
        part = browser.get(f"{here}?suggest=1", headers={"HX-Request": "true"}).content.decode()
        assert "<main" not in part and 'id="suggestions"' in part and "no training on record for NDA review" in part
        assert "Suggested" not in client_of(rita).get(f"{here}?suggest=1").content.decode()


class TestDistribution:
    def test_each_gets_as_many_as_the_other_and_the_blocked_nothing(
        self, stream: Workstream, rita: Membership, rashid: Membership, cora: Membership
    ) -> None:
        ids = [make.item(stream).id for _ in range(7)]
        add(cora, "conflict", client=stream.client, since=TODAY)
        people = [rita, rashid, cora]
        plan = actions.plan_distribution(ids=ids, members=people, by=make.system())
        counts = {share.member.display_name: share.count for share in plan.shares}
        assert counts == {"Cora Núñez": 0, "Rashid Amari": 4, "Rita O'Brien": 3}
        assert plan.passed_over == [("Cora Núñez", "Cora Núñez has a conflict with this client.")]
        assert not Assignment.objects.exists(), "a preview writes nothing"
        actions.distribute_items(ids=ids, members=people, by=make.system(), digest=plan.digest)
        assert WorkItem.objects.filter(id__in=ids, assignee=rashid, state="assigned").count() == 4
        assert Assignment.objects.count() == 7

    def test_what_changed_since_the_preview_is_shown_again_and_not_done(
        self, stream: Workstream, rita: Membership, rashid: Membership
    ) -> None:
        ids = [make.item(stream).id for _ in range(3)]
        plan = actions.plan_distribution(ids=ids, members=[rita, rashid], by=make.system())
        add(rashid, "conflict", client=stream.client, since=TODAY)
        with pytest.raises(StaleVersion):
            actions.distribute_items(ids=ids, members=[rita, rashid], by=make.system(), digest=plan.digest)
        assert not Assignment.objects.exists()

    def test_when_nobody_may_the_items_stay_with_the_reason(self, stream: Workstream, rita: Membership) -> None:
        add(rita, "conflict", client=stream.client, since=TODAY)
        plan = actions.plan_distribution(ids=[make.item(stream).id], members=[rita], by=make.system())
        assert (plan.total, plan.failures[0].reason) == (0, "Rita O'Brien has a conflict with this client.")

    def test_the_number_of_statements_does_not_grow(self, stream: Workstream, rita: Membership, rashid: Membership) -> None:
        found = []
        for n in (3, 60):
            ids = [make.item(stream).id for _ in range(n)]
            plan = actions.plan_distribution(ids=ids, members=[rita, rashid], by=make.system())
            with CaptureQueriesContext(connection) as captured:
                actions.distribute_items(ids=ids, members=[rita, rashid], by=make.system(), digest=plan.digest)
            found.append(len(captured))
        assert found[0] == found[1] <= 30

    def test_nor_does_that_of_giving_many_to_one(self, stream: Workstream, rita: Membership) -> None:
        found = []
        for n in (3, 60):
            ids = [make.item(stream).id for _ in range(n)]
            with CaptureQueriesContext(connection) as captured:
                actions.assign_items(ids=ids, member=rita, by=make.system())
            found.append(len(captured))
        assert found[0] == found[1] <= 25

    def test_the_work_of_who_is_away_is_dealt_out_from_the_profile(
        self, stream: Workstream, asha: Membership, rita: Membership, rashid: Membership, client_of: SignIn
    ) -> None:
        item = make.item(stream)
        actions.assign_item(item=item, by=make.system(), member=rita)
        add(rita, "absence", starts_on=TODAY - timedelta(days=2), ends_on=TODAY + timedelta(days=2))
        browser = client_of(asha)
        assert "Reassign their open work" in browser.get(f"/alder/team/{rita.user.email}/").content.decode()
        posted: dict[str, Any] = {"assignee": rita.id, "all_matching": "1"}
        choosing = browser.post("/alder/work/distribute/", posted)
        ticked = [row["member"] for row in choosing.context["people"] if row["ticked"]]
        assert ticked == [rashid]
        preview = browser.post("/alder/work/distribute/", {**posted, "do": "preview", "people": [rashid.id]})
        done = browser.post(
            "/alder/work/distribute/",
            {**posted, "do": "assign", "people": [rashid.id], "digest": preview.context["plan"].digest},
        )
        assert done.status_code == 302
        item.refresh_from_db()
        assert item.assignee_id == rashid.id
