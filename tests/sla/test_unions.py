"""Calendars that follow the sun: open whenever one of their sites is, each in its own zone, across both nights of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.test import Client as Browser
from hypothesis import given, settings
from hypothesis import strategies as st

from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from sla import actions
from sla.businesstime import CalendarSpec, OpenHours, UnionSpec
from sla.models import CalendarVersion, Clock
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.oracle import Oracle
from tests.sla.test_pages import words

SignIn = Callable[[Membership], Browser]
ZONES = ["America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Kiritimati", "Etc/GMT+12"]
# Both nights of the north and of the south.
WEEKS = [
    date(2026, 3, 5),
    date(2026, 3, 26),
    date(2026, 4, 2),
    date(2026, 9, 24),
    date(2026, 10, 1),
    date(2026, 10, 22),
    date(2026, 10, 29),
]
SHIFTS = [[], [(540, 1020)], [(0, 1440)], [(1320, 1800)], [(60, 180)], [(480, 720), (780, 1140)]]


@st.composite
def sites(draw: st.DrawFn) -> list[dict[str, Any]]:
    week = draw(st.sampled_from(WEEKS))
    found = []
    for _ in range(draw(st.integers(2, 4))):
        weekly = {day: draw(st.sampled_from(SHIFTS)) for day in range(7)}
        off = frozenset({date.fromordinal(week.toordinal() + draw(st.integers(0, 5)))} if draw(st.booleans()) else ())
        other = {date.fromordinal(week.toordinal() + draw(st.integers(0, 5))): draw(st.sampled_from(SHIFTS))} if draw(st.booleans()) else {}
        found.append({"zone": ZoneInfo(draw(st.sampled_from(ZONES))), "weekly": weekly, "holidays": off, "exceptions": other, "week": week})
    return found


@settings(max_examples=60, deadline=None)
@given(chosen=sites(), own=st.sampled_from(ZONES), data=st.data())
def test_open_in_the_union_is_open_at_some_site_second_by_second(chosen: list[dict[str, Any]], own: str, data: st.DataObject) -> None:
    week = chosen[0]["week"]
    oracles = [Oracle(each["zone"], each["weekly"], each["holidays"], each["exceptions"], week, 6) for each in chosen]
    flags = np.logical_or.reduce([oracle.open for oracle in oracles])
    specs = [CalendarSpec(each["zone"], each["weekly"], each["holidays"], each["exceptions"]) for each in chosen]
    hours = OpenHours(UnionSpec(ZoneInfo(own), specs), week, date.fromordinal(week.toordinal() + 6))
    # The oracle knows the shifts that start from two days before the week to its end; a day inside is safe in any zone.
    start, end = oracles[0].origin + 4 * 86_400, oracles[0].origin + 8 * 86_400
    assert oracles[0].origin == oracles[-1].origin
    seconds = np.zeros(end - start, dtype=np.bool_)
    for a, b in hours.open_between(start, end):
        seconds[a - start : b - start] = True
    assert np.array_equal(seconds, flags[start - oracles[0].origin : end - oracles[0].origin])
    a = data.draw(st.integers(start, end - 1))
    b = data.draw(st.integers(a, end))
    assert hours.elapsed(a, b) == int(np.count_nonzero(seconds[a - start : b - start]))
    assert hours.elapsed_many(np.array([a]), np.array([b]))[0] == hours.elapsed(a, b)


def epoch(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def test_business_days_are_dates_of_its_own_zone_and_end_with_the_last_shift_that_starts_on_them() -> None:
    """New York and Manila, nine to five: a Tuesday of New York ends in Manila on Wednesday at five, which is five in the morning there."""
    weekly = {day: [(540, 1020)] for day in range(5)}
    specs = [CalendarSpec(ZoneInfo(zone), weekly) for zone in ("America/New_York", "Asia/Manila")]
    hours = OpenHours(UnionSpec(ZoneInfo("America/New_York"), specs))
    received = epoch("2026-11-16 10:00", "America/New_York")
    assert hours.business_day_due(received, 1) == epoch("2026-11-18 17:00", "Asia/Manila")
    assert hours.business_day_due_many(np.array([received]), 1)[0] == hours.business_day_due(received, 1)


@pytest.fixture
def offices(in_alder: Scope) -> list[CalendarVersion]:
    """Nine to five in New York, closed for Thanksgiving, and in Manila."""
    return [
        make.calendar(holidays=[date(2026, 11, 26)], names={"2026-11-26": "Thanksgiving"}),
        make.calendar("Manila office", time_zone="Asia/Manila"),
    ]


def union(sites: list[CalendarVersion], **fields: Any) -> CalendarVersion:
    return actions.create_calendar(name="Follow the sun", time_zone=make.NEW_YORK, weekly={}, sites=sites, by=base.system(), **fields)


@pytest.mark.django_db
def test_a_clock_runs_on_through_the_night_and_its_sites_are_frozen(offices: list[CalendarVersion], now: WallClock) -> None:
    now.is_at("2026-11-24 16:00")
    made = union(offices)
    stream = base.workstream()
    make.level(stream, unit="business", target=6 * 3600, calendar_version=made)
    base.item(stream)
    # One hour in New York until five; Manila opens at eight in the evening.
    assert Clock.objects.get().due_at == make.new_york("2026-11-25 01:00")
    actions.add_calendar_version(calendar=offices[1].calendar, time_zone="Asia/Manila", weekly={"6": [[0, 60]]}, by=base.system())
    made.refresh_from_db()
    assert [site["version"] for site in made.sites] == [1, 1]
    actions.add_calendar_version(calendar=made.calendar, time_zone=make.NEW_YORK, weekly={}, sites=offices, by=base.system())
    assert CalendarVersion.objects.filter(calendar=made.calendar).count() == 1, "the same content adds none"


@pytest.mark.django_db
def test_what_is_no_union_is_refused(offices: list[CalendarVersion]) -> None:
    made = union(offices)
    for sites, said in (
        ([offices[0]], "between 2 and"),
        ([offices[0], offices[0]], "between 2 and"),
        ([offices[0], made], "follows the sun itself"),
    ):
        with pytest.raises(Refused, match=said) as refusal:
            actions.create_calendar(name="Other", time_zone="UTC", weekly={}, sites=sites, by=base.system())
        assert refusal.value.field == "sites"
    with pytest.raises(Refused, match="those of its sites"):
        actions.create_calendar(name="Other", time_zone="UTC", weekly=make.NINE_TO_FIVE, sites=offices, by=base.system())


@pytest.mark.django_db
def test_it_is_made_read_back_and_shown_by_site(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock, offices: list[CalendarVersion]
) -> None:
    now.is_at("2026-11-24 16:00")
    browser = client_of(asha)
    chosen = {"name": "Follow the sun", "sites": [site.pk for site in offices], "time_zone": make.NEW_YORK}
    read = words(browser.post("/alder/calendars/follow-the-sun/", {**chosen, "do": "preview"}).content)
    assert "Open whenever one of these is open: Manila office (Asia/Manila), New York office (America/New_York)." in read
    # Four days of eight hours here, and five of Manila's, half of one at either end of the week.
    assert "In this week that is 72 of 168 hours." in read
    assert "Nobody is there Mon 4:00 to Mon 9:00" in read
    made = browser.post("/alder/calendars/follow-the-sun/", chosen)
    assert made.headers["Location"] == "/alder/calendars/3/"
    page = words(browser.get("/alder/calendars/3/?month=2026-11").content)
    assert "26 Nov Thanksgiving" in page and "New York office: Thanksgiving" in page
    assert "0:00-4:00, 9:00-17:00, 20:00-24:00" in page
    with in_organization(alder.id):
        actions.add_calendar_version(calendar=offices[1].calendar, time_zone="Asia/Manila", weekly={"6": [[0, 60]]}, by=base.system())
    assert "version 1; version 2 is newer" in words(browser.get("/alder/calendars/3/").content)
    assert browser.get("/alder/calendars/3/exceptions/new/").status_code == 404
    assert browser.get("/alder/calendars/1/sites/").status_code == 404
    form = browser.get("/alder/calendars/3/sites/")
    assert "Manila office, version 2" in words(form.content)
    assert browser.post("/alder/calendars/3/sites/", {"sites": [offices[0].pk], "time_zone": make.NEW_YORK}).status_code == 422
