"""One incident under two levels: where the manager and the client read it, and the client's choice recorded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from engagements import actions as work
from engagements.models import Client
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from sla import actions, counting
from sla.models import Attainment
from tests import make as base
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.browser.test_shell import sign_in
from tests.sla import make

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def month(asha: Membership, vantic: Client) -> str:
    """Two NDAs, late under two levels in a month that is closed and published; its part of the address."""
    first = (timezone.localdate().replace(day=1) - timedelta(days=40)).replace(day=1)
    with in_organization(asha.organization_id):
        stream = base.workstream(base.matter(base.engagement(vantic)), item_prefix="NDA", title="NDA review")
        levels = [
            make.level(stream, name=name, target=hours * 3600, credit_percent=Decimal(percent))
            for name, hours, percent in (("Turnaround in a day", 24, 5), ("Turnaround in two days", 48, 3))
        ]
        for day in (5, 6):
            item = base.item(stream, received_at=make.new_york(f"{first:%Y-%m}-{day:02} 09:00"))
            work.move_item(item=item, to="delivered", by=base.system(), at=item.received_at + timedelta(days=8), reason="as recorded")
        while (taken := counting.take_dirty()) is not None:
            counting.count_window(*taken, now=timezone.now())
        for figure in Attainment.objects.filter(level__in=[level.level_id for level in levels]).order_by("level_id"):
            actions.close_window(level=figure.level, window_start=figure.window_start, by=base.system(), publish=True)
    return f"{first.year}/{first.month}"


def test_the_clients_choice_between_two_credits_is_recorded_with_its_message(
    new_page: NewPage, live_server: LiveServer, asha: Membership, carla: Membership, month: str
) -> None:
    client = new_page()
    sign_in(client, live_server, carla)
    client.goto(f"{live_server.url}/alder/portal/van/contest-ledger/")
    look(client, "portal-ledger-choice")
    client.get_by_role("link", name="Turnaround in a day").click()
    look(client, "portal-window-incident", frame=False)

    page = new_page()
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}/alder/contest-ledger/")
    look(page, "ledger-choice")
    page.goto(f"{live_server.url}/alder/service-levels/NDA/1/{month}/")
    look(page, "window-incident", frame=False)
    page.get_by_role("link", name="Record the client's choice").click()
    look(page, "choose-credit", frame=False)
    page.get_by_label("Turnaround in two days").check()
    page.get_by_label("Or its words").fill("Please credit the two days. Carla Mendes")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_text("Not paid: one incident over NDA-0001 and NDA-0002")).to_be_visible()
    look(page, "window-not-paid", frame=False)
    client.reload()
    expect(client.get_by_text("Paid instead")).to_be_visible()
    look(client, "portal-window-not-paid", frame=False)
