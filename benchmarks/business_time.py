"""Speed of business time: one question at a time against the `businesstimedelta` package, and whole arrays at once.

    bin/proof business_time

The package is installed into a temporary virtual environment that is deleted afterwards; where that fails, the run says so and prints
only our own times. Both sides answer the same questions in the same run: New York, Monday to Friday, nine to five.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import room
from sla.attain import score_many
from sla.businesstime import CalendarSpec, OpenHours
from sla.clock import Target, Unit
from sla.clock_arrays import NONE, PauseArrays, evaluate_many

DAY, QUARTER = 86_400, 91 * 86_400
YEAR_START = 1_767_243_600  # 2026-01-01 in New York
QUERIES = 2_000
ROWS = 1_000_000
PEER_INSTALL_SECONDS = 120

PEER = """
import json, sys, time
from datetime import datetime, time as clock
import businesstimedelta, pytz
zone = pytz.timezone("America/New_York")
rule = businesstimedelta.WorkDayRule(start_time=clock(9), end_time=clock(17), working_days=[0, 1, 2, 3, 4], tz=zone)
for line in sys.stdin:
    spans = [(datetime.fromtimestamp(a, pytz.utc), datetime.fromtimestamp(b, pytz.utc)) for a, b in json.loads(line)]
    began = time.perf_counter()
    answers = [rule.difference(a, b) for a, b in spans]
    seconds = time.perf_counter() - began
    print(json.dumps([seconds / len(spans), [answer.hours * 3600 + answer.seconds for answer in answers]]), flush=True)
"""


def best_of(work: Callable[[], object], times: int = 5) -> float:
    """Median seconds of a few runs."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def spans_of(length: int, count: int) -> list[tuple[int, int]]:
    chance = random.Random(length)  # noqa: S311 -- repeatable questions, no secrets
    starts = [YEAR_START + chance.randrange(200 * DAY) for _ in range(count)]
    return [(start, start + length) for start in starts]


def ask_peer(folder: Path, questions: list[list[tuple[int, int]]]) -> list[tuple[float, list[int]]] | None:
    """Seconds per question and the answers of the other package, or None where it cannot be installed."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    try:
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "businesstimedelta", "pytz"],
            check=True,
            capture_output=True,
            timeout=PEER_INSTALL_SECONDS,
        )
        asked = "\n".join(json.dumps(spans) for spans in questions)
        said = subprocess.run([python, "-c", PEER], input=asked, capture_output=True, text=True, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return [(answer[0], answer[1]) for answer in map(json.loads, said.stdout.splitlines())]


def single_questions(hours: OpenHours) -> None:
    kinds = [("a day", DAY, QUERIES, 50), ("a quarter", QUARTER, QUERIES // 10, 1_000)]
    questions = [spans_of(length, count) for _, length, count, _ in kinds]
    with tempfile.TemporaryDirectory() as folder:
        peer = ask_peer(Path(folder), questions)
    if peer is None:
        print("businesstimedelta could not be installed here: no comparison, our own times only")
    for i, (name, _, count, least) in enumerate(kinds):
        spans = questions[i]

        def ask(spans: list[tuple[int, int]] = spans) -> list[int]:
            return [hours.elapsed(a, b) for a, b in spans]

        ours = best_of(ask) / count
        if peer is None:
            print(f"elapsed over {name}: {ours * 1e6:.2f} µs")
            continue
        theirs, answers = peer[i]
        differing = sum(a != b for a, b in zip(ask(), answers, strict=True))
        room.figure(
            f"open seconds of {name}, one question",
            f"{ours * 1e6:.2f} µs; businesstimedelta {theirs * 1e6:,.1f} µs; {theirs / ours:,.0f} × as fast;"
            f" {differing} of {count:,} answers differ",
            f"at least {least:,} × as fast",
            met=theirs >= least * ours and not differing,
        )


def whole_arrays(hours: OpenHours) -> None:
    generator = np.random.default_rng(2026)
    started = YEAR_START + generator.integers(0, 300 * DAY, ROWS)
    stopped = np.where(generator.random(ROWS) < 0.05, NONE, started + generator.integers(0, 9 * DAY, ROWS))
    offsets = np.concatenate(([0], np.cumsum(generator.integers(0, 3, ROWS))))
    pause_start = np.repeat(started, np.diff(offsets)) + generator.integers(0, 4 * DAY, offsets[-1])
    pauses = PauseArrays(pause_start, pause_start + generator.integers(0, 2 * DAY, offsets[-1]), offsets)
    now = YEAR_START + 310 * DAY
    for target in (Target(24 * 3_600, Unit.ELAPSED), Target(8 * 3_600, Unit.BUSINESS), Target(2, Unit.BUSINESS_DAYS)):

        def evaluate(target: Target = target) -> object:
            return evaluate_many(target=target, hours=hours, started=started, stopped=stopped, pauses=pauses, now=now)

        print(f"{ROWS:,} clocks with {offsets[-1]:,} pauses, {target.unit}: {best_of(evaluate, 3):.2f} s")
    clocks = evaluate_many(target=Target(8 * 3_600, Unit.BUSINESS), hours=hours, started=started, stopped=stopped, pauses=pauses, now=now)
    edges = YEAR_START + np.arange(0, 11 * 30 * DAY, 30 * DAY)
    excluded = np.zeros(ROWS, dtype=np.bool_)
    print(f"attainment of 10 windows over them: {best_of(lambda: score_many(clocks.due, stopped, excluded, edges, now), 3):.2f} s")


def main() -> None:
    weekly = {weekday: [(9 * 60, 17 * 60)] for weekday in range(5)}
    spec = CalendarSpec(ZoneInfo("America/New_York"), weekly)
    hours = OpenHours(spec, date(2025, 1, 1), date(2027, 12, 31))
    print(f"hours of three years built in {best_of(lambda: OpenHours(spec, date(2025, 1, 1), date(2027, 12, 31)), 3) * 1e3:.1f} ms")
    single_questions(hours)
    whole_arrays(hours)


if __name__ == "__main__":
    main()
