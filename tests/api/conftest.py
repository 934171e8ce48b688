"""A client program with a token of every scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.tokens import Scope as TokenScope
from lpo.tenancy.context import in_organization
from tests.sla.conftest import WallClock

Ask = Callable[..., Any]


@pytest.fixture
def program_of() -> Callable[[Membership], Ask]:
    """`ask("POST", "blockers/", {...})` as the token of one person; without a body, the query."""

    def made(member: Membership) -> Ask:
        with in_organization(member.organization_id):
            scopes = [scope.value for scope in TokenScope]
            _, raw = accounts.create_token(name="tests", scopes=scopes, days=30, by=Actor.member(member))
        browser = Browser(headers={"Authorization": f"Bearer {raw}"})

        def ask(method: str, path: str, data: Any = None) -> Any:
            if method == "GET":
                return browser.get(f"/api/v1/{path}", data or {})
            return getattr(browser, method.lower())(f"/api/v1/{path}", data or {}, content_type="application/json")

        return ask

    return made


@pytest.fixture
def ask(olga: Membership, program_of: Callable[[Membership], Ask]) -> Ask:
    return program_of(olga)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)
