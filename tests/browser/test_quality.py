"""A sample from its declaration to the figure, as somebody sees it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from lpo.accounts.roles import Role
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.guards.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("pages 1")]


def test_a_sample_is_declared_checked_by_keyboard_and_read_as_a_figure(live_server: LiveServer, new_page: NewPage, lived_in: World) -> None:
    place, page = lived_in.alder, new_page()
    page.context.add_cookies([{"name": "session", "value": place.sessions[Role.OWNER.value], "url": live_server.url}])
    here = f"{live_server.url}/{place.slug}/quality/{place.refs.stream.item_prefix}/"
    page.goto(f"{here}plans/new/")
    expect(page.get_by_text("expecting 50 %")).to_be_visible()
    page.get_by_label("Margin, ± %").fill("20")
    page.get_by_label("Margin, ± %").blur()
    expect(page.get_by_text("±20 % at 95 %")).to_be_visible()
    look(page, "plan form")
    page.goto(f"{here}plans/1/1/")
    look(page, "check")
    expect(page.get_by_label("Units checked")).to_be_focused()
    page.keyboard.type("12")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{here}plans/1/3/")  # the next that is the owner's
    page.goto(f"{here}plans/1/2/adjudicate/")
    look(page, "adjudicate")
    page.goto(f"{here}plans/1/?again")
    expect(page.get_by_text("Drawn again from the stored seed")).to_be_visible()
    look(page, "plan")
    page.goto(here)
    look(page, "quality")
    page.goto(f"{live_server.url}/{place.slug}/checks/")
    look(page, "to check")
