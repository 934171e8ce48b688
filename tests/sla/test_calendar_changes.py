"""A calendar's next version: a month of it drawn out, what it would do to open clocks, and who takes it, by choice."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from lpo.accounts.models import Membership, Organization
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.jobs.models import Job
from lpo.jobs.registry import Run
from lpo.tenancy.context import Scope, in_organization
from sla import actions
from sla.adoption import effects, on_calendar
from sla.models import Calendar, CalendarVersion, Clock, ServiceLevelVersion
from sla.tasks import recompute
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import SignIn, words

pytestmark = pytest.mark.django_db
FRIDAY_OFF = {"2026-11-27": list[list[int]]()}


def thursday(now: WallClock) -> ServiceLevelVersion:
    """Two open NDAs within eight business hours on a Thursday afternoon, one finished, one on hold."""
    now.is_at("2026-11-26 15:00")
    level = make.business_level(base.workstream(item_prefix="NDA"), hours=8)
    stream = level.level.workstream
    make.item(stream, "2026-11-26 11:00", title="Due on Friday")
    make.item(stream, "2026-11-26 09:00", title="Due today")
    make.item(stream, "2026-11-26 10:00", title="Finished", delivered="2026-11-26 11:00")
    make.item(stream, "2026-11-26 10:00", title="Waiting", paused=[("2026-11-26 11:00", None)])
    return level


def content(version: CalendarVersion, **changes: Any) -> dict[str, Any]:
    kept = {name: getattr(version, name) for name in ("time_zone", "weekly", "exceptions", "names", "holiday_source")}
    return {**kept, "holidays": [date.fromisoformat(day) for day in version.holidays], **changes}


def due() -> dict[str, Any]:
    return dict(Clock.objects.values_list("item__title", "due_at"))


def run_recompute(level: ServiceLevelVersion) -> None:
    job = Job.objects.get(kind="sla.recompute")
    list(recompute(Run(job.pk, job.organization_id, job.kind, job.payload, {}, base.system())))


def test_a_preview_names_the_open_clocks_that_would_move_and_touches_none(in_alder: Scope, now: WallClock) -> None:
    level = thursday(now)
    latest, before = level.calendar_version, due()
    assert latest is not None
    proposed = actions.proposed_calendar_version(latest.calendar, **content(latest, exceptions=FRIDAY_OFF))
    (effect,) = effects(latest.calendar, proposed, now.is_at("2026-11-26 15:00"))
    assert (effect.open_clocks, effect.moved, effect.breached, effect.saved) == (3, 1, 0, 0)
    (row,) = effect.listed
    assert (row.title, row.due, row.would_be) == ("Due on Friday", new_york("2026-11-27 11:00"), new_york("2026-11-30 11:00"))
    assert (due(), CalendarVersion.objects.count(), ServiceLevelVersion.objects.count()) == (before, 1, 1)


def test_a_preview_counts_what_would_be_late_at_once_and_what_would_no_longer_be(in_alder: Scope, now: WallClock) -> None:
    level = thursday(now)
    latest = level.calendar_version
    assert latest is not None
    at = now.is_at("2026-11-26 18:00")  # the one due at five is late by now
    early = actions.proposed_calendar_version(latest.calendar, **content(latest, weekly={str(day): [[0, 1440]] for day in range(7)}))
    closed = actions.proposed_calendar_version(latest.calendar, **content(latest, exceptions={"2026-11-26": []}))
    (worse,), (better,) = effects(latest.calendar, early, at), effects(latest.calendar, closed, at)
    assert (worse.breached, worse.saved) == (0, 0)
    assert (better.breached, better.saved) == (0, 1)
    at = now.is_at("2026-11-26 20:00")
    (worse,) = effects(latest.calendar, early, at)
    assert (worse.breached, worse.saved) == (1, 0)


@pytest.mark.parametrize(("choice", "versions", "moved"), [("keep", 1, False), ("new", 2, False), ("open", 2, True)])
def test_open_clocks_follow_only_by_choice_as_the_preview_said_and_finished_ones_never(
    in_alder: Scope, now: WallClock, choice: str, versions: int, moved: bool
) -> None:
    level = thursday(now)
    latest, before = level.calendar_version, due()
    assert latest is not None
    made = actions.change_calendar(
        calendar=latest.calendar, by=base.system(), adopt={level.level_id: choice}, **content(latest, exceptions=FRIDAY_OFF)
    )
    assert (made.number, ServiceLevelVersion.objects.count()) == (2, versions)
    assert due() == before
    if moved:
        run_recompute(level)
        assert Event.objects.filter(action="level.recompute").exists()
    after = due()
    assert after["Due on Friday"] == new_york("2026-11-30 11:00" if moved else "2026-11-27 11:00")
    assert {title: at for title, at in after.items() if title not in ("Due on Friday", "Waiting")} == {
        title: at for title, at in before.items() if title not in ("Due on Friday", "Waiting")
    }
    finished = Clock.objects.get(item__title="Finished")
    assert finished.level_version_id == level.pk
    assert on_calendar(latest.calendar)[0].calendar_version_id == (made.pk if versions == 2 else latest.pk)


def test_work_received_from_today_on_counts_by_the_new_version_where_only_that_was_chosen(in_alder: Scope, now: WallClock) -> None:
    level = thursday(now)
    latest = level.calendar_version
    assert latest is not None
    actions.change_calendar(
        calendar=latest.calendar, by=base.system(), adopt={level.level_id: "new"}, **content(latest, exceptions=FRIDAY_OFF)
    )
    make.item(level.level.workstream, "2026-11-26 14:00", title="Came later")
    assert due()["Came later"] == new_york("2026-11-30 14:00")


def test_a_calendar_that_is_never_open_is_refused_in_the_preview_too(in_alder: Scope, now: WallClock) -> None:
    latest = make.calendar()
    with pytest.raises(Refused, match="never open"):
        actions.proposed_calendar_version(latest.calendar, **content(latest, weekly={}))


def test_an_exception_is_typed_looked_at_and_saved_with_what_the_level_chose(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    with in_organization(alder.id):
        level = thursday(now)
    browser, address = client_of(asha), "/alder/calendars/1/exceptions/new/"
    typed = {"first_day": "2026-11-27", "what": "closed", "reason": "Office move", f"level_{level.level_id}": "open"}
    page = words(browser.post(address, {**typed, "do": "preview"}).content)
    assert "1 of 3 would be due at another time" in page
    assert "Due on Friday NDA-0001 Fri 11:00 EST Mon 30 Nov, 11:00 EST Due at another time" in page
    with in_organization(alder.id):
        assert CalendarVersion.objects.count() == 1
    assert browser.post(address, {**typed, "do": "save"}).status_code == 302
    month = words(browser.get("/alder/calendars/1/?month=2026-11").content)
    assert "27 closed Office move" in month
    assert "1 clocks go back 1 h" in month.replace("closed ", "")
    assert "Office move" not in words(browser.get("/alder/calendars/1/?month=2026-11&version=1").content)
    with in_organization(alder.id):
        run_recompute(level)
        assert due()["Due on Friday"] == new_york("2026-11-30 11:00")
    # A version typed anew keeps the exceptions; an exception can be taken back.
    usual = {"first_day": "2026-11-27", "what": "usual"}
    assert browser.post(address, {**usual, "do": "save"}).status_code == 302
    with in_organization(alder.id):
        assert [version.exceptions for version in CalendarVersion.objects.order_by("number")] == [{}, {"2026-11-27": []}, {}]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"first_day": "2026-11-27", "what": "hours", "reason": "Early close"}, "Say at which hours"),
        ({"first_day": "2026-11-27", "what": "hours", "hours": "9 to 1", "reason": "Early close"}, "are no hours"),
        ({"first_day": "2026-11-27", "what": "closed"}, "Say why."),
        ({"first_day": "2026-11-27", "last_day": "2026-11-26", "what": "closed", "reason": "x"}, "on or after the first"),
    ],
)
def test_what_is_wrong_with_an_exception_is_said_at_its_field(
    alder: Organization, asha: Membership, client_of: SignIn, typed: dict[str, str], said: str
) -> None:
    with in_organization(alder.id):
        make.calendar()
    answer = client_of(asha).post("/alder/calendars/1/exceptions/new/", {**typed, "do": "save"})
    assert answer.status_code == 422
    assert said in words(answer.content)
    with in_organization(alder.id):
        assert CalendarVersion.objects.count() == 1


def test_a_new_version_keeps_exceptions_and_the_names_of_holidays(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-20 12:00")
    with in_organization(alder.id):
        names = {"2026-12-25": "Christmas Day", "2026-12-24": "Early close"}
        make.calendar(exceptions={"2026-12-24": [[540, 780]]}, holidays=[date(2026, 12, 25)], names=names)
    typed = {"time_zone": "America/New_York", "day_0": "9:00-17:00", "closed": "2026-12-25", "do": "save"}
    assert client_of(asha).post("/alder/calendars/1/versions/new/", typed).status_code == 302
    page = words(client_of(asha).get("/alder/calendars/1/?month=2026-12").content)
    assert "24 9:00-13:00 Early close" in page
    assert "25 closed Christmas Day" in page
    with in_organization(alder.id):
        assert CalendarVersion.objects.filter(calendar=Calendar.objects.get()).count() == 2
