"""What people do to jobs: cancel one, retry a dead one."""

from __future__ import annotations

from django.db import IntegrityError, connection, transaction

from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import publish_on_commit


def may_cancel(job: Job, by: Actor) -> bool:
    """Whoever asked for a job may take it back; others' jobs need the permission to retry."""
    own = by.member_id is not None and job.created_by_id == by.member_id
    return job.live and (own or Permission.RETRY_JOBS in by.permissions)


@transaction.atomic
def cancel_job(*, job: Job, by: Actor) -> Job:
    """End a waiting job now, a running one after its present chunk. Raises `Refused` for one that has ended."""
    if job.created_by_id is None or job.created_by_id != by.member_id:
        by.need(Permission.RETRY_JOBS)
    job = Job.objects.select_for_update().get(id=job.id)
    if not job.live:
        raise Refused(f"This job has already ended: {job.get_state_display().lower()}.")
    before = {"state": job.state, "cancel_requested": job.cancel_requested}
    job.cancel_requested = True
    fields = ["cancel_requested"]
    if job.state == JobState.QUEUED:
        job.state = JobState.CANCELLED
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            job.finished_at = cursor.fetchone()[0]
        fields += ["state", "finished_at"]
    job.save(update_fields=fields)
    record(by=by, action="job.cancel", target=job, before=before, after={"state": job.state, "cancel_requested": True})
    return job


@transaction.atomic
def retry_job(*, job: Job, by: Actor) -> Job:
    """Give a dead or cancelled job its attempts back; it resumes at its cursor. Raises `Refused` when it is not dead."""
    by.need(Permission.RETRY_JOBS)
    job = Job.objects.select_for_update().get(id=job.id)
    if job.state not in {JobState.DEAD, JobState.CANCELLED}:
        raise Refused(f"Only a failed or cancelled job can be retried; this one is {job.get_state_display().lower()}.")
    before = {"state": job.state, "error": job.error.partition("\n")[0]}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE jobs_job SET state = 'queued', attempts = 0, due_at = now(), finished_at = NULL,"
                " cancel_requested = false, error = '' WHERE id = %s AND organization_id = %s",
                [job.id, job.organization_id],
            )
    except IntegrityError:
        # The key of live jobs is unique: somebody asked for the same work again in the meantime.
        raise Refused("The same work has been asked for again and is already waiting or running.") from None
    job.refresh_from_db()
    record(by=by, action="job.retry", target=job, before=before, after={"state": job.state})
    publish_on_commit(job.organization_id, job.id)
    return job
