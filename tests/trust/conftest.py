"""Servers and workers of one's own, to be killed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lpo.accounts.models import Organization
from tests.trust.house import TEMPLATE, House, Servers, django_at, own_servers
from tests.trust.sizes import PROOF

_number = count(1)
Figure = Callable[..., None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this room in one process of the suite: its servers are started once."""
    for item in items:
        # Every collected test comes by here, and others have a house too.
        if Path(__file__).parent in item.path.parents and "house" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.xdist_group("trust"))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    # A terminated run still stops what it started: servers with fsync on would outlive it.
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with own_servers(durable=PROOF) as started:
            yield started
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def house(servers: Servers, tmp_path: Path, django_db_blocker: Any) -> Iterator[House]:
    """A fresh database in the room's own PostgreSQL, an empty Redis, and this process's Django pointed at both."""
    name = f"house_{next(_number)}"
    servers.redis.start()
    servers.postgres.start()
    servers.sql(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}" OWNER lpo_owner')
    # What was confirmed is to survive a killed server, also where the suite's servers do without fsync.
    servers.sql(f'ALTER DATABASE "{name}" SET synchronous_commit = on')
    made = House(servers, name, tmp_path)
    with django_db_blocker.unblock(), django_at(servers, name):
        try:
            yield made
        finally:
            made.close()
    servers.redis.start()
    with servers.redis._client() as client:
        client.flushall()
    servers.postgres.start()
    servers.sql(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def alder(house: House) -> Organization:
    return Organization.objects.create(slug="alder", name="Alder Legal", time_zone="America/New_York")


@pytest.fixture
def birch(house: House) -> Organization:
    return Organization.objects.create(slug="birch", name="Birch Legal Support", time_zone="Europe/London")


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Gives a figure to docs/performance.md."""

    def give(name: str, measured: str, goal: str, *, met: bool) -> None:
        record_property("figure", {"name": name, "measured": measured, "goal": goal, "met": met})
        print(f"figure: {name} | {goal} | {measured}")  # noqa: T201

    return give
