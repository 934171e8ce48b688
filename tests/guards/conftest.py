"""The world of the guards: each worker has a copy, and every test rolls back what it does there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import override_settings

from tests.guards import kept
from tests.guards.caches import Noted
from tests.guards.world import World


@pytest.fixture(scope="session")
def world_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[str, World]]:
    """(database, world)."""
    with django_db_blocker.unblock(), kept.copied("world") as found:
        yield found


@pytest.fixture(scope="module")
def world(world_database: tuple[str, World]) -> Iterator[World]:
    """The module's tests run in this worker's copy."""
    name, found = world_database
    with kept.connected_to(name):
        yield found


@pytest.fixture
def noted() -> Iterator[list[str]]:
    with override_settings(CACHES={"default": {"BACKEND": "tests.guards.caches.Noted", "KEY_PREFIX": "lpo"}}):
        cache.clear()
        Noted.keys.clear()
        yield Noted.keys
