"""Starting, finding and stopping server processes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lpo.embedded.places import Account

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signal_number: int) -> Callable[[], None]:
    """For `preexec_fn`: a killed supervisor must not leave servers behind that hold ports and files."""

    def leash() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal_number)

    return leash


# Servers outlive the object that started them; kept here so that a stopped one is also collected from the system's table.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Launch:
    """How a server process is started."""

    command: Sequence[str]
    account: Account
    folder: Path
    log: Path
    leash: int | None = None  # the signal that follows a dead parent
    environment: Mapping[str, str] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        other = {"user": self.account.uid, "group": self.account.gid, "extra_groups": []} if self.account.is_other else {}
        with self.log.open("ab") as log:
            started: subprocess.Popen[bytes] = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(self.environment or bare_environment()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the supervisor, which stops servers in order
                preexec_fn=die_with_parent(self.leash) if self.leash else None,
                **other,  # type: ignore[call-overload]
            )
        _children[started.pid] = started
        return started


def bare_environment() -> dict[str, str]:
    """Servers inherit no secrets of the application, and no PG* variables that would send a tool elsewhere."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/nonexistent"}


def is_alive(pid: int) -> bool:
    """True while the process exists; a finished child that nobody has waited for counts as gone."""
    if pid in _children and _children[pid].poll() is not None:
        del _children[pid]
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in {"Z", "X"}


def working_folder(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def program_name(pid: int) -> str:
    try:
        return Path(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()).name
    except OSError:
        return ""


def stop(pid: int, signals: Sequence[tuple[int, float]]) -> bool:
    """Send each signal in turn until the process is gone, waiting the given seconds after each."""
    for number, patience in signals:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        if wait_until(lambda: not is_alive(pid), patience):
            break
    if pid in _children and _children[pid].poll() is not None:
        del _children[pid]
    return not is_alive(pid)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


def tail(path: Path, lines: int = 12) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


FAST_SHUTDOWN = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))
ORDERLY = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))
