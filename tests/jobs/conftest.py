"""What the tests of jobs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.jobs.models import Job
from lpo.tenancy.context import in_organization
from tests.jobs import handlers


@pytest.fixture
def system(alder: Organization) -> Actor:
    return Actor.system(alder.id)


@pytest.fixture
def during() -> Iterator[list[Callable[[int], object]]]:
    """Hooks into the middle of the test jobs."""
    yield handlers.during
    handlers.during.clear()


@pytest.fixture
def reload(alder: Organization) -> Callable[[Job], Job]:
    def read(job: Job) -> Job:
        with in_organization(alder.id):
            return Job.objects.get(id=job.id)

    return read


@pytest.fixture
def make_due(alder: Organization) -> Callable[[Job], None]:
    """Let the waiting time of a retry, or of a lease, be over."""

    def hurry(job: Job) -> None:
        with in_organization(alder.id), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE jobs_job SET due_at = now() - interval '1 s', lease_until = lease_until - interval '1 h' WHERE id = %s", [job.id]
            )

    return hurry
