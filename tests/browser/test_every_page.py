"""Every page of the matrix, as somebody who may see it: axe in light and dark, no refusal of the policy, and no page wider than a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from lpo.accounts.roles import Role
from tests.browser.conftest import NewPage
from tests.browser.pages import look
from tests.guards import matrix
from tests.guards.examples import names_of, query_of
from tests.guards.matrix import ALLOWED
from tests.guards.walk import address_of
from tests.guards.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# What is saved as a file, or only leads to another page.
FILES = ("/progress/", ".csv", ".pdf", ".xlsx", "/consent/1/", "evidence/", "/file/", "/files/1/", "/message/", "/receipt/", "/offer/")
# Rooms, and which part of their pages out of how many. Three groups, so that one process of the suite does not walk alone at the end:
# groups go first, and a walk takes a minute.
PARTS = [
    *[pytest.param("engagements", (n, 8), marks=pytest.mark.xdist_group(f"pages {n % 3}")) for n in range(8)],
    pytest.param("accounts", (0, 1), marks=pytest.mark.xdist_group("pages 2")),
    pytest.param("jobs audit", (0, 1), marks=pytest.mark.xdist_group("pages 2")),
    pytest.param("sla reports", (0, 1), marks=pytest.mark.xdist_group("pages 0")),
    pytest.param("billing", (0, 1), marks=pytest.mark.xdist_group("pages 2")),
    pytest.param("portal", (0, 1), marks=pytest.mark.xdist_group("pages 1")),
]


@pytest.mark.parametrize(("rooms", "part"), PARTS, ids=lambda value: value if isinstance(value, str) else str(value[0]))
def test_every_page_is_accessible_in_both_themes_and_fits_a_phone(
    live_server: LiveServer, new_page: NewPage, lived_in: World, rooms: str, part: tuple[int, int]
) -> None:
    place, looked = lived_in.alder, 0
    read = [row for row in matrix.read(matrix.PAGES) if row.method == "GET" and row.address.partition(":")[0] in rooms.split()]
    number, parts = part
    for who in (Role.OWNER.value, Role.CLIENT_VIEWER.value):
        page, seen = new_page(), 0
        page.context.add_cookies([{"name": "session", "value": place.sessions[who], "url": live_server.url}])
        for row in read[number::parts]:
            if row.cells[who] != ALLOWED:
                continue
            path = address_of(row.address, place.slug, names_of(row.address, place, who))
            if path.endswith(FILES) or "/exports/" in path or "/kept/" in path:
                continue
            query = "&".join(f"{name}={value}" for name, value in query_of(row.address, place).items())
            answer = page.goto(f"{live_server.url}{path}?{query}")
            assert answer is not None and answer.ok, f"{path}: {answer and answer.status}"
            expect(page.locator("h1")).to_have_count(1)
            look(page, frame=not seen)
            seen += 1
        looked += seen
    assert looked
