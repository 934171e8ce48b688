"""A real Chromium, one per test session; pages that report every refusal of their Content-Security-Policy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import override_settings
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django import Settings

from lpo.jobs import queue
from tests import database
from tests.guards import kept
from tests.guards.world import World

CHROMIUM = os.environ.get("LPO_CHROMIUM", "/usr/bin/chromium")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

NewPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def no_connection_outlives_its_test(transactional_db: None) -> Iterator[None]:
    """The server's threads hold on to the database that the next test replaces; the application may end what is its own."""
    yield
    # The application's own connections only: autovacuum may be in there too, and leaves when the database is dropped.
    others = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    )
    with connection.cursor() as cursor:
        # A request under way when its page closed may connect once more, so this goes on until nobody is left.
        for _ in range(50):
            cursor.execute(others)
            if not cursor.fetchall():
                break
            time.sleep(0.1)


@pytest.fixture(autouse=True)
def own_counters(settings: Settings) -> None:
    """Rate limits count in the cache; a test's own starts from nothing."""
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # Playwright's synchronous interface runs an event loop, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[NewPage]:
    """Opens pages that fail their test for a policy violation or a script error, at its end."""
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            complaints.append(message.text)

    with ExitStack() as stack:

        def open_page(scheme: str = "light", width: int = 1280, javascript: bool = True, **options: object) -> Page:
            context = chromium.new_context(
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport={"width": width, "height": 800},
                java_script_enabled=javascript,
                **options,  # type: ignore[arg-type]
            )
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", listen)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield open_page
    assert not complaints, complaints


@pytest.fixture
def lived_in(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """This worker's database as a copy of the guards' world, committed, for a server to serve. Throttles count in memory, and
    no worker is woken: a journey does its jobs itself."""
    monkeypatch.setattr(queue, "publish", lambda organization_id, job_id: True)
    with override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}):
        cache.clear()
        world = kept.built()
        database.clone(kept.TEMPLATE, str(connections["default"].settings_dict["NAME"]))
        yield world
