"""Background work of the room: counting, recomputing, and what time alone changes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict

from django.utils import timezone

from engagements.models import WorkItem
from lpo.accounts.actor import Actor
from lpo.core.localtime import to_epoch
from lpo.jobs.registry import Progress, Result, Run, every, handler
from sla import counting, projection, volume
from sla.actions import finalize_claims
from sla.actions.levels import RECOMPUTE
from sla.actions.scenarios import SIMULATE, keep_result, question_of
from sla.models import DirtyWindow, Scenario, ServiceLevel
from sla.replay import Tally, replay, size

CHUNK = 20_000
SWEPT = 5_000  # clocks of a minute, in one transaction
# Counting further would cost more than a progress bar is worth.
MOST_COUNTED = 2_000_000


@handler(projection.ATTAIN, chunked=True)
def attain(run: Run) -> Generator[Progress, None, Result | None]:
    """Count every window that became dirty, each in a transaction of its own, so that nobody who moves work waits long."""
    done = 0
    while (taken := counting.take_dirty()) is not None:
        counting.count_window(*taken, now=timezone.now())
        done += 1
        yield Progress(done=done, total=done + DirtyWindow.objects.count(), message="windows counted")
    return Result(data={"windows": done})


@handler(RECOMPUTE, chunked=True)
def recompute(run: Run) -> Generator[Progress, None, Result | None]:
    """Clocks of one level from the facts, by item, resuming after the last item done."""
    level = ServiceLevel.objects.get(pk=run.payload["level"])
    total = WorkItem.objects.filter(workstream_id=level.workstream_id).count()
    after, done = run.cursor.get("after", 0), run.cursor.get("done", 0)
    while True:
        items = WorkItem.objects.filter(workstream_id=level.workstream_id, id__gt=after).order_by("id")
        ids = list(items.values_list("id", flat=True)[:CHUNK])
        if not ids:
            return Result(data={"items": done})
        projection.recompute(level, ids, repin=bool(run.payload.get("repin")))
        after, done = ids[-1], done + len(ids)
        yield Progress(done=done, total=max(total, done), message="items", cursor={"after": after, "done": done})


@handler(SIMULATE, chunked=True)
def simulate(run: Run) -> Generator[Progress, None, Result | None]:
    """Replay a scenario's months, resuming after the last item done: the cursor holds everything counted so far."""
    scenario = Scenario.objects.select_related("level__workstream__matter__engagement", "calendar_version").get(pk=run.payload["scenario"])
    now = run.cursor.get("now", to_epoch(timezone.now()))
    question, tally = question_of(scenario, now), Tally(**run.cursor.get("tally", {}))
    total = run.cursor.get("total") or size(question, MOST_COUNTED)
    for counted in replay(question, tally):
        cursor = {"now": now, "total": total, "tally": asdict(counted)}
        yield Progress(done=counted.items, total=max(total, counted.items), message="items replayed", cursor=cursor)
    keep_result(scenario, question, tally)
    return Result(data={"items": tally.items})


@every("sla.sweep", minutes=1, title="Service levels, every minute")
def sweep(run: Run) -> Result | None:
    """What time alone changes: clocks that came due, held clocks and volumes whose window ended, claims nobody can contest any more."""
    now = timezone.now()
    projection.refresh(list(counting.left_behind(now))[:SWEPT])
    projection.count_again([*counting.overtaken(now), *counting.unjudged(now), *volume.unreached(now)])
    if DirtyWindow.objects.exists():
        projection.request_count()
    finalize_claims(by=Actor.system(run.organization_id), now=now)
    return None
