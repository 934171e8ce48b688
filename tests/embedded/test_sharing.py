"""Commands of one checkout share a pair of servers; the last to leave stops them, however it leaves."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from lpo.embedded import process
from lpo.embedded.errors import EmbeddedError
from lpo.embedded.places import CHECKOUT, default_place
from lpo.embedded.postgres import Postgres
from lpo.embedded.servers import embedded_servers, recreate_database

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("embedded")]

SAY_URL = "import os; print(os.environ['DATABASE_URL'], flush=True); import sys; sys.stdin.read()"


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lpo-e-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def with_servers(*arguments: str, state: Path | None = None) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REDIS_", "LPO_"))}
    environment = kept | ({"LPO_STATE": str(state)} if state else {})
    command = [sys.executable, "-m", "lpo.embedded.with_servers", *arguments]
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def first_line(command: subprocess.Popen[str]) -> str:
    assert command.stdout is not None
    return command.stdout.readline().strip()


def test_the_last_command_to_leave_stops_the_servers(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPO_STATE", str(state))
    postgres = Postgres(default_place())
    with with_servers(sys.executable, "-c", SAY_URL, state=state) as early:
        url = first_line(early)
        with with_servers(sys.executable, "-c", SAY_URL, state=state) as late:
            assert first_line(late) == url
            early.communicate()
            assert early.returncode == 0
            assert postgres.is_running(), "the second command still uses it"
            late.communicate()
    assert not postgres.is_running()


def test_servers_of_a_killed_command_are_taken_over(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPO_STATE", str(state))
    postgres = Postgres(default_place())
    with with_servers(sys.executable, "-c", SAY_URL, state=state) as killed:
        first_line(killed)
        killed.kill()
        killed.communicate()
    assert postgres.is_running(), "lasting servers outlive a killed command"

    with with_servers(sys.executable, "-c", "raise SystemExit(7)", state=state) as following:
        following.communicate()

    assert following.returncode == 7, "the command's own exit code is passed on"
    assert not postgres.is_running()


def test_throwaway_servers_die_with_a_killed_command_and_the_next_sweeps_up() -> None:
    with with_servers("--throwaway", sys.executable, "-c", SAY_URL) as killed:
        folder = Path(first_line(killed).split("host=")[1]).parent
        pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        killed.kill()
        killed.communicate()
    assert process.wait_until(lambda: not process.is_alive(pid), 15), "a killed test run must leave no server"

    with with_servers("--throwaway", sys.executable, "-c", "pass") as following:
        following.communicate()

    assert not folder.exists()


def test_a_terminated_command_stops_its_servers() -> None:
    with with_servers("--throwaway", sys.executable, "-c", SAY_URL) as command:
        folder = Path(first_line(command).split("host=")[1]).parent
        command.send_signal(signal.SIGTERM)
        command.wait(20)  # not communicate(): closing its input would also end it
    assert command.returncode == 128 + signal.SIGTERM
    assert not folder.exists()


def test_a_database_that_nobody_uses_is_made_anew_with_its_roles(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPO_STATE", str(state))
    with embedded_servers() as variables:
        run_sql(variables["DATABASE_OWNER_URL"], "CREATE TABLE half (id int)")
        recreate_database()
        assert run_sql(variables["DATABASE_OWNER_URL"], "SELECT to_regclass('half')") is None
        assert run_sql(variables["DATABASE_URL"], "SELECT current_user") == "lpo_app"


def test_a_database_in_use_is_not_taken_from_under_anybody(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LPO_STATE", str(state))
    monkeypatch.setattr("lpo.embedded.servers.LEAVING_SECONDS", 0.5)
    with embedded_servers() as variables, closing(psycopg2.connect(variables["DATABASE_URL"])) as somebody:
        with pytest.raises(EmbeddedError, match="Another program uses the database"):
            recreate_database()
        assert somebody.closed == 0
        with somebody.cursor() as cursor:
            cursor.execute("SELECT 1")


def run_sql(url: str, statement: str) -> object:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return None if row is None else row[0]
