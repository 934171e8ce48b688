"""`bin/run`: servers, schema, demo, then web, worker and beat under one roof until Ctrl-C; `--once` does the main job and exits."""

from __future__ import annotations

import argparse
import errno
import fcntl
import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psycopg2
import redis

from lpo.embedded import console, process
from lpo.embedded.children import Child, Shown, watch
from lpo.embedded.errors import EmbeddedError, from_os
from lpo.embedded.places import CHECKOUT, default_place
from lpo.embedded.servers import Needs, embedded_servers, recreate_database

PYTHON = [sys.executable]
MANAGE = [*PYTHON, str(CHECKOUT / "manage.py")]
SERVE_SECONDS = 60.0
UNFINISHED = 3  # the exit code of `manage.py demo` and `once` that find a part of a demo
# Two megabytes that no page loads: the browsable API is off and the API page is Swagger's.
UNUSED_STATIC = ("--ignore", "rest_framework", "--ignore", "redoc")


class Stopped(Exception):
    """Ctrl-C or SIGTERM while setting up."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/run")
    parser.add_argument("--port", type=_port, default=8000)
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if options.once:
            return once()
        serve(options.port)
    except EmbeddedError as error:
        console.complain(str(error))
        return 1
    except Stopped:
        console.complain("\nStopped.")  # a progress bar may have been on the line
        return 130 if options.once else 0
    return 0


@dataclass(frozen=True)
class Ground:
    """Servers that are up and migrated."""

    environment: dict[str, str]  # of the application's processes
    state: Path
    is_ours: bool  # the database is embedded; an outside one is never emptied

    @property
    def logs(self) -> Path:
        return self.state / "log"

    def start_afresh(self) -> None:
        """Empty the database after an interrupted start. Raises `EmbeddedError` for one that is not ours."""
        if not self.is_ours:
            raise EmbeddedError(
                "The database of DATABASE_URL is not emptied for you. Drop it, make it again (docs/operations.md, Outside servers) "
                "and start again."
            )
        console.say("Starting the database afresh …")
        recreate_database()
        migrate(self.environment)


def serve(port: int) -> None:
    check_port(port)
    with ready_servers(f"http://localhost:{port}") as ground:
        environment = ground.environment
        collect_static(environment)
        sign_ins = load_demo(ground)
        commands = {
            "worker": celery_command("worker"),
            "beat": celery_command("beat", ground.state / "beat"),
            "web": gunicorn_command(port),
        }
        with running(commands, environment, ground.logs) as children:
            _wait_until_serving(port, children)
            console.say(f"\nServing on http://localhost:{port}  (Ctrl-C stops everything)\n\n{sign_ins}")
            stopping = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda number, frame: stopping.set())
            watch(children, stopping)
            console.say("Stopping …")
    console.say("Stopped.")


def load_demo(ground: Ground) -> str:
    """Make the demo in an empty database, what an interrupted start left of one replaced. Returns the sign-ins."""
    arguments = ("demo", "--if-empty", "--sign-ins")
    with _alone(ground):
        done = _manage(*arguments, environment=ground.environment)
        if done.returncode == UNFINISHED:
            ground.start_afresh()
            done = _manage(*arguments, environment=ground.environment)
        return _checked(done)


def once() -> int:
    """Servers and a worker, the main job, everything stopped again. Returns the job's exit code."""
    with ready_servers("http://localhost:8000") as ground, _alone(ground):
        code = _once(ground)
        if code == UNFINISHED:
            ground.start_afresh()
            code = _once(ground)
        return code


def _once(ground: Ground) -> int:
    with running({"worker": celery_command("worker")}, ground.environment, ground.logs, quiet=True) as (worker,):
        with _managing("once", environment=ground.environment) as job:
            while job.poll() is None:
                if worker.exit_code is not None:
                    raise EmbeddedError(worker.obituary())
                time.sleep(0.2)
        return job.returncode if job.returncode >= 0 else 128 - job.returncode


@contextmanager
def _alone(ground: Ground) -> Iterator[None]:
    """Two starts at once would make the demo twice: the second waits. The kernel drops the lock of a killed one."""
    path = ground.state / "demo.lock"
    try:
        file = path.open("a")
    except OSError as error:
        raise from_os(error, path) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say("Another start is at work on the demo; waiting for it …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def ready_servers(base_url: str) -> Iterator[Ground]:
    needs = Needs(postgres=not os.environ.get("DATABASE_URL"), redis=not os.environ.get("REDIS_URL"))
    if not needs.postgres and not os.environ.get("DATABASE_OWNER_URL"):
        raise EmbeddedError("DATABASE_URL is set and DATABASE_OWNER_URL is not. Migrations run as lpo_owner and need it.")
    place = default_place()
    if needs.postgres or needs.redis:
        console.say(
            "Starting " + " and ".join(name for name, needed in (("PostgreSQL", needs.postgres), ("Redis", needs.redis)) if needed) + " …"
        )
    with embedded_servers(needs=needs) as variables:
        # A person reads this console: what went wrong is shown, a line for every request and job is not unless asked for.
        environment = {"LPO_BASE_URL": base_url, "LPO_LOG_LEVEL": "WARNING", **os.environ, **variables}
        # Fonts and beat need a folder to write; a home may be empty, read-only or missing.
        environment["XDG_CACHE_HOME"] = str(place.state / "cache")
        environment["PYTHONUNBUFFERED"] = "1"
        # The advice against root is for servers on the internet; here the person chose it.
        environment["PYTHONWARNINGS"] = "ignore::UserWarning:celery.platforms"
        _check_reachable(environment)
        console.say("Preparing the database …")
        migrate(environment)
        yield Ground(environment, place.state, is_ours=needs.postgres)


@contextmanager
def running(commands: dict[str, list[str]], environment: dict[str, str], logs: Path, *, quiet: bool = False) -> Iterator[list[Child]]:
    """All processes started in the order given, then followed; stopped in reverse. Requests are shown, jobs are in their log."""
    with ExitStack() as stack:
        children: list[Child] = []
        for name, command in commands.items():
            shows: Shown = "nothing" if quiet else "all" if name == "web" else "trouble"
            children.append(Child(name, command, environment=environment, log=logs / f"{name}.log", console_shows=shows))
            stack.callback(children[-1].stop)
        for child in children:
            child.follow()
        yield children


def gunicorn_command(port: int) -> list[str]:
    workers = min(4, (os.cpu_count() or 1) + 1)
    heartbeat = ["--worker-tmp-dir", "/dev/shm"] if os.access("/dev/shm", os.W_OK) else []  # noqa: S108 — gunicorn's own advice
    options = [
        "--workers",
        str(workers),
        "--threads",
        "4",
        "--timeout",
        "120",
        "--graceful-timeout",
        "10",
        "--no-control-socket",
        *heartbeat,
    ]
    return [*PYTHON, "-m", "gunicorn", "lpo.wsgi", "--bind", f"127.0.0.1:{port}", "--log-level", "warning", *options]


def celery_command(kind: str, folder: Path | None = None) -> list[str]:
    options = {"worker": ["--concurrency", "2", "--without-gossip", "--without-mingle"]}.get(kind, [])
    if folder is not None:
        folder.mkdir(exist_ok=True)
        options = ["--schedule", str(folder / "schedule"), "--pidfile", ""]
    return [*PYTHON, "-m", "celery", "--quiet", "-A", "lpo", kind, "--loglevel", "WARNING", *options]


def collect_static(environment: dict[str, str]) -> None:
    """Only when a static file or a requirement changed: compressing takes a while."""
    target = Path(environment.get("LPO_STATIC_ROOT") or CHECKOUT / "staticfiles")
    stamp = target / ".collected"
    wanted = _static_digest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    console.say("Collecting static files …")
    manage("collectstatic", "--noinput", "--clear", "--verbosity", "0", *UNUSED_STATIC, environment=environment)
    target.mkdir(exist_ok=True)
    stamp.write_text(wanted)


def _static_digest() -> str:
    digest = hashlib.sha256((CHECKOUT / "requirements.txt").read_bytes())
    folders = [CHECKOUT / "static", *CHECKOUT.glob("*/static"), *CHECKOUT.glob("lpo/*/static")]
    for path in sorted(file for folder in folders for file in folder.rglob("*") if file.is_file()):
        state = path.stat()
        digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def migrate(environment: dict[str, str]) -> None:
    # The checks import every page and would cost seconds; the command after this one runs them.
    manage("migrate", "--noinput", "--verbosity", "0", "--skip-checks", environment=environment)


def manage(*arguments: str, environment: dict[str, str]) -> None:
    _checked(_manage(*arguments, environment=environment))


def _manage(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a management command and keep what it prints; what it complains of, and its progress, is shown."""
    with _managing(*arguments, environment=environment, stdout=subprocess.PIPE) as running:
        printed, _ = running.communicate()
    return subprocess.CompletedProcess(arguments, running.returncode, printed)


def _checked(done: subprocess.CompletedProcess[str]) -> str:
    """A failure names the command instead of ours."""
    if done.returncode != 0:
        raise EmbeddedError(f"manage.py {' '.join(done.args)} failed with code {done.returncode}; its words are above.")
    return done.stdout


@contextmanager
def _managing(*arguments: str, environment: dict[str, str], stdout: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A management command that ends with us. Ctrl-C reaches us alone: the command would answer it with a traceback."""
    leash = process.die_with_parent(signal.SIGKILL)
    running = subprocess.Popen(
        [*MANAGE, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        text=True,
        start_new_session=True,
        preexec_fn=leash,
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def check_port(port: int) -> None:
    """Raise when another program listens on the port. Both loopbacks: a browser may try either for `localhost`."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except PermissionError:
                raise EmbeddedError(f"Port {port} needs more rights than this user has. Choose another:  bin/run --port 8000") from None
            except OSError as error:
                if family == socket.AF_INET6 and error.errno != errno.EADDRINUSE:
                    continue  # a machine without IPv6
                other = port + 1 if port < 65535 else 8000
                raise EmbeddedError(f"Port {port} is taken by another program. Choose another:  bin/run --port {other}") from None


def _wait_until_serving(port: int, children: Sequence[Child]) -> None:
    deadline = time.monotonic() + SERVE_SECONDS
    while time.monotonic() < deadline:
        for child in children:
            if child.exit_code is not None:
                raise EmbeddedError(child.obituary())
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", "/healthz")
                if connection.getresponse().status < 500:
                    return
        except OSError:
            time.sleep(0.2)
    raise EmbeddedError(f"The web server did not answer within {SERVE_SECONDS:.0f} s; its log is {children[-1].log}.")


def _check_reachable(environment: dict[str, str]) -> None:
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        try:
            psycopg2.connect(environment[name], connect_timeout=10).close()
        except psycopg2.Error as error:
            raise EmbeddedError(f"{name} cannot be reached: {str(error).strip().splitlines()[-1]}") from None
    try:
        with redis.Redis.from_url(environment["REDIS_URL"], socket_timeout=10) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise EmbeddedError(f"REDIS_URL cannot be reached: {error}") from None


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (1 to 65535)")
    return int(text)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # stopping has begun; a second Ctrl-C would only interrupt the cleaning up
    raise Stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
