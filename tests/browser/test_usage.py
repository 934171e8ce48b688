"""Usage by file, as a person does it: upload, look, record; then the term's page lists it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from billing import actions as billing
from billing.models import UsageRecord
from lpo.accounts.roles import Role
from lpo.tenancy.context import in_organization
from tests import make
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.guards.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("pages 0")]


def test_a_file_of_usage_is_looked_over_and_recorded(live_server: LiveServer, new_page: NewPage, lived_in: World) -> None:
    place = lived_in.alder
    first, engagement = place.refs.first_month, place.refs.engagement
    version: dict[str, Any] = {"effective_from": first, "price": Decimal(2), "unit": "GB", "measure": "average", "direction": "hosted"}
    with in_organization(place.organization.id):
        billing.create_term(engagement=engagement, name="Hosting", model="data_volume", version=version, by=make.system())
    page = new_page()
    page.context.add_cookies([{"name": "session", "value": place.sessions[Role.OWNER.value], "url": live_server.url}])
    page.goto(f"{live_server.url}/{place.slug}/engagements/{engagement.reference}/terms/6/")
    page.get_by_role("link", name="Import CSV").click()
    month = f"{first:%Y-%m}"
    rows = f"x1,{month}-20,Harlan workspace,100,GB,hosted\nx2,{month}-21,Harlan workspace,lots,GB,hosted\n"
    file: Any = {"name": "usage.csv", "mimeType": "text/csv", "buffer": f"event id,day,what,quantity,unit,direction\n{rows}".encode()}
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("“lots” is no number from zero on.")).to_be_visible()
    look(page, "usage-preview")
    page.get_by_role("button", name="Record them").click()
    expect(page.get_by_role("link", name="Harlan workspace")).to_be_visible()
    expect(page.get_by_text("1 record is new, 0 known already. 1 rejected.")).to_be_visible()
    look(page, "usage", frame=False)
    page.get_by_role("link", name="Harlan workspace").click()
    look(page, "usage-record", frame=False)
    with in_organization(place.organization.id):
        assert UsageRecord.objects.get(event_id="x1").quantity == 100
