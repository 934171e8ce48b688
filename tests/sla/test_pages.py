"""What people see and do: Today, levels, windows, calendars, and the boxes on pages of work."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from engagements import actions as work
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla import actions
from sla.models import Attainment, Calendar, CalendarVersion, Clock, CreditClaim, Exclusion, QualityCheck, ServiceLevelVersion
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def words(html: bytes) -> str:
    """The text of a page, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.decode())).replace("\N{NO-BREAK SPACE}", " ")


def a_day_of_work(alder: Organization, now: WallClock) -> ServiceLevelVersion:
    """At two on a Friday: one breached, one nearly due, one fresh, one on hold."""
    now.is_at("2026-11-20 14:00")
    with in_organization(alder.id):
        level = make.level(base.workstream(item_prefix="NDA"))
        stream = level.level.workstream
        make.item(stream, "2026-11-19 13:18", title="Mutual NDA, Orrin Systems")
        make.item(stream, "2026-11-19 18:00", title="One-way NDA, Bluefin Labs")
        make.item(stream, "2026-11-20 13:00", title="Mutual NDA, Corvid Analytics")
        make.item(stream, "2026-11-19 09:00", title="NDA with Harrow", paused=[("2026-11-19 11:00", None)])
        make.item(stream, "2026-11-19 09:00", title="NDA done", delivered="2026-11-19 12:00")
        make.counted(level)
    return level


def test_today_ranks_open_clocks_by_time_left_in_words(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    a_day_of_work(alder, now)
    page = words(client_of(asha).get("/alder/today/").content)
    order = ["Breached by 42 min", "4 h left", "23 h left", "On hold: client, 1 d 3 h"]
    assert [page.index(text) for text in order] == sorted(page.index(text) for text in order)
    assert "NDA done" not in page
    assert "Information needed: asked" in page


def test_due_times_are_given_in_the_viewers_zone_and_in_the_contracts(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    a_day_of_work(alder, now)
    asha.user.time_zone = "Europe/Berlin"
    asha.user.save(update_fields=["time_zone"])
    page = words(client_of(asha).get("/alder/today/").content)
    assert "19:18 CET" in page
    assert "13:18 EST" in page


@pytest.mark.parametrize(
    ("show", "expected"), [("mine", ["Mutual NDA, Orrin"]), ("waiting", ["NDA with Harrow"]), ("questions", ["Question on logs"])]
)
def test_chips_narrow_the_list(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock, show: str, expected: list[str]
) -> None:
    level = a_day_of_work(alder, now)
    with in_organization(alder.id):
        make.level(level.level.workstream, kind="response", name="Enquiries")
        make.item(level.level.workstream, "2026-11-20 13:30", title="Question on logs", kind="enquiry")
        item = Clock.objects.get(item__title__startswith="Mutual NDA, Orrin").item
        work.assign_item(item=item, by=base.system(), member=asha)
    page = words(client_of(asha).get(f"/alder/today/?show={show}").content)
    for title in expected:
        assert title in page
    assert "Bluefin" not in page


def test_grouped_by_workstream_a_group_shows_its_worst(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    level = a_day_of_work(alder, now)
    page = client_of(asha).get("/alder/today/?group=workstream").content.decode()
    assert re.search(r'<tr class="group"><th[^>]*><span class="status breach">', page)
    assert level.level.workstream.title in page


def test_the_next_step_is_taken_from_the_list_and_marks_its_row(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    a_day_of_work(alder, now)
    with in_organization(alder.id):
        item = Clock.objects.get(item__title__startswith="Mutual NDA, Orrin").item
        item = work.assign_item(item=item, by=base.system(), member=asha)
    browser = client_of(asha)
    data = {"reference": item.reference, "version": item.version, "to": "in_review", "show": "mine"}
    answer = browser.post("/alder/today/move/", data)
    assert answer.headers["Location"] == f"/alder/today/?show=mine&changed={item.reference}"
    assert "data-changed" in browser.get(answer.headers["Location"]).content.decode()
    again = browser.get(browser.post("/alder/today/move/", {**data, "to": "delivered"}).headers["Location"])
    assert f"{item.reference}: Somebody else moved this in the meantime." in words(again.content)


def test_who_may_not_move_work_is_refused_and_a_client_is_told_of_no_board(
    alder: Organization, audrey: Membership, carla: Membership, client_of: SignIn, now: WallClock
) -> None:
    a_day_of_work(alder, now)
    with in_organization(alder.id):
        item = Clock.objects.get(item__title__startswith="Mutual NDA, Orrin").item
    data = {"reference": item.reference, "version": item.version, "to": "delivered"}
    assert client_of(audrey).post("/alder/today/move/", data).status_code == 403
    assert client_of(carla).get("/alder/today/").status_code == 404


def test_an_empty_organization_is_led_to_its_first_clock(birch: Organization, ben: Membership, client_of: SignIn) -> None:
    browser = client_of(ben)

    def asked() -> tuple[list[bool], list[str]]:
        steps = browser.get("/birch/today/").context["first_steps"]
        return [step.done for step in steps], [step.url for step in steps if step.url]

    assert asked() == ([False] * 7, ["/birch/invoices/entities/"])
    with in_organization(birch.id):
        client = base.client(code="COP")
        assert asked() == ([False, True, *[False] * 5], ["/birch/invoices/entities/"])
        stream = base.workstream(base.matter(base.engagement(client)), item_prefix="LEA")
        assert asked() == ([True] * 5 + [False] * 2, ["/birch/service-levels/"])
        base.item(stream)
    assert "No open clocks" in words(browser.get("/birch/today/").content), "there is work, and no level covers it"


def test_another_organizations_clocks_are_nowhere(
    alder: Organization, ben: Membership, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    a_day_of_work(alder, now)
    browser = client_of(ben)
    assert "0 open clocks" in words(browser.get("/birch/today/").content)
    for path in ("today/", "service-levels/NDA/1/", "service-levels/NDA/1/2026/11/"):
        assert browser.get(f"/alder/{path}").status_code == 404
        assert browser.get(f"/birch/{path}").status_code in ({200} if path == "today/" else {404})


def statements_of(browser: Browser, path: str) -> list[str]:
    """Statements of one page view once everything that is kept between requests is warm."""
    browser.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(path).status_code == 200
    return [query["sql"] for query in queries]


def of_the_view(statements: list[str]) -> list[str]:
    """Without those of session, membership, navigation and walls."""
    return [sql for sql in statements if "sla_" in sql or '"engagements_' in sql]


@pytest.mark.parametrize(
    "path", ["today/", "today/?group=client", "service-levels/", "service-levels/NDA/1/", "service-levels/NDA/1/2026/11/"]
)
def test_a_page_asks_as_much_for_a_thousand_clocks_as_for_ten(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock, path: str
) -> None:
    level = a_day_of_work(alder, now)
    browser = client_of(asha)
    few = statements_of(browser, f"/alder/{path}")
    with in_organization(alder.id):
        one = Clock.objects.filter(held_since__isnull=True, stopped_at__isnull=True).select_related("item").order_by("id")[0]
        item = one.item
        stream = level.level.workstream
        items = [
            type(item)(
                client_id=item.client_id,
                matter_id=item.matter_id,
                workstream=stream,
                reference=f"NDA-9{n:04d}",
                title=f"NDA {n}",
                received_at=item.received_at,
                state=item.state,
                state_at=item.state_at,
            )
            for n in range(1000)
        ]
        made = type(item).objects.bulk_create(items)
        Clock.objects.bulk_create(
            [
                Clock(
                    client_id=item.client_id,
                    matter_id=item.matter_id,
                    item=row,
                    level=level.level,
                    level_version=level,
                    started_at=one.started_at,
                    due_at=one.due_at,
                    target_seconds=86400,
                    window_start=one.window_start,
                )
                for row in made
            ]
        )
    many = statements_of(browser, f"/alder/{path}")
    assert len(many) == len(few)
    assert len(of_the_view(many)) <= 12


def test_a_level_is_made_in_the_browser_and_read_back_first(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-12 15:00")
    with in_organization(alder.id):
        base.workstream(item_prefix="NDA")
        calendar = make.calendar()
    browser = client_of(asha)
    assert browser.get("/alder/service-levels/new/?workstream=NDA&kind=turnaround").headers["Location"].endswith("/NDA/turnaround/")
    path = "/alder/service-levels/new/NDA/turnaround/"
    assert "95 % of work must be delivered within 24 hours of receipt" in words(browser.get(path).content)
    form = {
        "name": "NDA turnaround",
        "effective_from": "2026-11-01",
        "expected_percent": "95",
        "amount": "16",
        "unit": "business",
        "calendar_version": calendar.pk,
        "window": "month",
        "time_zone": "America/New_York",
        "credit_percent": "5",
        "decides": "first",
    }
    read_back = words(browser.post(path, {**form, "do": "preview"}).content)
    assert "95 % of work must be delivered within 16 business hours of receipt" in read_back
    assert "Received Fri 13 Nov 16:00 EST, finished Tue 17 Nov 16:00 EST Met, at the last second" in read_back
    with in_organization(alder.id):
        assert not ServiceLevelVersion.objects.exists()
    fragment = browser.post(path, form, headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content
    assert b"read-back" in fragment.content
    answer = browser.post(path, {**form, "do": "save"})
    assert answer.headers["Location"] == "/alder/service-levels/NDA/1/"
    page = words(browser.get("/alder/service-levels/NDA/1/").content)
    assert "A missed month earns the client a credit of 5 % of the credit base." in page


def test_a_level_that_contradicts_itself_is_refused_beside_its_field(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    with in_organization(alder.id):
        base.workstream(item_prefix="NDA")
    form = {
        "name": "NDA turnaround",
        "effective_from": "2026-11-01",
        "expected_percent": "120",
        "amount": "16",
        "unit": "business",
        "window": "month",
        "time_zone": "America/New_York",
    }
    answer = client_of(asha).post("/alder/service-levels/new/NDA/turnaround/", {**form, "do": "save"})
    assert answer.status_code == 422
    assert "Business time needs a calendar." in words(answer.content)


def october(alder: Organization, now: WallClock) -> ServiceLevelVersion:
    """Three met, one missed, one excluded in October; it is the second of November."""
    now.is_at("2026-11-02 09:00")
    with in_organization(alder.id):
        level = make.level(base.workstream(item_prefix="NDA"))
        stream = level.level.workstream
        for day in ("05", "06", "07"):
            make.item(stream, f"2026-10-{day} 09:00", delivered=f"2026-10-{day} 15:00")
        make.item(stream, "2026-10-08 09:00", delivered="2026-10-10 15:00", external_id="T-77")
        excluded = make.item(stream, "2026-10-09 09:00", delivered="2026-10-12 15:00")
        actions.exclude_item(level=level.level, item=excluded, reason="Sent twice", by=base.system())
        make.counted(level)
    return level


def test_a_figure_opens_into_the_rows_it_was_computed_from(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    october(alder, now)
    browser = client_of(asha)
    page = words(browser.get("/alder/service-levels/NDA/1/").content)
    assert "October 2026 75.0 % 3 / 4" in page
    page = words(browser.get("/alder/service-levels/NDA/1/2026/10/").content)
    assert "3 of 4 = 75.00 %" in page
    missed = words(browser.get("/alder/service-levels/NDA/1/2026/10/?outcome=missed").content)
    assert "T-77" in missed
    assert "NDA-0001" not in missed
    excluded = words(browser.get("/alder/service-levels/NDA/1/2026/10/?outcome=excluded").content)
    assert "Sent twice" in excluded


def test_the_file_of_rows_adds_up_to_the_figure_before_and_after_closing(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = october(alder, now)
    browser = client_of(asha)
    before = browser.get("/alder/service-levels/NDA/1/2026/10/rows.csv").getvalue().decode().splitlines()
    with in_organization(alder.id):
        actions.close_window(level=level.level, window_start=new_york("2026-10-01 00:00"), by=base.system())
    after = browser.get("/alder/service-levels/NDA/1/2026/10/rows.csv").getvalue().decode().splitlines()
    assert sorted(before[1:]) == sorted(after[1:])
    assert sum(",met," in line for line in after) == 3
    assert sum(",missed," in line for line in after) == 1


def test_a_window_is_closed_by_typing_its_name_and_published_too(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    october(alder, now)
    browser, path = client_of(asha), "/alder/service-levels/NDA/1/2026/10/close/"
    page = words(browser.get(path).content)
    assert "5 % of the credit base for October 2026: 3 of 4 = 75.00 % against 95 %" in page
    assert browser.post(path, {"confirmation": "close"}).status_code == 422
    assert browser.post(path, {"confirmation": "CLOSE 2026-10"}).status_code == 302
    closed = words(browser.get("/alder/service-levels/NDA/1/2026/10/").content)
    assert "Closed" in closed
    assert "Provisional It can be contested until" in closed
    publish = "/alder/service-levels/NDA/1/2026/10/publish/"
    assert browser.post(publish, {"confirmation": "PUBLISH 2026-10"}).status_code == 302
    assert "Published" in words(browser.get("/alder/service-levels/NDA/1/2026/10/").content)
    with in_organization(alder.id):
        assert Attainment.objects.get(state="closed").published_at is not None
        assert CreditClaim.objects.count() == 1


def test_a_running_window_cannot_be_closed(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    a_day_of_work(alder, now)
    answer = client_of(asha).post("/alder/service-levels/NDA/1/2026/11/close/", {"confirmation": "CLOSE 2026-11"})
    assert answer.status_code == 422
    assert "November 2026 runs until 01 Dec 2026, 00:00 EST" in words(answer.content)


@pytest.mark.parametrize("path", ["NDA/2/", "NDA/0/", "XYZ/1/", "NDA/1/2026/13/", "NDA/1/1800/1/"])
def test_what_does_not_exist_is_not_found(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock, path: str) -> None:
    october(alder, now)
    assert client_of(asha).get(f"/alder/service-levels/{path}").status_code == 404


def test_a_calendar_freezes_public_holidays_that_were_shown_first(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-12 15:00")
    browser = client_of(asha)
    form = {
        "name": "New York office",
        "time_zone": "America/New_York",
        "day_0": "9:00-12:30, 13:30-17:00",
        "day_1": "9-17",
        "region": "US",
        "years": "2026",
        "closed": "2026-12-24",
    }
    page = words(browser.post("/alder/calendars/new/", {**form, "do": "preview"}).content)
    assert "Thu 26 Nov 2026 Thanksgiving" in page
    with in_organization(alder.id):
        assert not Calendar.objects.exists()
    assert browser.post("/alder/calendars/new/", {**form, "do": "save"}).headers["Location"] == "/alder/calendars/1/"
    with in_organization(alder.id):
        version = CalendarVersion.objects.get()
    assert {"2026-11-26", "2026-12-24"} <= set(version.holidays)
    assert version.weekly == {"0": [[540, 750], [810, 1020]], "1": [[540, 1020]]}
    month = words(browser.get("/alder/calendars/1/?month=2026-12").content)
    assert "9:00-12:30, 13:30-17:00" in month
    assert "December 2026" in month


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("day_0", "nine to five", "are no hours"),
        ("years", "soon", "are no years"),
        ("region", "ATLANTIS", "is not a country"),
        ("closed", "24.12.", "is no date"),
    ],
)
def test_a_calendar_says_which_field_it_cannot_read(
    alder: Organization, asha: Membership, client_of: SignIn, field: str, value: str, said: str
) -> None:
    form = {"name": "Office", "time_zone": "America/New_York", "day_1": "9-17", field: value, "do": "save"}
    answer = client_of(asha).post("/alder/calendars/new/", form)
    assert answer.status_code == 422
    assert said in words(answer.content)


def test_an_items_clock_is_explained_interval_by_interval_to_the_second(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-03-09 10:00")
    with in_organization(alder.id):
        level = make.business_level(base.workstream(item_prefix="NDA"), hours=4)
        make.item(level.level.workstream, "2026-03-06 16:00", paused=[("2026-03-06 16:30", "2026-03-09 09:30")])
    page = words(client_of(asha).get("/alder/work/NDA-0001/").content)
    assert "5 intervals, adding up to 3,600 seconds" in page
    assert "counts in March 2026" in page
    assert "Paused: waiting on the client (information)" in page
    assert "Outside hours" in page


def test_a_check_and_an_exclusion_are_recorded_on_the_item(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = october(alder, now)
    browser = client_of(asha)
    assert browser.post("/alder/work/NDA-0001/quality/", {"units": "40", "wrong": "41"}).status_code == 422
    assert browser.post("/alder/work/NDA-0001/quality/", {"units": "40", "wrong": "1"}).status_code == 302
    form = {"level": level.level_id, "reason": "Out of scope"}
    assert browser.post("/alder/work/NDA-0001/exclusions/new/", form).status_code == 302
    page = words(browser.get("/alder/work/NDA-0001/").content)
    assert "1 wrong of 40 checked" in page
    assert "Excluded from the figure: Out of scope" in page
    assert browser.post("/alder/work/NDA-0001/exclusions/1/withdraw/").status_code == 302
    with in_organization(alder.id):
        assert QualityCheck.objects.get().errors == 1
        assert Exclusion.objects.filter(withdrawn_at__isnull=False).count() == 1


def test_workstream_and_matter_show_their_levels(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    level = a_day_of_work(alder, now)
    with in_organization(alder.id):
        matter = level.level.workstream.matter
    browser = client_of(asha)
    for path in (f"matters/{matter.reference}/NDA/", f"matters/{matter.reference}/"):
        page = words(browser.get(f"/alder/{path}").content)
        assert "Service levels, November 2026" in page
        assert "50.0 % 1 / 2 Below target so far" in page


def test_a_new_version_keeps_running_clocks_until_recompute_is_confirmed(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = a_day_of_work(alder, now)
    with in_organization(alder.id):
        actions.add_level_version(
            level=level.level,
            effective_from=date(2026, 11, 2),
            by=base.system(),
            target=3600,
            expected_percent=Decimal(90),
            time_zone=level.time_zone,
        )
    browser, path = client_of(asha), "/alder/service-levels/NDA/1/recompute/"
    assert browser.post(path, {"confirmation": ""}).status_code == 422
    assert browser.post(path, {"confirmation": "RECOMPUTE NDA"}).status_code == 302
