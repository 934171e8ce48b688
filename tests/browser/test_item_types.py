"""Types of item from the workstream to the promise, the price and the queue, looked at in both themes and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from engagements.models import WorkItem
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make as base
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.browser.test_shell import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_type_is_kept_promised_priced_and_given_to_many(live_server: LiveServer, new_page: NewPage, olga: Membership) -> None:
    with in_organization(olga.organization_id):
        matter = base.matter(base.engagement(base.client(code="ACME", name="Acme")), title="NDA programme")
        stream = base.workstream(matter, item_prefix="NDA", title="NDA review")
        base.item_types(stream, standard="standard NDA")
        for n in range(3):
            base.item(stream, title=f"NDA {n}", type="standard" if n else None)
        terms = f"{live_server.url}/alder/engagements/{matter.engagement.reference}/terms/new/?model=unit"
    page = new_page()
    sign_in(page, live_server, olga)
    page.goto(f"{live_server.url}/alder/matters/ACME-0001/NDA/")
    page.get_by_role("link", name="New type").click()
    page.get_by_label("Name").fill("mutual NDA")
    page.get_by_label("Code").fill("mutual")
    look(page, "type-form")
    page.get_by_role("button", name="Add type").click()
    expect(page.get_by_role("heading", name="Types of items")).to_be_visible()
    look(page, "type-workstream")
    page.goto(f"{live_server.url}/alder/service-levels/new/NDA/turnaround/")
    page.get_by_label("mutual NDA").check()
    expect(page.locator("#read-back")).to_contain_text("of mutual NDAs must be delivered")
    look(page, "type-level")
    page.goto(terms)
    page.get_by_label("mutual NDA (NDA review)").check()
    look(page, "type-term")
    page.goto(f"{live_server.url}/alder/work/?group=type&columns=type,state")
    look(page, "type-queue")
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Type…").click()
    page.get_by_label("Type").select_option("mutual")
    look(page, "type-asked")
    page.get_by_role("button", name="Preview").click()
    look(page, "type-preview")
    page.get_by_role("button", name="Set the type mutual: 3 items").click()
    expect(page.get_by_text("Set the type mutual: 3 changed.")).to_be_visible()
    with in_organization(olga.organization_id):
        assert set(WorkItem.objects.values_list("type", flat=True)) == {"mutual"}
    page.goto(f"{live_server.url}/alder/work/NDA-0001/")
    look(page, "type-item")
