"""The portal in a real browser: accessible in both themes, full and empty, on one screen and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from engagements.models import Client
from lpo.accounts.models import Membership
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.browser.test_shell import sign_in
from tests.portal.conftest import Published, hale, hugo, shown

__all__ = ["hale", "hugo", "shown"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pages_with_nothing_on_them_are_accessible(live_server: LiveServer, new_page: NewPage, hale: Client, hugo: Membership) -> None:
    page = new_page()
    sign_in(page, live_server, hugo)
    for name in ("", "matters/", "levels/", "invoices/"):
        page.goto(f"{live_server.url}/alder/portal/hale/{name}")
        expect(page.locator(".empty").first).to_be_visible()
        look(page)


def test_the_overview_answers_on_one_screen(live_server: LiveServer, new_page: NewPage, shown: Published, carla: Membership) -> None:
    page = new_page()
    sign_in(page, live_server, carla)
    page.goto(live_server.url + shown.base)
    assert page.evaluate("document.documentElement.scrollHeight") <= 800


def test_a_figure_is_followed_down_to_its_rows_and_to_the_money(
    live_server: LiveServer, new_page: NewPage, shown: Published, carla: Membership
) -> None:
    page = new_page()
    sign_in(page, live_server, carla)
    page.goto(live_server.url + shown.base)
    page.get_by_role("link", name="Invoices").first.click()
    page.get_by_role("link", name=shown.invoice.number).click()
    expect(page.get_by_text("Identical", exact=True)).to_be_visible()
    page.get_by_role("link", name="Service credit, NDA turnaround, October 2025").click()
    page.get_by_role("link", name="The window and every item in it").click()
    expect(page).to_have_url(live_server.url + shown.window_url)
    page.get_by_role("link", name="Missed").click()
    expect(page.get_by_role("region", name="Rows behind the figure").locator("tbody tr")).to_have_count(2)
