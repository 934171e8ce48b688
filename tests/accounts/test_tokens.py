"""API tokens: shown once, stored as a digest, never above their maker."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from lpo.accounts import actions, tokens
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import ApiToken, Membership, Organization
from lpo.accounts.roles import ROLE_PERMISSIONS, Permission, Role
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization

SignIn = Callable[[Membership], Browser]


def make(by: Membership, **changes: object) -> tuple[ApiToken, str]:
    wanted: dict[str, object] = {"name": "Review platform", "scopes": ["work:read"], "days": 30, **changes}
    with in_organization(by.organization_id):
        return actions.create_token(by=Actor.member(by), **wanted)  # type: ignore[arg-type]


def test_a_token_is_shown_once_and_stored_as_a_digest(olga: Membership, alder: Organization, client_of: SignIn) -> None:
    browser = client_of(olga)
    answer = browser.post("/alder/tokens/new/", {"name": "Review platform", "scopes": ["work:read", "work:write"], "days": "90"})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    shown = re.search(r"lpo_[a-z0-9]{8}_[\w-]{43}", answer.content.decode())
    assert shown
    row = ApiToken.objects.get()
    assert (row.prefix, row.digest) == (shown[0][:12], tokens.digest(shown[0]))
    secret = shown[0][13:]
    assert secret not in str(ApiToken.objects.values().get())
    assert secret not in browser.get("/alder/tokens/").content.decode()
    with in_organization(alder.id):
        assert secret not in str(list(Event.objects.values()))


def test_the_token_found_is_the_one_shown(olga: Membership) -> None:
    token, raw = make(olga)
    assert tokens.find_token(raw) == token
    assert tokens.find_token(raw[:-1]) is None
    assert tokens.find_token("") is None


@pytest.mark.parametrize("change", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() + timedelta(seconds=-1)}])
def test_a_revoked_or_expired_token_is_not_found(olga: Membership, change: dict[str, object]) -> None:
    token, raw = make(olga)
    ApiToken.objects.filter(pk=token.pk).update(created_at=timezone.now() - timedelta(days=1), **change)
    assert tokens.find_token(raw) is None


def test_a_token_dies_with_its_makers_membership_and_shrinks_with_the_role(olga: Membership) -> None:
    token, raw = make(olga, scopes=["work:write", "billing:read"])
    assert tokens.permissions_of_token(token) >= {Permission.TRACK_ITEMS, Permission.VIEW_MONEY}
    Membership.objects.filter(pk=olga.pk).update(role=Role.COORDINATOR)
    found = tokens.find_token(raw)
    assert found is not None
    held = {Permission.VIEW_WORK, Permission.TRACK_ITEMS, Permission.PAUSE, Permission.RECORD_TIME}
    assert tokens.permissions_of_token(found) == held
    Membership.objects.filter(pk=olga.pk).update(is_active=False)
    assert tokens.find_token(raw) is None


def test_an_administrator_cannot_make_a_token_that_does_more_than_they_may(adam: Membership, client_of: SignIn) -> None:
    with pytest.raises(Refused, match="work:write"):
        make(adam, scopes=["work:write"])
    answer = client_of(adam).post("/alder/tokens/new/", {"name": "x", "scopes": ["work:write"], "days": "30"})
    assert answer.status_code == 422 and "Ask an owner" in answer.content.decode()
    token, _ = make(adam, scopes=["work:read", "levels:read", "billing:read"])
    assert token.scopes == ["work:read", "levels:read", "billing:read"]


@pytest.mark.parametrize(
    ("field", "value"), [("name", "  "), ("scopes", []), ("scopes", ["work:read", "all:write"]), ("days", 0), ("days", 366)]
)
def test_what_a_token_cannot_be(olga: Membership, field: str, value: object) -> None:
    with pytest.raises(Refused) as refused:
        make(olga, **{field: value})
    assert refused.value.field == field


def test_only_those_who_manage_tokens_make_them(asha: Membership, client_of: SignIn) -> None:
    with pytest.raises(NotPermitted):
        make(asha)
    assert client_of(asha).get("/alder/tokens/").status_code == 403


def test_revoking_is_recorded_once(olga: Membership, alder: Organization, client_of: SignIn) -> None:
    token, raw = make(olga)
    for _ in range(2):
        client_of(olga).post(f"/alder/tokens/{token.prefix}/revoke/")
    assert tokens.find_token(raw) is None
    with in_organization(alder.id):
        assert list(Event.objects.order_by("id").values_list("action", "object_reference")) == [
            ("token.create", token.prefix),
            ("token.revoke", token.prefix),
        ]


def test_a_token_of_another_organization_is_not_found(olga: Membership, ben: Membership, client_of: SignIn) -> None:
    token, _ = make(olga)
    Membership.objects.filter(pk=ben.pk).update(role=Role.OWNER)
    assert client_of(ben).post(f"/birch/tokens/{token.prefix}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


def test_no_scope_reaches_people_settings_or_tokens() -> None:
    everything = tokens.permissions_of_scopes([scope.value for scope in tokens.Scope])
    assert not everything & {Permission.MANAGE_PEOPLE, Permission.MANAGE_ORGANIZATION, Permission.MANAGE_TOKENS}
    assert everything <= ROLE_PERMISSIONS[Role.OWNER]
    assert tokens.permissions_of_scopes(["made:up"]) == frozenset()
    assert set(tokens.SCOPE_PERMISSIONS) == set(tokens.SCOPE_LABELS) == set(tokens.Scope)
