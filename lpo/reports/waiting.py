"""Waiting for background work from outside the workers, with a progress bar where somebody is looking."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import timedelta
from typing import TextIO

from django.utils import timezone

from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import publish
from lpo.tenancy.context import in_organization

# Most waits are for one short job: look again soon, then ever less often.
FIRST_POLL_SECONDS, SLOWEST_POLL_SECONDS, SLOWER = 0.02, 0.4, 1.3
# A message may have been lost; no beat runs beside a command, so the waiting process wakes the worker again.
WAKE_AFTER_SECONDS = 5
BAR = 24


class TooLong(Exception):
    """The jobs were not done within the time allowed."""


class Waiter:
    """Call it to wait until the organization has no job left to do, but for those of the kinds to `leave`."""

    def __init__(self, organization_id: int, stream: TextIO, *, limit_seconds: int = 3600, leave: Collection[str] = ()) -> None:
        self.organization_id = organization_id
        self.leave = leave
        self.stream = stream
        self.limit = limit_seconds
        self._said = ""

    def __call__(self) -> None:
        """Raises `TooLong` when the limit is over."""
        end = time.monotonic() + self.limit
        woken = time.monotonic()
        pause = FIRST_POLL_SECONDS
        while jobs := self._live():
            self._show(jobs[0], len(jobs))
            if time.monotonic() > end:
                raise TooLong(f"{len(jobs)} jobs are still not done, the first being “{jobs[0]}”.")
            if time.monotonic() - woken > WAKE_AFTER_SECONDS:
                woken = time.monotonic()
                self._wake(jobs)
            time.sleep(pause)
            pause = min(SLOWEST_POLL_SECONDS, pause * SLOWER)
        self._clear()

    def _live(self) -> list[Job]:
        with in_organization(self.organization_id):
            live = Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).exclude(kind__in=self.leave)
            return list(live.order_by("-state", "id")[:200])

    def _wake(self, jobs: list[Job]) -> None:
        before = timezone.now() - timedelta(seconds=WAKE_AFTER_SECONDS)
        for job in jobs:
            if job.state == JobState.QUEUED and job.due_at < before:
                publish(self.organization_id, job.pk)

    def _show(self, job: Job, number: int) -> None:
        title = job.title or job.kind
        if not self.stream.isatty():
            if title != self._said:
                self.stream.write(f"{title} …\n")
                self._said = title
            return
        line = f"{bar(job.progress_done, job.progress_total)} {title}"
        if job.progress_total:
            line += f", {job.progress_done:,} of {job.progress_total:,}"
        if number > 1:
            line += f" ({number - 1} more)"
        self.stream.write(f"\r\x1b[2K{line[:110]}")
        self.stream.flush()
        self._said = line

    def _clear(self) -> None:
        if self._said and self.stream.isatty():
            self.stream.write("\r\x1b[2K")
            self.stream.flush()
        self._said = ""


def bar(done: int, total: int) -> str:
    """[######··················]; empty while the total is unknown."""
    filled = min(BAR, BAR * done // total) if total else 0
    return f"[{'#' * filled}{'·' * (BAR - filled)}]"
