"""The pages of work in a real browser: a history comes in by hand, and every page is accessible in both themes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from engagements import actions
from engagements.models import WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import people
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.browser.test_shell import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STREAM = "/alder/matters/ACME-0001/NDA/"
LOG = "case,time,status,sub\nX-1,2026-01-05T09:00:00Z,Queued,\nX-1,2026-01-05T10:00:00Z,In progress,\nX-1,2026-01-05T11:00:00Z,Waiting,\n"
LOG += "X-1,2026-01-05T15:00:00Z,Delivered,\nX-2,2026-01-06T09:00:00Z,Queued,\nX-2,2026-01-06T09:30:00Z,Nobody knows,\n"


@pytest.fixture
def house(asha: Membership, rita: Membership) -> None:
    """A workstream with an item in each situation."""
    with in_organization(asha.organization_id):
        by = Actor.member(asha)
        client = make.client(code="ACME", name="Acme d'Été")
        stream = make.workstream(make.matter(make.engagement(client), title="NDA programme"), item_prefix="NDA", title="NDA review")
        actions.assign_item(item=make.item(stream, title="NDA with Société Générale"), by=by, member=rita)
        waiting = make.item(stream, title="NDA with O'Neil & Sons")
        pause = actions.pause_item(item=waiting, by=by, party="client", reason="signature", note="Who signs?")
        assert pause is not None
        actions.contest_pause(pause=pause, by=by, note="We answered at once", message=make.message(waiting))
        make.item(stream, title="NDA delivered", state="delivered")
        decided(stream, by, Actor.member(rita))
        actions.publish_update(matter=stream.matter, by=by, note="Three NDAs in hand.")


def decided(stream: Workstream, by: Actor, reviewer: Actor) -> None:
    """A late entry that waits, an error with its notice, what clients decided and were told, questions with and without answer."""
    now = timezone.now()
    late = make.item(stream, title="NDA late", received_at=now - timedelta(hours=9))
    actions.move_item(item=late, to="delivered", by=reviewer, at=now - timedelta(hours=3), reason="The tracker was down")
    error = make.item(stream, title="Wrong law", kind="error", severity="critical", received_at=now - timedelta(hours=2))
    actions.record_error_notice(item=error, by=by, channel="telephone", reporter="Dana")
    told = make.item(stream, title="NDA told of", received_at=now - timedelta(hours=6), state="delivered")
    evidence = make.message(told, "It is delivered")
    actions.record_notice(item=told, by=by, channel="email", recipient="dana@acme.example", evidence=evidence)
    returned = make.item(stream, title="NDA returned", received_at=now - timedelta(hours=6), state="delivered")
    actions.move_item(item=returned, to="returned", by=by, message=make.message(returned, "Clause 4"))
    actions.pause_item(item=returned, by=by, party="client", reason="information", note="Which clause 4?")
    actions.pause_item(item=returned, by=by, party="third_party", reason="documents", note="The registry's extract")
    asked = actions.ask_counsel(matter=stream.matter, item=late, by=reviewer, question="May we accept Delaware law?")
    message, answer = make.message(late, "Yes. Sam"), "Yes, for mutual NDAs."
    actions.answer_question(question=asked, by=by, answer=answer, protocol="NDA protocol 4", message=message)
    actions.ask_counsel(matter=stream.matter, item=returned, by=reviewer, question="Is a residuals clause acceptable?")


def test_work_in_every_situation_is_accessible(live_server: LiveServer, new_page: NewPage, asha: Membership, house: None) -> None:
    """What `test_every_page.py` has no room for: the same pages with other work on them, or none."""
    page = new_page()
    sign_in(page, live_server, asha)
    pages = {
        "workstream": "matters/ACME-0001/NDA/",
        "queue-none": "work/?state=quality_check",
        "item": "work/NDA-0002/",
        "item-done": "work/NDA-0003/",
        "item-late": "work/NDA-0004/",
        "item-error": "work/NDA-0005/",
        "item-told": "work/NDA-0006/",
        "item-returned": "work/NDA-0007/",
        "waiting": "waiting/",
        "waiting-none": "waiting/?client=NONE",
        "question": "matters/ACME-0001/questions/1/",
        "question-open": "matters/ACME-0001/questions/2/",
        "search-none": "search/?q=zebra",
    }
    for name, path in pages.items():
        page.goto(f"{live_server.url}/alder/{path}")
        expect(page.locator("h1")).to_have_count(1)
        look(page, name)


def test_the_palette_searches_while_one_types(live_server: LiveServer, new_page: NewPage, asha: Membership, house: None) -> None:
    page = new_page("dark", 390)
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}/alder/work/")
    page.keyboard.press("Control+k")
    options = page.locator("#palette").get_by_role("option")
    page.keyboard.type("o'neil")
    expect(options.first).to_contain_text("NDA with O'Neil & Sons")
    look(page, "palette")
    page.locator("#palette input").fill("zebra")
    expect(options).to_have_text(["Search everything for “zebra”"])
    page.locator("#palette input").fill("acme")
    expect(options.first).to_contain_text("ACMEAcme d'ÉtéClient")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/alder/matters/ACME-0001/")


@pytest.mark.parametrize("javascript", [True, False], ids=["htmx", "plain"])
def test_who_had_better_get_an_item_comes_when_asked(
    live_server: LiveServer, new_page: NewPage, asha: Membership, rita: Membership, house: None, javascript: bool
) -> None:
    page = new_page()
    sign_in(page, live_server, asha)
    if not javascript:
        cookies: Any = page.context.cookies()
        page = new_page(javascript=False)
        page.context.add_cookies(cookies)
    page.goto(f"{live_server.url}/alder/work/NDA-0002/")
    page.get_by_role("link", name="Who has room and fits").click()
    part = page.locator("#suggestions")
    expect(part).to_contain_text("Rita O'Brien")
    expect(page.locator("h1")).to_have_text("NDA with O'Neil & Sons")
    if javascript:
        look(page, "item-suggestions")
    part.get_by_role("button", name="Assign to Rita O'Brien").click()
    expect(page.locator("#suggestions")).to_have_count(1)
    with in_organization(asha.organization_id):
        assert WorkItem.objects.get(reference="NDA-0002").assignee == rita


def test_days_ahead_of_a_timesheet_are_not_written_yet(live_server: LiveServer, new_page: NewPage, asha: Membership, house: None) -> None:
    now = timezone.now()
    with in_organization(asha.organization_id):
        dana = people.placed(Workstream.objects.get().matter, starts_on=now.date() - timedelta(days=10))
        actions.open_timesheet(placement=dana, by=make.system(), day=now.date(), now=now - timedelta(days=3))
    page = new_page()
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}/alder/matters/ACME-0001/placements/1/timesheets/{now:%Y-%m}-01/")
    expect(page.get_by_text("not yet written").first).to_be_visible()
    look(page, "timesheet-ahead")
    page.locator("select").last.select_option("sickness")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Timesheet filled")).to_be_visible()
    page.goto(f"{live_server.url}/alder/matters/ACME-0001/placements/1/")
    expect(page.get_by_role("region", name="Absences")).to_contain_text("Sickness")
    look(page, "placement-absence")


def test_one_goes_to_a_page_and_on_to_the_next_by_keys(live_server: LiveServer, new_page: NewPage, asha: Membership, house: None) -> None:
    page = new_page()
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}/alder/matters/")
    for letter, path in (("q", "work"), ("t", "today"), ("c", "clients")):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        expect(page).to_have_url(f"{live_server.url}/alder/{path}/")
        page.wait_for_load_state("networkidle")
    # Also when the page changes between the two keys.
    page.keyboard.press("g")
    page.reload()
    page.keyboard.press("m")
    expect(page).to_have_url(f"{live_server.url}/alder/matters/")


def test_a_history_comes_in_by_hand(
    live_server: LiveServer, new_page: NewPage, asha: Membership, house: None, run_jobs: Callable[[], int], tmp_path: Path
) -> None:
    file = tmp_path / "tracker.csv"
    file.write_text(LOG)
    page = new_page()
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}{STREAM}imports/new/history/")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Meaning of Waiting")).to_have_value("paused")
    expect(page.get_by_label("Meaning of Nobody knows")).to_have_value("")
    page.get_by_label("Save this mapping as").fill("Tracker")
    look(page, "mapping")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Checking").first).to_be_visible()
    look(page, "checking")
    run_jobs()
    # The page asks for itself: the progress bar makes room for the preview without a click.
    expect(page.get_by_role("button", name="Load this history")).to_be_visible(timeout=15_000)
    look(page, "preview")
    page.get_by_role("button", name="Load this history").click()
    run_jobs()
    expect(page.get_by_role("link", name="Open the workstream")).to_be_visible(timeout=15_000)
    look(page, "loaded")
    with in_organization(asha.organization_id):
        assert list(WorkItem.objects.filter(external_id__isnull=False).order_by("external_id").values_list("external_id", "state")) == [
            ("X-1", "delivered"),
            ("X-2", "received"),
        ]
