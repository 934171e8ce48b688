"""The API by scope, against `matrix_api.csv`; and nothing of another organization or from behind a wall in any answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client as Browser
from django.test import override_settings
from django.urls import reverse

from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.roles import ROLE_PERMISSIONS, Role
from lpo.accounts.tokens import SCOPE_PERMISSIONS, Scope
from lpo.tenancy.context import in_organization
from tests.guards import matrix
from tests.guards.matrix import ALLOWED, REFUSED, Row
from tests.guards.routes import api_routes
from tests.guards.walk import check_headers, check_words, text_of
from tests.guards.world import ROWAN, Place, World, behind_the_wall, forbidden

pytestmark = pytest.mark.django_db
ROWS = matrix.read(matrix.API)
SCOPES = [scope.value for scope in Scope]
ANSWERED = {200, 201, 204, 409, 422}
OPEN = {"api:schema", "api:docs"}


@pytest.fixture(autouse=True)
def memory_only() -> Iterator[None]:
    """Throttles are counted afresh, and not where another run counts too."""
    with override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}):
        cache.clear()
        yield


_MILESTONE = ("milestone", "milestone_date", "milestone_done", "milestone_withdrawn", "milestone_reopened", "milestone_publication")
_OF_MATTER = ("parties", "supervision", "supervision_admission", "supervision_samples", "supervision_publication")
# Their actions ask for the permission of what is done.
DECIDED_BY_ACTIONS = {"api:item_moves", "api:blockers", "api:blocker_resolution"}


def _numbered(place: Place, row: Any) -> Mapping[str, Any]:
    return {"reference": place.refs.engagement.reference, "number": row.number}


def names_of(row: Row, place: Place) -> Mapping[str, Any]:
    refs = place.refs
    noun = row.address.removeprefix("api:")
    named = {
        "client": {"code": refs.client.code},
        "engagement": {"reference": refs.engagement.reference},
        "matter": {"reference": refs.matter.reference},
        "workstream": {"item_prefix": refs.stream.item_prefix},
        "item": {"reference": refs.item.reference},
        "item_moves": {"reference": refs.item.reference},
        "item_pauses": {"reference": refs.item.reference},
        "item_assignment": {"reference": refs.item.reference},
        "item_resume": {"reference": refs.waiting.reference},
        **{name: _numbered(place, refs.milestone) for name in _MILESTONE},
        **{name: _numbered(place, refs.blocker) for name in ("blocker", "blocker_resolution")},
        **{name: {"reference": refs.matter.reference} for name in _OF_MATTER},
        **{name: {"item_prefix": refs.stream.item_prefix, "number": 1} for name in ("quality_plan", "quality_plan_items", "replay")},
        "invoice": {"number": refs.plain_invoice.number},
        "invoice_pdf": {"number": refs.plain_invoice.number},
    }
    return named.get(noun, {})


def body_of(row: Row, place: Place) -> Mapping[str, Any]:
    """Enough for permission to decide; what is refused after that is another matter's."""
    item = place.refs.item
    bodies: dict[str, Mapping[str, Any]] = {
        "api:item_moves": {"to": "in_review", "version": item.version},
        "api:item_assignment": {"assignee": place.people["reviewer"].user.email},
    }
    return bodies.get(row.address, {})


def query_of(row: Row, place: Place) -> Mapping[str, Any]:
    refs = place.refs
    if row.address != "api:attainment_rows":
        return {}
    return {"workstream": refs.stream.item_prefix, "level": refs.level.level.name, "window": f"{refs.last_month:%Y-%m}-15"}


def call(token: str, row: Row, place: Place) -> Any:
    url = reverse(row.address, kwargs=dict(names_of(row, place)))
    browser = Browser(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"} if token else {})
    with transaction.atomic():
        if row.method == "GET":
            answer = browser.get(url, query_of(row, place))
        else:
            answer = browser.generic(row.method, url, json.dumps(body_of(row, place)), content_type="application/json")
        transaction.set_rollback(True)
    check_headers(answer, private=bool(token))
    return answer


def token_of(place: Place, who: str, scopes: list[str]) -> str:
    """A token that acts for one person. Only some roles make tokens, so its maker is put in place afterwards."""
    member = place.people[who]
    with in_organization(place.organization.id):
        token, raw = accounts.create_token(name="guard", scopes=scopes, days=1, by=Actor.member(place.people["owner"]))
    type(token).objects.filter(pk=token.pk).update(created_by=member)
    return raw


def test_every_method_of_the_api_has_its_row_and_every_row_its_method() -> None:
    declared = {(address, method) for address, route in api_routes().items() for method in route.required or {}}
    assert declared == {(row.address, row.method) for row in ROWS}
    assert {address for address, route in api_routes().items() if not route.required} == OPEN


def test_the_matrix_and_the_scopes_agree() -> None:
    routes = api_routes()
    for row in ROWS:
        permission = (routes[row.address].required or {})[row.method]
        for scope in Scope:
            cell = row.cells[scope.value]
            assert cell in {ALLOWED, REFUSED}
            if row.address not in DECIDED_BY_ACTIONS:
                assert (cell == ALLOWED) == (permission in SCOPE_PERMISSIONS[scope]), f"{row}: {scope}"


def test_no_scope_approves_pauses_issues_invoices_or_manages_people() -> None:
    granted = frozenset().union(*SCOPE_PERMISSIONS.values())
    assert granted <= ROLE_PERMISSIONS[Role.OWNER]
    assert {permission.value for permission in granted} == {
        *[
            "view work",
            "edit work",
            "track items",
            "work items",
            "pause",
            "check quality",
            "view service levels",
            "replay service levels",
            "view money",
            "record usage",
            "record time",
            "view profiles",
        ]
    }


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_each_scope_is_answered_as_the_matrix_says(world: World, row: Row) -> None:
    place = world.alder
    for scope in SCOPES:
        answer = call(place.refs.raw_scoped[scope], row, place)
        expected = ANSWERED if row.cells[scope] == ALLOWED else {403}
        assert answer.status_code in expected, f"{row} with {scope}: {answer.status_code}"
        check_words(answer, forbidden(place, "owner"), f"{row} with {scope}")
    nobody = call("", row, place)
    assert (nobody.status_code, str(nobody.status_code)) == (401, row.cells["anonymous"])


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_token_finds_nothing_of_another_organization(world: World, row: Row) -> None:
    answer = call(world.birch.refs.raw_token, row, world.alder)
    named = bool(names_of(row, world.alder)) or row.address == "api:attainment_rows"
    assert answer.status_code == 404 if named else answer.status_code in ANSWERED, f"{row}: {answer.status_code}"
    check_words(answer, ["alder"], str(row))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_token_finds_nothing_behind_its_makers_wall(world: World, row: Row) -> None:
    """Not even the totals' leaves; the token of somebody inside finds them."""
    place, walled = world.alder, behind_the_wall(world.alder)
    if names_of(row, walled) == names_of(row, place):
        return
    assert call(place.refs.raw_token, row, walled).status_code == 404
    inside = call(token_of(place, "insider", SCOPES), row, walled)
    assert inside.status_code in ANSWERED, inside.status_code


def test_an_invoice_with_work_behind_a_wall_says_nothing_of_it_outside(world: World) -> None:
    place, number = world.alder, world.alder.refs.invoice.number
    for who, knows in (("owner", False), ("second_billing", True)):
        browser = Browser(headers={"Authorization": f"Bearer {token_of(place, who, SCOPES)}"})
        texts = [text_of(browser.get(f"/api/v1/invoices/{number}/{part}")) for part in ("", "pdf/")]
        assert any(ROWAN in text for text in texts) == knows, who


def test_outside_counsels_token_reaches_its_matters_only(world: World) -> None:
    place = world.alder
    browser = Browser(headers={"Authorization": f"Bearer {token_of(place, 'attorney', SCOPES)}"})
    for noun in ("clients", "engagements", "matters", "workstreams", "items", "service-levels", "attainments"):
        answer = browser.get(f"/api/v1/{noun}/")
        assert answer.json()["results"], noun
        check_words(answer, forbidden(place, "attorney"), noun)


def test_a_revoked_an_expired_and_a_departed_members_token_are_401(world: World) -> None:
    place, row = world.alder, ROWS[0]
    raw = token_of(place, "insider", SCOPES)
    assert call(raw, row, place).status_code == 200
    member = place.people["insider"]
    type(member).objects.filter(pk=member.pk).update(is_active=False)
    assert call(raw, row, place).status_code == 401


def test_the_schema_and_its_page_are_open_and_closed_to_scripts(world: World) -> None:
    for address in sorted(OPEN):
        answer = Browser().get(reverse(address))
        assert answer.status_code == 200
        check_headers(answer, private=False)
