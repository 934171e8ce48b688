"""Nobody reaches what is another organization's, another client's, another counsel's or behind a wall: by no address, in no list.

The walk of `test_permissions.py` reads every page of one's own for words that may not be there; here the addresses themselves
lead to what is out of reach.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lpo.accounts.roles import Role
from tests.guards import matrix
from tests.guards.examples import ECHOES, names_of
from tests.guards.matrix import ALLOWED, Row
from tests.guards.walk import ANSWERED, ask_as, check_words
from tests.guards.world import HAZEL, OUTSIDERS, ROWAN, Place, World, at_the_second_client, behind_the_wall

pytestmark = pytest.mark.django_db
ROWS = matrix.read(matrix.PAGES)


def allowed(row: Row) -> list[str]:
    return [who for who, cell in row.cells.items() if cell == ALLOWED]


def one_of_each_scope(row: Row) -> list[str]:
    """What somebody sees has three scopes (the organization, some of its matters, one client's portal): one person for each."""
    narrow = [Role.ATTORNEY.value, Role.CLIENT_VIEWER.value]
    wide = [who for who in allowed(row) if who not in narrow]
    return [*wide[:1], *(who for who in narrow if who in allowed(row))]


def out_of_reach(place: Place, who: str, row: Row, of: Place, words: list[str]) -> None:
    """404 where the path names something; where only the data does, an answer that says nothing of it."""
    answer = ask_as(place, who, row.address, row.method, of=of)
    named = names_of(row.address, of) != names_of(row.address, place)
    expected = {404} if named else ANSWERED | {404}
    assert answer.status_code in expected, f"{row} as {who}: {answer.status_code}"
    if row.address not in ECHOES:
        check_words(answer, words, f"{row} as {who}")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_another_organizations_things_are_not_found_below_ones_own(world: World, row: Row) -> None:
    for who in one_of_each_scope(row):
        out_of_reach(world.birch, who, row, world.alder, ["alder"])
    for who in {Role.OWNER.value, Role.CLIENT_VIEWER.value} & set(allowed(row)):
        out_of_reach(world.alder, who, row, world.birch, ["birch"])


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_another_organizations_addresses_are_not_found(world: World, row: Row) -> None:
    for who in (*allowed(row)[:1], Role.CLIENT_VIEWER.value):
        stranger = Place(world.alder.organization, world.birch.people, world.birch.sessions, world.alder.refs)
        answer = ask_as(stranger, who, row.address, row.method, of=world.alder)
        assert answer.status_code == 404, f"{row} as {who}"
        check_words(answer, ["alder legal"], f"{row} as {who}")


def leads_elsewhere(row: Row, place: Place, elsewhere: Place) -> bool:
    return names_of(row.address, elsewhere) != names_of(row.address, place)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_nothing_behind_a_wall_is_found_from_outside_by_anyone(world: World, row: Row) -> None:
    """Owners and auditors included. The insider finds it, so the address is right."""
    place, walled = world.alder, behind_the_wall(world.alder)
    if not leads_elsewhere(row, place, walled) or row.address.startswith("portal:"):
        return
    for who in set(allowed(row)) & set(OUTSIDERS):
        out_of_reach(place, who, row, walled, [ROWAN])
    insider = "second_billing" if Role.BILLING.value in allowed(row) else "insider"
    if Role.PROJECT_MANAGER.value in allowed(row) or insider == "second_billing":
        assert ask_as(place, insider, row.address, row.method, of=walled).status_code != 404, f"{row} as {insider}"


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_outside_counsel_finds_the_matters_it_supervises_and_no_other(world: World, row: Row) -> None:
    place, second = world.alder, at_the_second_client(world.alder)
    if not leads_elsewhere(row, place, second) or Role.ATTORNEY.value not in allowed(row):
        return
    out_of_reach(place, Role.ATTORNEY.value, row, second, [HAZEL])


@pytest.mark.parametrize("row", [row for row in ROWS if row.address.startswith("portal:")], ids=str)
def test_a_clients_viewer_finds_nothing_of_another_client(world: World, row: Row) -> None:
    place, second = world.alder, at_the_second_client(world.alder)
    if not leads_elsewhere(row, place, second):
        return
    out_of_reach(place, Role.CLIENT_VIEWER.value, row, second, [HAZEL])
    assert ask_as(place, "second_viewer", row.address, row.method, of=second).status_code in ANSWERED, str(row)


SEARCHES: list[tuple[str, str, Callable[[Place], str]]] = [
    ("the wall", ROWAN, lambda place: place.refs.walled_item.reference),
    ("the wall", ROWAN, lambda place: place.refs.walled.reference),
    ("the wall", ROWAN, lambda place: "Rowan"),
    ("the wall", ROWAN, lambda place: place.refs.walled_stream.item_prefix),
]


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search[0])
def test_a_search_from_outside_finds_nothing_behind_a_wall(world: World, search: tuple[str, str, Callable[[Place], str]]) -> None:
    place, text = world.alder, search[2](world.alder)
    for who in (Role.OWNER.value, Role.AUDITOR.value, Role.ATTORNEY.value, "insider"):
        answer = place.browser(who).get(f"/{place.slug}/search/", {"q": text})
        found = [hit for _, hits in answer.context["groups"] for hit in hits]
        hits = [hit for hit in found if ROWAN in hit.title.lower()]
        assert bool(hits) == (who == "insider"), f"{who} searches {text}"
        offered = place.browser(who).get(f"/{place.slug}/search/offer/", {"q": text}).json()["hits"]
        assert any(ROWAN in hit["title"].lower() for hit in offered) == (who == "insider"), f"the palette offers {who} {text}"


def test_a_search_finds_nothing_of_another_organization(world: World) -> None:
    for text in (world.alder.refs.item.reference, world.alder.refs.client.code, "Alder", world.alder.refs.matter.reference):
        answer = world.birch.browser("owner").get("/birch/search/", {"q": text})
        assert answer.context["groups"] == []
        assert world.birch.browser("owner").get("/birch/search/offer/", {"q": text}).json() == {"hits": []}
