"""The worker's and the beat's entrance: `celery -A lpo worker`, `celery -A lpo beat`."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any

from celery.schedules import BaseSchedule, schedstate

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lpo.settings")

from lpo.jobs.broker import PULSE, app

PULSE_SECONDS = 10.0


class Steady(BaseSchedule):  # type: ignore[misc]
    """Every so many seconds by the monotonic clock: after a jump of the wall clock Celery's own schedule would wait it out."""

    def __init__(self, seconds: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds
        self._next = time.monotonic()

    def is_due(self, last_run_at: datetime) -> schedstate:
        now = time.monotonic()
        if now < self._next:
            return schedstate(False, self._next - now)
        self._next = now + self.seconds
        return schedstate(True, self.seconds)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Steady) and other.seconds == self.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)


app.autodiscover_tasks()
# One entry only: what runs when is decided by the pulse, from the database's clock and its slots.
app.conf.beat_schedule = {"pulse": {"task": PULSE, "schedule": Steady(PULSE_SECONDS)}}
# In memory: a schedule file would outlive the process and carry a wrong clock's times into the next.
app.conf.beat_scheduler = "celery.beat:Scheduler"
# Without end: a worker that gave up would not be there when the broker returns.
app.conf.broker_connection_max_retries = None
# A child that grew beyond this (kilobytes) is replaced after its task; what fonts and PDFs allocate is not given back otherwise.
app.conf.worker_max_memory_per_child = 500_000

__all__ = ["app"]
