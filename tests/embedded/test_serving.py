"""The whole of `bin/run` after its set-up, on servers of its own: first start, an answer, Ctrl-C, second start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lpo.embedded import process
from lpo.embedded.places import CHECKOUT

pytestmark = [pytest.mark.proof, pytest.mark.servers, pytest.mark.xdist_group("embedded")]


@pytest.fixture
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="lpo-e-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(state: Path, port: int) -> tuple[subprocess.Popen[str], float]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REDIS_", "LPO_", "DJANGO_", "PYTEST_"))}
    environment = kept | {"LPO_STATE": str(state), "LPO_STATIC_ROOT": str(state / "static")}
    begun = time.monotonic()
    command = [sys.executable, "-m", "lpo.embedded.run", "--port", str(port)]
    serving = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen = []
    for line in serving.stdout or ():
        seen.append(line)
        if line.startswith(f"Serving on http://localhost:{port}"):
            return serving, time.monotonic() - begun
    raise AssertionError("".join(seen))


def test_it_serves_stops_and_starts_again_in_seconds(state: Path, record_property: Callable[[str, object], None]) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serving, _ = start(state, port)
    with serving:
        with urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=30) as answer:
            assert answer.status == 200
        children = [int(pid) for pid in Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text().split()]
        assert len(children) >= 5, "web, worker, beat, PostgreSQL and Redis"
        serving.send_signal(signal.SIGINT)
        words = serving.communicate(timeout=60)[0]
    assert serving.returncode == 0
    assert words.rstrip().endswith("Stopped.")
    assert not re.search("Traceback", words)
    assert process.wait_until(lambda: not any(process.is_alive(pid) for pid in children), 5)

    again, seconds = start(state, port)
    with again:
        again.send_signal(signal.SIGINT)
        again.communicate(timeout=60)
    record_property(
        "figure", {"name": "second start of bin/run", "measured": f"{seconds:.1f} s", "goal": "under 15 s", "met": seconds < 15}
    )
    assert seconds < 45, "a start with everything in place takes seconds, on a busy machine too"
