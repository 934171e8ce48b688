"""The lease on a job and its fencing number, always by the database's clock.

A claim raises the fence; every later write names the fence it was claimed under. A worker that was stopped for longer than its
lease therefore finds no row to write to, and its transaction, effects included, is rolled back.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import Error, connection

from lpo.jobs.registry import Progress, Result
from lpo.tenancy.context import current_organization_id, in_organization

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
RENEW_SECONDS = 10.0
MAX_ATTEMPTS = 5
LONGEST_BACK_OFF_SECONDS = 300


class LeaseLost(Exception):
    """Another worker claimed the job, or it was ended: nothing of this attempt may be kept."""


@dataclass(frozen=True)
class Claim:
    job_id: int
    organization_id: int
    fence: int
    kind: str
    payload: dict[str, Any]
    cursor: dict[str, Any]
    attempt: int
    created_by_id: int | None
    cancel_requested: bool


_CLAIM = """
UPDATE jobs_job SET state = 'running', fence = fence + 1, attempts = attempts + 1, worker = %s,
    lease_until = clock_timestamp() + make_interval(secs => %s), started_at = COALESCE(started_at, clock_timestamp())
WHERE id = (
    SELECT id FROM jobs_job
    WHERE id = %s AND organization_id = %s AND due_at <= clock_timestamp()
        AND (state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp()))
    FOR UPDATE SKIP LOCKED)
RETURNING fence, kind, payload::text, cursor::text, attempts, created_by_id, cancel_requested
"""
_MINE = " WHERE id = %s AND organization_id = %s AND fence = %s AND state = 'running'"


def claim(job_id: int, worker: str) -> Claim | None:
    """Take a due job of the current organization, or None when it is not due, not live or somebody else's."""
    organization_id = current_organization_id()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [worker[:120], LEASE_SECONDS, job_id, organization_id])
        row = cursor.fetchone()
    if row is None:
        return None
    fence, kind, payload, where, attempt, created_by_id, cancel_requested = row
    return Claim(job_id, organization_id, fence, kind, json.loads(payload), json.loads(where), attempt, created_by_id, cancel_requested)


def _write(claim: Claim, assignments: str, values: Sequence[Any]) -> bool:
    """Write to the job if it is still held. True when somebody asked to cancel it. Raises `LeaseLost`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE jobs_job SET {assignments}{_MINE} RETURNING cancel_requested",  # noqa: S608 - assignments are constants of this module
            [*values, claim.job_id, claim.organization_id, claim.fence],
        )
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost(f"Job {claim.job_id} is no longer held under fence {claim.fence}.")
    return bool(row[0])


def renew(claim: Claim) -> None:
    _write(claim, "lease_until = clock_timestamp() + make_interval(secs => %s)", [LEASE_SECONDS])


def advance(claim: Claim, progress: Progress) -> bool:
    """Write a chunk's progress and cursor and renew the lease. True when somebody asked to cancel.

    Attempts are counted since the cursor last moved: a job that gets on may be interrupted any number of times, one that
    dies at the same place five times is dead.
    """
    cursor_json = None if progress.cursor is None else json.dumps(dict(progress.cursor))
    return _write(
        claim,
        "attempts = CASE WHEN cursor IS DISTINCT FROM COALESCE(%s::jsonb, cursor) THEN 1 ELSE attempts END,"
        " cursor = COALESCE(%s::jsonb, cursor), progress_done = %s, progress_total = COALESCE(%s, progress_total), message = %s,"
        " lease_until = clock_timestamp() + make_interval(secs => %s)",
        [cursor_json, cursor_json, progress.done, progress.total, progress.message[:300], LEASE_SECONDS],
    )


_ENDED = "lease_until = NULL, finished_at = clock_timestamp()"


def finish(claim: Claim, result: Result | None) -> None:
    result = result or Result()
    _write(
        claim,
        f"state = 'done', {_ENDED}, error = '', result = %s, result_url = %s, progress_done = GREATEST(progress_done, progress_total),"
        " message = COALESCE(NULLIF(%s, ''), message)",
        [json.dumps(dict(result.data), default=str), result.url, result.message[:300]],
    )


def cancel(claim: Claim) -> None:
    _write(claim, f"state = 'cancelled', {_ENDED}", [])


def bury(claim: Claim, error: str) -> None:
    """The job is dead: shown with its error until somebody retries it."""
    _write(claim, f"state = 'dead', {_ENDED}, error = %s", [error])


def back_off(claim: Claim, error: str) -> None:
    seconds = min(2**claim.attempt, LONGEST_BACK_OFF_SECONDS)
    _write(
        claim,
        "state = 'queued', lease_until = NULL, error = %s, due_at = clock_timestamp() + make_interval(secs => %s)",
        [error, seconds],
    )


def hand_over(claim: Claim) -> None:
    """Give an unfinished job back between two chunks: other jobs get their turn and no process nears its time limit."""
    _write(claim, "state = 'queued', lease_until = NULL, attempts = 0, due_at = clock_timestamp()", [])


@contextmanager
def kept_alive(claim: Claim, every_seconds: float | None = None) -> Iterator[None]:
    """Renew the lease from a thread, on a connection of its own, while a chunk takes longer than expected."""
    stop = threading.Event()
    pause = RENEW_SECONDS if every_seconds is None else every_seconds  # read now: a shorter lease is renewed more often

    def beat() -> None:
        try:
            while not stop.wait(pause):
                with in_organization(claim.organization_id):
                    renew(claim)
        except LeaseLost:
            return  # the chunk's own commit finds the same and gives up
        except Error:  # a connection that broke is an InterfaceError, which is no DatabaseError
            logger.warning("The lease of job %s could not be renewed.", claim.job_id, exc_info=True)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"lease-{claim.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
