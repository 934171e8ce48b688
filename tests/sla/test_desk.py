"""The desk: what comes up next, its timer, notes, tags, delivery with a file, and the day's pace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions
from engagements.deliverables import deliverables_of
from engagements.models import ItemNote, ItemTag, TimeEntry, WorkItem, Workstream, WorkTimer
from engagements.sheets import week_of
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Role
from lpo.audit.documents import content_of
from lpo.audit.models import Event
from lpo.tenancy.context import Scope
from sla.desk import items_on_desk, pace_of
from tests import make
from tests.sla import make as levels

SignIn = Callable[[Membership], Browser]
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def stream(in_alder: Scope) -> Workstream:
    made = make.workstream(item_prefix="NDA")
    levels.level(made)
    return made


def given(stream: Workstream, member: Membership, hours_ago: int = 1) -> WorkItem:
    item = make.item(stream, received_at=timezone.now() - timedelta(hours=hours_ago))
    return actions.assign_item(item=item, by=make.system(), member=member)


def desk(browser: Browser, item: WorkItem, do: str, **data: object) -> str:
    answer = browser.post(f"/alder/desk/{item.reference}/{do}/", data)
    assert answer.status_code == 302
    return str(answer["Location"])


class TestOrder:
    def test_the_item_due_first_comes_up_first_and_those_on_hold_wait(self, stream: Workstream, rita: Membership, asha: Membership) -> None:
        late, soon, held = given(stream, rita, 2), given(stream, rita, 9), given(stream, rita, 20)
        given(stream, asha, 30)
        actions.pause_item(item=held, by=make.system(), party="client", reason="information", note="asked")
        unmeasured = given(make.workstream(), rita, 90)
        assert items_on_desk(rita.id, timezone.now())[0] == [soon.id, late.id, unmeasured.id]

    def test_the_page_leads_from_item_to_item(self, stream: Workstream, rita: Membership, client_of: SignIn) -> None:
        late, soon = given(stream, rita, 2), given(stream, rita, 9)
        browser = client_of(rita)
        page = browser.get("/alder/desk/")
        assert (page.context["item"], page.context["next"], page.context["count"]) == (soon, late.reference, 2)
        assert browser.get(f"/alder/desk/?item={late.reference}").context["previous"] == soon.reference
        assert browser.get("/alder/desk/?item=NDA-9999").status_code == 404

    def test_an_empty_desk_says_so(self, in_alder: Scope, rita: Membership, client_of: SignIn) -> None:
        assert "Nothing is waiting for you" in client_of(rita).get("/alder/desk/").content.decode()

    def test_work_behind_a_wall_leaves_the_desk(self, stream: Workstream, rita: Membership, asha: Membership, client_of: SignIn) -> None:
        item = given(stream, rita)
        actions.raise_wall(matter=stream.matter, by=Actor.member(asha))
        browser = client_of(rita)
        assert browser.get("/alder/desk/").context["item"] is None
        assert browser.get(f"/alder/desk/?item={item.reference}").status_code == 404
        assert browser.post(f"/alder/desk/{item.reference}/start/").status_code == 404


class TestWorking:
    def test_starting_begins_the_review_and_the_timer(self, stream: Workstream, rita: Membership, client_of: SignIn) -> None:
        item, browser = given(stream, rita), client_of(rita)
        assert desk(browser, item, "start").endswith(f"?item={item.reference}")
        item.refresh_from_db()
        assert (item.state, WorkTimer.objects.get().item_id) == ("in_review", item.id)
        seen = browser.post("/alder/desk/seen/").json()
        assert seen["running"] and seen["seconds"] < 60

    def test_who_was_away_learns_that_the_timer_stopped(self, stream: Workstream, rita: Membership, client_of: SignIn) -> None:
        item, browser = given(stream, rita), client_of(rita)
        desk(browser, item, "start")
        long_ago = timezone.now() - timedelta(minutes=40)
        WorkTimer.objects.update(started_at=long_ago, seen_at=long_ago + timedelta(minutes=10))
        assert browser.post("/alder/desk/seen/").json() == {"running": False, "seconds": 0}
        assert sum(TimeEntry.objects.values_list("minutes", flat=True)) == Decimal("10.00")

    def test_notes_stay_with_the_item_and_out_of_the_audit_log(self, stream: Workstream, rita: Membership, client_of: SignIn) -> None:
        item, browser = given(stream, rita), client_of(rita)
        desk(browser, item, "note", text="Clause 9 names a privileged matter")
        assert ItemNote.objects.get().text == "Clause 9 names a privileged matter"
        assert "privileged" not in str(Event.objects.get(action="item.note").after)
        assert "Clause 9 names" in browser.get(f"/alder/work/{item.reference}/").content.decode()

    def test_only_who_reads_work_product_sees_notes(
        self, stream: Workstream, rita: Membership, cora: Membership, client_of: SignIn
    ) -> None:
        item = given(stream, rita)
        actions.add_note(item=item, by=Actor.member(rita), text="Clause 9 names a privileged matter")
        assert "Clause 9" not in client_of(cora).get(f"/alder/work/{item.reference}/").content.decode()

    def test_a_tag_is_there_once_and_goes_again(self, stream: Workstream, rita: Membership, client_of: SignIn) -> None:
        item, browser = given(stream, rita), client_of(rita)
        for name in ("Escalated", "escalated ", "<b>"):
            desk(browser, item, "tag", name=name)
        assert list(ItemTag.objects.values_list("name", flat=True)) == ["escalated"]
        desk(browser, item, "untag", name="escalated")
        assert not ItemTag.objects.exists()

    def test_delivery_keeps_the_file_stops_the_timer_and_brings_the_next(
        self, stream: Workstream, rita: Membership, client_of: SignIn
    ) -> None:
        item, browser = given(stream, rita), client_of(rita)
        desk(browser, item, "start")
        item.refresh_from_db()
        file = SimpleUploadedFile("NDA.txt", b"reviewed words")
        assert desk(browser, item, "deliver", file=file, version=item.version) == "/alder/desk/"
        item.refresh_from_db()
        (kept,) = deliverables_of(item)
        assert (item.state, content_of(kept.document), kept.matter_id) == ("delivered", b"reviewed words", item.matter_id)
        assert not WorkTimer.objects.filter(ended_at__isnull=True).exists()
        answer = browser.get(f"/alder/work/{item.reference}/files/1/")
        assert (answer.content, answer["Content-Type"]) == (b"reviewed words", "application/octet-stream")

    def test_a_stale_delivery_keeps_no_file(self, stream: Workstream, rita: Membership, client_of: SignIn) -> None:
        item, browser = given(stream, rita), client_of(rita)
        stale = item.version
        actions.move_item(item=item, to="in_review", by=make.system())
        answer = browser.post(
            f"/alder/desk/{item.reference}/deliver/", {"file": SimpleUploadedFile("a.txt", b"words"), "version": stale - 1}
        )
        assert answer.status_code == 409
        assert deliverables_of(item) == []


class TestPace:
    def test_the_week_is_set_against_what_it_holds(self, stream: Workstream, rita: Membership, client_of: SignIn) -> None:
        now = timezone.now()
        profile: dict[str, Any] = {"member": rita, "by": make.system(), "location": "", "capacity": Decimal(40), "capacity_unit": "items"}
        actions.update_profile(version=1, **profile)
        for _ in range(2):
            actions.deliver_item(item=given(stream, rita), by=Actor.member(rita))
        assert pace_of(rita.id, NEW_YORK, now + timedelta(seconds=5)).of_week == "2 of 40 units a week"
        monday = week_of(now.astimezone(NEW_YORK).date())
        actions.add_week(member=rita, by=make.system(), first_week=monday, capacity=Decimal(25))
        assert pace_of(rita.id, NEW_YORK, now + timedelta(seconds=5)).of_week == "2 of 10 units this week, usually 40"
        given(stream, rita)
        assert "2 of 10 units this week" in client_of(rita).get("/alder/desk/").content.decode()

    def test_it_counts_ones_own_deliveries_since_ones_own_midnight(self, stream: Workstream, rita: Membership, asha: Membership) -> None:
        now, by = timezone.now(), Actor.member(rita)
        today = now.astimezone(NEW_YORK).date()
        for member in (rita, rita, asha):
            actions.deliver_item(item=given(stream, rita), by=Actor.member(member))
        actions.add_time(by=by, workstream=stream, day=today, minutes=Decimal(30), narrative="Reviewed two NDAs of Orrin")
        pace = pace_of(rita.id, NEW_YORK, now + timedelta(seconds=5))
        assert (pace.delivered, pace.minutes, pace.per_hour) == (2, Decimal(30), "4.0")
        assert pace_of(rita.id, NEW_YORK, now + timedelta(days=1)).delivered == 0


def test_the_desk_is_for_those_who_work() -> None:
    from lpo.accounts.roles import ROLE_PERMISSIONS, Permission

    works = {role for role in Role if Permission.WORK_ITEMS in ROLE_PERMISSIONS[role]}
    assert all({Permission.RECORD_TIME, Permission.VIEW_WORK_PRODUCT, Permission.VIEW_WORK} <= ROLE_PERMISSIONS[role] for role in works)
