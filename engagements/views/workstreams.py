"""Workstreams, and closing or reopening whatever can be closed."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, paging, panels, queries
from engagements.forms import WorkstreamEditForm, WorkstreamForm
from engagements.models import ImportBatch, WorkItem, Workstream
from engagements.views.edges import (
    acting,
    attempt,
    client_or_404,
    fields_of,
    form_page,
    matter_crumbs,
    matter_or_404,
    posted,
    to,
    workstream_crumbs,
    workstream_or_404,
)
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


@requires(P.VIEW_WORK)
def workstream(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    state, chosen = request.GET.get("state", ""), request.GET.get("type", "")
    rows = WorkItem.objects.filter(workstream=workstream)
    rows = rows.filter(state=state) if state else rows
    rows = rows.filter(type=chosen) if chosen else rows
    page = paging.page_of(
        rows.select_related("assignee__user"),
        request.GET.dict(),
        keys=("received_at", "id"),
        parsers=(paging.instant, int),
        descending=True,
    )
    types = queries.types_of(workstream.id)
    context = {
        "workstream": workstream,
        "matter": workstream.matter,
        "counts": queries.all_counts_of(workstream),
        "state": state,
        "chosen": chosen,
        "types": types,
        "page": page,
        "imports": _recent_imports(workstream),
        "panels": panels.collect(panels.workstream_panels, request, workstream),
        "events": queries.events_about(workstream, *queries.protocols_of(workstream), *types),
        "crumbs": [*matter_crumbs(organization, workstream.matter), (prefix, "")],
        "may_edit": request.membership.may(P.EDIT_WORK),
        "may_track": request.membership.may(P.TRACK_ITEMS),
    }
    return render(request, "engagements/workstream.html", context)


def _recent_imports(workstream: Workstream) -> list[tuple[int, ImportBatch]]:
    """The latest imports with the number that names each in its address: its place in the workstream, oldest first."""
    rows = ImportBatch.objects.filter(workstream=workstream)
    latest = list(rows.defer("columns", "mapping").order_by("-id")[:8])
    total = rows.count()
    return [(total - place, batch) for place, batch in enumerate(latest)]


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_workstream(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    matter = matter_or_404(reference)
    form = WorkstreamForm(posted(request))
    made = attempt(form, lambda: actions.create_workstream(matter=matter, by=request.actor, **fields_of(form)))
    if made is not None:
        return to("workstream", request, reference, made.item_prefix)
    return form_page(request, form, title="New workstream", submit="Create workstream", crumbs=matter_crumbs(organization, matter))


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_workstream(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    crumbs = workstream_crumbs(organization, workstream)
    form = WorkstreamEditForm(posted(request), instance=workstream, initial={"version": workstream.version})
    saved = attempt(
        form,
        lambda: actions.update_workstream(workstream=workstream, by=request.actor, version=form.cleaned_data["version"], **fields_of(form)),
    )
    if saved is not None:
        return to("workstream", request, reference, saved.item_prefix)
    return form_page(request, form, title="Edit workstream", submit="Save", crumbs=crumbs)


def _status(request: TenantRequest, target: Any, name: str, *parts: object) -> HttpResponse:
    wanted, version = request.POST.get("status", ""), request.POST.get("version", "")
    if wanted not in {"open", "closed"} or not version.isdecimal():
        raise Http404("No such page.")
    change = actions.close if wanted == "closed" else actions.reopen
    change(target=target, by=request.actor, version=int(version))
    return to(name, request, *parts)


@requires(POST=P.EDIT_WORK)
@acting
def client_status(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    return _status(request, client_or_404(code), "client", code)


@requires(POST=P.EDIT_WORK)
@acting
def matter_status(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _status(request, matter_or_404(reference), "matter", reference)


@requires(POST=P.EDIT_WORK)
@acting
def workstream_status(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    return _status(request, workstream_or_404(reference, prefix), "workstream", reference, prefix)
