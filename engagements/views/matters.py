"""Matters: what they hold, what the client was told, who is inside their wall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from engagements import actions, beside, listing, paging, panels, queries
from engagements.forms import MatterEditForm, MatterForm, UpdateForm, WallForm
from engagements.models import Client, Matter, MatterInsider, StatusUpdate, WorkItem, Workstream
from engagements.views.edges import (
    acting,
    attempt,
    engagement_crumbs,
    engagement_or_404,
    fields_of,
    form_page,
    matter_crumbs,
    matter_or_404,
    posted,
    to,
)
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

_OF_WALLS = {"matter.raise_wall", "matter.lower_wall", "matter.remove_insider"}


_COLUMNS = {
    "client": "Client",
    "engagement": "Engagement",
    "theirs": "Client's ID",
    "ours": "Our ID",
    "attorney": "Supervising attorney",
    "jurisdiction": "Jurisdiction",
    "end_client": "End client",
    "opened": "Opened",
}
_GROUPS: dict[str, tuple[str, Callable[[Matter], str]]] = {
    "client": ("Client", lambda matter: matter.client.name),
    "engagement": ("Engagement", lambda matter: f"{matter.engagement.reference} {matter.engagement.title}"),
    "attorney": (
        "Supervising attorney",
        lambda matter: matter.supervising_attorney.display_name if matter.supervising_attorney else "Nobody",
    ),
}
_USUAL = ("client", "engagement", "theirs", "attorney")
_LAYOUT = listing.Layout(_COLUMNS, _USUAL, [("", "By reference"), ("newest", "Newest first")], _GROUPS)


@requires(P.VIEW_WORK)
def matters(request: TenantRequest, organization: str) -> HttpResponse:
    asked = listing.asked(request, "matters")
    closed = asked.values["status"] == "closed"
    rows: Any = Matter.objects.filter(status="closed" if closed else "open")
    if client := asked.values["client"]:
        rows = rows.filter(client_id__in=Client.objects.filter(code=client).values("id"))
    listed = rows.select_related("client", "engagement", "supervising_attorney__user")
    query = asked.query | listing.position(request)
    if asked.values["sort"] == "newest":
        page = paging.page_of(listed, query, keys=("id", "id"), parsers=(int, int), descending=True)
    else:
        page = paging.page_of(listed, query, keys=("reference", "id"), parsers=(str, int))
    choices = {
        "client": [(c.code, c.name) for c in Client.objects.order_by("name")[:200]],
        "status": [("open", "Open"), ("closed", "Closed")],
    }
    names = {"client": "Client", "status": "State"}
    context = {
        "page": page,
        "asked": asked,
        "closed": closed,
        "problems": listing.unknown(asked.values, choices, names),
        "selects": [(name, names[name], choices[name], asked.values[name]) for name in choices],
        "may_save": request.membership.may(P.SAVE_VIEWS),
        **_LAYOUT.of(asked, page.rows),
    }
    return render(request, "engagements/matters.html", context)


@requires(P.VIEW_WORK)
def matter(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _matter_page(request, organization, _whole_or_404(reference), UpdateForm())


def _whole_or_404(reference: str) -> Matter:
    """The matter with what several boxes of its page show of it."""
    found = matter_or_404(reference, beside.with_parties_and_hold(Matter.objects.all()))
    found.engagement.client = found.client  # an engagement's matters are of its client
    return found


def _matter_page(request: TenantRequest, organization: str, matter: Any, form: UpdateForm) -> HttpResponse:
    workstreams = list(Workstream.objects.filter(matter=matter).order_by("item_prefix")[:200])
    for workstream in workstreams:
        workstream.matter = matter  # read once already; their addresses name it
    counts = queries.counts_of((workstream.id for workstream in workstreams), queries.OPEN_STATES)
    context = {
        "matter": matter,
        "held": matter.held,
        "workstreams": [(workstream, counts[workstream.id]) for workstream in workstreams],
        "parties": matter.party_names,
        "updates": StatusUpdate.objects.filter(matter=matter).order_by("-id")[:10],
        "insiders": queries.insiders_of(matter) if matter.walled else [],
        "panels": panels.collect(panels.matter_panels, request, matter),
        "events": queries.events_about(matter, *workstreams),
        "form": form,
        "crumbs": [*engagement_crumbs(organization, matter.engagement), (matter.reference, "")],
        "may_edit": request.membership.may(P.EDIT_WORK),
        "may_track": request.membership.may(P.TRACK_ITEMS),
    }
    return render(request, "engagements/matter.html", context, status=422 if form.is_bound else 200)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_matter(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    form = MatterForm(posted(request))
    made = attempt(form, lambda: actions.create_matter(engagement=engagement, by=request.actor, **fields_of(form)))
    if made is not None:
        return to("matter", request, made.reference)
    return form_page(request, form, title="New matter", submit="Create matter", crumbs=engagement_crumbs(organization, engagement))


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_matter(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    matter = matter_or_404(reference)
    crumbs = matter_crumbs(organization, matter)
    form = MatterEditForm(posted(request), instance=matter, initial={"version": matter.version})
    saved = attempt(
        form, lambda: actions.update_matter(matter=matter, by=request.actor, version=form.cleaned_data["version"], **fields_of(form))
    )
    return (
        to("matter", request, reference)
        if saved is not None
        else form_page(request, form, title="Edit matter", submit="Save", crumbs=crumbs)
    )


@requires(POST=P.EDIT_WORK)
@acting
def publish(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    matter = _whole_or_404(reference)
    form = UpdateForm(request.POST)
    if attempt(form, lambda: actions.publish_update(matter=matter, by=request.actor, note=form.cleaned_data["note"])) is not None:
        return to("matter", request, reference)
    return _matter_page(request, organization, matter, form)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def wall(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Raise the wall, change who is inside, or lower it."""
    matter = matter_or_404(reference)
    lowering = request.POST.get("do") == "lower"
    inside = list(MatterInsider.objects.filter(matter=matter).values_list("member_id", flat=True)) if matter.walled else []
    form = WallForm(posted(request), besides=request.membership, initial={"insiders": inside})
    if lowering and attempt(form, lambda: actions.lower_wall(matter=matter, by=request.actor, reason=form.cleaned_data["reason"])):
        return to("matter", request, reference)
    if not lowering and request.method == "POST" and attempt(form, lambda: _change_wall(request, matter, form)) is not None:
        return to("matter", request, reference)
    outside = WorkItem.objects.filter(matter_id=matter.pk, finished=False, assignee__isnull=False).exclude(assignee_id__in=inside)
    context = {
        "matter": matter,
        "form": form,
        "insiders": queries.insiders_of(matter),
        "outside": outside.exclude(assignee_id=request.membership.pk)[:1001].count(),
        "events": [row for row in queries.events_about(matter, most=100) if row.action in _OF_WALLS],
        "crumbs": [*matter_crumbs(organization, matter), ("Ethical wall", "")],
    }
    return render(request, "engagements/wall.html", context, status=422 if form.errors else 200)


def _change_wall(request: TenantRequest, matter: Matter, form: WallForm) -> Matter:
    chosen = list(form.cleaned_data["insiders"])
    reason = form.cleaned_data["reason"]
    raised = actions.raise_wall(matter=matter, by=request.actor, insiders=chosen, reason=reason)
    keep = {member.id for member in chosen} | {request.membership.id}
    for row in MatterInsider.objects.filter(matter=matter).exclude(member_id__in=keep).select_related("member"):
        actions.remove_insider(matter=matter, member=row.member, by=request.actor, reason=reason)
    return raised
