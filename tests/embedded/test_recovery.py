"""What a killed run leaves behind must not keep the next one from starting, nor cost data that was committed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import redis

from lpo.embedded import process
from lpo.embedded.errors import EmbeddedError
from lpo.embedded.places import Account, Place
from lpo.embedded.postgres import Postgres
from lpo.embedded.redis import Redis

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("embedded")]


@pytest.fixture
def postgres(place: Place) -> Postgres:
    started = Postgres(place)
    started.start()
    return started


@pytest.fixture
def sleeper(account: Account) -> Iterator[int]:
    """A process of the servers' user that is no server."""
    other = {"user": account.uid, "group": account.gid, "extra_groups": []} if account.is_other else {}
    child = subprocess.Popen(
        [
            sys.executable if not account.is_other else "/bin/sleep",
            *(["-c", "import time; time.sleep(60)"] if not account.is_other else ["60"]),
        ],
        **other,
    )  # type: ignore[call-overload]
    yield child.pid
    child.kill()
    child.wait()


def run_sql(postgres: Postgres, statement: str) -> object:
    with closing(psycopg2.connect(postgres.url("postgres", "postgres"))) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert process.wait_until(lambda: not process.is_alive(pid), 10)


def postmaster(postgres: Postgres) -> int:
    return int((postgres.data / "postmaster.pid").read_text().splitlines()[0])


def test_committed_rows_survive_a_killed_postgres(postgres: Postgres) -> None:
    run_sql(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill(postmaster(postgres))
    assert (postgres.data / "postmaster.pid").exists(), "the kill was to leave its pid file"

    postgres.start()

    assert run_sql(postgres, "SELECT answer FROM kept") == (42,)


def test_a_pid_file_whose_number_went_to_another_program_is_no_obstacle(postgres: Postgres, sleeper: int) -> None:
    lines = (postgres.data / "postmaster.pid").read_text().splitlines()
    kill(postmaster(postgres))
    (postgres.data / "postmaster.pid").write_text("\n".join([str(sleeper), *lines[1:]]) + "\n")

    postgres.start()

    assert postmaster(postgres) != sleeper
    assert process.is_alive(sleeper), "the stranger must not be touched"


def test_stopping_never_ends_another_program(postgres: Postgres, sleeper: int) -> None:
    postgres.stop()
    (postgres.data / "postmaster.pid").write_text(f"{sleeper}\n{postgres.data}\n")

    postgres.stop()

    assert process.is_alive(sleeper)


def test_stale_socket_and_its_lock_are_cleared(postgres: Postgres, sleeper: int) -> None:
    postgres.stop()
    stale = postgres.place.sockets / ".s.PGSQL.5432"
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(stale))
    stale.with_name(".s.PGSQL.5432.lock").write_text(f"{sleeper}\n{postgres.data}\n0\n5432\n{stale.parent}\n\n")

    postgres.start()

    assert run_sql(postgres, "SELECT 1") == (1,)


def test_an_interrupted_first_start_leaves_no_half_cluster(place: Place, postgres: Postgres) -> None:
    half = place.state / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    assert run_sql(postgres, "SELECT 1") == (1,), "only a folder named `data` is ever started"


def test_data_of_another_major_version_is_named(postgres: Postgres) -> None:
    postgres.stop()
    version = postgres.data / "PG_VERSION"
    version.write_text("16\n")
    try:
        with pytest.raises(EmbeddedError, match=r"written by PostgreSQL 16; this version brings 18") as raised:
            postgres.start()
        assert "\n" not in str(raised.value)
    finally:
        version.write_text("18\n")


def test_there_is_no_tcp_listener_and_the_socket_folder_is_private(postgres: Postgres) -> None:
    assert run_sql(postgres, "SHOW listen_addresses") == ("",)
    assert run_sql(postgres, "SHOW fsync") == ("on",)
    assert postgres.place.sockets.stat().st_mode & 0o777 == 0o700


def test_a_killed_redis_comes_back_with_its_messages(place: Place) -> None:
    server = Redis(place)
    server.start()
    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        client.config_set("appendfsync", "always")
        client.set("message", "wake up")
        kill(int(client.info("server")["process_id"]))
    assert server.socket.exists(), "the kill was to leave its socket"

    server.start()

    with redis.Redis(unix_socket_path=str(server.socket)) as client:
        assert client.get("message") == b"wake up"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("port") == {"port": "0"}
    server.stop()
    assert not server.is_running()


def test_log_of_a_server_that_cannot_start_is_named(place: Place) -> None:
    server = Redis(place)
    broken = server.data / "appendonly.aof"
    server.data.mkdir(exist_ok=True)
    kept = broken.read_bytes() if broken.exists() else b""
    broken.write_bytes(b"this is no append-only file\r\n")
    try:
        with pytest.raises(EmbeddedError, match=r"Redis did not start: .* \(log: .*redis\.log\)"):
            server.start()
    finally:
        broken.write_bytes(kept)


def test_working_folder_tells_one_postgres_from_another(postgres: Postgres, tmp_path: Path) -> None:
    assert process.working_folder(postmaster(postgres)) == postgres.data.resolve()
    assert process.working_folder(os.getpid()) != tmp_path
