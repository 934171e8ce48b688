"""Jobs that leave countable traces: one audit event for each effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from lpo.accounts.actor import NotPermitted
from lpo.audit.models import Event
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.jobs.registry import Progress, Result, Run, handler

# What a test wants to happen in the middle of a chunk or job; called with the step's number.
during: list[Callable[[int], Any]] = []


def interrupt(step: int) -> None:
    for hook in during:
        hook(step)


def effects() -> list[str]:
    return list(Event.objects.filter(action="test.step").order_by("id").values_list("object_reference", flat=True))


@handler("test.once")
def once(run: Run) -> Result:
    record(by=run.actor, action="test.step", reference=str(run.payload.get("n", 0)))
    interrupt(0)
    return Result(url="/somewhere/", data={"n": run.payload.get("n", 0)})


@handler("test.steps", chunked=True)
def steps(run: Run) -> Generator[Progress, None, Result]:
    count, seconds = run.payload["count"], run.payload.get("seconds", 0.0)
    for step in range(run.cursor.get("next", 0), count):
        record(by=run.actor, action="test.step", reference=str(step))
        interrupt(step)
        time.sleep(seconds)
        yield Progress(done=step + 1, total=count, message=f"step {step}", cursor={"next": step + 1})
    return Result(data={"count": count})


@handler("test.refused")
def refused(run: Run) -> None:
    record(by=run.actor, action="test.step", reference="refused")
    raise Refused("Row 3: the date lies in the future.", "received")


@handler("test.forbidden")
def forbidden(run: Run) -> None:
    raise NotPermitted("Rita may not issue invoices.")


@handler("test.poison")
def poison(run: Run) -> None:
    record(by=run.actor, action="test.step", reference="poison")
    raise ZeroDivisionError("the rate is zero")
