"""The application's processes on the console: readable lines, ended together, an early end explained."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from lpo.embedded import console, process
from lpo.embedded.children import Child, watch
from lpo.embedded.errors import EmbeddedError
from lpo.embedded.suite import CLOSING_LINE


def child(tmp_path: Path, source: str) -> Child:
    started = Child(
        "worker", [sys.executable, "-c", source], environment=dict(os.environ), log=tmp_path / "worker.log", console_shows="nothing"
    )
    started.follow()
    return started


def test_a_process_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    dying = child(tmp_path, "print('the disk is gone'); raise SystemExit(3)")
    with pytest.raises(EmbeddedError) as raised:
        watch([dying], threading.Event())
    dying.stop()
    heading, words = str(raised.value).splitlines()
    assert heading == f"worker ended with code 3 unexpectedly. Its last lines ({tmp_path}/worker.log):"
    assert words == "  the disk is gone"


def test_stopping_ends_the_whole_group(tmp_path: Path) -> None:
    parent = child(
        tmp_path,
        "import subprocess, sys, time\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(grandchild.pid, flush=True); time.sleep(60)",
    )
    assert process.wait_until(lambda: (tmp_path / "worker.log").read_text().strip().isdigit(), 10)
    grandchild = int((tmp_path / "worker.log").read_text())
    parent.stop()
    assert parent.exit_code == -signal.SIGTERM
    assert process.wait_until(lambda: not process.is_alive(grandchild), 5)


def test_a_log_line_is_shown_as_words() -> None:
    line = json.dumps(
        {"at": "2026-03-01T10:00:00.000+00:00", "level": "warning", "logger": "x", "message": "GET /", "status": 404, "request_id": "r"}
    )
    shown = console.readable(line)
    assert shown.split("  ")[1:] == ["WARNING", "GET /", "status=404"]


def test_only_trouble_of_a_worker_reaches_the_console(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = """print('{"level": "info", "message": "Job done"}'); print('{"level": "error", "message": "Job failed"}'); print("Killed")"""
    worker = Child(
        "worker", [sys.executable, "-c", source], environment=dict(os.environ), log=tmp_path / "worker.log", console_shows="trouble"
    )
    worker.follow()
    assert process.wait_until(lambda: worker.exit_code is not None, 10)
    worker.stop()
    assert capsys.readouterr().out == "worker | ERROR  Job failed\nworker | Killed\n"
    assert "Job done" in worker.log.read_text()


@pytest.mark.parametrize("line", ["plain words", "[1, 2]", '{"no": "text"}', "{broken"])
def test_what_is_no_log_line_stays_as_it_is(line: str) -> None:
    assert console.readable(line) == line


def test_an_error_keeps_its_traceback() -> None:
    shown = console.readable(json.dumps({"message": "job failed", "level": "error", "error": "Traceback\nValueError: x"}))
    assert shown.endswith("job failed\nTraceback\nValueError: x")


@pytest.mark.parametrize(
    "line",
    [
        "===== 12 passed in 1.20s =====",
        "= 1 failed, 3 passed, 2 skipped in 63.02s (0:01:03) =",
        "=== no tests ran in 0.01s ===",
        "== 2 errors in 0.3s ==",
    ],
)
def test_the_closing_line_of_pytest_is_recognized(line: str) -> None:
    assert CLOSING_LINE.match(line)


@pytest.mark.parametrize("line", ["===== FAILURES =====", "==== short test summary info ====", "12 passed in 1.20s and then some"])
def test_other_headings_are_not_taken_for_it(line: str) -> None:
    assert not CLOSING_LINE.match(line)
