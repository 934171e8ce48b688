"""Time: by hand, by timer, submitted and approved by somebody else, closed after a date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions
from engagements.actions.time import days_between, stop_idle_timers, week_of
from engagements.models import TimeEntry, WorkItem, WorkTimer
from engagements.narrative import warnings
from engagements.time_forms import DurationField
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch, local_midnight
from lpo.tenancy.context import Scope
from tests import make

SignIn = Callable[[Membership], Browser]
NEW_YORK = ZoneInfo("America/New_York")


def today() -> date:
    return timezone.now().astimezone(NEW_YORK).date()


@pytest.fixture
def item(in_alder: Scope) -> WorkItem:
    return make.item(make.workstream(kind="nda_review", item_prefix="NDA"))


def entry(item: WorkItem, member: Membership, **fields: Any) -> TimeEntry:
    values: dict[str, Any] = {"day": today(), "minutes": Decimal(30), "narrative": "Reviewed the indemnity clause", **fields}
    return actions.add_time(by=Actor.member(member), workstream=item.workstream, item=item, **values)


class TestByHand:
    def test_raw_minutes_are_kept_and_the_usual_codes_filled_in(self, item: WorkItem, rita: Membership) -> None:
        made = entry(item, rita, minutes=Decimal("7.25"))
        assert (made.number, made.minutes, made.task_code, made.activity_code) == (1, Decimal("7.25"), "P500", "A104")
        assert entry(item, rita).number == 2

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"minutes": Decimal(0)}, "minutes"),
            ({"minutes": Decimal(1441)}, "minutes"),
            ({"day": date(2199, 1, 1)}, "day"),
            ({"task_code": "X1"}, "task_code"),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_field(self, item: WorkItem, rita: Membership, fields: dict[str, Any], field: str) -> None:
        with pytest.raises(Refused) as refused:
            entry(item, rita, **fields)
        assert refused.value.field == field
        assert not TimeEntry.objects.exists()

    def test_a_day_has_24_hours(self, item: WorkItem, rita: Membership) -> None:
        entry(item, rita, minutes=Decimal(1000))
        with pytest.raises(Refused, match="more than 24 hours"):
            entry(item, rita, minutes=Decimal(441))

    def test_nobody_changes_anothers_entry(self, item: WorkItem, rita: Membership, asha: Membership) -> None:
        made = entry(item, rita)
        with pytest.raises(NotPermitted):
            actions.update_time(entry=made, by=Actor.member(asha), version=1, narrative="mine")
        with pytest.raises(NotPermitted):
            actions.remove_time(entry=made, by=Actor.member(asha))

    def test_the_same_external_id_is_one_entry(self, item: WorkItem, rita: Membership) -> None:
        assert entry(item, rita, external_id="a-1") == entry(item, rita, external_id="a-1")
        assert TimeEntry.objects.count() == 1

    @pytest.mark.parametrize(("text", "minutes"), [("1:30", "90"), ("1.5h", "90"), ("1,5 h", "90"), ("90", "90"), ("90 min", "90")])
    def test_a_duration_is_read_as_people_write_it(self, text: str, minutes: str) -> None:
        assert DurationField().clean(text) == Decimal(minutes)

    @pytest.mark.parametrize("text", ["1:75", "an hour", "NaN", "1:2:3", "Infinity"])
    def test_what_is_no_duration_is_refused(self, text: str) -> None:
        from django.core.exceptions import ValidationError

        with pytest.raises(ValidationError):
            DurationField().clean(text)


class TestWarnings:
    @pytest.mark.parametrize(
        ("narrative", "said"),
        [
            ("", "no narrative"),
            ("Reviewed NDA", "very short"),
            ("Reviewed the lease and drafted comments for counsel", "Several tasks"),
            ("Reviewed the indemnity and limitation clauses of the lease", ""),
        ],
    )
    def test_each_says_what_a_client_may_refuse(self, narrative: str, said: str) -> None:
        found = warnings(narrative, Decimal(30))
        assert (said in found[0]) if said else found == []

    def test_the_page_keeps_the_entry_and_shows_the_warning(self, item: WorkItem, rita: Membership, client_of: SignIn) -> None:
        browser = client_of(rita)
        data = {"item": item.reference, "day": today().isoformat(), "minutes": "0:45", "narrative": "", "billable": "on"}
        page = browser.post("/alder/time/new/", data, follow=True)
        assert page.status_code == 200 and "There is no narrative" in page.content.decode()
        assert TimeEntry.objects.get().minutes == 45

    def test_a_form_sent_twice_is_one_entry(self, item: WorkItem, rita: Membership, client_of: SignIn) -> None:
        browser = client_of(rita)
        data = {"item": item.reference, "day": today().isoformat(), "minutes": "0:30", "narrative": "Called counsel", "billable": "on"}
        assert [browser.post("/alder/time/new/", data).status_code for _ in range(3)] == [302] * 3
        assert TimeEntry.objects.count() == 1
        browser.post("/alder/time/new/", {**data, "narrative": "Called counsel again"})
        assert TimeEntry.objects.count() == 2
        TimeEntry.objects.update(created_at=timezone.now() - timedelta(minutes=2))
        browser.post("/alder/time/new/", data)
        assert TimeEntry.objects.count() == 3, "later it may have been done again"


class TestApproval:
    def test_somebody_else_approves_and_then_it_is_final(self, item: WorkItem, asha: Membership, olga: Membership) -> None:
        made, week = entry(item, asha), week_of(today())
        assert actions.submit_week(by=Actor.member(asha), week=week) == 1
        with pytest.raises(Refused, match="Somebody else"):
            actions.approve_week(member=asha, week=week, by=Actor.member(asha))
        assert actions.approve_week(member=asha, week=week, by=Actor.member(olga)) == 1
        with pytest.raises(Refused, match="no longer changes"):
            actions.update_time(entry=made, by=Actor.member(asha), version=1, minutes=Decimal(99))
        for change in ("UPDATE engagements_timeentry SET minutes = 99", "DELETE FROM engagements_timeentry"):
            with pytest.raises(DatabaseError, match="approved and final"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(change)
        assert Event.objects.filter(action="time.approve").count() == 1

    def test_a_week_given_back_says_why_and_can_be_mended(self, item: WorkItem, rita: Membership, asha: Membership) -> None:
        made, week = entry(item, rita), week_of(today())
        actions.submit_week(by=Actor.member(rita), week=week)
        with pytest.raises(Refused, match="Say what"):
            actions.return_week(member=rita, week=week, by=Actor.member(asha), note=" ")
        actions.return_week(member=rita, week=week, by=Actor.member(asha), note="Split the call")
        made = actions.update_time(entry=made, by=Actor.member(rita), version=1, minutes=Decimal(20))
        assert (made.status, made.decision_note) == ("returned", "Split the call")
        assert actions.submit_week(by=Actor.member(rita), week=week) == 1

    def test_a_reviewer_approves_nothing(self, item: WorkItem, rita: Membership, asha: Membership, client_of: SignIn) -> None:
        entry(item, asha)
        with pytest.raises(NotPermitted):
            actions.approve_week(member=asha, week=today(), by=Actor.member(rita))
        assert client_of(rita).get("/alder/time/sheets/").status_code == 403

    def test_the_pages_lead_from_entry_to_approval(self, item: WorkItem, rita: Membership, asha: Membership, client_of: SignIn) -> None:
        entry(item, rita)
        client_of(rita).post("/alder/time/submit/", {"week": today().isoformat()})
        manager, week = client_of(asha), week_of(today())
        assert "Rita O&#x27;Brien" in manager.get("/alder/time/sheets/").content.decode()
        address = f"/alder/time/sheets/{rita.user.email}/{week}/"
        assert "Approve 1 entry" in manager.get(address).content.decode()
        assert manager.post(address, {"do": "return", "note": ""}).status_code == 422
        assert manager.post(address, {"do": "approve"}).status_code == 302
        assert TimeEntry.objects.get().status == "approved"

    def test_work_behind_a_wall_is_neither_shown_nor_approved_from_outside(
        self, item: WorkItem, rita: Membership, asha: Membership, olga: Membership, client_of: SignIn
    ) -> None:
        entry(item, rita)
        actions.submit_week(by=Actor.member(rita), week=today())
        actions.raise_wall(matter=item.workstream.matter, by=Actor.member(olga), insiders=[rita])
        browser = client_of(asha)
        assert "Rita" not in browser.get("/alder/time/sheets/").content.decode()
        browser.post(f"/alder/time/sheets/{rita.user.email}/{week_of(today())}/", {"do": "approve"})
        assert "Reviewed" not in browser.get("/alder/time/sheets/week.csv").content.decode()
        assert TimeEntry.objects.get().status == "submitted"


class TestLock:
    def test_closed_time_takes_late_entries_for_its_grace_only(self, item: WorkItem, rita: Membership, asha: Membership) -> None:
        day, by = today() - timedelta(days=5), Actor.member(asha)
        lock = actions.lock_time(by=by, version=1, locked_through=day, grace_days=5)
        late = entry(item, rita, day=day)
        actions.lock_time(by=by, version=lock.version, locked_through=day, grace_days=4)
        for refused in (
            lambda: entry(item, rita, day=day),
            lambda: actions.update_time(entry=late, by=Actor.member(rita), version=1, minutes=Decimal(5)),
            lambda: actions.remove_time(entry=late, by=Actor.member(rita)),
        ):
            with pytest.raises(Refused, match="is closed"):
                refused()
        assert entry(item, rita, day=day + timedelta(days=1)).pk


class TestTimer:
    def ago(self, timer: WorkTimer, **columns: timedelta) -> None:
        WorkTimer.objects.filter(pk=timer.pk).update(**{name: timezone.now() - span for name, span in columns.items()})

    def test_start_and_stop_write_the_minutes_between(self, item: WorkItem, rita: Membership) -> None:
        by = Actor.member(rita)
        timer = actions.start_timer(item=item, by=by)
        assert actions.start_timer(item=item, by=by) == timer, "a second click starts no second timer"
        self.ago(timer, started_at=timedelta(minutes=12), seen_at=timedelta(minutes=1))
        made = actions.stop_timer(by=by)
        assert Decimal("11.9") < sum(each.minutes for each in made) < Decimal("12.5")
        assert {each.source for each in made} == {"timer"}
        assert actions.stop_timer(by=by) == []

    def test_who_goes_away_is_stopped_when_last_seen(self, item: WorkItem, rita: Membership) -> None:
        timer = actions.start_timer(item=item, by=Actor.member(rita))
        self.ago(timer, started_at=timedelta(minutes=50), seen_at=timedelta(minutes=20))
        assert stop_idle_timers(by=make.system()) == 1
        assert stop_idle_timers(by=make.system()) == 0
        assert Decimal("29.9") < sum(TimeEntry.objects.values_list("minutes", flat=True)) < Decimal("30.1")
        assert WorkTimer.objects.get().idle

    def test_who_was_seen_in_between_goes_on(self, item: WorkItem, rita: Membership) -> None:
        by = Actor.member(rita)
        timer = actions.start_timer(item=item, by=by)
        self.ago(timer, started_at=timedelta(minutes=50), seen_at=timedelta(minutes=14))
        assert actions.touch_timer(by=by) is not None
        self.ago(timer, seen_at=timedelta(minutes=16))
        assert actions.touch_timer(by=by) is None, "coming back does not count the time away"

    def test_another_item_ends_the_first(self, item: WorkItem, rita: Membership) -> None:
        by = Actor.member(rita)
        first = actions.start_timer(item=item, by=by)
        self.ago(first, started_at=timedelta(minutes=5))
        actions.start_timer(item=make.item(item.workstream), by=by)
        assert set(TimeEntry.objects.values_list("item_id", flat=True)) == {item.id}
        assert WorkTimer.objects.filter(ended_at__isnull=True).count() == 1

    def test_the_parts_of_a_night_add_up_to_the_whole(self, item: WorkItem, rita: Membership) -> None:
        timer = actions.start_timer(item=item, by=Actor.member(rita))
        begun = from_epoch(local_midnight(today() - timedelta(days=1), NEW_YORK)) - timedelta(seconds=179.1)
        WorkTimer.objects.filter(pk=timer.pk).update(started_at=begun, seen_at=begun + timedelta(minutes=10))
        stop_idle_timers(by=make.system())
        booked = TimeEntry.objects.order_by("day").values_list("minutes", flat=True)
        assert list(booked) == [Decimal("2.98"), Decimal("7.02")]

    def test_a_span_over_midnight_is_two_days(self) -> None:
        start = datetime(2026, 11, 1, 3, 30, tzinfo=UTC)  # 23:30 on 31 October in New York; the clocks go back on the 1st
        pieces = days_between(start, start + timedelta(hours=26), NEW_YORK)
        assert [((end - begin).total_seconds() / 3600, begin.astimezone(NEW_YORK).day) for begin, end in pieces] == [
            (0.5, 31),
            (25.0, 1),
            (0.5, 2),
        ]
