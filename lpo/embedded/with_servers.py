"""`bin/with-servers [--throwaway] COMMAND…`: run a command with the embedded servers up and their addresses exported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType

from lpo.embedded.errors import EmbeddedError
from lpo.embedded.servers import Needs, embedded_servers

USAGE = """Usage: bin/with-servers [--throwaway] COMMAND [ARGUMENT…]

Starts PostgreSQL and Redis unless they run, exports DATABASE_URL (lpo_app), DATABASE_OWNER_URL (lpo_owner),
DATABASE_BACKUP_URL (lpo_backup) and REDIS_URL, and runs COMMAND. The last command to leave stops them.

  --throwaway   a fresh pair in a temporary folder, without fsync, removed afterwards; ignores addresses already set

Without it, a DATABASE_URL or REDIS_URL that is already set is used as it is.
"""


def main(arguments: list[str]) -> int:
    throwaway = arguments[:1] == ["--throwaway"]
    command = arguments[1:] if throwaway else arguments
    if not command or command[0] in {"-h", "--help"}:
        sys.stdout.write(USAGE)
        return 0 if command else 2
    needs = Needs() if throwaway else Needs(postgres=not os.environ.get("DATABASE_URL"), redis=not os.environ.get("REDIS_URL"))
    # A signal that arrives while servers start or stop must not leave them behind.
    signal.signal(signal.SIGTERM, _leave)
    try:
        with embedded_servers(throwaway=throwaway, needs=needs) as variables:
            return _run(command, {**os.environ, **variables})
    except EmbeddedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _run(command: list[str], environment: dict[str, str]) -> int:
    try:
        child = subprocess.Popen(command, env=environment)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127
    # The terminal's Ctrl-C reaches the child as well; it decides, we pass its answer on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
