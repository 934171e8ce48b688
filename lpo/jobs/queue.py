"""Asking for work: the row commits with the change that needs it, the message follows and may be lost."""

from __future__ import annotations

import json
import logging
import time
from functools import cache
from typing import Any

from django.db import connection, transaction
from kombu.connection import Connection
from kombu.exceptions import OperationalError
from kombu.pools import producers
from redis.exceptions import RedisError

from lpo.accounts.actor import Actor
from lpo.jobs.broker import WAKE_UP, app
from lpo.jobs.models import Job
from lpo.jobs.registry import handler_of
from lpo.tenancy.context import current_organization_id

logger = logging.getLogger(__name__)

ACTOR_KEY = "_actor"  # in the payload: whom an API token's or a named system's job is done for
_CONNECT_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0
_silent_until = 0.0

_INSERT = """
INSERT INTO jobs_job (organization_id, kind, payload, key, title, state, attempts, fence, worker, cursor, progress_done, progress_total,
                      message, error, result, result_url, cancel_requested, created_by_id, matter_id, created_at)
VALUES (%s, %s, %s, %s, %s, 'queued', 0, 0, '', '{}', 0, %s, '', '', '{}', '', false, %s, %s, now())
ON CONFLICT DO NOTHING RETURNING id
"""


def enqueue(
    kind: str,
    payload: dict[str, Any] | None = None,
    *,
    by: Actor,
    key: str = "",
    title: str = "",
    total: int = 0,
    matter_id: int | None = None,
) -> Job:
    """Ask for a job in the caller's transaction. While a job with the same key is queued or running, that one is returned.

    A job about one matter names it in `matter_id` and is seen inside that matter's wall only.

    A running job may already have read what the caller just changed, so work that must see every change keeps a table of
    what is still to do and takes its rows from there.
    """
    handler_of(kind)
    content = dict(payload or {})
    if by.kind == "token" or (by.kind == "system" and by.label != "System"):
        content[ACTOR_KEY] = {
            "kind": by.kind,
            "label": by.label,
            "token_id": by.token_id,
            "permissions": sorted(permission.value for permission in by.permissions),
        }
    organization_id = current_organization_id()
    values: list[str | int | None] = [organization_id, kind, json.dumps(content), key, title[:200], total, by.member_id, matter_id]
    job: Job | None = None
    while job is None:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, values)
            row = cursor.fetchone()
        if row is not None:
            publish_on_commit(organization_id, int(row[0]))
            return Job.objects.get(id=row[0])
        # The conflicting job may finish between the two statements; then the insert is tried again.
        job = Job.objects.filter(key=key, state__in=["queued", "running"]).first()
    return job


# Types of what `asked` gives, in order.
JOB_TYPES = ("bigint", "text", "jsonb", "text", "text", "integer", "bigint", "bigint")


def asking(when: str) -> str:
    """Asking as one part of a larger statement, for what is asked for with every change: an INSERT that returns the new job's id. It
    asks only where the condition `when` holds and no job with this key is queued or running. Its values are those of `asked`; whoever
    executes it calls `publish_on_commit` for the id."""
    return _INSERT.replace("VALUES (", "SELECT ").replace("now())", f"now() WHERE {when}")


def asked(kind: str, *, by: Actor, key: str, title: str) -> list[str | int | None]:
    """The values of `asking`."""
    handler_of(kind)
    return [current_organization_id(), kind, "{}", key, title[:200], 0, by.member_id, None]


def publish_on_commit(organization_id: int, job_id: int) -> None:
    transaction.on_commit(lambda: publish(organization_id, job_id))


@cache
def _broker() -> Connection:
    """A connection that gives up at once. Celery's own tries for seconds, and the person behind the request would wait."""
    options = {**app.conf.broker_transport_options, "max_retries": 0, "socket_connect_timeout": _CONNECT_SECONDS}
    return Connection(app.conf.broker_url, transport_options=options, connect_timeout=_CONNECT_SECONDS)


def publish(organization_id: int, job_id: int) -> bool:
    """Wake a worker up. False when the broker is away: the sweeper publishes again, so nobody waits for it here."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return False
    try:
        with producers[_broker()].acquire(block=True, timeout=_CONNECT_SECONDS) as producer:
            app.send_task(WAKE_UP, kwargs={"organization_id": organization_id, "job_id": job_id}, producer=producer, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        # One request may enqueue many jobs; only the first of them waits for the time-out.
        _silent_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
        logger.warning("The broker is away; the sweeper will publish job %s. (%s)", job_id, type(error).__name__)
        return False
    return True
