"""Every answer is closed: pages and redirects in the walks of the other guards, and here the ones that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client as Browser
from django.test import RequestFactory

from lpo.core.views import unavailable
from tests.guards.routes import public_routes
from tests.guards.walk import check_headers, lets_nothing_in, policy_of, strict_policy
from tests.guards.world import World

pytestmark = pytest.mark.django_db
# Answered without a session; what needs one redirects.
OPEN = [
    "/healthz",
    "/gallery/",
    "/favicon.ico",
    "/accounts/login/",
    "/accounts/password/reset/",
    "/",
    "/organizations/",
    "/invitations/none/",
]


def test_the_policy_lets_in_nothing_but_ourselves() -> None:
    policy = strict_policy()
    assert policy["default-src"] == {"'none'"}
    assert policy["script-src"] == policy["style-src"] == {"'self'"}
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == {"'none'"}
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "https:"} & set().union(*policy.values())
    assert lets_nothing_in(policy_of("default-src 'none'; sandbox"))
    assert not lets_nothing_in(policy_of("default-src 'none'; script-src 'self'"))


@pytest.mark.parametrize("path", OPEN)
def test_an_open_page_is_closed_to_others(db: None, path: str) -> None:
    check_headers(Browser().get(path), private=False)


@pytest.mark.parametrize("path", ["/accounts/email/", "/accounts/2fa/", "/accounts/sessions/", "/accounts/profile/", "/organizations/"])
def test_a_page_of_ones_own_is_kept_nowhere(world: World, path: str) -> None:
    check_headers(world.alder.browser("owner").get(path), private=True)


def wrong(world: World) -> Iterator[tuple[int, Any]]:
    owner, viewer = world.alder.browser("owner"), world.alder.browser("client_viewer")
    yield 404, owner.get("/alder/nowhere/")
    yield 404, viewer.get("/alder/today/")
    yield 403, world.alder.browser("coordinator").get("/alder/invoices/")
    yield 405, owner.put("/alder/today/")
    yield 403, strict(world).post("/alder/clients/new/", {})
    yield 301, owner.get("/alder/today")


def strict(world: World) -> Browser:
    """A browser whose forms lack the token against forgery."""
    browser = Browser(enforce_csrf_checks=True)
    browser.cookies["session"] = world.alder.sessions["owner"]
    return browser


def test_answers_that_go_wrong_are_closed_alike(world: World) -> None:
    for status, answer in wrong(world):
        assert answer.status_code == status, answer.request["PATH_INFO"]
        check_headers(answer, private=True)


@pytest.mark.parametrize(("error", "status"), [(ZeroDivisionError("broken"), 500), (SuspiciousOperation("odd"), 400)])
def test_a_page_that_breaks_is_closed_and_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def breaks(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr("engagements.views.clients.render", breaks)
    answer = world.alder.browser("owner").get("/alder/clients/")
    assert answer.status_code == status
    assert str(error) not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    check_headers(answer, private=True)


def test_a_service_that_is_away_says_when_to_come_back() -> None:
    answer = unavailable(RequestFactory().get("/"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


def test_every_open_route_of_ours_is_looked_at() -> None:
    """So that a new page outside any organization gets its line above."""
    ours = {f"/{route.path}" for route in public_routes() if not route.address.startswith(("account_", "mfa_", "usersessions_"))}
    assert ours - set(OPEN) == {"/readyz", "/invitations/<str:token>/", "/accounts/profile/"}
