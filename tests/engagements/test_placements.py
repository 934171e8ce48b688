"""People placed with a client: terms by date, absences, replacement, and timesheets that the client decides and nobody rewrites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client as Browser

from engagements import actions as work
from engagements import placing, sheets
from engagements.actions import Entered
from engagements.models import Client, ClientDecision, Placement, PlacementAbsence, Timesheet, TimesheetDay
from engagements.sheets import Away, Facts, Terms
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope, in_organization
from tests import make
from tests.billing import make as bills
from tests.billing import people
from tests.billing.people import LATER

D = Decimal
OCT = date(2026, 10, 1)
NAME = "Zoë O'Brien"
AGREED: dict[str, Any] = {"role": "Paralegal", "supervisor": "Luis Ferrer", "hours_per_week": D(40)}
Sign = Callable[[Membership], Browser]


@pytest.fixture(autouse=True)
def inside(in_alder: Scope) -> Iterator[None]:
    yield


def october(n: int) -> date:
    return date(2026, 10, n)


# --- what a day holds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "ends", "day", "contracted", "week"),
    [
        (1, None, 1, "8", "40"),  # the week of Monday 28 September, placed before
        (6, None, 6, "8", "32"),  # begins on a Tuesday
        (1, 14, 14, "8", "24"),  # ends on a Wednesday
        (1, None, 10, "0", "40"),  # a Saturday
    ],
)
def test_a_week_holds_less_where_the_placement_begins_or_ends_in_it(
    starts: int, ends: int | None, day: int, contracted: str, week: str
) -> None:
    first = date(2026, 9, 28) if starts == 1 else october(starts)
    facts = Facts(first, october(ends) if ends else None, (Terms(first, D(40), "12345"),))
    (found,) = sheets.planned(facts, october(day), october(day))
    assert (found.contracted, found.week_hours) == (D(contracted), D(week))


def test_terms_absence_and_handover_by_the_day() -> None:
    terms = (Terms(OCT, D(40), "12345"), Terms(october(19), D(24), "135"))
    facts = Facts(OCT, None, terms, (Away(october(20), october(21), "leave"),), october(2))
    days = {row.day.day: row for row in sheets.planned(facts, OCT, october(31))}
    assert (days[1].handover, days[5].handover) == (True, False)
    assert [(days[n].contracted, days[n].away, days[n].hours) for n in (16, 19, 20, 21, 23)] == [
        (D(8), "", D(8)),
        (D(8), "", D(8)),
        (D(0), "leave", D(0)),
        (D(8), "leave", D(0)),
        (D(8), "", D(8)),
    ]


# --- placing and replacing ---------------------------------------------------------------------------------------------------------


def test_a_form_sent_twice_places_one_person(asha: Membership, client_of: Sign) -> None:
    matter = people.matter()
    browser, url = client_of(asha), f"/alder/matters/{matter.reference}/placements/new/"
    data = {
        "name": NAME, "role": "Paralegal", "level": "Senior", "supervisor": "Íñigo Núñez", "starts_on": "2026-09-01",
        "hours_per_week": "37.5", "weekdays": ["1", "2", "3", "4", "5"], "cycle": "month",
    }  # fmt: skip
    for _ in range(2):
        answer = browser.post(url, data)
        assert (answer.status_code, answer["Location"]) == (302, f"/alder/matters/{matter.reference}/placements/1/")
    page = browser.get(answer["Location"]).content.decode()
    assert "Zoë O&#x27;Brien" in page and "Senior paralegal" in page and "37.5 a week, Mon–Fri" in page
    shown = browser.get(f"/alder/engagements/{matter.engagement.reference}/").content.decode()
    assert "Zoë O&#x27;Brien" in shown and "A missed turnaround earns no credit" in shown
    refused = browser.post(url, data | {"name": "", "hours_per_week": "500"})
    assert refused.status_code == 422 and "168" in refused.content.decode()


def test_somebody_with_a_conflict_is_not_placed(asha: Membership, rita: Membership) -> None:
    matter = people.matter()
    work.add_conflict(member=rita, by=Actor.member(asha), client=matter.client, since=OCT)
    with pytest.raises(Refused, match="has a conflict with this client"):
        work.place_person(matter=matter, by=Actor.member(asha), member=rita, starts_on=OCT, **AGREED)


@pytest.mark.parametrize(
    ("starts", "last", "notice", "problem"),
    [
        (19, 16, 1, "2 days would lie between"),
        (17, 16, 10, "asks for 14 days of notice: the last day is 24 Oct 2026"),
        (17, 16, 1, ""),
        (12, 16, 1, ""),  # a handover of five days
    ],
)
def test_a_replacement_leaves_no_gap_and_keeps_the_notice(asha: Membership, starts: int, last: int, notice: int, problem: str) -> None:
    dana = people.placed(people.matter(notice_days=14), "Dana")
    asked: dict[str, Any] = {"starts_on": october(starts), "last_day": october(last), "notice_given_on": october(notice), "name": NAME}

    def replace(**more: Any) -> Placement:
        dana.refresh_from_db()
        return work.replace_person(placement=dana, by=Actor.member(asha), version=dana.version, **asked, **more)

    if problem:
        with pytest.raises(Refused, match=problem):
            replace()
        if starts == 19:
            return
    made = replace(notice_waived=bool(problem))
    assert replace().pk == made.pk, "asked twice, one person follows"
    dana.refresh_from_db()
    assert (dana.ends_on, made.replaces_id, made.number) == (october(last), dana.pk, 2)
    facts = placing.facts_of(made)
    handed = [row.day.day for row in sheets.planned(facts, OCT, october(31)) if row.handover]
    assert handed == list(range(starts, last + 1))


def test_a_last_day_before_recorded_hours_is_refused_and_a_draft_is_cut(asha: Membership) -> None:
    dana = people.placed(people.matter(), "Dana")
    people.submitted(dana, date(2026, 9, 1))
    draft = work.open_timesheet(placement=dana, by=make.system(), day=OCT)
    with pytest.raises(Refused, match="Hours are recorded on 30 Sep 2026"):
        work.end_placement(placement=dana, by=make.system(), version=dana.version, last_day=date(2026, 9, 15))
    work.end_placement(placement=dana, by=make.system(), version=dana.version, last_day=october(16))
    draft.refresh_from_db()
    assert draft.ends_on == october(16)
    assert TimesheetDay.objects.filter(timesheet=draft).count() == 16


# --- timesheets ----------------------------------------------------------------------------------------------------------------------


def test_a_sheet_is_filled_as_contracted_less_absences_and_follows_them_while_a_draft(asha: Membership) -> None:
    dana = people.placed(people.matter())
    away: dict[str, Any] = {"starts_on": october(12), "ends_on": october(13), "kind": "sickness"}
    absence = work.record_away(placement=dana, by=Actor.member(asha), **away)
    assert work.record_away(placement=dana, by=Actor.member(asha), **away) == absence
    sheet = work.open_timesheet(placement=dana, by=Actor.member(asha), day=october(20))
    assert sheet == work.open_timesheet(placement=dana, by=Actor.member(asha), day=OCT)
    assert placing.hours_of([sheet])[sheet.pk] == placing.Hours(D(160), D(176), D(16), 20)
    work.record_away(placement=dana, by=Actor.member(asha), starts_on=october(14), ends_on=october(14), kind="leave")
    work.withdraw_away(absence=absence, by=Actor.member(asha))
    assert placing.hours_of([sheet])[sheet.pk] == placing.Hours(D(168), D(176), D(8), 21)


def test_a_sheet_takes_approved_time_entries_of_the_person(asha: Membership, olga: Membership, rita: Membership) -> None:
    matter = people.matter()
    stream = make.workstream(matter)
    placed = work.place_person(matter=matter, by=Actor.member(asha), member=rita, workstream=stream, starts_on=people.FIRST, **AGREED)
    assert placed.name == "Rita O'Brien"
    for day, minutes in ((5, 450), (6, 525), (7, 60)):
        work.add_time(by=Actor.member(rita), workstream=stream, day=october(day), minutes=D(minutes))
    work.submit_week(by=Actor.member(rita), week=october(5))
    work.approve_week(member=rita, week=october(5), by=Actor.member(olga))
    work.add_time(by=Actor.member(rita), workstream=stream, day=october(8), minutes=D(90))
    sheet = work.open_timesheet(placement=placed, by=Actor.member(asha), day=OCT)
    hours = dict(TimesheetDay.objects.filter(timesheet=sheet, hours__gt=0).values_list("day__day", "hours"))
    assert hours == {5: D("7.50"), 6: D("8.75"), 7: D("1.00")}
    assert placing.entered(placed, OCT, october(31))[1] == D("1.50")


def test_the_grid_saves_submits_once_and_says_what_is_wrong(asha: Membership, cora: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    sheet = work.open_timesheet(placement=dana, by=make.system(), day=OCT)
    url = f"/alder/matters/{dana.matter.reference}/placements/1/timesheets/2026-10-01/"
    browser = client_of(cora)
    page = browser.get(url)
    form = page.context["form"]
    data = {name: "" if (value := form[name].value()) is None else str(value) for name in form.fields}
    answer = browser.post(url, data | {"hours_2026-10-05": "25"})
    assert answer.status_code == 422 and "24" in answer.content.decode()
    data |= {"hours_2026-10-05": "10.5", "hours_2026-10-06": "4", "away_2026-10-06": "leave", "away_hours_2026-10-06": ""}
    assert browser.post(url, data).status_code == 302
    found = dict(TimesheetDay.objects.filter(timesheet=sheet).values_list("day__day", "hours"))
    assert (found[5], found[6]) == (D("10.5"), D(4))
    assert TimesheetDay.objects.get(timesheet=sheet, day=october(6)).away_hours == D(4)
    # Somebody who still has the page as it was meets what was saved since.
    late = client_of(asha).post(url, data | {"hours_2026-10-07": "1"})
    assert late.status_code == 409
    sheet.refresh_from_db()
    data["version"] = str(sheet.version)
    for _ in range(2):
        assert browser.post(url, data | {"do": "submit"}).status_code == 302
    sheet.refresh_from_db()
    assert sheet.state == "submitted"
    assert "Price" not in browser.get(url).content.decode()
    assert "USD" not in browser.get(f"/alder/matters/{dana.matter.reference}/placements/1/").content.decode()


def test_a_month_that_has_not_ended_is_not_submitted() -> None:
    dana = people.placed(people.matter())
    sheet = work.open_timesheet(placement=dana, by=make.system(), day=date(2099, 1, 5))
    with pytest.raises(Refused, match="January 2099 has not ended"):
        work.submit_timesheet(sheet=sheet, by=make.system(), version=sheet.version)


def test_days_ahead_are_not_written_until_they_have_come(asha: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    work.record_away(placement=dana, by=make.system(), starts_on=october(22), ends_on=october(23), kind="leave")
    then = datetime(2026, 10, 14, 9, tzinfo=UTC)
    sheet = work.open_timesheet(placement=dana, by=Actor.member(asha), day=OCT, now=then)
    assert placing.hours_of([sheet])[sheet.pk] == placing.Hours(D(80), D(176), D(16), 10)
    ahead = TimesheetDay.objects.filter(timesheet=sheet, written=False)
    assert [row.day.day for row in ahead.order_by("day")] == list(range(15, 32)) and not ahead.filter(hours__gt=0).exists()
    with pytest.raises(Refused, match="Thu 15 Oct 2026 has not come yet") as refusal:
        work.fill_timesheet(sheet=sheet, by=make.system(), version=sheet.version, days={october(15): Entered(D(8))}, now=then)
    assert refusal.value.field == "hours_2026-10-15"
    with pytest.raises(Refused, match=r"Not yet written: Thu 15 Oct 2026, .* and 12 more"):
        work.submit_timesheet(sheet=sheet, by=make.system(), version=sheet.version, now=LATER)
    work.withdraw_away(absence=PlacementAbsence.objects.get(), by=make.system())
    assert not ahead.filter(hours__gt=0).exists(), "what turned out to be no absence is not worked before it has come"
    sheet.refresh_from_db()
    # By now all of them have come: the grid offers the contracted hours, and they count once somebody has saved them.
    url, browser = f"/alder/matters/{dana.matter.reference}/placements/1/timesheets/2026-10-01/", client_of(asha)
    page = browser.get(url)
    assert page.content.decode().count("not yet written") == 17
    form = page.context["form"]
    data = {name: "" if (value := form[name].value()) is None else str(value) for name in form.fields}
    assert (data["hours_2026-10-15"], data["hours_2026-10-17"]) == ("8", "0")
    assert browser.post(url, data | {"hours_2026-10-30": "5", "do": "submit"}).status_code == 302
    sheet.refresh_from_db()
    assert (sheet.state, placing.hours_of([sheet])[sheet.pk].worked) == ("submitted", D(173))


def test_days_ahead_have_no_fields(asha: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    sheet = work.open_timesheet(placement=dana, by=make.system(), day=date(2099, 1, 5))
    browser, url = client_of(asha), f"/alder/matters/{dana.matter.reference}/placements/1/timesheets/2099-01-01/"
    page = browser.get(url)
    assert list(page.context["form"].fields) == ["version"] and page.content.decode().count("not yet written") == 31
    assert browser.post(url, {"version": sheet.version, "hours_2099-01-05": "8"}).status_code == 302
    assert not TimesheetDay.objects.filter(timesheet=sheet, hours__gt=0).exists()
    assert b"Mon 5 Jan" in page.content and b"2099-01-05,,8.00" in browser.get(url + "timesheet.csv").content


def test_an_absence_that_only_a_timesheet_names_stands_among_the_absences(asha: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    work.record_away(placement=dana, by=make.system(), starts_on=october(12), ends_on=october(12), kind="leave")
    half, whole = Entered(D(4), "training", D(4)), Entered(D(0), "sickness", D(8))
    first = people.approved(dana, OCT, asha, {october(6): whole, october(7): whole, october(9): half})
    here = f"/alder/matters/{dana.matter.reference}/placements/1/"
    page = client_of(asha).get(here)
    typed = [(row.kind, row.starts_on.day, row.ends_on.day, row.hours) for row in page.context["typed"]]
    assert typed == [("Sickness", 6, 7, D(16)), ("Training", 9, 9, D(4))]
    assert "Timesheet, October 2026</a>" in page.content.decode()
    people.corrected(first, asha, {october(9): Entered(D(8))})
    assert [row.kind for row in client_of(asha).get(here).context["typed"]] == ["Sickness"]


def test_the_provider_approves_with_the_clients_message_only(asha: Membership, cora: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    sheet = people.submitted(dana, OCT)
    url = f"/alder/matters/{dana.matter.reference}/placements/1/timesheets/2026-10-01/"
    data = {"version": sheet.version, "do": "approve", "note": "Luis, by mail"}
    assert client_of(cora).post(url + "decide/", data).status_code == 403
    browser = client_of(asha)
    refused = browser.post(url + "decide/", data)
    assert refused.status_code == 422 and "the provider cannot decide for the client" in refused.content.decode()
    for _ in range(2):
        mail = SimpleUploadedFile("approval.eml", b"I approve. Luis", "message/rfc822")
        assert browser.post(url + "decide/", data | {"message": mail}).status_code == 302
    sheet.refresh_from_db()
    assert (sheet.state, sheet.source) == ("approved", "provider")
    assert ClientDecision.objects.filter(what="sheet_yes").count() == 1
    page = browser.get(url).content.decode()
    assert "Recorded by provider" in page and "approval.eml" in page
    assert browser.get(url + "message/").content == b"I approve. Luis"
    assert b"Recorded by provider" in browser.get(url + "timesheet.csv").content


def test_the_supervising_attorney_approves_by_signing_in(sam: Membership, client_of: Sign) -> None:
    matter = people.matter()
    work.update_matter(matter=matter, by=make.system(), version=matter.version, supervising_attorney=sam)
    dana = people.placed(matter)
    sheet = people.submitted(dana, OCT)
    url = f"/alder/matters/{matter.reference}/placements/1/timesheets/2026-10-01/decide/"
    assert client_of(sam).post(url, {"version": sheet.version, "do": "approve"}).status_code == 302
    sheet.refresh_from_db()
    assert (sheet.state, sheet.source) == ("approved", "attorney")
    with pytest.raises(NotPermitted):
        work.take_back_timesheet(sheet=sheet, by=Actor.member(sam), version=sheet.version)


def test_what_was_submitted_is_frozen_in_the_database(asha: Membership) -> None:
    dana = people.placed(people.matter())
    sheet = people.submitted(dana, OCT)
    with pytest.raises(Refused, match="no longer changes"):
        work.fill_timesheet(sheet=sheet, by=make.system(), version=sheet.version, days={OCT: Entered(D(1))})
    day = TimesheetDay.objects.filter(timesheet=sheet).order_by("id")[0]
    statements: list[Callable[[], object]] = [
        lambda: TimesheetDay.objects.filter(pk=day.pk).update(hours=1),
        lambda: TimesheetDay.objects.filter(pk=day.pk).delete(),
        lambda: Timesheet.objects.filter(pk=sheet.pk).update(starts_on=october(2)),
        lambda: TimesheetDay.objects.create(
            client_id=day.client_id, matter_id=day.matter_id, timesheet=sheet, day=date(2026, 11, 1), day_hours=8, week_hours=40
        ),
    ]
    for statement in statements:
        with pytest.raises(DatabaseError, match="submitted"), transaction.atomic():
            statement()
    people.decided(sheet, asha)
    with pytest.raises(DatabaseError, match="submitted"), transaction.atomic():
        Timesheet.objects.filter(pk=sheet.pk).update(source="attorney")
    with pytest.raises(Refused, match="choose a day after 31 Oct 2026"):
        work.revise_placement(placement=dana, by=make.system(), effective_from=october(15), **AGREED)


def test_a_return_begins_the_next_version_and_an_approved_one_stands_until_the_next_is(asha: Membership) -> None:
    dana = people.placed(people.matter())
    first = people.decided(people.submitted(dana, OCT), asha, approve=False, note="The 5th was half a day")
    assert first.state == "returned"
    second = people.corrected(first, asha, {october(5): Entered(D(4))})
    third = work.correct_timesheet(sheet=second, by=make.system(), reason="The 6th, too")
    assert work.correct_timesheet(sheet=second, by=make.system(), reason="Clicked twice") == third
    second.refresh_from_db()
    assert (second.state, third.number) == ("approved", 3)
    assert TimesheetDay.objects.get(timesheet=third, day=october(5)).hours == D(4)
    third = work.submit_timesheet(sheet=third, by=make.system(), version=third.version, now=LATER)
    with pytest.raises(StaleVersion):
        work.decide_timesheet(sheet=third, by=Actor.member(asha), version=1, approve=True, now=LATER)
    people.decided(third, asha)
    second.refresh_from_db()
    assert second.state == "superseded"


def test_a_corrected_sheet_says_its_version_and_that_the_client_sees_it(asha: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    work.publish_matter(matter=dana.matter, by=make.system())
    work.publish_placement(placement=dana, by=make.system())
    here, browser = f"/alder/matters/{dana.matter.reference}/placements/1/", client_of(asha)
    first = people.approved(dana, OCT, asha, publish=True)
    assert '<span class="sub">in the portal</span>' in browser.get(here).content.decode()
    second = people.corrected(first, asha, {october(5): Entered(D(4))})
    assert '<span class="sub">version 2</span>' in browser.get(here).content.decode()
    second = work.publish_timesheet(sheet=second, by=make.system())
    assert '<span class="sub">version 2, in the portal</span>' in browser.get(here).content.decode()
    work.correct_timesheet(sheet=second, by=make.system(), reason="The 6th, too")
    assert '<span class="sub">version 3; version 2 is approved, in the portal</span>' in browser.get(here).content.decode()


# --- who sees what ---------------------------------------------------------------------------------------------------------------------


def test_another_organization_and_other_reviewers_do_not_read_it(
    birch: Organization, ben: Membership, rita: Membership, client_of: Sign
) -> None:
    dana = people.placed(people.matter())
    url = f"/alder/matters/{dana.matter.reference}/placements/1/"
    assert client_of(rita).get(url).status_code == 403, "whose days they are not"
    assert client_of(ben).get(url).status_code == 404
    with in_organization(birch.id):
        assert not Placement.objects.exists()


def test_the_client_reads_what_was_published_and_nothing_else(
    asha: Membership, bill: Membership, bella: Membership, carla: Membership, client_of: Sign
) -> None:
    vantic = Client.objects.get(code="VAN")
    engagement = make.engagement(vantic, starts_on=people.FIRST, delivery_model="augmentation")
    matter = make.matter(engagement)
    dana, noor = people.placed(matter, NAME), people.placed(matter, "Noor Hidden")
    people.staff_term(engagement, "65", rate_per="hour", unapproved="warn")
    work.publish_matter(matter=matter, by=make.system())
    browser, here = client_of(carla), "/alder/portal/van/"
    assert "Staff" not in browser.get(here).content.decode()
    work.publish_placement(placement=dana, by=make.system())
    with pytest.raises(Refused, match="Publish the placement first"):
        people.approved(noor, OCT, asha, publish=True)
    people.approved(noor, OCT, asha)
    sheet = people.approved(dana, OCT, asha, {october(5): Entered(D(6))}, publish=True)
    listed = browser.get(f"{here}staff/").content.decode()
    assert "Zoë O&#x27;Brien" in listed and "Noor" not in listed
    page = browser.get(f"{here}staff/{matter.reference}/1/2026-10-01/")
    assert page.status_code == 200 and "Approved by you" in page.content.decode()
    assert "Asha" not in page.content.decode()
    assert browser.get(f"{here}staff/{matter.reference}/2/").status_code == 404
    assert browser.get(f"{here}staff/{matter.reference}/1/2026-09-01/").status_code == 404
    invoice = bills.issued(engagement, bill, bella)
    lines = browser.get(f"{here}invoices/{invoice.number}/lines/2/").content.decode()
    assert f"{here}staff/{matter.reference}/1/2026-10-01/?v={sheet.number}" in lines, "a billed day leads to its timesheet"
    hidden = browser.get(f"{here}invoices/{invoice.number}/lines/1/").content.decode()
    assert "Noor Hidden, Thu 1 Oct 2026" in hidden and "/staff/" not in hidden.split("<main")[1]


def test_no_price_for_a_coordinator_on_the_placement_page(bill: Membership, cora: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    people.staff_term(dana.matter.engagement, "6412.34")
    url = f"/alder/matters/{dana.matter.reference}/placements/1/"
    assert "6,412.34" in client_of(bill).get(url).content.decode()
    assert "6,412.34" not in client_of(cora).get(url).content.decode()


def test_a_week_reads_by_its_number_and_days_also_where_the_month_begins_within_it(asha: Membership, client_of: Sign) -> None:
    dana = people.placed(people.matter())
    work.open_timesheet(placement=dana, by=make.system(), day=OCT)
    text = client_of(asha).get(f"/alder/matters/{dana.matter.reference}/placements/1/timesheets/2026-10-01/").content.decode()
    assert "W40, 28 Sep to 4 Oct 2026" in text and "W41, 5 Oct to 11 Oct 2026" in text
