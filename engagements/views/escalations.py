"""Escalation paths and what they told, and one's own notices."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, paging
from engagements.milestone_forms import StepForm
from engagements.models import Engagement, Escalation, EscalationStep, Notice
from engagements.views.edges import acting, attempt, engagement_crumbs, engagement_or_404, posted, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


@requires(P.VIEW_WORK, POST=P.EDIT_WORK)
@acting
def path_of(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """The steps of an engagement's path, a form for the next one, and everything that was told."""
    engagement = engagement_or_404(reference)
    form = StepForm(posted(request))
    if attempt(form, lambda: actions.add_step(engagement=engagement, by=request.actor, **form.cleaned_data)) is not None:
        return to("escalation", request, reference)
    return _page(request, organization, engagement, form)


def _page(request: TenantRequest, slug: str, engagement: Engagement, form: StepForm) -> HttpResponse:
    told = Escalation.objects.filter(engagement=engagement)
    query = {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    listed = told.select_related("step", "item", "milestone", "blocker", "question", "matter")
    page = paging.page_of(listed, query, keys=("at", "id"), parsers=(paging.instant, int), descending=True)
    steps = EscalationStep.objects.filter(engagement=engagement, removed_at__isnull=True).select_related("member__user")
    context = {
        "engagement": engagement,
        "steps": list(steps.order_by("number")),
        "page": page,
        "form": form,
        "crumbs": [*engagement_crumbs(slug, engagement), ("Escalation", "")],
        "may_edit": request.membership.may(P.EDIT_WORK) and engagement.status == "open",
    }
    return render(request, "engagements/escalation.html", context, status=422 if form.is_bound else 200)


@requires(POST=P.EDIT_WORK)
@acting
def remove_step(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    step = EscalationStep.objects.filter(engagement=engagement, number=min(number, 2**31 - 1)).select_related("engagement").first()
    if step is None:
        raise Http404("No such page.")
    actions.remove_step(step=step, by=request.actor)
    return to("escalation", request, reference)


@requires(P.TAKE_NOTICE)
def notices(request: TenantRequest, organization: str) -> HttpResponse:
    """What one was told, newest first. Reading the page marks nothing: a button does, or acknowledging."""
    show = "unread" if request.GET.get("show") == "unread" else ""
    rows: Any = Notice.objects.filter(member=request.membership)
    if show:
        rows = rows.filter(read_at__isnull=True)
    query = {"show": show} | {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    listed = rows.select_related("escalation__step")
    page = paging.page_of(listed, query, keys=("at", "id"), parsers=(paging.instant, int), descending=True)
    context = {"page": page, "show": show, "unread": any(row.read_at is None for row in page.rows)}
    return render(request, "engagements/notices.html", context)


@requires(POST=P.TAKE_NOTICE)
@acting
def read(request: TenantRequest, organization: str) -> HttpResponse:
    """Mark all of one's own as read."""
    actions.read_notices(by=request.actor)
    return to("notices", request)


@requires(POST=P.TAKE_NOTICE)
@acting
def acknowledge(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """Take on what a notice of one's own is about; nobody else is told of it then."""
    notice = Notice.objects.filter(member=request.membership, pk=min(number, 2**63 - 1)).select_related("escalation__engagement").first()
    if notice is None or notice.escalation is None:
        raise Http404("No such page.")
    actions.acknowledge(escalation=notice.escalation, by=request.actor, note=request.POST.get("note", "")[:300])
    return to("notices", request)
