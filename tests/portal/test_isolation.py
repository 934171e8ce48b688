"""Whose pages the portal shows, and what its database role is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client as Browser

from engagements import actions as work
from engagements.models import Client
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import Scope, in_organization, scoped
from tests import make
from tests.portal.conftest import Published
from tests.portal.told import alder, bella, bill, carla, shown, vantic

pytestmark = [pytest.mark.usefixtures("told_database"), pytest.mark.xdist_group("portal")]
__all__ = ["alder", "bella", "bill", "carla", "shown", "vantic"]
ClientOf = Callable[[Membership], Browser]
READABLE = {
    "engagements_client", "engagements_deliverable", "engagements_engagement", "engagements_matter", "engagements_milestone",
    "engagements_pause", "engagements_placement", "engagements_placementterms", "engagements_statusupdate", "engagements_supervisionreport",
    "engagements_timesheet", "engagements_timesheetday", "sla_attainment", "sla_attainmentrow", "sla_creditclaim", "sla_exclusion",
    "billing_invoice", "billing_invoiceline", "billing_charge", "audit_document",
}  # fmt: skip


def body(response: object) -> str:
    streaming = getattr(response, "streaming_content", None)
    content: bytes = b"".join(streaming) if streaming is not None else response.content  # type: ignore[attr-defined]
    return content.decode("utf-8", "replace")


def test_carla_opens_every_page_of_her_own_client(shown: Published, as_carla: Browser) -> None:
    assert {url: as_carla.get(url).status_code for url in shown.pages} == dict.fromkeys(shown.pages, 200)
    assert as_carla.get("/alder/portal/").headers["Location"] == shown.base


def test_the_viewer_of_another_client_is_told_nothing_of_vantic(shown: Published, hugo: Membership, client_of: ClientOf) -> None:
    browser = client_of(hugo)
    assert {url: browser.get(url).status_code for url in shown.pages} == dict.fromkeys(shown.pages, 404)
    own = [url.replace("/portal/van/", "/portal/hale/") for url in shown.pages]
    codes = {url: browser.get(url).status_code for url in own}
    reports = ("scorecard/", "scorecard.pdf", "contest-ledger/", "contest-ledger/entries.csv")
    listing = {f"/alder/portal/hale/{name}" for name in ("", "matters/", "levels/", "invoices/", *reports)}
    assert {url for url, code in codes.items() if code == 200} == listing
    for url in listing:
        assert "NDA" not in body(browser.get(url))


def test_an_address_in_capitals_or_of_no_client_does_not_exist(shown: Published, as_carla: Browser) -> None:
    assert as_carla.get("/alder/portal/VAN/").status_code == 404
    assert as_carla.get("/alder/portal/nobody/").status_code == 404
    assert as_carla.get("/birch/portal/van/").status_code == 404


@pytest.mark.parametrize("who", ["olga", "adam", "asha", "cora", "rita", "bill", "sam", "audrey"])
def test_staff_have_pages_of_their_own(shown: Published, who: str, request: pytest.FixtureRequest, client_of: ClientOf) -> None:
    browser = client_of(request.getfixturevalue(who))
    assert {browser.get(url).status_code for url in shown.pages} == {403}


def test_staff_of_another_provider_do_not_learn_that_it_exists(shown: Published, ben: Membership, client_of: ClientOf) -> None:
    browser = client_of(ben)
    assert {browser.get(url).status_code for url in shown.pages} == {404}


def test_nothing_can_be_sent_to_the_portal(shown: Published, as_carla: Browser) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert {getattr(as_carla, method)(url).status_code for url in shown.pages} == {405}, method


def test_a_walled_matter_stays_visible_to_its_own_client(
    shown: Published, alder: Organization, bella: Membership, as_carla: Browser
) -> None:
    with in_organization(alder.id):
        work.raise_wall(matter=shown.matter, by=make.system(), insiders=[bella])
    assert {as_carla.get(url).status_code for url in shown.pages} == {200}


def test_no_page_names_staff_titles_of_items_or_notes(shown: Published, as_carla: Browser) -> None:
    for url in shown.pages:
        if url.endswith(".pdf"):
            continue
        text = body(as_carla.get(url))
        for name in ("Bill Tanaka", "Bella Costa", "Asha Rao", "secret counterparty", "asked"):
            assert name not in text, (url, name)


@pytest.fixture
def in_portal(alder: Organization, shown: Published) -> Scope:
    return Scope(alder.id, client_id=shown.client.id, portal=True)


def tables() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1")
        return [row[0] for row in cursor.fetchall()]


def refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        return "permission denied" in str(error)
    return False


def test_the_database_lets_the_portal_read_the_tables_listed_and_write_none(in_portal: Scope) -> None:
    names = tables()
    with scoped(in_portal):
        assert {name for name in names if not refused(f"SELECT 1 FROM {name} LIMIT 1")} == READABLE
        for name in names:
            assert refused(f"INSERT INTO {name} DEFAULT VALUES"), name
            assert refused(f"UPDATE {name} SET organization_id = 0") or "organization_id" not in name, name
            assert refused(f"DELETE FROM {name}"), name


def test_the_database_shows_one_client_only(shown: Published, hale: Client, alder: Organization) -> None:
    with scoped(Scope(alder.id, client_id=hale.id, portal=True)), connection.cursor() as cursor:
        for name in sorted(READABLE - {"engagements_client"}):
            cursor.execute(f"SELECT count(*) FROM {name}")
            assert cursor.fetchone() == (0,), name
        cursor.execute("SELECT code FROM engagements_client")
        assert cursor.fetchall() == [("HALE",)]
