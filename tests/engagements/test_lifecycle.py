"""An engagement's life: terms that renew, pilots that convert, closing with a checklist, teams and budgets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client as Browser

from engagements import actions, budget, queries
from engagements.models import EndedTerm, Engagement, Matter, TeamMember
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope, in_organization
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\xa0", " ")


def year(**fields: Any) -> Engagement:
    """An engagement of the year 2024."""
    return make.engagement(**({"starts_on": date(2024, 1, 1), "ends_on": date(2024, 12, 31)} | fields))


# --- terms -------------------------------------------------------------------------------------------------------------------


def test_a_pilot_converts_and_keeps_its_references(in_alder: Scope) -> None:
    pilot = year(delivery_model="pilot", ends_on=date(2024, 3, 31))
    matter = make.matter(pilot)
    converted = actions.convert_pilot(engagement=pilot, by=make.system(), version=1, starts_on=date(2024, 4, 1), ends_on=date(2025, 3, 31))
    assert (converted.reference, converted.delivery_model, converted.starts_on) == (pilot.reference, "managed", date(2024, 1, 1))
    assert Matter.objects.get(engagement=converted).reference == matter.reference
    (term,) = EndedTerm.objects.filter(engagement=pilot)
    assert (term.delivery_model, term.starts_on, term.ends_on, term.ended_by) == (
        "pilot",
        date(2024, 1, 1),
        date(2024, 3, 31),
        "converted",
    )
    assert queries.term_begins(converted) == date(2024, 4, 1)
    again = actions.convert_pilot(engagement=converted, by=make.system(), version=1, starts_on=date(2024, 4, 1))
    assert (again.version, EndedTerm.objects.count()) == (2, 1)


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [("2024-01-01", None, "starts_on"), ("2024-06-01", None, "starts_on"), ("2024-04-01", "2024-03-01", "ends_on")],
)
def test_a_conversion_leaves_no_gap_and_no_empty_term(in_alder: Scope, starts: str, ends: str | None, field: str) -> None:
    pilot = year(delivery_model="pilot", ends_on=date(2024, 3, 31))
    until = date.fromisoformat(ends) if ends else None
    with pytest.raises(Refused) as refusal:
        actions.convert_pilot(engagement=pilot, by=make.system(), version=1, starts_on=date.fromisoformat(starts), ends_on=until)
    assert refusal.value.field == field
    assert not EndedTerm.objects.exists()


def test_a_pilot_is_converted_not_edited_away(in_alder: Scope) -> None:
    with pytest.raises(Refused, match="converted"):
        actions.update_engagement(engagement=year(delivery_model="pilot"), by=make.system(), version=1, delivery_model="managed")
    with pytest.raises(Refused, match="Only a pilot"):
        actions.convert_pilot(engagement=year(), by=make.system(), version=1, starts_on=date(2024, 4, 1))


def test_a_renewal_keeps_the_term_before_and_clears_the_notice(in_alder: Scope) -> None:
    engagement = year(notice_given_on=date(2024, 10, 1), renewal="agreed")
    renewed = actions.renew_engagement(engagement=engagement, by=make.system(), version=1, ends_on=date(2025, 12, 31))
    assert (renewed.ends_on, renewed.notice_given_on) == (date(2025, 12, 31), None)
    assert [(t.starts_on, t.ends_on) for t in EndedTerm.objects.all()] == [(date(2024, 1, 1), date(2024, 12, 31))]
    with pytest.raises(StaleVersion):
        actions.renew_engagement(engagement=engagement, by=make.system(), version=1, ends_on=date(2026, 12, 31))
    with pytest.raises(Refused, match="ends later"):
        actions.renew_engagement(engagement=engagement, by=make.system(), version=2, ends_on=date(2025, 6, 30))


def test_an_ended_term_cannot_be_changed(in_alder: Scope) -> None:
    actions.renew_engagement(engagement=year(), by=make.system(), version=1, ends_on=date(2025, 12, 31))
    with pytest.raises(DatabaseError), transaction.atomic():
        EndedTerm.objects.update(ends_on=date(2024, 6, 30))


def test_what_renews_by_itself_does_so_month_for_month_until_today_unless_notice_was_given(in_alder: Scope) -> None:
    monthly = year(ends_on=date(2024, 1, 31), renewal="auto", renewal_months=1)
    noticed = year(ends_on=date(2024, 1, 31), renewal="auto", renewal_months=1, notice_given_on=date(2024, 1, 2))
    agreed = year(ends_on=date(2024, 1, 31), renewal="agreed")
    assert actions.renew_due(by=make.system(), today=date(2024, 3, 15)) == 1
    for row in (monthly, noticed, agreed):
        row.refresh_from_db()
    assert (monthly.ends_on, noticed.ends_on, agreed.ends_on) == (date(2024, 3, 31), date(2024, 1, 31), date(2024, 1, 31))
    assert [t.ends_on for t in EndedTerm.objects.order_by("number")] == [date(2024, 1, 31), date(2024, 2, 29)]
    assert actions.renew_due(by=make.system(), today=date(2024, 3, 31)) == 0


def test_what_renews_by_itself_has_an_end(in_alder: Scope) -> None:
    with pytest.raises(Refused, match="has a last day"):
        year(ends_on=None, renewal="auto")


@pytest.mark.parametrize(
    ("last", "months", "until"),
    [("2024-12-31", 12, "2025-12-31"), ("2024-01-31", 1, "2024-02-29"), ("2024-02-29", 1, "2024-03-31"), ("2024-06-14", 3, "2024-09-14")],
)
def test_a_renewal_runs_whole_months_from_the_day_after(last: str, months: int, until: str) -> None:
    assert str(budget.renewed_until(date.fromisoformat(last), months)) == until


def test_renewals_are_listed_by_the_last_day_for_notice(in_alder: Scope) -> None:
    today = date(2024, 6, 1)
    soon = year(ends_on=today + timedelta(days=80))
    by_notice = year(ends_on=today + timedelta(days=150), notice_days=90)
    past = year(ends_on=today - timedelta(days=3))
    for unlisted in ({"ends_on": None}, {"ends_on": today + timedelta(days=91)}):
        year(**unlisted)
    assert list(queries.renewals(today).order_by("decide_by")) == [past, by_notice, soon]


# --- closing -----------------------------------------------------------------------------------------------------------------


def test_closing_needs_a_reason_while_something_is_open(in_alder: Scope) -> None:
    engagement = year()
    stream = make.workstream(make.matter(engagement))
    item = make.item(stream)
    actions.ask_counsel(matter=stream.matter, by=make.system(), question="Whose law governs?", item=item)
    with pytest.raises(Refused) as refusal:
        actions.close_engagement(engagement=engagement, by=make.system(), version=1, slug="alder")
    assert refusal.value.field == "reason"
    closed = actions.close_engagement(engagement=engagement, by=make.system(), version=1, slug="alder", reason="Moved to Birch.")
    event = Event.objects.get(action="engagement.close")
    assert event.after is not None
    assert (closed.status, event.after["reason"]) == ("closed", "Moved to Birch.")
    assert event.after["open"] == {
        "work item not finished": 1,
        "question to counsel without an answer": 1,
        "workstream open": 1,
        "matter open": 1,
    }
    with pytest.raises(Refused, match="why"):
        actions.reopen_engagement(engagement=closed, by=make.system(), version=2, reason=" ")
    assert actions.reopen_engagement(engagement=closed, by=make.system(), version=2, reason="Came back.").status == "open"


def test_what_holds_nothing_open_closes_without_a_word(in_alder: Scope) -> None:
    engagement = year()
    assert queries.unfinished("alder", engagement) == []
    assert actions.close_engagement(engagement=engagement, by=make.system(), version=1, slug="alder").status == "closed"


# --- team --------------------------------------------------------------------------------------------------------------------


def test_a_person_has_one_part_at_a_time(in_alder: Scope, rita: Membership, asha: Membership) -> None:
    engagement, by = year(), make.system()
    first = actions.add_team_member(
        engagement=engagement, by=by, member=rita, role="reviewer", starts_on=date(2024, 1, 1), ends_on=date(2024, 6, 30)
    )
    same = actions.add_team_member(
        engagement=engagement, by=by, member=rita, role="reviewer", starts_on=date(2024, 1, 1), ends_on=date(2024, 6, 30)
    )
    assert same == first
    with pytest.raises(Refused, match="reviewer here in that time"):
        actions.add_team_member(engagement=engagement, by=by, member=rita, role="lead", starts_on=date(2024, 6, 30))
    actions.add_team_member(engagement=engagement, by=by, member=rita, role="lead", starts_on=date(2024, 7, 1))
    actions.add_team_member(engagement=engagement, by=by, member=asha, role="lead", starts_on=date(2024, 1, 1))
    with pytest.raises(Refused):
        actions.end_team_member(row=first, by=by, last_day=date(2024, 7, 1))
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamMember.objects.filter(pk=first.pk).update(ends_on=None)


def test_the_team_is_staff_of_the_organization(in_alder: Scope, carla: Membership, ben: Membership, cora: Membership) -> None:
    engagement = year()
    for outsider in (carla, ben):
        with pytest.raises(Refused) as refusal:
            actions.add_team_member(engagement=engagement, by=make.system(), member=outsider, role="lead", starts_on=date(2024, 1, 1))
        assert refusal.value.field == "member"
    with pytest.raises(NotPermitted):
        actions.add_team_member(engagement=engagement, by=Actor.member(cora), member=cora, role="lead", starts_on=date(2024, 1, 1))


# --- budget ------------------------------------------------------------------------------------------------------------------


def test_volume_is_counted_in_the_contracts_zone_and_unit(in_alder: Scope) -> None:
    """Two NDAs of three are delivered in October by the clock of New York; letters are not NDAs."""
    engagement = make.engagement(starts_on=date(2026, 9, 1))
    matter = make.matter(engagement)
    stream, letters = make.workstream(matter, unit="nda"), make.workstream(matter, unit="letter")
    actions.amend_contract(
        engagement=engagement, by=make.system(), number=1, baseline_volume=Decimal(5), baseline_unit="NDA", volume_ceiling=Decimal(8)
    )
    last_moment = datetime(2026, 11, 1, 3, 59, tzinfo=UTC)
    for at, quantity in ((last_moment, 2), (last_moment + timedelta(minutes=2), 7), (last_moment, 1)):
        where = letters if quantity == 1 else stream
        make.item(where, quantity=Decimal(quantity), received_at=at - timedelta(hours=4), state="delivered", moved_at=at)
    november, october, september = budget.delivered(engagement, 4, datetime(2026, 11, 20, tzinfo=UTC))
    assert [(row.label, row.actual, row.kind, row.running) for row in (november, october, september)] == [
        ("November 2026", Decimal(7), "risk", True),
        ("October 2026", Decimal(2), "progressing", False),
        ("September 2026", Decimal(0), "progressing", False),
    ]


def test_without_a_baseline_there_is_no_budget(in_alder: Scope) -> None:
    assert budget.delivered(year()) == []


# --- in the browser ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pilot(asha: Membership) -> Engagement:
    with in_organization(asha.organization_id):
        today = make.today()
        return make.engagement(
            make.client(code="ACME"), starts_on=today - timedelta(days=60), ends_on=today + timedelta(days=20), delivery_model="pilot"
        )


def test_a_pilot_is_listed_converted_closed_and_reopened_in_the_browser(
    asha: Membership, rita: Membership, pilot: Engagement, client_of: SignIn
) -> None:
    browser, here = client_of(asha), "/alder/engagements/ACME-E01/"
    assert pilot.title in text(browser.get("/alder/engagements/?status=ending"))
    starts = make.today() + timedelta(days=21)
    assert browser.post(f"{here}convert/", {"version": 1, "starts_on": starts.isoformat()}).status_code == 302
    page = text(browser.get(here))
    assert "Managed service" in page and "converted" in page
    assert pilot.title not in text(browser.get("/alder/engagements/?status=ending"))
    team = {"member": rita.id, "role": "reviewer", "starts_on": "2026-01-05"}
    assert browser.post(f"{here}team/new/", team).status_code == 302
    assert "Reviewer Rita O&#x27;Brien" in text(browser.get(here))
    assert browser.post(f"{here}team/1/", {"last_day": "2026-01-04"}).status_code == 422
    assert browser.post(f"{here}close/", {"version": 2}).status_code == 302
    assert "Reopen" in text(browser.get(here))
    assert browser.post(f"{here}reopen/", {"version": 3}).status_code == 422
    assert browser.post(f"{here}reopen/", {"version": 3, "reason": "Not yet"}).status_code == 302


def test_the_checklist_names_what_is_open(asha: Membership, pilot: Engagement, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        make.item(make.workstream(make.matter(pilot)))
    browser = client_of(asha)
    page = text(browser.get("/alder/engagements/ACME-E01/close/"))
    assert "1 work item not finished" in page and "1 matter open" in page
    assert browser.post("/alder/engagements/ACME-E01/close/", {"version": 1}).status_code == 422
