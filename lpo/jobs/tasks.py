"""What Celery calls, and this room's own jobs. Any of it may happen any number of times: the rows decide what is still to be done."""

from __future__ import annotations

from collections.abc import Generator

from django.conf import settings

from lpo.audit.models import Seal
from lpo.audit.seal import seal_next
from lpo.audit.verify import Check, step
from lpo.jobs import worker
from lpo.jobs.beat import sweep, tick
from lpo.jobs.broker import PULSE, WAKE_UP, app
from lpo.jobs.registry import Progress, Result, Run, every, handler
from lpo.jobs.runner import run_job

__all__ = ["pulse", "run", "seal_audit", "verify_audit", "worker"]

# Raised inside the process a minute before the process is killed, so that an endless loop leaves its traceback.
_SOFT_LIMIT_SECONDS = settings.JOB_HARD_LIMIT_SECONDS - 60


@app.task(name=WAKE_UP, soft_time_limit=_SOFT_LIMIT_SECONDS)  # type: ignore[untyped-decorator]
def run(organization_id: int, job_id: int) -> None:
    run_job(organization_id, job_id)


@app.task(name=PULSE)  # type: ignore[untyped-decorator]
def pulse() -> None:
    # In this order: what the tick enqueues has messages of its own.
    sweep()
    tick()


# The audit lies below this room and cannot register its jobs itself.
@every("audit.seal", minutes=1, title="Seal the audit log")
def seal_audit(run: Run) -> Generator[Progress, None, Result | None]:
    sealed = 0
    while batch := seal_next():
        sealed += batch
        yield Progress(done=sealed, message=f"{sealed} events sealed")
    return Result(data={"sealed": sealed})


@handler("audit.verify", chunked=True)
def verify_audit(run: Run) -> Generator[Progress, None, Result | None]:
    """Walk the chain and leave what was found. Asked for by a page; the command does the same against an exported head."""
    check = Check(**run.cursor)
    total = Seal.objects.count()
    while not check.finished:
        step(check)
        yield Progress(done=check.events, total=max(total, check.events), message=f"{check.events} events compared", cursor=check.as_json())
    return Result(data=check.as_json())
