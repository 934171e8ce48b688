"""A load file in a real browser, from the upload to the items, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from engagements.models import WorkItem
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.browser.test_shell import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HERE = "/alder/matters/ACME-0001/DOC/"
ROWS = [
    ["DOCID", "CUSTODIAN", "BATCH", "GROUP IDENTIFIER", "DISPOSITION", "REVIEWER EMAIL", "FILE NAME", "SUBJECT"],
    *[[f"ACME{n:06}", "A. Custodian", f"REV-{n // 4:03}", f"ACME{n - n % 2:06}", "Machine-Coded", "", "a.msg", "Re: x"] for n in range(30)],
    ["ACME000031", "A. Custodian", "REV-009", "", "Responsive", "", "b.msg", "Re: y"],
]


def test_a_load_file_comes_in_by_hand(live_server: LiveServer, new_page: NewPage, asha: Membership, run_jobs: Callable[[], int]) -> None:
    with in_organization(asha.organization_id):
        matter = make.matter(make.engagement(make.client(code="ACME")), title="Acme antitrust")
        make.workstream(matter, item_prefix="DOC", title="First-level review", kind="ediscovery", unit="document")
    page = new_page(width=390)
    sign_in(page, live_server, asha)
    page.goto(live_server.url + HERE)
    look(page, "load-0-stream")
    page.get_by_role("link", name="Import load file").click()
    look(page, "load-1-upload")
    wrong = "þNOþ\x14þCUSTODIANþ\r\nþ1þ\x14þxþ\r\n".encode()
    page.get_by_label("Load file").set_input_files({"name": "wrong.dat", "mimeType": "text/plain", "buffer": wrong})
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("main")).to_contain_text("No column is recognized as the control number")
    look(page, "load-2-wrong")
    content = "\r\n".join("\x14".join(f"þ{cell}þ" for cell in row) for row in ROWS).encode("utf-16")
    page.get_by_label("Load file").set_input_files({"name": "export.dat", "mimeType": "text/plain", "buffer": content})
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("main")).to_contain_text("never stored: CUSTODIAN, FILE NAME, SUBJECT")
    look(page, "load-3-map")
    page.get_by_label("Each batch, with the number of its documents").check()
    page.get_by_label("Each document").check()
    page.get_by_role("button", name="Check the file").click()
    run_jobs()
    page.reload()
    expect(page.locator("main")).to_contain_text("ACME000001 (batch REV-000, family ACME000000)")
    look(page, "load-4-check")
    page.get_by_role("button", name="Load these items").click()
    run_jobs()
    page.reload()
    expect(page.locator("main")).to_contain_text("Loaded")
    look(page, "load-5-loaded")
    with in_organization(asha.organization_id):
        assert WorkItem.objects.count() == 30
