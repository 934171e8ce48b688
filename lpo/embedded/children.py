"""The application's own processes: started together, watched, stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from lpo.embedded import console, process
from lpo.embedded.errors import EmbeddedError, from_os

STOP_SECONDS = 15.0
Shown = Literal["all", "trouble", "nothing"]


class Child:
    """One process; its output goes to `log` and to the console with its name in front.

    `console_shows` is "all", "trouble" (what is no routine entry of its log) or "nothing".
    """

    def __init__(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path, console_shows: Shown = "all"
    ) -> None:
        self.name = name
        self.log = log
        self._shows = console_shows
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            self._file = log.open("wb")
        except OSError as error:
            raise from_os(error, log) from None
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=process.die_with_parent(signal.SIGTERM),
        )
        self._pump: threading.Thread | None = None

    def follow(self) -> None:
        """Begin to pass its output on. Called after every child is started: a fork beside running threads is not safe."""
        self._pump = threading.Thread(target=self._copy, name=f"log of {self.name}", daemon=True)
        self._pump.start()

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def stop(self) -> None:
        if self.exit_code is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # A job in flight is not lost: its lease runs out and another worker takes it.
                console.say(f"{self.name} is still busy after {STOP_SECONDS:.0f} s; ending it.")
        self._end_group()
        self._process.wait()
        if self._pump is not None:
            self._pump.join(5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._file.close()

    def _end_group(self) -> None:
        with suppress(ProcessLookupError):  # nobody of its group is left
            os.killpg(self._process.pid, signal.SIGKILL)

    def obituary(self) -> str:
        """Why it ended, with its last words."""
        if self._pump is not None:
            self._pump.join(2)
        code = self.exit_code or 0
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        words = [console.readable(line) for line in process.tail(self.log).splitlines()]
        return "\n".join([f"{self.name} {how} unexpectedly. Its last lines ({self.log}):", *(f"  {line}" for line in words)])

    def _copy(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 — a pipe was asked for above
        for raw in self._process.stdout:
            self._file.write(raw)
            self._file.flush()
            words = raw.decode(errors="replace").rstrip()
            if self._shows == "nothing" or (self._shows == "trouble" and console.is_routine(words)):
                continue
            for line in console.readable(words).splitlines():
                console.say(f"{self.name:<6} | {line}")


def watch(children: Sequence[Child], stopping: threading.Event) -> None:
    """Return when asked to stop; raise with its obituary when a child ends by itself."""
    while not stopping.wait(0.3):
        for child in children:
            if child.exit_code is not None:
                raise EmbeddedError(child.obituary())
