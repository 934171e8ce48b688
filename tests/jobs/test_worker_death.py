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

Victim = subprocess.Popen[str]


@pytest.fixture
def start(alder: Organization) -> Iterator[Callable[[Job], Victim]]:
    started: list[Victim] = []
    address = renamed(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))

    def one(job: Job) -> Victim:
        command = [sys.executable, "-m", "tests.jobs.victim", str(alder.id), str(job.id)]
        process = subprocess.Popen(
            command,
            env={**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "lpo.settings", "LPO_LOG_LEVEL": "ERROR"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield one
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def set_off(process: Victim) -> None:
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_five_killed_workers_leave_each_effect_once(
    alder: Organization, start: Callable[[Job], Victim], reload: Callable[[Job], Job]
) -> None:
    with in_organization(alder.id):
        job = enqueue("test.steps", {"count": STEPS, "seconds": 0.08}, by=Actor.system(alder.id))
    victim = start(job)
    for kill in range(KILLS):
        successor = start(job)
        set_off(victim)
        wait_until_further(reload, job, kill + 1)
        time.sleep(random.uniform(0.0, 0.2))  # noqa: S311 - somewhere inside a chunk
        os.kill(victim.pid, signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
        victim = successor
    interrupted = reload(job)
    assert interrupted.state == JobState.RUNNING
    assert interrupted.progress_done < STEPS

    set_off(victim)
    assert victim.wait(timeout=30) == 0
    finished = reload(job)
    assert (finished.state, finished.fence, finished.progress_done) == (JobState.DONE, KILLS + 1, STEPS)
    with in_organization(alder.id):
        assert effects() == [str(step) for step in range(STEPS)]


def wait_until_further(reload: Callable[[Job], Job], job: Job, fence: int) -> None:
    """Until the worker of that fence has taken the job over and committed a chunk of its own."""
    done, deadline = reload(job).progress_done, time.monotonic() + 20
    while not ((now := reload(job)).fence == fence and now.progress_done > done):
        assert time.monotonic() < deadline, "the next worker did not take the job over"
        time.sleep(0.02)
