"""One attempt at one job: claim, work, commit under the fence."""

from __future__ import annotations

import logging
import os
import socket
import time
import traceback
from collections.abc import Collection, Generator
from typing import Any

from django.db import connection

from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused
from lpo.core.logs import bind
from lpo.jobs import lease
from lpo.jobs.lease import MAX_ATTEMPTS, Claim, LeaseLost
from lpo.jobs.models import Job
from lpo.jobs.queue import ACTOR_KEY, publish_on_commit
from lpo.jobs.registry import Handler, Progress, Result, Run, UnknownKind, handler_of
from lpo.tenancy.context import in_organization

logger = logging.getLogger(__name__)

# A chunked job gives its place back after so long; the hard limit of a task lies well above.
SLICE_SECONDS = 300.0


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def run_job(organization_id: int, job_id: int) -> bool:
    """Attempt one job. False when there was nothing to do: not due, already done, or in another worker's hands."""
    with bind(organization_id=organization_id, job_id=job_id):
        with in_organization(organization_id):
            claim = lease.claim(job_id, worker_name())
            if claim is None:
                return False
            if _ended_before_it_began(claim):
                return True
        started = time.monotonic()
        outcome = _attempt(claim)
        logger.info("Job %s %s", claim.kind, outcome, extra={"attempt": claim.attempt, "seconds": round(time.monotonic() - started, 3)})
    return True


def run_due(organization_id: int, limit: int = 1000, *, leave: Collection[str] = ()) -> int:
    """Attempt every due job of one organization in this process, those they enqueue included, but for the kinds to `leave`.

    Returns the number of attempts.
    """
    attempts = 0
    while attempts < limit:
        with in_organization(organization_id), connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM jobs_job WHERE organization_id = %s AND due_at <= clock_timestamp()"
                " AND (state = 'queued' OR (state = 'running' AND lease_until < clock_timestamp())) AND kind <> ALL(%s)"
                " ORDER BY due_at, id LIMIT 1",
                [organization_id, list(leave)],
            )
            row = cursor.fetchone()
        if row is None or not run_job(organization_id, int(row[0])):
            return attempts
        attempts += 1
    return attempts


def _ended_before_it_began(claim: Claim) -> bool:
    if claim.cancel_requested:
        lease.cancel(claim)
        return True
    if claim.attempt > MAX_ATTEMPTS:
        # Nobody was left to write an error: the process itself ended each time (killed, out of memory, over its time).
        error = Job.objects.values_list("error", flat=True).get(id=claim.job_id)
        lease.bury(claim, error or f"The worker process ended {MAX_ATTEMPTS} times while doing this.")
        return True
    return False


def _attempt(claim: Claim) -> str:
    try:
        handler = handler_of(claim.kind)
        with lease.kept_alive(claim):
            return _chunked(claim, handler) if handler.chunked else _short(claim, handler)
    except LeaseLost:
        logger.warning("Job %s was taken over; this attempt is discarded.", claim.kind)
        return "lost"
    except (Refused, NotPermitted, UnknownKind) as error:
        # Bad input does not heal by trying again.
        return _fail(claim, str(error), final=True)
    except Exception:
        logger.exception("Job %s failed", claim.kind)
        return _fail(claim, _readable_traceback(), final=claim.attempt >= MAX_ATTEMPTS)


def _short(claim: Claim, handler: Handler) -> str:
    with in_organization(claim.organization_id):
        lease.finish(claim, handler.function(_run_of(claim)))
    return "done"


def _chunked(claim: Claim, handler: Handler) -> str:
    """Each turn of the loop is one transaction: the handler's effect, its cursor and the fence commit together or not at all."""
    started = time.monotonic()
    chunks: Generator[Progress, None, Result | None] | None = None
    try:
        while True:
            with in_organization(claim.organization_id):
                if chunks is None:
                    chunks = handler.function(_run_of(claim))
                try:
                    progress = next(chunks)
                    cancelled = lease.advance(claim, progress)
                except StopIteration as stop:
                    lease.finish(claim, stop.value)
                    return "done"
                if cancelled:
                    lease.cancel(claim)
                    return "cancelled"
                if progress.cursor is not None and time.monotonic() - started > SLICE_SECONDS:
                    lease.hand_over(claim)
                    publish_on_commit(claim.organization_id, claim.job_id)
                    return "handed over"
    finally:
        if chunks is not None:
            chunks.close()


def _run_of(claim: Claim) -> Run:
    payload = {name: value for name, value in claim.payload.items() if name != ACTOR_KEY}
    actor = _actor_of(claim, claim.payload.get(ACTOR_KEY))
    return Run(claim.job_id, claim.organization_id, claim.kind, payload, claim.cursor, actor, claim.attempt)


def _actor_of(claim: Claim, stored: dict[str, Any] | None) -> Actor:
    """Whoever asked: what a job does is recorded as done by that person or token, with the permissions held when asking."""
    if stored is not None:
        permissions = frozenset(Permission(value) for value in stored["permissions"])
        return Actor(stored["kind"], claim.organization_id, stored["label"], claim.created_by_id, stored["token_id"], permissions)
    if claim.created_by_id is None:
        return Actor.system(claim.organization_id)
    member = Membership.objects.select_related("user").get(organization_id=claim.organization_id, id=claim.created_by_id)
    return Actor.member(member)


def _readable_traceback() -> str:
    """The last line first, because it is what the list shows; the whole text below it."""
    text = traceback.format_exc().strip()
    return f"{text.splitlines()[-1]}\n\n{text}"[:20_000]


def _fail(claim: Claim, error: str, *, final: bool) -> str:
    try:
        with in_organization(claim.organization_id):
            if final:
                lease.bury(claim, error)
                return "dead"
            lease.back_off(claim, error)
            return "failed"
    except LeaseLost:
        return "lost"
