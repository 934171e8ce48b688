"""A disk that fills up: a clear error, nothing half-written or corrupt, and work goes on once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from django.db import Error, connection

from engagements.models import WorkItem, Workstream
from lpo.accounts.models import Organization
from lpo.embedded import process
from lpo.embedded.errors import EmbeddedError
from lpo.embedded.places import server_account
from lpo.embedded.postgres import SUPERUSER, Postgres
from lpo.tenancy.context import in_organization
from tests import make
from tests.trust.conftest import Figure
from tests.trust.house import House, Servers
from tests.trust.sizes import sizes


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 200 MB, in memory, that belongs to the servers' user."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = Path(tempfile.mkdtemp(prefix="lpo-e-", dir="/tmp"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=0755", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("this machine lets nobody mount a small disk")
    account = server_account()
    os.chown(folder, account.uid, account.gid)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


def fill(disk: Path, leave: int) -> Path:
    """A file that takes all of the disk but `leave` bytes."""
    state = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(state.f_bavail * state.f_frsize - leave, 4096))
    return ballast


@pytest.fixture
def on_small_disk(small_disk: Path, house: House) -> Iterator[House]:
    """The house with its tables on the small disk; the server's log stays where there is room."""
    connection.close()
    house.servers.sql(f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    house.servers.sql(f'ALTER DATABASE "{house.database}" SET TABLESPACE small')
    yield house
    connection.close()
    house.servers.sql(f'ALTER DATABASE "{house.database}" SET TABLESPACE pg_default')
    house.servers.sql("DROP TABLESPACE small")


HALF_WRITTEN = """
SELECT count(*) FROM engagements_workitem i
WHERE NOT EXISTS (SELECT 1 FROM audit_event e WHERE e.object_reference = i.reference)
   OR NOT EXISTS (SELECT 1 FROM engagements_transition t WHERE t.item_id = i.id)
"""


@sizes("rounds", 1, 3)
def test_a_full_disk_stops_with_a_clear_error_and_heals(
    rounds: int, small_disk: Path, on_small_disk: House, alder: Organization, figure: Figure
) -> None:
    confirmed, words = 0, ""
    with in_organization(alder.id):
        stream = make.workstream()
    for _ in range(rounds):
        ballast = fill(small_disk, leave=64 * 1024)
        while not words or ballast.exists():
            try:
                with in_organization(alder.id):
                    make.item(Workstream.objects.get(pk=stream.pk), title="A long title " * 20)
                confirmed += 1
            except Error as error:
                words = str(error).splitlines()[0]
                ballast.unlink()
        with in_organization(alder.id):
            make.item(Workstream.objects.get(pk=stream.pk))
            confirmed += 1
            assert WorkItem.objects.count() == confirmed, "it goes on at once, with all that was confirmed"
    torn = on_small_disk.one(HALF_WRITTEN)
    # Reads every page, whose checksums PostgreSQL 18 verifies.
    dump = on_small_disk.servers.tool("pg_dump", "--dbname", on_small_disk.url("lpo_backup"), "--file", os.devnull, check=False)
    figure(
        f"disk full {rounds} times in the middle of writing",
        f"“{words.partition(': ')[2] or words}”; {torn} half-written of {confirmed}, every page readable",
        "a clear error, no corrupt file, recovery without repair",
        met=torn == 0 and dump.returncode == 0,
    )
    assert "No space left on device" in words
    assert torn == 0
    assert dump.returncode == 0, dump.stderr.decode()


def test_a_server_without_room_for_its_log_says_so_in_one_line_and_starts_again(small_disk: Path, servers: Servers) -> None:
    """Everything of PostgreSQL is on the small disk. Without room for its log it stops at once; with room it starts again by itself."""
    sockets = Path(tempfile.mkdtemp(prefix="lpo-e-", dir="/tmp"))
    account = servers.place.account
    os.chown(sockets, account.uid, account.gid)
    postgres = Postgres(replace(servers.place, state=small_disk, sockets=sockets, durable=True))
    try:
        postgres.start()
        fill(small_disk, leave=256 * 1024)
        confirmed = write_until_it_stops(postgres)
        process.wait_until(lambda: not postgres.is_running(), 10)
        postgres.stop()
        fill_the_rest(small_disk)
        with pytest.raises(EmbeddedError, match="no space is left on the disk") as raised:
            postgres.start()
        assert "\n" not in str(raised.value)
        for ballast in small_disk.glob("ballast*"):
            ballast.unlink()
        postgres.start()
        with closing(psycopg2.connect(postgres.url(SUPERUSER, "postgres"))) as opened, opened.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kept")
            assert cursor.fetchone() == (confirmed,)
    finally:
        postgres.stop()
        shutil.rmtree(sockets, ignore_errors=True)


def write_until_it_stops(postgres: Postgres) -> int:
    confirmed = 0
    with closing(psycopg2.connect(postgres.url(SUPERUSER, "postgres"))) as opened:
        opened.autocommit = True
        with opened.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (text text)")
            with pytest.raises(psycopg2.Error):
                for _ in range(1_000):
                    cursor.execute("INSERT INTO kept VALUES (repeat(md5(random()::text), 2000))")
                    confirmed += 1
    return confirmed


def fill_the_rest(disk: Path) -> None:
    with suppress(OSError), (disk / "ballast-rest").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
