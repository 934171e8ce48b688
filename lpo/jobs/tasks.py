"""What Celery calls. Each task may be delivered any number of times: the rows decide what is still to be done."""

from __future__ import annotations

from django.conf import settings

from lpo.jobs.beat import sweep, tick
from lpo.jobs.broker import PULSE, WAKE_UP, app
from lpo.jobs.runner import run_job

# Raised inside the process a minute before the process is killed, so that an endless loop leaves its traceback.
_SOFT_LIMIT_SECONDS = settings.JOB_HARD_LIMIT_SECONDS - 60


@app.task(name=WAKE_UP, soft_time_limit=_SOFT_LIMIT_SECONDS)  # type: ignore[untyped-decorator]
def run(organization_id: int, job_id: int) -> None:
    run_job(organization_id, job_id)


@app.task(name=PULSE)  # type: ignore[untyped-decorator]
def pulse() -> None:
    tick()
    sweep()
