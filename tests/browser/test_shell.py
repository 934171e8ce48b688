"""The shell in a real browser: accessible in both themes, usable without script, by keyboard, and on a small screen."""

from __future__ import annotations

import pytest
from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from lpo.accounts.models import Membership
from tests.browser.axe import assert_accessible
from tests.browser.conftest import NewPage
from tests.browser.pages import look

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.core.urls"), pytest.mark.django_db(transaction=True)]

OPEN_PAGES = [
    "/gallery/",
    "/gallery/?shell=portal",
    "/suspects/",
    "/denies/",
    "/nowhere/",
    "/collides/",
    "/breaks/",
    "/unavailable/",
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-used/",
    "/accounts/password/reset/key/done/",
    "/accounts/confirm-email/",
    "/accounts/inactive/",
]
OWN_PAGES = [
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/logout/",
    "/accounts/reauthenticate/",
]


def test_every_open_page_is_accessible(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    for path in OPEN_PAGES:
        page.goto(live_server.url + path)
        look(page)


def test_every_page_of_ones_own_account_is_accessible(live_server: LiveServer, new_page: NewPage, asha: Membership) -> None:
    page = new_page()
    sign_in(page, live_server, asha)
    for path in OWN_PAGES:
        page.goto(live_server.url + path)
        expect(page.locator("h1")).to_have_count(1)
        look(page)


def sign_in(page: object, live_server: LiveServer, member: Membership) -> None:
    client = Client()
    client.force_login(member.user)
    session = client.cookies["session"].value
    page.context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])  # type: ignore[attr-defined]


def test_a_person_signs_in_and_sets_up_the_second_step(live_server: LiveServer, new_page: NewPage, asha: Membership) -> None:
    page = new_page()
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("Email").fill(asha.user.email)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_focused()
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{live_server.url}/accounts/2fa/totp/activate/")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_alt_text("QR code")).to_be_visible()
    assert page.evaluate("document.querySelector('.qr').naturalWidth") > 0
    assert_accessible(page)


@pytest.mark.parametrize("shell", ["staff", "portal"])
def test_nothing_runs_off_a_screen_of_320_pixels(live_server: LiveServer, new_page: NewPage, shell: str) -> None:
    page = new_page(width=320)
    page.goto(f"{live_server.url}/gallery/?shell={shell}")
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_the_menu_of_a_phone_opens_without_script(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page(width=390, javascript=False)
    page.goto(f"{live_server.url}/gallery/")
    menu = page.get_by_role("navigation", name="Menu")
    expect(menu).to_be_hidden()
    page.locator(".drawer summary", has_text="Menu").click()
    expect(menu.get_by_role("link", name="Today")).to_be_visible()
    expect(page.locator(".finder")).to_be_hidden()


def test_targets_in_the_portal_are_large_enough_to_touch(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page(width=390)
    page.goto(f"{live_server.url}/gallery/?shell=portal")
    heights = page.evaluate(
        "[...document.querySelectorAll('.button, .chip, .drawer > summary')].map((e) => e.getBoundingClientRect().height).filter(Boolean)"
    )
    assert heights
    assert min(heights) >= 44


def test_rows_are_walked_selected_and_left_alone_while_typing(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{live_server.url}/gallery/")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").nth(0).locator("a.title")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("[data-row]").nth(1).locator("a.title")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text("2")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("jxk?")
    expect(page.locator("[data-bulk-count]")).to_have_text("2")
    expect(page.get_by_role("searchbox")).to_have_value("jxk?")
    expect(page.locator("#keys")).to_be_hidden()


def test_single_keys_can_be_switched_off_and_the_palette_still_opens(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{live_server.url}/gallery/")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts are on").uncheck()
    assert_accessible(page)
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search or run a command")).to_be_focused()
    page.keyboard.type("engag")
    expect(page.locator("#palette").get_by_role("option")).to_have_count(1)
    assert_accessible(page)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/gallery/#new")


def test_the_chosen_theme_outlives_the_page(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page("light")
    page.goto(f"{live_server.url}/gallery/")
    page.locator(".side .me").click()
    page.locator(".side").get_by_role("button", name="Dark").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(28, 32, 39)"


def test_the_error_summary_takes_the_focus_and_leads_to_the_field(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{live_server.url}/gallery/")
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Reference").click()
    field = page.locator("#id_broken-reference")
    expect(field).to_be_focused()
    described = str(field.get_attribute("aria-describedby")).split()
    assert [page.locator(f"[id='{name}']").count() for name in described] == [1, 1]


def test_the_focus_is_never_hidden_under_the_bar(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{live_server.url}/gallery/")
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    hidden = []
    for _ in range(60):
        page.keyboard.press("Tab")
        covered = page.evaluate(
            """() => {
              const element = document.activeElement, box = element.getBoundingClientRect();
              if (!box.height || element === document.body || element.closest("header.bar, .side, .bulk, .skip")) return "";
              const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
              return top && (element.contains(top) || top.contains(element)) ? "" : element.outerHTML.slice(0, 80);
            }"""
        )
        hidden += [covered] if covered else []
    assert not hidden


def test_print_has_no_navigation_and_is_light(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page("dark")
    page.goto(f"{live_server.url}/gallery/")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".side")).to_be_hidden()
    expect(page.locator("header.bar")).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(26, 29, 35)"


def test_status_shapes_survive_forced_colours(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page(forced_colors="active")
    page.goto(f"{live_server.url}/gallery/")
    fill = page.evaluate("getComputedStyle(document.querySelector('.used .fill')).fill")
    behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert fill != behind


def test_text_at_twice_its_size_loses_nothing(live_server: LiveServer, new_page: NewPage) -> None:
    # Twice the text on 1280 pixels is what a browser's zoom makes of 640.
    page = new_page(width=640)
    page.goto(f"{live_server.url}/gallery/")
    assert page.evaluate("document.documentElement.scrollWidth") == 640


def test_a_double_click_sends_a_form_once(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(f"{live_server.url}/accounts/password/reset/")
    page.get_by_label("Email").fill("nobody@example.org")
    page.get_by_role("button", name="Send link").dblclick()
    page.wait_for_url("**/password/reset/done/")
    assert len(sent) == 1


def test_fragments_carry_the_token_and_a_failed_one_shows_its_banner(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{live_server.url}/fragments/")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#answer")).to_have_text("Rosa")
    page.get_by_role("button", name="Break").click()
    expect(page.locator("#answer").get_by_role("alert")).to_contain_text("Nothing was saved")


def test_progress_asks_until_it_is_finished(live_server: LiveServer, new_page: NewPage) -> None:
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/progresses/" in request.url else None)
    page.goto(f"{live_server.url}/fragments/")
    expect(page.locator(".progress")).to_contain_text("300 of 300", timeout=15_000)
    page.wait_for_timeout(2500)
    assert len(asked) == 3
