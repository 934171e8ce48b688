"""Jobs that leave countable traces, and three kinds of poison."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Generator

from lpo.audit.models import Event
from lpo.audit.record import record
from lpo.jobs.registry import Progress, Result, Run, handler

STEP = "trust.step"


def effects() -> list[str]:
    return sorted(Event.objects.filter(action=STEP).values_list("object_reference", flat=True))


@handler("trust.once")
def once(run: Run) -> None:
    time.sleep(run.payload.get("seconds", 0.0))
    record(by=run.actor, action=STEP, reference=str(run.payload["n"]))


@handler("trust.steps", chunked=True)
def steps(run: Run) -> Generator[Progress, None, Result | None]:
    for step in range(run.cursor.get("next", 0), run.payload["count"]):
        record(by=run.actor, action=STEP, reference=f"{run.payload['n']}.{step}")
        time.sleep(run.payload["seconds"])
        yield Progress(done=step + 1, cursor={"next": step + 1})
    return None


@handler("trust.crash")
def crash(run: Run) -> None:
    record(by=run.actor, action=STEP, reference="crash")
    os.kill(os.getpid(), signal.SIGSEGV)


@handler("trust.memory")
def memory(run: Run) -> None:
    record(by=run.actor, action=STEP, reference="memory")
    hoard = []
    while True:
        hoard.append(bytes(64 * 1024 * 1024))  # asked for and never written to: on a busy machine writing takes longer than the limit


@handler("trust.loop")
def loop(run: Run) -> None:
    record(by=run.actor, action=STEP, reference="loop")
    while True:
        pass
