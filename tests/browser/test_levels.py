"""What a manager asks of service levels before agreeing to another contract, looked at in both themes and on a phone."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from engagements import actions as work
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from sla.models import ServiceLevelVersion
from tests import make as base
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.browser.test_shell import sign_in
from tests.sla import make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def level(asha: Membership) -> ServiceLevelVersion:
    """Three months of NDAs, each with some that took longer than a day, and open ones."""
    with in_organization(asha.organization_id):
        matter = base.matter(base.engagement(base.client(code="ACME", name="Acme")), title="NDA programme")
        made = make.business_level(base.workstream(matter, item_prefix="NDA", title="NDA review"), hours=8, minimum_percent=Decimal(60))
        now = timezone.now()
        for days in range(3, 75, 3):
            item = base.item(made.level.workstream, received_at=now - timedelta(days=days, hours=2))
            work.move_item(
                item=item, to="delivered", by=base.system(), at=item.received_at + timedelta(hours=2 + days % 50), reason="as recorded"
            )
        for hours in (30, 20, 3):
            base.item(made.level.workstream, title=f"NDA of {hours} hours ago", received_at=now - timedelta(hours=hours))
        make.counted(made)
    return made


def test_the_past_is_replayed_under_another_target_and_shown_side_by_side(
    live_server: LiveServer, new_page: NewPage, asha: Membership, level: ServiceLevelVersion
) -> None:
    page = new_page()
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}/alder/service-levels/NDA/1/")
    look(page, "level")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Replay under another contract").click()
    page.get_by_label("Name").fill("Three business days")
    page.get_by_label("Within").fill("24")
    expect(page.locator("#read-back")).to_contain_text("within 24 business hours")
    look(page, "replay-form")
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page).to_have_url(re.compile("/scenarios/1/$"))
    expect(page.get_by_role("heading", name="Three business days")).to_be_visible()
    look(page, "replay")


def test_a_day_off_is_looked_at_with_what_it_would_do_before_it_is_saved(
    live_server: LiveServer, new_page: NewPage, asha: Membership, level: ServiceLevelVersion
) -> None:
    page = new_page()
    sign_in(page, live_server, asha)
    zone = ZoneInfo("America/New_York")
    day = timezone.now().astimezone(zone).date() + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    page.goto(f"{live_server.url}/alder/calendars/1/")
    page.get_by_role("link", name="Exception").click()
    page.get_by_label("Day").fill(day.isoformat())
    page.get_by_label("Reason").fill("Office move")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_role("heading", name="Open clocks of NDA turnaround")).to_be_visible()
    look(page, "calendar-exception")
    page.get_by_role("button", name="Add version").click()
    page.goto(f"{live_server.url}/alder/calendars/1/?month={day:%Y-%m}")
    expect(page.get_by_text("Office move")).to_be_visible()
    look(page, "calendar-month")


@pytest.fixture
def review(asha: Membership) -> str:
    """A review of documents, delivered in batches over three weeks; the last week's is short and waits for more."""
    with in_organization(asha.organization_id):
        engagement = base.engagement(base.client(code="ACME", name="Acme"))
        stream = base.workstream(base.matter(engagement, title="Second request"), item_prefix="REV", title="First-pass review")
        monday = timezone.now().astimezone(ZoneInfo(make.NEW_YORK)).replace(hour=10, minute=0, second=0, microsecond=0)
        monday -= timedelta(days=monday.weekday())
        for days, quantity in ((-19, 700), (-17, 620), (-12, 400), (-10, 560), (-5, 900)):
            at = monday + timedelta(days=days)
            item = base.item(stream, received_at=at - timedelta(hours=30), quantity=Decimal(quantity), title=f"Batch of {quantity}")
            work.move_item(item=item, to="delivered", by=base.system(), at=at, reason="as recorded")
        base.item(stream, received_at=monday - timedelta(hours=3), quantity=Decimal(150), title="Batch of 150")
        return str(engagement.reference)


def test_a_weekly_volume_is_promised_and_read_week_by_week(
    live_server: LiveServer, new_page: NewPage, asha: Membership, review: str
) -> None:
    page = new_page()
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}/alder/service-levels/new/?workstream=REV")
    page.get_by_label("Throughput").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("Weekly volume")
    page.get_by_label("In force from").fill((timezone.now() - timedelta(days=27)).date().isoformat())
    page.get_by_label("Where less was there to deliver, all of that is due").check()
    expect(page.locator("#read-back")).to_contain_text("Where less was there to deliver, all of that is due: what was open")
    expect(page.locator("#read-back")).to_contain_text("Met: all there was")
    look(page, "throughput-form")
    page.get_by_role("button", name="Add level").click()
    with in_organization(asha.organization_id):
        make.counted(ServiceLevelVersion.objects.get())
    page.goto(f"{live_server.url}/alder/service-levels/REV/1/")
    look(page, "throughput-level")
    page.locator("[data-row] a.title").nth(1).click()
    expect(page.get_by_role("link", name="Still open")).to_be_visible()
    look(page, "throughput-window")
    last_week = (timezone.now() - timedelta(days=7)).astimezone(ZoneInfo(make.NEW_YORK))
    page.goto(f"{live_server.url}/alder/engagements/{review}/scorecard/?period={last_week:%Y-%m}")
    look(page, "throughput-scorecard")
