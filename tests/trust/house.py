"""A house of one's own: PostgreSQL, Redis and worker processes that a test may kill, beside those of the suite.

The database is a copy of the suite's migrated template. Django's connection in the test's process is pointed at it, so that
the factories and actions used elsewhere work here too.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from django.conf import settings
from django.db import connections

from lpo.embedded import process
from lpo.embedded.places import Place, throwaway_place
from lpo.embedded.postgres import SUPERUSER, Postgres
from lpo.embedded.redis import Redis
from lpo.jobs import queue
from lpo.jobs.broker import app
from lpo.tenancy.roles import Passwords, prepare_template, provision
from tests import database

TEMPLATE = "house_template"
# Filled by migrations, and not by tenants.
FILLED_BY_MIGRATIONS = ("django_migrations", "django_content_type", "auth_permission")


@dataclass
class Servers:
    place: Place
    postgres: Postgres
    redis: Redis

    def sql(self, statement: str, *parameters: Any, database: str = "postgres", role: str = SUPERUSER) -> list[tuple[Any, ...]]:
        with closing(psycopg2.connect(self.postgres.url(role, database))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
                return cursor.fetchall() if cursor.description else []

    def tool(self, name: str, *arguments: str, check: bool = True, source: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """One of PostgreSQL's own programs."""
        command = [str(self.postgres.binaries / name), *arguments]
        return subprocess.run(command, env=process.bare_environment(), input=source, capture_output=True, check=check, timeout=600)

    def postmaster(self) -> int:
        return int((self.postgres.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def redis_process(self) -> int:
        with self.redis._client() as client:
            return int(client.info("server")["process_id"])


@contextmanager
def own_servers(*, durable: bool) -> Iterator[Servers]:
    """Fresh servers with the schema in a template database."""
    place = throwaway_place(durable=durable)
    servers = Servers(place, Postgres(place), Redis(place))
    with (place.state / "users.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # or the next throwaway place sweeps this one away
        try:
            servers.redis.start()
            start_postgres(servers)
            yield servers
        finally:
            servers.redis.stop()
            servers.postgres.stop()
            shutil.rmtree(place.state, ignore_errors=True)


def start_postgres(servers: Servers) -> None:
    servers.postgres.start()
    admin = servers.postgres.url(SUPERUSER, "postgres")
    provision(admin, TEMPLATE, Passwords())
    prepare_template(servers.postgres.url(SUPERUSER, "template1"))
    source = database.renamed(settings.DATABASE_OWNER_URL, database.template())
    rows = [f"--table={name}" for name in FILLED_BY_MIGRATIONS]
    schema = servers.tool("pg_dump", "--schema-only", source).stdout
    content = servers.tool("pg_dump", "--data-only", *rows, source).stdout
    target = servers.postgres.url(SUPERUSER, TEMPLATE)
    # The database made by provision() has its schema `public` already.
    schema = schema.replace(b"CREATE SCHEMA public;", b"")
    servers.tool("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", target, source=schema + content)


@dataclass
class House:
    servers: Servers
    database: str
    folder: Path
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def sql(self, statement: str, *parameters: Any, role: str = SUPERUSER) -> list[tuple[Any, ...]]:
        return self.servers.sql(statement, *parameters, database=self.database, role=role)

    def one(self, statement: str, *parameters: Any) -> Any:
        return self.sql(statement, *parameters)[0][0]

    def url(self, role: str = "lpo_app") -> str:
        return self.servers.postgres.url(role, self.database)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REDIS_", "PYTEST_"))}
        addresses = {"DATABASE_URL": self.url(), "DATABASE_OWNER_URL": self.url("lpo_owner"), "REDIS_URL": self.servers.redis.url}
        quiet = {"DJANGO_SETTINGS_MODULE": "lpo.settings", "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1"}
        return {**kept, **addresses, **quiet, **more}

    def start(self, name: str, command: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                command,
                env=self.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=process.die_with_parent(signal.SIGTERM),
            )
        self._processes.append(started)
        return started

    def worker(
        self, name: str = "worker", *, concurrency: int = 2, beat: bool = True, timing: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """A Celery worker as bin/run starts it, with the jobs of this room."""
        command = [sys.executable, "-m", "tests.trust.program", "worker", "--concurrency", str(concurrency), "--hostname", f"{name}@house"]
        return self.start(name, [*command, "--beat"] if beat else command, **timing)

    def ready(self, *workers: subprocess.Popen[bytes]) -> None:
        """Wait until each has shown a sign of life."""
        for each in workers:
            sign = f"%:{each.pid}"
            until(lambda: bool(self.sql("SELECT 1 FROM jobs_workerheartbeat WHERE worker LIKE %s", sign)), 60, "a worker did not come up")  # noqa: B023

    def kill(self, victim: subprocess.Popen[bytes]) -> None:
        """The worker with all its pool, at once. One that has ended is left alone: its number may be another program's by now."""
        if victim.poll() is None:
            os.killpg(victim.pid, signal.SIGKILL)
            victim.wait()

    def log(self, name: str = "worker") -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        for each in self._processes:
            self.kill(each)


def pool_of(worker: subprocess.Popen[bytes]) -> list[int]:
    """The process ids of a worker's pool (and beat)."""
    try:
        return [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]
    except OSError:
        return []


def until(condition: Callable[[], bool], seconds: float, otherwise: str | Callable[[], str]) -> float:
    """Seconds waited. `otherwise` says what is wrong when they were not enough; a log is read only then."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, otherwise if isinstance(otherwise, str) else otherwise()
        time.sleep(0.05)
    return time.monotonic() - begun


@contextmanager
def django_at(servers: Servers, name: str) -> Iterator[None]:
    """This process's Django, its owner's address and its broker moved to the house."""
    default = connections["default"]
    default.close()
    kept = {key: default.settings_dict[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    before = (settings.REDIS_URL, app.conf.broker_url)
    default.settings_dict.update(NAME=name, USER="lpo_app", PASSWORD="", HOST=str(servers.place.sockets), PORT="5432")
    settings.REDIS_URL, app.conf.broker_url = servers.redis.url, servers.redis.url.replace("unix://", "redis+socket://", 1)
    queue._broker.cache_clear()
    queue._silent_until = 0.0
    try:
        yield
    finally:
        default.close()
        default.settings_dict.update(kept)
        settings.REDIS_URL, app.conf.broker_url = before
        queue._broker.cache_clear()
        queue._silent_until = 0.0
