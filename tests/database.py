"""Test databases: one template migrated by the owner, one copy for each worker, used as the application role.

Nothing here is a shortcut around row-level security: tests see what the application sees.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from django.conf import settings
from django.db import connections

ROOT = Path(settings.BASE_DIR)
PREFIX = os.environ.get("LPO_TEST_DATABASE", "test_lpo")


def renamed(url: str, name: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path="/" + name)).replace(f"{parts.scheme}:/{name}", f"{parts.scheme}:///{name}")


@contextmanager
def owner_cursor() -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(settings.DATABASE_OWNER_URL)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def template() -> str:
    """The name of a database migrated to the present state of the migrations, made on first use."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("*/migrations/*.py"), *ROOT.glob("lpo/*/migrations/*.py"), ROOT / "lpo/tenancy/operations.py"]):
        digest.update(path.read_bytes())
    name = f"{PREFIX}_template_{digest.hexdigest()[:12]}"
    with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with owner_cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone():
                return name
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}_making" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}_making" TEMPLATE template0')
            environment = {**os.environ, "DATABASE_OWNER_URL": renamed(settings.DATABASE_OWNER_URL, f"{name}_making")}
            subprocess.run(
                [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0", "--skip-checks"], check=True, env=environment
            )
            cursor.execute(f'ALTER DATABASE "{name}_making" RENAME TO "{name}"')
    return name


def _drop(cursor: psycopg2.extensions.cursor, name: str) -> None:
    """A connection that is just closing, or autovacuum, may still be in there. The owner may not end another role's process, so the
    application ends its own."""
    deadline = time.monotonic() + 10
    while True:
        try:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            return
        except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.ObjectInUse):
            if time.monotonic() > deadline:
                raise
            _end_own_connections(name)
            time.sleep(0.05)


def _end_own_connections(name: str) -> None:
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user", [name])
    finally:
        connection.close()


def clone(source: str, name: str) -> None:
    """A copy of a database that nobody is connected to."""
    connections["default"].close()
    with owner_cursor() as cursor:
        _drop(cursor, name)
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')


def analyse(name: str) -> None:
    """Let the planner know the rows, as a database in use knows its own; copies know what their source knew."""
    connection = psycopg2.connect(renamed(settings.DATABASE_OWNER_URL, name))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    finally:
        connection.close()


def identity(name: str) -> tuple[int, int] | None:
    """(server, database) as PostgreSQL numbers them, or None if there is no database of that name."""
    with owner_cursor() as cursor:
        cursor.execute("SELECT system_identifier, oid::bigint FROM pg_control_system(), pg_database WHERE datname = %s", [name])
        found: tuple[int, int] | None = cursor.fetchone()
        return found


def recreate(name: str) -> None:
    """A fresh copy of the template under `name`: 0.1–0.4 s, where flushing would need rights the application lacks."""
    clone(template(), name)


def drop(name: str) -> None:
    connections["default"].close()
    with owner_cursor() as cursor:
        _drop(cursor, name)
