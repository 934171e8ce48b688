"""The pulse: what the clock asks for, and what nobody has woken a worker up for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

from django.conf import settings
from django.db import connection, transaction
from redis import Redis

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization
from lpo.jobs.broker import QUEUE
from lpo.jobs.queue import enqueue, publish, publish_on_commit
from lpo.jobs.registry import Schedule, schedules
from lpo.tenancy.context import in_organization

logger = logging.getLogger(__name__)

SWEEP_LIMIT = 500
KEPT_SLOTS = "7 days"
SCHEDULE_PREFIX = "every:"

# The row of an earlier turn is used again, whatever became of it, so that schedules do not fill the table.
_REARM = """
UPDATE jobs_job SET state = 'queued', attempts = 0, cursor = '{}', progress_done = 0, progress_total = 0, message = '',
    cancel_requested = false, due_at = now(), started_at = NULL, finished_at = NULL
WHERE id = (SELECT max(id) FROM jobs_job WHERE organization_id = %s AND key = %s) AND state IN ('done', 'dead', 'cancelled')
    AND NOT EXISTS (SELECT 1 FROM jobs_job WHERE organization_id = %s AND key = %s AND state IN ('queued', 'running'))
RETURNING id
"""


def schedule_key(kind: str) -> str:
    return SCHEDULE_PREFIX + kind


def tick() -> list[str]:
    """Enqueue, once per organization, each schedule whose slot nobody has taken yet. The kinds enqueued.

    Slots are cut from the database's clock and unique, so a second beat, a repeated message or a clock that jumps adds none.
    """
    due = {schedule.kind: schedule for schedule in schedules()}
    with transaction.atomic():
        taken = [due[kind] for kind in _take_slots(list(due.values()))]
        if taken:
            for organization_id in Organization.objects.order_by("id").values_list("id", flat=True):
                with in_organization(organization_id):
                    for schedule in taken:
                        _enqueue_turn(organization_id, schedule)
    return [schedule.kind for schedule in taken]


def _take_slots(wanted: Sequence[Schedule]) -> list[str]:
    if not wanted:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO jobs_beatslot (schedule, slot, created_at)"
            " SELECT s.kind, to_timestamp(floor(extract(epoch FROM now()) / (60 * s.minutes)) * 60 * s.minutes), now()"
            " FROM unnest(%s::text[], %s::int[]) AS s (kind, minutes) ORDER BY s.kind ON CONFLICT DO NOTHING RETURNING schedule",
            [[schedule.kind for schedule in wanted], [schedule.minutes for schedule in wanted]],
        )
        taken = [str(row[0]) for row in cursor.fetchall()]
        if taken:
            cursor.execute("DELETE FROM jobs_beatslot WHERE created_at < now() - %s::interval", [KEPT_SLOTS])
    return taken


def _enqueue_turn(organization_id: int, schedule: Schedule) -> None:
    key = schedule_key(schedule.kind)
    with connection.cursor() as cursor:
        cursor.execute(_REARM, [organization_id, key, organization_id, key])
        row = cursor.fetchone()
    if row is not None:
        publish_on_commit(organization_id, int(row[0]))
    else:
        enqueue(schedule.kind, by=Actor.system(organization_id), key=key, title=schedule.title)


def sweep() -> int:
    """Publish what is due: messages that were lost, retries whose time has come, jobs whose worker died. How many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT organization_id, job_id FROM due_jobs(%s)", [SWEEP_LIMIT])
        due = [(int(organization_id), int(job_id)) for organization_id, job_id in cursor.fetchall()]
    if not due:
        return 0
    # With messages still waiting, the same jobs would only be announced twice.
    room = SWEEP_LIMIT - waiting_messages()
    return sum(publish(organization_id, job_id) for organization_id, job_id in due[: max(room, 0)])


def waiting_messages() -> int:
    with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=5) as redis:
        return cast(int, redis.llen(QUEUE))
