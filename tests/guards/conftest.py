"""The world of the guards: a database of its own for each worker, built once; every test rolls back what it does there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from lpo.jobs import queue
from tests import database
from tests.guards import world as worlds
from tests.guards.world import World


@pytest.fixture(scope="session")
def built_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[str, World]]:
    """(database, world). Waking workers is left out: these jobs are done in this process."""
    connection = connections["default"]
    usual = str(connection.settings_dict["NAME"])
    name = f"{usual}_world"
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(queue, "publish", lambda organization_id, job_id: True)
        database.recreate(name)
        connection.settings_dict["NAME"] = name
        try:
            built = worlds.build()
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual
    yield name, built
    with django_db_blocker.unblock():
        database.drop(name)


@pytest.fixture(scope="module")
def world(built_world: tuple[str, World]) -> Iterator[World]:
    """The module's tests run in the world's database."""
    name, built = built_world
    connection = connections["default"]
    usual = str(connection.settings_dict["NAME"])
    connection.close()
    connection.settings_dict["NAME"] = name
    yield built
    connection.close()
    connection.settings_dict["NAME"] = usual
