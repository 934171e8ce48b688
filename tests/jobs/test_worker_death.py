"""Worker processes are killed in the middle of chunks. What they committed stays, what they had not is done again, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import in_organization
from tests.database import renamed
from tests.jobs.handlers import effects

KILLS = 5
STEPS = 24

StartWorker = Callable[[], int]


@pytest.fixture
def job(alder: Organization) -> Job:
    with in_organization(alder.id):
        return enqueue("test.steps", {"count": STEPS, "seconds": 0.08}, by=Actor.system(alder.id))


@pytest.fixture
def start_worker(job: Job) -> Iterator[StartWorker]:
    """Starts a worker process on the job and gives its process id, as soon as the one before it has ended."""
    address = renamed(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.victim", str(job.organization_id), str(job.id)],
        env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "lpo.settings", "LPO_LOG_LEVEL": "ERROR"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def start() -> int:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        nursery.stdin.write("another\n")
        nursery.stdin.flush()
        return int(nursery.stdout.readline())

    yield start
    nursery.communicate(timeout=30)


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_five_killed_workers_leave_each_effect_once(job: Job, start_worker: StartWorker, reload: Callable[[Job], Job]) -> None:
    for kill in range(KILLS):
        worker = start_worker()
        wait_until_further(reload, job, kill + 1)
        time.sleep(random.uniform(0.0, 0.2))  # noqa: S311 - somewhere inside a chunk
        os.kill(worker, signal.SIGKILL)
    interrupted = reload(job)
    assert interrupted.state == JobState.RUNNING
    assert interrupted.progress_done < STEPS

    start_worker()
    deadline = time.monotonic() + 20
    while reload(job).live and time.monotonic() < deadline:
        time.sleep(0.05)
    finished = reload(job)
    assert (finished.state, finished.fence, finished.progress_done) == (JobState.DONE, KILLS + 1, STEPS)
    with in_organization(job.organization_id):
        assert effects() == [str(step) for step in range(STEPS)]


def wait_until_further(reload: Callable[[Job], Job], job: Job, fence: int) -> None:
    """Until the worker of that fence has taken the job over and committed a chunk of its own."""
    done, deadline = reload(job).progress_done, time.monotonic() + 20
    while not ((now := reload(job)).fence == fence and now.progress_done > done):
        assert time.monotonic() < deadline, "the next worker did not take the job over"
        time.sleep(0.02)
