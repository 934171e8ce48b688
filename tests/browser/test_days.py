"""A project manager's day and a reviewer's, from the keyboard alone: nothing here touches a mouse."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from engagements import actions
from engagements.models import Deliverable, Question, TimeEntry, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.browser.test_shell import sign_in
from tests.sla import make as levels

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
_FOCUSED = """
() => {
  const at = document.activeElement;
  if (at === document.body) return '';
  return (at.getAttribute('aria-label') || at.labels?.[0]?.textContent || at.textContent || '').trim().replace(/\\s+/g, ' ');
}
"""


def go(page: Page, letter: str, path: str) -> None:
    page.keyboard.press("g")
    page.keyboard.press(letter)
    expect(page).to_have_url(re.compile(f"{path}$"))
    page.wait_for_load_state("networkidle")


def tab_to(page: Page, name: str) -> None:
    """On with Tab until what bears this name has the focus."""
    passed = []
    for _ in range(120):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(_FOCUSED))
        if passed[-1].startswith(name):
            return
    raise AssertionError(f"“{name}” is not reached: {passed}")


def answered(page: Page, key: str = "Enter") -> None:
    """Press a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(key)


@pytest.fixture
def stream(asha: Membership, rita: Membership) -> Workstream:
    """Four NDAs, two of them on Rita's desk, the nearest due in three hours."""
    with in_organization(asha.organization_id):
        client = make.client(code="ACME", name="Acme d'Été")
        matter = make.matter(make.engagement(client), title="NDA programme")
        made = make.workstream(matter, item_prefix="NDA", title="NDA review")
        levels.level(made)
        now = timezone.now()
        for hours, title in (
            (21, "NDA with O'Neil & Sons"),
            (9, "NDA with Société Générale"),
            (4, "NDA with Northwind"),
            (2, "NDA with Tern"),
        ):
            item = make.item(made, title=title, received_at=now - timedelta(hours=hours))
            if hours > 5:
                actions.assign_item(item=item, by=Actor.member(asha), member=rita)
        return made


def test_a_reviewers_day(live_server: LiveServer, new_page: NewPage, stream: Workstream, rita: Membership, tmp_path: Path) -> None:
    page = new_page()
    sign_in(page, live_server, rita)
    page.goto(f"{live_server.url}/alder/today/")
    go(page, "y", "/alder/desk/")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("NDA with O'Neil & Sons")
    answered(page, "s")
    expect(page.get_by_text("In review").first).to_be_visible()
    look(page, "desk")

    tab_to(page, "Add a note")
    page.keyboard.type("Residuals clause in 7.2")
    tab_to(page, "Add note")
    answered(page)
    tab_to(page, "Add a tag")
    page.keyboard.type("residuals")
    answered(page)
    answered(page, "c")
    tab_to(page, "Question")
    page.keyboard.type("May we accept a residuals clause?")
    tab_to(page, "Ask")
    answered(page)

    go(page, "y", "/alder/desk/")
    answered(page, "j")
    expect(heading).to_have_text("NDA with Société Générale")
    answered(page, "k")
    expect(heading).to_have_text("NDA with O'Neil & Sons")
    reviewed = tmp_path / "reviewed.txt"
    reviewed.write_text("Reviewed, clause 7.2 struck")
    tab_to(page, "File")
    # The dialog that would open here is the browser's own; Playwright may miss it, as it begins to listen without waiting.
    page.locator(":focus").set_input_files(reviewed)
    page.keyboard.press("Tab")
    answered(page)
    expect(heading).to_have_text("NDA with Société Générale")
    look(page, "desk-next")
    with in_organization(rita.organization_id):
        done = WorkItem.objects.get(title="NDA with O'Neil & Sons")
        assert (done.state, Deliverable.objects.get().item_id) == ("delivered", done.id)
        assert Question.objects.get().item_id == done.id
        assert set(TimeEntry.objects.values_list("item_id", flat=True)) <= {done.id}


def test_a_project_managers_day(live_server: LiveServer, new_page: NewPage, stream: Workstream, asha: Membership, rita: Membership) -> None:
    page = new_page()
    sign_in(page, live_server, asha)
    page.goto(f"{live_server.url}/alder/clients/")
    go(page, "t", "/alder/today/")
    heading = page.get_by_role("heading", level=1)
    # What is due first is opened, put on hold for the client, and is in the ledger of what waits.
    page.keyboard.press("j")
    answered(page)
    expect(heading).to_contain_text("NDA with O'Neil & Sons")
    tab_to(page, "Note")
    page.keyboard.type("Who signs for O'Neil?")
    tab_to(page, "Put on hold")
    answered(page)
    expect(page.get_by_text("On hold").first).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("waiting")
    answered(page)
    expect(page.get_by_role("main").get_by_text("Who signs for O'Neil?").first).to_be_visible()

    # Two that nobody has are given to Rita, after a preview, and taken back.
    go(page, "q", "/alder/work/")
    for title in ("NDA with Northwind", "NDA with Tern"):
        while title not in page.evaluate(_FOCUSED):
            page.keyboard.press("j")
        page.keyboard.press("x")
    look(page, "queue-chosen")
    tab_to(page, "Assign to")
    page.keyboard.type("Rita")
    tab_to(page, "Assign…")
    answered(page)
    tab_to(page, "Assign")
    answered(page)
    expect(page.get_by_text("2 changed")).to_be_visible()
    with in_organization(asha.organization_id):
        assert WorkItem.objects.filter(assignee=rita).count() == 4
    tab_to(page, "Undo")
    answered(page)
    with in_organization(asha.organization_id):
        assert WorkItem.objects.filter(assignee=rita).count() == 2

    # An item is renamed while somebody else renames it.
    page.keyboard.press("j")
    answered(page)
    answered(page, "e")
    with in_organization(asha.organization_id):
        item = WorkItem.objects.get(title="NDA with O'Neil & Sons")
        actions.update_item(item=item, by=make.system(), version=item.version, title="NDA with O'Neil and Sons")
    tab_to(page, "Title")
    page.keyboard.type("NDA with O'Neil & Sons, LLC")
    answered(page)
    expect(page.get_by_text("Somebody else saved “NDA with O'Neil and Sons” here").first).to_be_visible()
    look(page, "late")
    tab_to(page, "Save")
    answered(page)
    expect(heading).to_contain_text("NDA with O'Neil & Sons, LLC")
