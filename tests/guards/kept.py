"""The world as a template database: built once for this code and this hour, and copied wherever tests want to live in it."""

from __future__ import annotations

import fcntl
import hashlib
import pickle
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections

from lpo.jobs import queue
from tests import database
from tests.guards import world as worlds
from tests.guards.world import World

# Its work lies hours around the moment of building, so a world is not kept for long.
KEPT_SECONDS = 1200
TEMPLATE = f"{database.PREFIX}_world"


def source_digest() -> str:
    """Of everything the world is made by, so that a world of other code is never walked."""
    digest = hashlib.sha256(database.template().encode())
    rooms = [path for room in ("lpo", "engagements", "sla", "billing", "templates/billing") for path in (database.ROOT / room).rglob("*.*")]
    for path in sorted([*rooms, *(database.ROOT / "tests").rglob("make.py"), Path(worlds.__file__)]):
        if path.suffix in {".py", ".html"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    connection = connections["default"]
    usual = str(connection.settings_dict["NAME"])
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


@contextmanager
def copied(suffix: str) -> Iterator[tuple[str, World]]:
    """(database, world): a copy of one's own, named after this process's database."""
    name = f"{connections['default'].settings_dict['NAME']}_{suffix}"
    world = built()
    database.clone(TEMPLATE, name)
    try:
        yield name, world
    finally:
        database.drop(name)


def built() -> World:
    """The world whose template database stands ready; built first if there is none of this code and hour.

    Waking workers is left out while it is built: its jobs are done in this process.
    """
    kept = Path(tempfile.gettempdir()) / f"{TEMPLATE}.pickle"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made_by = source_digest()
        if kept.exists() and time.time() - kept.stat().st_mtime < KEPT_SECONDS:
            mark, _, pickled = kept.read_bytes().partition(b"\n")
            # The file outlives the throwaway servers of its run, and other code's classes cannot be read: the mark is judged first.
            if mark == _mark(made_by):
                world = pickle.loads(pickled)  # noqa: S301 -- written below, by this code
                assert isinstance(world, World)
                return world
        kept.unlink(missing_ok=True)
        database.recreate(TEMPLATE)
        with connected_to(TEMPLATE), pytest.MonkeyPatch.context() as patch:
            patch.setattr(queue, "publish", lambda organization_id, job_id: True)
            made = worlds.build()
        database.analyse(TEMPLATE)
        kept.write_bytes(_mark(made_by) + b"\n" + pickle.dumps(made))
        return made


def _mark(made_by: str) -> bytes:
    return f"{made_by} {database.identity(TEMPLATE)}".encode()
