"""What every answer carries, and what error pages say."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = [pytest.mark.urls("tests.core.urls"), pytest.mark.django_db]


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


def test_a_request_keeps_the_id_its_proxy_gave_it(browser: Client) -> None:
    assert browser.get("/gallery/", headers={"X-Request-ID": "proxy-12345678"})["X-Request-ID"] == "proxy-12345678"


def test_a_forged_id_is_replaced(browser: Client) -> None:
    answer = browser.get("/gallery/", headers={"X-Request-ID": 'x" , "level": "error'})
    assert len(answer["X-Request-ID"]) == 32


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/suspects/", 400, "Nothing was saved"),
        ("/denies/", 403, "Nothing was changed"),
        ("/nowhere/", 404, "Nothing was changed"),
        ("/collides/", 409, "Yours was not saved"),
        ("/breaks/", 500, "was not saved"),
        ("/unavailable/", 503, "was not saved"),
    ],
)
def test_an_error_page_says_what_happened_to_the_input_and_names_the_request(browser: Client, path: str, status: int, says: str) -> None:
    answer = browser.get(path)
    page = answer.content.decode()
    assert answer.status_code == status
    assert says in page
    assert answer["X-Request-ID"] in page
    assert "on purpose" not in page


def test_a_conflict_shows_both_values(browser: Client) -> None:
    page = browser.get("/collides/").content.decode()
    assert "95 %" in page
    assert "97 %" in page
    assert "Rosa Okafor" in page


def test_a_fragment_request_gets_a_banner_instead_of_a_page(browser: Client) -> None:
    page = browser.get("/breaks/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert 'role="alert"' in page


def test_fragments_and_pages_are_cached_apart_and_credentials_keep_answers_out_of_caches(browser: Client) -> None:
    assert "HX-Request" in browser.get("/gallery/")["Vary"]
    assert "no-store" not in browser.get("/gallery/").get("Cache-Control", "")
    assert browser.get("/gallery/", headers={"Authorization": "Bearer x"})["Cache-Control"] == "no-store"
    browser.cookies["session"] = "anything"
    assert browser.get("/gallery/")["Cache-Control"] == "no-store"


def test_the_policy_allows_no_inline_code_and_no_page_asks_for_it(browser: Client) -> None:
    for path in ("/gallery/", "/gallery/?shell=portal", "/accounts/login/", "/nowhere/"):
        answer = browser.get(path)
        page = answer.content.decode()
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert "nonce" not in answer["Content-Security-Policy"]
        assert " style=" not in page
        assert "<style" not in page
        assert "onclick" not in page


def test_the_theme_cookie_is_drawn_by_the_server_and_nothing_else_is_taken_from_it(browser: Client) -> None:
    assert "data-theme=" not in browser.get("/gallery/").content.decode().split("<head>")[0]
    browser.cookies["theme"] = "dark"
    assert 'data-theme="dark"' in browser.get("/gallery/").content.decode()
    browser.cookies["theme"] = '"><script>'
    assert "data-theme=" not in browser.get("/gallery/").content.decode().split("<head>")[0]


def test_a_form_left_open_too_long_is_told_so() -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/echoes/", {"name": "x"})
    assert answer.status_code == 403
