"""Engagements and the contract under each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, beside, contracts, listing, paging, panels, queries
from engagements.forms import EngagementEditForm, EngagementForm
from engagements.models import Client, EndedTerm, Engagement, Workstream
from engagements.views.edges import (
    acting,
    attempt,
    client_crumbs,
    client_or_404,
    engagement_crumbs,
    engagement_or_404,
    fields_of,
    form_page,
    posted,
    to,
)
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

_NAMES = {"client": "Client", "manager": "Manager"}
_CHIPS = {"": "Open", "ending": "Renewals in 90 days", "closed": "Closed"}


_COLUMNS = {
    "client": "Client",
    "delivery": "Delivery",
    "manager": "Manager",
    "runs": "Runs",
    "entity": "Legal entity",
    "ends": "Last day",
    "notice": "Notice by",
    "then": "Then",
}
_USUAL, _USUAL_ENDING = ("client", "delivery", "manager", "runs"), ("client", "manager", "ends", "notice", "then")
_GROUPS: dict[str, tuple[str, Callable[[Engagement], str]]] = {
    "client": ("Client", lambda row: row.client.name),
    "manager": ("Manager", lambda row: row.manager.display_name if row.manager else "Nobody"),
    "delivery": ("Delivery", lambda row: str(row.get_delivery_model_display())),
}
_SORTS = [("", "By reference"), ("newest", "Newest first")]
_LAYOUT = listing.Layout(_COLUMNS, _USUAL, _SORTS, _GROUPS)
_ENDING = listing.Layout(_COLUMNS, _USUAL_ENDING, [("", "Next to decide first")], _GROUPS)


@requires(P.VIEW_WORK)
def engagements(request: TenantRequest, organization: str) -> HttpResponse:
    asked = listing.asked(request, "engagements")
    shown = asked.values["status"] if asked.values["status"] in _CHIPS else ""
    query, beside = asked.query | listing.position(request), ("client", "manager__user", "legal_entity")
    if shown == "ending":
        rows = _narrowed(queries.renewals(timezone.localdate()), asked).select_related(*beside)
        page = paging.page_of(rows, query, keys=("decide_by", "id"), parsers=(date.fromisoformat, int))
    else:
        rows = _narrowed(Engagement.objects.filter(status=shown or "open"), asked).select_related(*beside)
        newest = asked.values["sort"] == "newest"
        keys, parse = (("id", "id"), int) if newest else (("reference", "id"), str)
        page = paging.page_of(rows, query, keys=keys, parsers=(parse, int), descending=newest)
    choices = {
        "client": [(c.code, c.name) for c in Client.objects.order_by("name")[:200]],
        "manager": [(str(m.id), m.display_name) for m in queries.staff()[:200]],
    }
    context = {
        "page": page,
        "asked": asked,
        "problems": listing.unknown(asked.values, choices, _NAMES),
        "selects": [(name, _NAMES[name], choices[name], asked.values[name]) for name in choices],
        "chips": [
            {"label": label, "url": f"?{urlencode({**asked.filters, 'status': key})}", "current": shown == key}
            for key, label in _CHIPS.items()
        ],
        "shown": shown,
        "today": timezone.localdate(),
        "may_save": request.membership.may(P.SAVE_VIEWS),
        **(_ENDING if shown == "ending" else _LAYOUT).of(asked, page.rows),
    }
    return render(request, "engagements/engagements.html", context)


def _narrowed(rows: QuerySet[Any], asked: listing.Asked) -> QuerySet[Any]:
    """Of one client, or one manager. A value nothing answers to leaves nothing, rather than everything."""
    if client := asked.values["client"]:
        rows = rows.filter(client_id__in=Client.objects.filter(code=client).values("id"))
    if manager := asked.values["manager"]:
        rows = rows.filter(manager_id=int(manager) if manager.isdecimal() and len(manager) < 19 else -1)
    return rows


@requires(P.VIEW_WORK)
def engagement(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    matters = beside.matters_of(engagement)
    workstreams = list(
        Workstream.objects.filter(matter__in=matters).select_related("matter").order_by("matter__reference", "item_prefix")[:200]
    )
    counts = queries.counts_of((workstream.id for workstream in workstreams), queries.OPEN_STATES)
    versions = beside.contracts_of(engagement)
    contract = contracts.governing(versions, timezone.localdate())
    ended = list(EndedTerm.objects.filter(engagement=engagement).order_by("-number")[:20])
    context = {
        "engagement": engagement,
        "contract": contract,
        "versions": [version for version in reversed(versions) if version != contract],
        "begins": ended[0].ends_on + timedelta(days=1) if ended else engagement.starts_on,
        "ended": ended,
        "matters": matters,
        "workstreams": [(workstream, counts[workstream.id]) for workstream in workstreams],
        "panels": panels.collect(panels.engagement_panels, request, engagement),
        "events": queries.events_about(engagement, *versions, *beside.parts_of(engagement), *matters),
        "crumbs": [*client_crumbs(organization, engagement.client)[1:], (engagement.reference, "")],
        "may_edit": request.membership.may(P.EDIT_WORK),
        "with_money": request.membership.may(P.VIEW_MONEY),
    }
    return render(request, "engagements/engagement.html", context)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_engagement(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    client = client_or_404(code)
    form = EngagementForm(posted(request), initial={"manager": request.membership.id})
    made = attempt(form, lambda: actions.create_engagement(client=client, by=request.actor, **fields_of(form)))
    if made is not None:
        return to("engagement", request, made.reference)
    note = "Its contract begins with the client's time zone and currency; edit the terms on the next page."
    return form_page(
        request, form, title="New engagement", submit="Create engagement", crumbs=client_crumbs(organization, client), note=note
    )


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_engagement(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    crumbs = engagement_crumbs(organization, engagement)
    form = EngagementEditForm(posted(request), instance=engagement, initial={"version": engagement.version})
    saved = attempt(
        form,
        lambda: actions.update_engagement(engagement=engagement, by=request.actor, version=form.cleaned_data["version"], **fields_of(form)),
    )
    if saved is not None:
        return to("engagement", request, reference)
    return form_page(request, form, title="Edit engagement", submit="Save", crumbs=crumbs)
