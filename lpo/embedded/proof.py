"""`bin/proof`: the figures that take longer than a test run may, measured and written to docs/performance.md.

Each `benchmarks/*.py` runs as its own process on fresh, migrated servers with fsync on, and prints a line for each figure:

    FIGURE {"name": "import of 500,000 items", "measured": "41 s", "goal": "under 60 s", "met": true}

Each test marked `proof` gives its figures with `record_property("figure", {…})` of the same shape. Every figure is written
down with the command that measures it alone, whether it met its goal or not. The page bears no date: what it says changes
when a figure does. `bin/proof FILE…` measures some benchmarks or test files and replaces only their figures.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from xml.etree import ElementTree

from lpo.embedded import console
from lpo.embedded.errors import EmbeddedError
from lpo.embedded.places import CHECKOUT
from lpo.embedded.servers import embedded_servers
from lpo.embedded.suite import test_environment

REPORT = CHECKOUT / "docs" / "performance.md"
MARK = "FIGURE "


@dataclass(frozen=True)
class Figure:
    name: str
    measured: str
    goal: str
    met: bool
    command: str

    @classmethod
    def of(cls, values: Mapping[str, object], command: str) -> Figure:
        return cls(str(values["name"]), str(values["measured"]), str(values.get("goal", "")), bool(values.get("met", True)), command)


# What TRUST asks for and no check holds in full yet, said on the page.
NOT_YET = (
    "the isolation walk (1), permissions, catalogue (2), security headers (17), audit tampering (13) and login abuse (18)"
    " have no larger size: `bin/test` runs them whole",
)


def main(arguments: Sequence[str]) -> int:
    """Without arguments everything; else only the benchmarks and test files that are named."""
    signal.signal(signal.SIGTERM, _leave)
    chosen = set(arguments)
    benchmarks = [
        path
        for path in sorted((CHECKOUT / "benchmarks").glob("*.py"))
        if path.stem not in {"__init__", "room", "floor"} and (not chosen or path.stem in chosen or path.name in chosen)
    ]
    figures: list[Figure] = []
    failed: list[str] = []
    try:
        for path in benchmarks:
            with _migrated_servers() as environment:
                code = _run_benchmark(path, environment, figures)
            failed += [path.name] if code else []
        tests = [path for path in arguments if path.startswith("tests/")]
        if tests or not chosen:
            with _migrated_servers() as environment:
                failed += ["pytest -m proof"] if _run_proofs(environment, figures, tests) else []
    except EmbeddedError as error:
        console.complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    kept = figures_of_page(REPORT.read_text()) if chosen and REPORT.exists() else []
    REPORT.write_text(page(merged(kept, figures), failed))
    console.say(f"Written: {REPORT.relative_to(CHECKOUT)}")
    for figure in figures:
        console.say(
            f"{'met   ' if figure.met else 'MISSED'}  {figure.name}: {figure.measured}" + (f" (goal: {figure.goal})" if figure.goal else "")
        )
    for name in failed:
        console.say(f"FAILED  {name}")
    return int(bool(failed) or any(not figure.met for figure in figures))


@contextmanager
def _migrated_servers() -> Iterator[dict[str, str]]:
    """Fresh servers with fsync on, as in earnest, and the schema in place."""
    with embedded_servers(throwaway=True, durable=True) as variables:
        environment = {**test_environment(variables), "PYTHONPATH": str(CHECKOUT), "LPO_PROOF": "1"}
        migrate = [sys.executable, "manage.py", "migrate", "--noinput", "--verbosity", "0"]
        if subprocess.run(migrate, cwd=CHECKOUT, env=environment, check=False).returncode != 0:
            raise EmbeddedError("The migrations failed; their words are above.")
        yield environment


def _run_benchmark(path: Path, environment: Mapping[str, str], figures: list[Figure]) -> int:
    console.say(f"\n{path.name}")
    command = [sys.executable, "-m", f"benchmarks.{path.stem}"]
    with subprocess.Popen(
        command, cwd=CHECKOUT, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            if line.startswith(MARK):
                figures.append(Figure.of(json.loads(line.removeprefix(MARK)), f"bin/proof {path.stem}"))
            else:
                console.say(f"  {line.rstrip()}")
    return process.returncode


def _run_proofs(environment: Mapping[str, str], figures: list[Figure], tests: Sequence[str] = ()) -> int:
    console.say("\nTests in full size")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-m", "proof", f"--junitxml={results}", "-o", "junit_family=xunit1", *tests]
        code = subprocess.run(command, cwd=CHECKOUT, env=dict(environment), stdin=subprocess.DEVNULL, check=False).returncode
        if results.exists():
            figures += figures_of_tests(results.read_text())
    return 0 if code == 5 else code  # 5: no test bears the mark


def figures_of_tests(junit: str) -> Iterator[Figure]:
    """The figures that tests recorded, with the command that runs each test alone."""
    for case in ElementTree.fromstring(junit).iter("testcase"):  # noqa: S314 — our own pytest wrote it
        command = f"bin/proof {case.get('file')}"
        for entry in case.iter("property"):
            if entry.get("name") == "figure":
                yield Figure.of(ast.literal_eval(str(entry.get("value"))), command)


def merged(kept: Sequence[Figure], new: Sequence[Figure]) -> list[Figure]:
    """What was measured again replaces every figure of the same command."""
    again = {figure.command for figure in new}
    return sorted([*(figure for figure in kept if figure.command not in again), *new], key=lambda figure: figure.command)


def figures_of_page(text: str) -> list[Figure]:
    """The figures that a page written by `page` holds."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 5 and cells[4].startswith("`"):
            found.append(Figure(cells[0], cells[2], "" if cells[1] == "—" else cells[1], cells[3] != "**no**", cells[4].strip("`")))
    return found


def page(figures: Sequence[Figure], failed: Sequence[str]) -> str:
    lines = ["# Measured figures", "", f"Written by `bin/proof` on {_machine()}.", ""]
    lines += ["| figure | asked | measured | met | command |", "|---|---|---|---|---|"]
    lines += [f"| {f.name} | {f.goal or '—'} | {f.measured} | {_met(f)} | `{f.command}` |" for f in figures]
    lines += ["", *(f"`{name}` did not finish." for name in failed)] if failed else []
    lines += ["", "Not covered here:", "", *(f"- {each}" for each in NOT_YET)]
    return "\n".join(lines) + "\n"


def _met(figure: Figure) -> str:
    return "**no**" if not figure.met else "yes" if figure.goal else "—"


def _machine() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores, {pages:.0f} GiB of memory, {platform.machine()}, Python {platform.python_version()}, fsync on"


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
