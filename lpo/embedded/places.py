"""Where the embedded servers keep data and sockets, and which system user runs them.

PostgreSQL refuses to run as root, and a checkout may lie under a private home that no other user can enter. As root,
everything the servers touch therefore lives under /var/lib/lpo and /run, and no permission of an existing folder is
ever changed. As an ordinary user, data stays in the checkout's `.var`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lpo.embedded.errors import EmbeddedError, from_os

CHECKOUT = Path(__file__).resolve().parent.parent.parent
SERVER_USER = "lpo-postgres"
# sockaddr_un holds 107 bytes; PostgreSQL appends ".s.PGSQL.5432.lock" and Redis cuts a longer name without a word.
LONGEST_SOCKET_FOLDER = 80
THROWAWAY = "lpo-t-"
TEMPORARY = Path("/tmp")  # noqa: S108 — not $TMPDIR: it may be long (sockets) or private (the servers' own user)
MEMORY = Path("/dev/shm")  # noqa: S108
ROOM_IN_MEMORY = 6 * 1024**3  # bytes; a run of all tests writes about 2 GB
LOCK = "users.lock"  # held while the servers of a place are in use


@dataclass(frozen=True)
class Account:
    """The operating system's user that the servers run as."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        return self.uid != os.geteuid()


@dataclass(frozen=True)
class Place:
    state: Path  # data and logs
    sockets: Path  # 0700, short
    programs: Path | None  # where binaries are copied to, or None to run them where they were installed
    account: Account
    durable: bool  # False: no fsync, and the servers die with the command that started them


def key_of(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:10]


def checkout_key(checkout: Path = CHECKOUT) -> str:
    """One set of servers for each checkout and user."""
    return key_of(checkout, os.geteuid())


def default_place(checkout: Path = CHECKOUT) -> Place:
    """The place of this checkout's lasting data. Raises `EmbeddedError` when nothing can be written."""
    chosen = os.environ.get("LPO_STATE", "").strip()
    if os.geteuid() == 0:
        account = server_account()
        if chosen:
            state = make_folder(Path(chosen).absolute(), mode=0o755)
            _check_enterable(state)
        else:
            state = make_folder(make_folder(Path("/var/lib/lpo"), mode=0o755) / checkout_key(checkout), mode=0o755)
        return Place(state, _socket_folder(key_of(state), account), state / "pg", account, durable=True)
    account = Account(os.geteuid(), os.getegid())
    state = make_folder(Path(chosen or checkout / ".var").absolute(), mode=0o700)
    return Place(state, _socket_folder(key_of(state), account), None, account, durable=True)


def _check_enterable(state: Path) -> None:
    """As root the servers run as another user; nobody's folder is opened for it, so the folder must be open already."""
    for folder in (state, *state.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            raise EmbeddedError(
                f"LPO_STATE={state} lies under {folder}, which the servers' user {SERVER_USER} cannot enter. Choose another folder."
            )


def throwaway_place(checkout: Path = CHECKOUT, *, durable: bool = False) -> Place:
    """A fresh place in memory if there is room, else in the temporary folder; the caller removes `state` with all that is in it.

    Tests do without fsync. What is to be durable lies on the disk.
    """
    is_root = os.geteuid() == 0
    account = server_account() if is_root else Account(os.geteuid(), os.getegid())
    _sweep_abandoned()
    try:
        state = Path(tempfile.mkdtemp(prefix=THROWAWAY, dir=TEMPORARY if durable or not _room_in_memory() else MEMORY))
        state.chmod(0o755 if is_root else 0o700)
        sockets = state / "s"
        _private_folder(sockets, account)
    except OSError as error:
        raise from_os(error, TEMPORARY) from None
    programs = None
    if is_root:
        home = make_folder(Path("/var/lib/lpo"), mode=0o755)
        programs = make_folder(home / checkout_key(checkout), mode=0o755) / "pg"
    return Place(state, sockets, programs, account, durable=durable)


def _room_in_memory() -> bool:
    """A copy of a database is a thousand small files: in memory it takes a fifth of the time. The room must be there twice over, as
    a limit of the folder and as memory that nobody uses."""
    try:
        free = shutil.disk_usage(MEMORY).free
        (available,) = [line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:")]
    except (OSError, ValueError):
        return False
    return os.access(MEMORY, os.W_OK | os.X_OK) and min(free, int(available.split()[1]) * 1024) >= ROOM_IN_MEMORY


def _sweep_abandoned() -> None:
    """Remove what killed test runs of this user left: nobody holds their lock any more."""
    for folder in [*TEMPORARY.glob(f"{THROWAWAY}*"), *MEMORY.glob(f"{THROWAWAY}*")]:
        with suppress(OSError):
            if folder.stat().st_uid != os.geteuid():
                continue
            with (folder / LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def make_folder(path: Path, *, mode: int) -> Path:
    """Create what is missing of `path` and check that it can be written; existing folders keep their permissions."""
    try:
        if not path.is_dir():
            path.mkdir(parents=True, mode=mode)
            path.chmod(mode)  # the process's umask may have narrowed it; this folder is new and ours
        probe = path / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise from_os(error, path) from None
    return path


def owned_folder(path: Path, account: Account) -> Path:
    """A new 0700 folder that belongs to the servers' user."""
    try:
        if not path.exists():
            path.mkdir(mode=0o700)
            os.chown(path, account.uid, account.gid)
    except OSError as error:
        raise from_os(error, path) from None
    return path


def server_account() -> Account:
    """The dedicated user that servers run as when we are root; created when absent.

    Not `nobody`: every other service that runs as nobody could then open the sockets and read the data.
    """
    try:
        entry = pwd.getpwnam(SERVER_USER)
    except KeyError:
        _create_server_user()
        try:
            entry = pwd.getpwnam(SERVER_USER)
        except KeyError:
            raise EmbeddedError(
                f"PostgreSQL does not run as root, and the system user {SERVER_USER} could not be created. "
                f"Run: useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {SERVER_USER}"
            ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def _create_server_user() -> None:
    useradd = [
        "useradd",
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        SERVER_USER,
    ]
    adduser = ["adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", SERVER_USER]  # BusyBox
    for command in (useradd, adduser):
        program = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
        # Two checkouts may start at once: whoever comes second finds the user present, which is all that is wanted.
        if program and subprocess.run([program, *command[1:]], capture_output=True, check=False).returncode == 0:
            return


def _socket_folder(key: str, account: Account) -> Path:
    is_root = os.geteuid() == 0
    runtime = Path("/run") if is_root else Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    candidates = [runtime / f"lpo-{key}"] if len(str(runtime)) + len(key) + 5 <= LONGEST_SOCKET_FOLDER else []
    candidates.append(Path(f"/tmp/lpo-{os.geteuid()}-{key}"))  # noqa: S108 — made 0700 and its owner checked
    for path in candidates[:-1]:
        with suppress(OSError):  # no such folder, or not ours to write: the next one
            _private_folder(path, account)
            return path
    try:
        _private_folder(candidates[-1], account)
    except OSError as error:
        raise from_os(error, candidates[-1]) from None
    return candidates[-1]


def _private_folder(path: Path, account: Account) -> None:
    """Create `path` 0700 for `account`, or check that it is just that: a stranger may have made the name in /tmp first."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or stat.S_IMODE(found.st_mode) != 0o700:
            raise EmbeddedError(
                f"{path} is not a private folder of ours (owner {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}). Remove it."
            ) from None
    else:
        os.chown(path, account.uid, account.gid)
