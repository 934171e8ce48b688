"""Weeks as windows: from Monday to Sunday of the contract's zone, wherever a month or a quarter may stand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.queries import measured_on
from engagements import actions as work
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch
from lpo.portal.queries import window_named
from lpo.reports.month import ended_windows
from lpo.tenancy.context import Scope, in_organization
from sla import actions
from sla.models import Attainment, CreditClaim, ServiceLevelVersion
from sla.verify import verify
from sla.windows import ends_quarter, last_of_quarter, period, quarter_of, window_start, window_starts
from tests import make as base
from tests.billing import make as bills
from tests.billing.test_orders import credits_of
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york, replayed
from tests.sla.test_pages import SignIn, words
from tests.sla.test_replay import close_ended, random_history, windows_are_as_they_were_closed

ZONES = ["America/New_York", "Asia/Kolkata", "Pacific/Apia", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]
INSTANTS = st.integers(10_000_000, 4_000_000_000)


@given(INSTANTS, st.sampled_from(ZONES))
def test_every_instant_lies_in_one_week_that_begins_on_a_monday_at_local_midnight(instant: int, zone: str) -> None:
    week = period(instant, zone, "week")
    assert week.start <= instant < week.end
    assert (week.first_day.weekday(), (week.next_day - week.first_day).days) == (0, 7)
    local = from_epoch(instant).astimezone(ZoneInfo(zone)).date()
    assert week.first_day <= local < week.next_day
    assert window_start(instant, zone, "week") == week.start == int(window_starts(np.array([instant]), zone, "week")[0])
    assert period(week.end, zone, "week").start == week.end


@given(INSTANTS, st.sampled_from(ZONES), st.sampled_from(["week", "month", "quarter"]))
def test_each_quarter_has_one_window_that_ends_it_and_every_window_of_it_is_judged_there(instant: int, zone: str, window: str) -> None:
    own = period(instant, zone, window)
    quarter, last = quarter_of(own, zone), last_of_quarter(own, zone)
    assert ends_quarter(last, zone)
    assert quarter_of(last, zone).start == quarter.start
    assert ends_quarter(own, zone) == (own.start == last.start)
    assert own.start <= last.start


@pytest.mark.django_db
@pytest.mark.parametrize("terms", [{}, {"roll_up_below": 4, "minimum_percent": Decimal(50)}])
def test_weeks_are_counted_closed_verified_and_replayed_alike(in_alder: Scope, now: WallClock, terms: dict[str, Any]) -> None:
    now.is_at("2026-09-20 12:00")
    level = make.business_level(base.workstream(item_prefix="NDA"), hours=6, window="week", **terms)
    random_history(level, 11, 30, "2026-09-20 11:00")
    make.counted(level)
    now.is_at("2026-10-20 12:00")
    while (ended := Attainment.objects.filter(window_end__lte=new_york("2026-10-20 12:00"), state="open")).exists():
        before = ended.count()
        close_ended()
        make.counted(level)
        assert ended.count() < before
    assert Attainment.objects.count() > 6
    assert all((row.window_end - row.window_start).days in (6, 7) for row in Attainment.objects.all())
    assert all(finding.identical for finding in verify())
    windows_are_as_they_were_closed(replayed(level, "2026-06", "2026-10"))


def october(**terms: Any) -> ServiceLevelVersion:
    """By the week, one late NDA in that of 28 September and one in that of 5 October, each beside one in time."""
    level = make.level(base.workstream(item_prefix="NDA"), window="week", **terms)
    for day in ("09-29", "10-06"):
        make.item(level.level.workstream, f"2026-{day} 09:00", delivered=f"2026-{day} 15:00")
        make.item(level.level.workstream, f"2026-{day} 09:00", delivered="2026-10-20 15:00")
    make.counted(level)
    return level


@pytest.mark.django_db
def test_a_week_has_its_address_is_closed_restated_and_told_to_the_client(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-02 12:00")
    with in_organization(alder.id):
        level = october()
    browser, here = client_of(asha), "/alder/service-levels/NDA/1/2026/10/5/"
    page = words(browser.get(here).content)
    assert "5 Oct – 11 Oct 2026" in page
    assert "Measured by week, Monday to Sunday, in America/New_York." in page
    assert browser.get("/alder/service-levels/NDA/1/2026/10/6/").status_code == 404
    assert browser.get("/alder/service-levels/NDA/1/2026/2/30/").status_code == 404
    assert here in browser.get("/alder/service-levels/NDA/1/").content.decode()
    assert "CLOSE 2026-10-05" in words(browser.get(here + "close/").content)
    assert browser.post(here + "close/", {"confirmation": "CLOSE 2026-10"}).status_code == 422
    assert browser.post(here + "close/", {"confirmation": "CLOSE 2026-10-05", "publish": "yes"}).status_code == 302
    files = browser.get(here + "rows.csv")
    assert "NDA-1-2026-10-05.csv" in files["Content-Disposition"]
    with in_organization(alder.id):
        closed = Attainment.objects.get(state="closed")
        assert (closed.label, closed.numerator, closed.denominator) == ("5 Oct – 11 Oct 2026", 1, 2)
        found = window_named(level.level.workstream.client, "nda-turnaround", "2026-10-05")
        assert found is not None and found[1].figure.label == "5 Oct – 11 Oct 2026"
        assert window_named(level.level.workstream.client, "nda-turnaround", "2026-10") is None
        reference = level.level.workstream.matter.engagement.reference
    card = words(browser.get(f"/alder/engagements/{reference}/scorecard/?period=2026-10").content)
    assert "28 Sep – 4 Oct 2026" in card and "5 Oct – 11 Oct 2026" in card
    september = words(browser.get(f"/alder/engagements/{reference}/scorecard/?period=2026-09").content)
    assert "28 Sep – 4 Oct 2026" not in september


@pytest.mark.django_db
def test_the_credits_of_weeks_belong_to_the_period_they_end_in_and_share_its_cap(
    alder: Organization, bill: Membership, bella: Membership, now: WallClock
) -> None:
    """Three missed weeks at 6 % of 1,000 each against a cap of 10 %: 60 and 40 and nothing. The first begins in September."""
    now.is_at("2026-10-20 12:00")
    with in_organization(alder.id):
        stream = bills.workstream()
        engagement = bills.engagement_of(stream)
        work.amend_contract(engagement=engagement, by=base.system(), number=1, at_risk_percent=Decimal(10))
        bills.term(engagement, "fixed", "1000")
        level = make.level(stream, window="week", credit_percent=Decimal(6))
        for day in ("09-29", "10-06", "10-13"):
            make.item(stream, f"2026-{day} 09:00", delivered="2026-10-19 15:00")
        make.counted(level)
        close_ended()
        days = [measured_on(claim.attainment) for claim in CreditClaim.objects.order_by("id")]
        assert days == [date(2026, 10, 4), date(2026, 10, 11), date(2026, 10, 18)]
        actions.finalize_claims(by=base.system(), now=new_york("2026-12-01 12:00"))
        assert credits_of(bills.drafted(engagement, bill, index=0)) == []
        bills.issued(engagement, bill, bella, index=0)
        assert credits_of(bills.drafted(engagement, bill, index=1)) == [Decimal(-60), Decimal(-40), Decimal(0)]


@pytest.mark.django_db
def test_a_month_ends_the_weeks_that_end_in_it(in_alder: Scope) -> None:
    make.level(base.workstream(), window="week")
    starts = [from_epoch(start).astimezone(ZoneInfo(make.NEW_YORK)).date() for _, start in ended_windows(date(2025, 10, 1))]
    assert starts == [date(2025, 9, 29) + timedelta(days=7 * n) for n in range(4)]


@pytest.mark.django_db
def test_a_new_version_keeps_the_length_of_the_windows(in_alder: Scope) -> None:
    level = make.level()
    with pytest.raises(Refused, match="measured by month"):
        actions.add_level_version(
            level=level.level, effective_from=date(2027, 1, 4), by=base.system(), **(make.promise_of(level) | {"window": "week"})
        )
