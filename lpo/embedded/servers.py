"""Both embedded servers together: shared by every command of one checkout, stopped by the last that leaves.

Who uses the servers holds a shared lock on `users.lock`; who starts or stops them holds `change.lock`. The kernel drops
both when a process dies, so a killed command never keeps the servers busy for good.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from lpo.embedded.errors import EmbeddedError, from_os
from lpo.embedded.places import LOCK, Place, default_place, throwaway_place
from lpo.embedded.postgres import SUPERUSER, Postgres
from lpo.embedded.redis import Redis
from lpo.tenancy.roles import Passwords, prepare_template, provision

DATABASE = "lpo"
LEAVING_SECONDS = 15.0


@dataclass(frozen=True)
class Needs:
    """Which of the two an outside address does not already serve."""

    postgres: bool = True
    redis: bool = True


@contextmanager
def embedded_servers(*, throwaway: bool = False, durable: bool = False, needs: Needs = Needs()) -> Iterator[dict[str, str]]:
    """Yield the environment variables of running servers. Raises `EmbeddedError`.

    `throwaway` ones are fresh and removed afterwards, without fsync unless `durable`.
    """
    if not needs.postgres and not needs.redis:
        yield {}
    elif throwaway:
        place = throwaway_place(durable=durable)
        try:
            with _locked(place.state / LOCK, fcntl.LOCK_SH), _running(place, needs) as variables:
                yield variables
        finally:
            shutil.rmtree(place.state, ignore_errors=True)
    else:
        with _shared(default_place(), needs) as variables:
            yield variables


@contextmanager
def _running(place: Place, needs: Needs) -> Iterator[dict[str, str]]:
    with ExitStack() as stopping:
        yield _start(place, needs, stopping)


@contextmanager
def _shared(place: Place, needs: Needs) -> Iterator[dict[str, str]]:
    with _locked(place.state / LOCK, fcntl.LOCK_SH) as users:
        with _locked(place.state / "change.lock", fcntl.LOCK_EX), ExitStack() as on_failure:
            variables = _start(place, needs, on_failure)
            on_failure.pop_all()
        try:
            yield variables
        finally:
            with _locked(place.state / "change.lock", fcntl.LOCK_EX):
                if _is_last(users):
                    Redis(place).stop()
                    Postgres(place).stop()


def _start(place: Place, needs: Needs, stopping: ExitStack) -> dict[str, str]:
    variables: dict[str, str] = {}
    if needs.postgres:
        postgres = Postgres(place)
        stopping.callback(postgres.stop)
        postgres.start()
        provision(postgres.url(SUPERUSER, "postgres"), DATABASE, Passwords())
        prepare_template(postgres.url(SUPERUSER, "template1"))
        variables |= {
            "DATABASE_URL": postgres.url("lpo_app", DATABASE),
            "DATABASE_OWNER_URL": postgres.url("lpo_owner", DATABASE),
            "DATABASE_BACKUP_URL": postgres.url("lpo_backup", DATABASE),
            "LPO_POSTGRES_BIN": str(postgres.binaries),
        }
    if needs.redis:
        redis = Redis(place)
        stopping.callback(redis.stop)
        redis.start()
        variables["REDIS_URL"] = redis.url
    return variables


def recreate_database() -> None:
    """An empty database with its roles in place of the one of this checkout's running servers. Raises `EmbeddedError`."""
    admin = Postgres(default_place()).url(SUPERUSER, "postgres")
    deadline = time.monotonic() + LEAVING_SECONDS
    with closing(psycopg2.connect(admin)) as connection:
        connection.autocommit = True
        while True:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(DATABASE)))
                break
            except psycopg2.errors.ObjectInUse:
                # Whoever was interrupted may just be leaving. Nobody who stays is thrown out.
                if time.monotonic() > deadline:
                    raise EmbeddedError("Another program uses the database. End it and start again.") from None
                time.sleep(0.2)
    provision(admin, DATABASE, Passwords())


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise from_os(error, path) from None
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_last(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
