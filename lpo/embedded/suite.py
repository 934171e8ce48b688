"""`bin/test`: every check and test on throwaway servers. All stages run; the last line is pytest's own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType

from lpo.embedded import console
from lpo.embedded.errors import EmbeddedError
from lpo.embedded.places import CHECKOUT
from lpo.embedded.servers import embedded_servers
from lpo.embedded.setup import BROWSERS

PYTHON = sys.executable
STATIC_CHECKS: dict[str, list[str]] = {
    "ruff check": [PYTHON, "-m", "ruff", "check", "."],
    "ruff format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "mypy": [PYTHON, "-m", "mypy"],
    "import-linter": ["lint-imports"],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
}
CLOSING_LINE = re.compile(r"^=+ .*\d+ (passed|failed|error|errors|skipped|deselected|warnings?)\b.* in [\d.]+s.*=+$|^=+ no tests ran.*=+$")


@dataclass(frozen=True)
class Outcome:
    stage: str
    code: int
    seconds: float
    output: str = ""

    def __str__(self) -> str:
        return f"{'ok    ' if self.code == 0 else 'FAILED'}  {self.stage:<14} {self.seconds:6.1f} s"


def main(arguments: Sequence[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with embedded_servers(throwaway=True) as variables:
            environment = test_environment(variables)
            with ThreadPoolExecutor(2) as pool:
                checks = begin_static_checks(pool, environment)
                tests, closing = run_pytest(arguments, environment)
                outcomes = [check.result() for check in checks]
    except EmbeddedError as error:
        console.complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    for outcome in outcomes:
        if outcome.code:
            console.say(f"\n{outcome}\n{outcome.output}")
    console.say("\n" + "\n".join(str(outcome) for outcome in [*outcomes, tests]) + "\n")
    console.say(closing or "pytest ended without a summary")
    return int(any(outcome.code for outcome in [*outcomes, tests]))


def test_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the person's own settings reaches the tests. Compiled modules are kept: some eighty processes import the same ones."""
    ours = ("LPO_", "DATABASE_", "DJANGO_", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), "")
    return {**kept, **variables, "LPO_CHROMIUM": browser, "PYTHONHASHSEED": "random"}


def begin_static_checks(pool: Executor, environment: Mapping[str, str]) -> list[Future[Outcome]]:
    """Beside the tests, whose first half minute is one process migrating a database. mypy takes longest and begins first."""
    longest_first = sorted(STATIC_CHECKS, key=lambda stage: stage != "mypy")
    begun = {stage: pool.submit(_check, stage, STATIC_CHECKS[stage], environment) for stage in longest_first}
    return [begun[stage] for stage in STATIC_CHECKS]


def _check(stage: str, command: Sequence[str], environment: Mapping[str, str]) -> Outcome:
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=CHECKOUT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Outcome(stage, done.returncode, time.monotonic() - begun, done.stdout.rstrip())


def run_pytest(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[Outcome, str]:
    """Pass pytest's output on as it comes, but hold its closing line back: it is to be the last of all."""
    begun = time.monotonic()
    spread = [] if any(word.startswith(("-n", "--pdb")) for word in arguments) else ["-n", str(_workers()), "--dist", "loadgroup"]
    command = [PYTHON, "-m", "pytest", *spread, *arguments]
    closing = ""
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tests:
        for line in tests.stdout or ():
            if CLOSING_LINE.match(line.rstrip()):
                closing = line.rstrip()
            else:
                sys.stdout.write(line)
                sys.stdout.flush()
    return Outcome("pytest", tests.returncode, time.monotonic() - begun), closing


def _workers() -> int:
    """One more than there are cores: a browser, a worker being killed and a server starting again are mostly waited for."""
    return (os.cpu_count() or 1) + 1


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
