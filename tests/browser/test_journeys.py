"""Three people go the whole way in a real browser: the project manager, two billing specialists, the client's general counsel."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from lpo.jobs.runner import run_due
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.guards.world import Place, World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery"


def sign_in(page: Page, server: LiveServer, place: Place, who: str) -> None:
    page.goto(f"{server.url}/accounts/login/")
    page.get_by_label("Email").fill(place.people[who].user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # With its scripts: a key pressed before they run is lost.
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name, exact=True).first.click()


def follow(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def test_the_project_manager_sets_up_a_client_and_delivers_its_first_item(
    live_server: LiveServer, new_page: NewPage, lived_in: World
) -> None:
    page, place = new_page(), lived_in.alder
    sign_in(page, live_server, place, "project_manager")
    expect(page).to_have_url(f"{live_server.url}/alder/today/")

    page.goto(f"{live_server.url}/alder/clients/")
    follow(page, "New client")
    page.get_by_label("Code").fill("NEWCO")
    page.get_by_label("Name", exact=True).fill("Newco")
    page.get_by_label("Legal name").fill("Newco Holdings, Inc.")
    page.get_by_label("Billing address").fill("1 Pier Street")
    press(page, "Create client")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Newco")
    look(page)

    follow(page, "New engagement")
    page.get_by_label("Title").fill("Contract review")
    page.get_by_label("Starts on").fill("2026-01-01")
    press(page, "Create engagement")
    look(page)
    follow(page, "New matter")
    page.get_by_label("Title").fill("Vendor contracts")
    press(page, "Create matter")
    look(page)
    follow(page, "New workstream")
    page.get_by_label("Title").fill("Vendor NDAs")
    page.get_by_label("Kind").select_option("nda_review")
    page.get_by_label("Unit").fill("NDA")
    page.get_by_label("Item prefix").fill("VEND")
    press(page, "Create workstream")
    look(page)
    follow(page, re.compile("Add item|New item"))
    page.get_by_label("Title").fill("NDA with Northwind")
    press(page, "Add item")
    expect(page.get_by_role("heading", level=1)).to_contain_text("NDA with Northwind")
    look(page)
    press(page, "Start review")
    press(page, "Deliver")
    expect(page.get_by_role("main").get_by_text("Delivered").first).to_be_visible()
    look(page)


def test_the_project_manager_works_through_today_by_keyboard(live_server: LiveServer, new_page: NewPage, lived_in: World) -> None:
    page, place = new_page(), lived_in.alder
    sign_in(page, live_server, place, "project_manager")
    page.evaluate("document.activeElement.blur()")
    rows = page.locator("[data-row]")
    page.keyboard.press("j")
    expect(rows.nth(0).locator("a.title")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.nth(0).locator("a.title")).to_be_focused()
    title = rows.nth(0).locator("a.title").inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search or run a command")).to_be_focused()
    page.keyboard.type("matters")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/alder/matters/"))


def test_steps_are_taken_from_today_by_keyboard(live_server: LiveServer, new_page: NewPage, lived_in: World) -> None:
    """One that nobody has is given to somebody; another is put on hold for its client; neither leaves the list."""
    page, place = new_page(), lived_in.alder
    sign_in(page, live_server, place, "project_manager")
    page.goto(f"{live_server.url}/alder/today/?show=unassigned")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    row = page.locator("[data-row]").first
    reference = row.locator(".mono").inner_text()
    page.keyboard.press("a")
    first = row.locator(".steps-of-item button.item").first
    expect(first).to_be_focused()
    look(page, "today-assign")
    # The page refreshes itself meanwhile, and leaves the open menu alone.
    page.evaluate("htmx.ajax('GET', location.href, {target: '#board', swap: 'outerMorph'})")
    page.wait_for_timeout(500)
    expect(first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(f"[data-row]:has-text('{reference}')")).to_have_count(0)
    page.goto(f"{live_server.url}/alder/today/")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    row = page.locator("[data-row]").first
    reference = row.locator(".mono").inner_text()
    page.keyboard.press("m")
    note = row.get_by_label("Note")
    note.fill("Which entity signs?")
    look(page, "today-hold")
    page.keyboard.press("Enter")
    expect(page.locator("[data-changed]").first).to_contain_text(reference)
    expect(page.locator("[data-changed]").first).to_contain_text("Which entity signs?")


def test_two_people_bill_a_month_and_the_pdf_is_stored(live_server: LiveServer, new_page: NewPage, lived_in: World) -> None:
    place = lived_in.alder
    reference, month = place.refs.plain_engagement.reference, f"{place.refs.last_month:%Y-%m}"
    address = f"{live_server.url}/alder/invoices/{reference}/{month}/"
    preparer, approver = new_page(), new_page()
    sign_in(preparer, live_server, place, "billing")
    preparer.goto(f"{live_server.url}/alder/invoices/run/?month={month}")
    preparer.goto(address)
    press(preparer, "Send for approval")
    expect(preparer.get_by_text("You prepared this invoice; somebody else approves it.")).to_be_visible()

    sign_in(approver, live_server, place, "second_billing")
    approver.goto(address)
    press(approver, "Approve")
    look(approver)

    # A browser that signed in a while ago: the password is asked for once more.
    later = new_page()
    later.context.add_cookies([{"name": "session", "value": place.sessions["billing"], "url": live_server.url}])
    later.goto(address)
    follow(later, "Issue…")
    look(later)
    later.get_by_label("Password").fill(PASSWORD)
    press(later, "Confirm")
    look(later)
    later.get_by_label(re.compile("Type")).fill("ISSUE")
    press(later, "Issue the invoice")
    expect(later.get_by_role("heading", level=1)).to_contain_text("Invoice ALDER-")
    later.goto("about:blank")  # the page would load itself anew once its PDF is there
    run_due(place.organization.id)
    later.goto(address)
    look(later)
    pdf = later.request.get(address + "invoice.pdf")
    assert (pdf.status, pdf.body()[:5]) == (200, b"%PDF-")


def test_the_general_counsel_opens_the_figure_its_rows_and_the_invoice(live_server: LiveServer, new_page: NewPage, lived_in: World) -> None:
    page, place = new_page(), lived_in.alder
    sign_in(page, live_server, place, "client_viewer")
    home = f"{live_server.url}/alder/portal/{place.refs.client.code.lower()}/"
    expect(page).to_have_url(home)
    page.goto(home + "levels/")
    follow(page, place.refs.level.level.name)
    page.goto(f"{home}levels/{place.refs.level_slug}/{place.refs.last_month:%Y-%m}/")
    expect(page.get_by_text("Identical to its hash")).to_be_visible()
    expect(page.get_by_role("main").get_by_text("Missed").first).to_be_visible()
    page.goto(home + "invoices/")
    follow(page, place.refs.invoice.number)
    expect(page.get_by_text("Identical", exact=True).first).to_be_visible()
    pdf = page.request.get(f"{home}invoices/{place.refs.invoice.number}/invoice.pdf")
    assert (pdf.status, pdf.body()[:5]) == (200, b"%PDF-")
    page.locator("[data-row] a.title").first.click()
    expect(page).to_have_url(re.compile("/lines/1/"))
