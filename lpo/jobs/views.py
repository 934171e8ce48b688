"""Background work as people see it: what runs, how far it is, what failed and why."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.paging import newest_first
from lpo.jobs.actions import cancel_job, may_cancel, retry_job
from lpo.jobs.beat import SCHEDULE_PREFIX
from lpo.jobs.models import Job, JobState
from lpo.jobs.queue import enqueue

VIEWS = {"": "Asked for by people", "failed": "Failed", "scheduled": "Scheduled"}
STATUS_KINDS = {
    JobState.QUEUED: "draft",
    JobState.RUNNING: "progressing",
    JobState.DONE: "met",
    JobState.DEAD: "breach",
    JobState.CANCELLED: "draft",
}


def _shown(show: str) -> QuerySet[Job]:
    jobs = Job.objects.select_related("created_by__user").defer("payload", "result", "cursor")
    scheduled = Q(key__startswith=SCHEDULE_PREFIX)
    if show == "failed":
        return jobs.filter(state=JobState.DEAD)
    return jobs.filter(scheduled) if show == "scheduled" else jobs.exclude(scheduled)


def _describe(job: Job, request: TenantRequest) -> dict[str, object]:
    """A job as templates show it. The list shows the error's first line; the whole text is for those who may retry."""
    return {
        "job": job,
        "status": STATUS_KINDS[JobState(job.state)],
        "state": "Cancelling" if job.live and job.cancel_requested else job.get_state_display(),
        "asked_by": job.created_by.display_name if job.created_by else "System",
        "error": job.error.partition("\n")[0],
        "details": job.error if request.membership.may(P.RETRY_JOBS) and "\n" in job.error else "",
        "may_cancel": may_cancel(job, request.actor) and not job.cancel_requested,
        "may_retry": job.state in {JobState.DEAD, JobState.CANCELLED} and request.membership.may(P.RETRY_JOBS),
        "total": job.progress_total or None,
    }


@requires(P.VIEW_JOBS)
def job_list(request: TenantRequest, organization: str) -> HttpResponse:
    show = request.GET.get("show", "")
    show = show if show in VIEWS else ""
    page = newest_first(_shown(show), request.GET.dict())
    address = reverse("jobs:list", args=[organization])
    chips = [
        {"label": label, "url": f"{address}?show={name}" if name else address, "current": name == show} for name, label in VIEWS.items()
    ]
    context = {"page": page, "rows": [_describe(job, request) for job in page.rows], "chips": chips, "show": show}
    return render(request, "jobs/list.html", context)


@requires(P.VIEW_JOBS)
def job_detail(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("created_by__user"), id=number)
    crumbs = [("Background work", reverse("jobs:list", args=[organization])), (str(job), "")]
    template = "jobs/verification.html" if job.kind == "audit.verify" else "jobs/detail.html"
    return render(request, template, {**_describe(job, request), "crumbs": crumbs})


@requires(P.VIEW_JOBS)
@never_cache
def job_progress(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """The progress bar alone, asked for every two seconds. Its state is the row's, so it survives any reload.

    With `?reload` the page around it is fetched anew once the job has ended, to show what came of it.
    """
    job = get_object_or_404(Job.objects.select_related("created_by__user").defer("payload", "result"), id=number)
    reload = "reload" in request.GET
    response = render(request, "jobs/_progress.html", {**_describe(job, request), "reload": reload})
    if reload and not job.live:
        response["HX-Refresh"] = "true"
    return response


@requires(POST=P.VIEW_JOBS)
def job_cancel(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    job = get_object_or_404(Job, id=number)
    if job.live and not may_cancel(job, request.actor):
        raise PermissionDenied("Only whoever asked for this job, or somebody who may retry jobs, can cancel it.")
    try:
        job = cancel_job(job=job, by=request.actor)
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        ended = job.state == JobState.CANCELLED
        messages.success(request, "The job is cancelled." if ended else "The job ends after the step it is in.")
    return redirect("jobs:detail", organization, number)


@requires(POST=P.RETRY_JOBS)
def job_retry(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    job = get_object_or_404(Job, id=number)
    try:
        retry_job(job=job, by=request.actor)
    except Refused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "The job is queued again.")
    return redirect("jobs:detail", organization, number)


@requires(POST=P.VIEW_AUDIT)
def verify_audit(request: TenantRequest, organization: str) -> HttpResponse:
    """Compares the audit chain in the background: a long chain takes longer than a request may."""
    job = enqueue("audit.verify", by=request.actor, key="audit.verify", title="Verify the audit log")
    return redirect("jobs:detail", organization, job.id)
