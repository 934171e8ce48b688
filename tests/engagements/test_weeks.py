"""Weeks that hold more or less than usual: kept and changed, and what goes by them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from engagements import actions, weeks
from engagements.models import Absence, ReviewerProfile, WeekCapacity, Workstream
from engagements.sheets import week_of
from engagements.staffing import suggestions, today_of
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.audit.models import Event
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope
from tests import make
from tests.conftest import person

SignIn = Callable[[Membership], Browser]
WEEK = timedelta(days=7)


def this_week() -> date:
    """By the organization's clock, as capacity is reckoned."""
    return week_of(today_of(Organization.objects.get(slug="alder").time_zone))


def holds(member: Membership, amount: int = 40, unit: str = "items") -> None:
    version = getattr(ReviewerProfile.objects.filter(member=member).first(), "version", 1)
    actions.update_profile(member=member, by=make.system(), version=version, location="", capacity=Decimal(amount), capacity_unit=unit)


def own(member: Membership, capacity: int, measure: str = "percent", **fields: Any) -> WeekCapacity:
    values: dict[str, Any] = {"first_week": this_week(), "capacity": Decimal(capacity), "measure": measure, **fields}
    return actions.add_week(member=member, by=make.system(), **values)


@pytest.fixture
def stream(in_alder: Scope) -> Workstream:
    return make.workstream(make.matter(), item_prefix="NDA")


@pytest.fixture
def rashid(alder: Organization) -> Membership:
    return person(alder, "Rashid Amari", Role.REVIEWER)


class TestCapacity:
    @pytest.mark.parametrize(
        ("usual", "written", "away", "said"),
        [
            ((40, "items"), None, 0, "40 units a week"),
            ((40, "items"), None, 2, "24 units this week, usually 40"),
            ((45, "items"), (50, "percent"), 0, "22.5 units this week, usually 45"),
            # Whoever wrote the week knew the days away.
            ((40, "items"), (50, "percent"), 3, "20 units this week, usually 40"),
            ((40, "items"), (50, "percent"), 5, "0 units this week, usually 40"),
            ((40, "items"), (12, "hours"), 0, "12 hours this week"),
            ((40, "hours"), (12, "hours"), 0, "12 hours this week, usually 40"),
            (None, (15, "items"), 0, "15 units this week"),
            (None, None, 3, None),
        ],
    )
    def test_a_week_holds_what_was_said_of_it_else_the_usual_less_the_days_away(
        self, usual: Any, written: Any, away: int, said: str | None
    ) -> None:
        profile = ReviewerProfile(capacity=Decimal(usual[0]), capacity_unit=usual[1]) if usual else None
        week = WeekCapacity(capacity=Decimal(written[0]), measure=written[1]) if written else None
        found = weeks.capacity_of(profile, week, away)
        assert (found.said if found else None) == said

    @given(st.integers(0, 60), st.integers(0, 40))
    def test_days_away_are_those_of_monday_to_friday_and_add_up_over_the_weeks(self, start: int, length: int) -> None:
        monday = date(2026, 1, 5)
        row = Absence(starts_on=monday + timedelta(days=start), ends_on=monday + timedelta(days=start + length))
        days = [row.starts_on + timedelta(days=n) for n in range(length + 1)]
        counted = sum(weeks.days_away([row], monday + n * WEEK) for n in range(20))
        assert counted == sum(day.weekday() < 5 for day in days)


class TestKeeping:
    def test_weeks_are_added_changed_and_taken_off_with_a_trace(
        self, in_alder: Scope, asha: Membership, rita: Membership, client_of: SignIn
    ) -> None:
        holds(rita)
        browser, home, week = client_of(asha), f"/alder/team/{rita.user.email}/", f"{this_week() + WEEK:%G-W%V}"
        typed = {"first_week": week, "capacity": "50", "measure": "percent", "reason": "Court dates"}
        assert browser.post(f"{home}weeks/new/", typed).status_code == 302
        assert "Court dates" in browser.get(home).content.decode()
        assert browser.get(f"{home}weeks/{week}/edit/").context["form"].initial["capacity"] == 50
        assert browser.post(f"{home}weeks/{week}/edit/", {**typed, "capacity": "25", "version": "1"}).status_code == 302
        assert browser.post(f"{home}weeks/{week}/remove/", {"version": "2"}).status_code == 302
        assert not WeekCapacity.objects.exists()
        kept = list(Event.objects.filter(action__startswith="capacity.").order_by("id").values_list("action", "before__capacity"))
        assert kept == [("capacity.add", None), ("capacity.update", "50.0"), ("capacity.remove", "25.0")]

    def test_a_late_save_keeps_what_was_typed_and_a_late_removal_removes_nothing(
        self, in_alder: Scope, asha: Membership, rita: Membership, client_of: SignIn
    ) -> None:
        holds(rita)
        row, browser = own(rita, 50), client_of(asha)
        there = f"/alder/team/{rita.user.email}/weeks/{row.key}"
        typed = {"first_week": row.key, "measure": "percent"}
        actions.change_week(
            row=row, member=rita, by=make.system(), version=1, first_week=row.first_week, last_week=None, capacity=Decimal(80),
            measure="percent", reason="",
        )  # fmt: skip
        late = browser.post(f"{there}/edit/", {**typed, "capacity": "25", "version": "1"})
        text = late.content.decode()
        assert late.status_code == 409 and "80" in text and 'value="25"' in text
        assert browser.post(f"{there}/remove/", {"version": "1"}).status_code == 409
        assert WeekCapacity.objects.get().capacity == 80

    def test_no_week_has_two(self, in_alder: Scope, rita: Membership) -> None:
        holds(rita)
        first = own(rita, 50, last_week=this_week() + WEEK)
        with pytest.raises(Refused, match="is on record with 50 %"):
            own(rita, 20, first_week=this_week() + WEEK)
        with pytest.raises(IntegrityError, match="weekcapacity_one_a_week"), transaction.atomic():
            WeekCapacity.objects.create(
                organization_id=rita.organization_id, member=rita, first_week=this_week() + WEEK, last_week=this_week() + WEEK, capacity=1
            )
        assert first == WeekCapacity.objects.get()

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"first_week": "2026-W60"}, "first_week"),
            ({"first_week": "next week"}, "first_week"),
            ({"last_week": "2020-W02"}, "last_week"),
            ({"capacity": "-1"}, "capacity"),
            ({"capacity": "900"}, "capacity"),
            ({"measure": "percent"}, "measure"),
        ],
    )
    def test_what_is_wrong_is_said_at_its_field(
        self, in_alder: Scope, asha: Membership, rita: Membership, client_of: SignIn, typed: dict[str, str], field: str
    ) -> None:
        if field != "measure":
            holds(rita)
        posted = {"first_week": f"{this_week():%G-W%V}", "capacity": "50", "measure": "percent", **typed}
        answer = client_of(asha).post(f"/alder/team/{rita.user.email}/weeks/new/", posted)
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
        assert not WeekCapacity.objects.exists()

    def test_a_reviewer_keeps_no_week(self, in_alder: Scope, rita: Membership) -> None:
        with pytest.raises(NotPermitted):
            actions.add_week(member=rita, by=Actor.member(rita), first_week=this_week(), capacity=Decimal(10), measure="items")
        with pytest.raises(StaleVersion):
            actions.remove_week(row=own(rita, 10, "items"), member=rita, by=make.system(), version=7)


class TestWhatGoesByIt:
    def test_who_has_room_this_week_is_suggested_first_and_the_week_says_why(
        self, stream: Workstream, rita: Membership, rashid: Membership
    ) -> None:
        for member in (rita, rashid):
            holds(member)
            for _ in range(2 if member == rita else 3):
                actions.assign_item(item=make.item(stream), by=make.system(), member=member)
        assert suggestions([rashid, rita], make.item(stream))[0].member == rita
        own(rita, 10)
        first, second = suggestions([rashid, rita], make.item(stream))
        assert (first.member, second.member) == (rashid, rita)
        assert "2 open items, 2 of 4 units this week, usually 40" in second.reasons
        own(rashid, 0)
        assert "this week holds nothing" in suggestions([rashid], make.item(stream))[0].doubts

    def test_half_a_week_is_dealt_half_as_many_and_none_gets_only_what_nobody_else_may_have(
        self, stream: Workstream, rita: Membership, rashid: Membership, cora: Membership
    ) -> None:
        for member in (rita, rashid, cora):
            holds(member)
        own(rita, 50)
        own(cora, 0)
        ids = [make.item(stream).id for _ in range(9)]
        plan = actions.plan_distribution(ids=ids, members=[rita, rashid, cora], by=make.system())
        assert {share.member: share.count for share in plan.shares} == {rashid: 6, rita: 3, cora: 0}
        assert actions.plan_distribution(ids=ids, members=[cora], by=make.system()).total == 9

    def test_another_weeks_capacity_changes_nothing_today(self, stream: Workstream, rita: Membership, rashid: Membership) -> None:
        holds(rita)
        own(rita, 0, first_week=this_week() + WEEK, last_week=this_week() + 3 * WEEK)
        ids = [make.item(stream).id for _ in range(4)]
        plan = actions.plan_distribution(ids=ids, members=[rita, rashid], by=make.system())
        assert {share.count for share in plan.shares} == {2}

    def test_the_picture_puts_capacity_absence_and_what_is_due_side_by_side(
        self, stream: Workstream, asha: Membership, rita: Membership, client_of: SignIn
    ) -> None:
        holds(rita)
        monday = this_week() + WEEK
        own(rita, 3, "items", first_week=monday, reason="Jury duty")
        actions.add_absence(member=rita, by=make.system(), starts_on=monday + WEEK, ends_on=monday + WEEK + timedelta(days=1))
        noon = datetime.combine(monday + timedelta(days=2), time(12), UTC)
        for due, quantity in ((noon, 5), (noon - 5 * WEEK, 2), (noon + 20 * WEEK, 1), (None, 1)):
            item = make.item(stream, due_hint=due, quantity=Decimal(quantity))
            actions.assign_item(item=item, by=make.system(), member=rita)
        page = client_of(asha).get(f"/alder/team/{rita.user.email}/")
        coming = page.context["coming"]
        found = [(week.capacity.amount, week.days_away, week.units) for week in coming.weeks[:4]]
        assert found == [(40, 0, 2), (3, 0, 5), (24, 2, 0), (40, 0, 0)]
        assert (coming.weeks[1].over, coming.later, coming.undated, len(coming.weeks)) == (2, 1, 1, 8)
        text = page.content.decode()
        assert "Jury duty" in text and "2 too many" in text and "1 due later, 1 without a day" in text
