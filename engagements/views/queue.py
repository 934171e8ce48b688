"""The queue: every open item across engagements, filtered, ordered and grouped as the query string or a saved view says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from engagements import listing, paging, queries, states
from engagements.models import Client, WorkItem, Workstream
from engagements.queries import QueueFilters
from engagements.views.bulk import MOVES, outcome_of
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

_NAMES = {
    "client": "Client",
    "workstream": "Workstream",
    "state": "State",
    "kind": "Kind",
    "type": "Type",
    "assignee": "Assigned to",
    "paused": "On hold",
}
COLUMNS = {
    "client": "Client",
    "workstream": "Workstream",
    "state": "State",
    "assignee": "Assigned to",
    "received": "Received",
    "kind": "Kind",
    "type": "Type",
    "priority": "Priority",
    "wanted": "Wanted by",
    "quantity": "Quantity",
}
_USUAL = ("client", "workstream", "state", "assignee", "received")
SORTS = [("", "Oldest first"), ("newest", "Newest first")]


def _choices(request: TenantRequest) -> dict[str, list[tuple[str, str]]]:
    return {
        "client": [(c.code, c.name) for c in Client.objects.filter(status="open").order_by("name")[:200]],
        "workstream": [
            (w.item_prefix, f"{w.item_prefix} {w.title}") for w in Workstream.objects.filter(status="open").order_by("item_prefix")[:200]
        ],
        "state": [(state, states.LABELS[state]) for state in queries.OPEN_STATES],
        "kind": list(states.KINDS.items()),
        "type": queries.types_known(),
        "assignee": [
            ("nobody", "Nobody"),
            (str(request.membership.id), "Me"),
            *((str(m.id), m.display_name) for m in queries.staff()[:200] if m.id != request.membership.id),
        ],
        "paused": [("yes", "On hold"), ("no", "Not on hold")],
    }


def _layout(clients: dict[int, Client]) -> listing.Layout:
    groups: dict[str, tuple[str, Callable[[WorkItem], str]]] = {
        "client": ("Client", lambda item: clients[item.client_id].name if item.client_id in clients else ""),
        "workstream": ("Workstream", lambda item: item.workstream.title),
        "type": ("Type", lambda item: item.type or "No type"),
        "state": ("State", lambda item: states.LABELS[item.state]),
        "assignee": ("Assigned to", lambda item: item.assignee.display_name if item.assignee else "Nobody"),
    }
    return listing.Layout(COLUMNS, _USUAL, SORTS, groups)


@requires(P.VIEW_WORK)
def queue(request: TenantRequest, organization: str) -> HttpResponse:
    asked = listing.asked(request, "queue")
    filters = QueueFilters(**{name: asked.values[name][:40] for name in QueueFilters.__annotations__})
    rows = queries.queue(filters)
    listed = rows.select_related("workstream", "assignee__user")
    query, newest = asked.query | listing.position(request), asked.values["sort"] == "newest"
    page = paging.page_of(listed, query, keys=("received_at", "id"), parsers=(paging.instant, int), descending=newest)
    # The index of a workstream's items has their state, not whether they are finished: without it, every item it ever had is looked at.
    page = paging.counted(page, rows.filter(state__in=states.OPEN) if filters.workstream else rows)
    choices = _choices(request)
    clients = Client.objects.in_bulk({item.client_id for item in page.rows})
    may = request.membership.may
    context: dict[str, Any] = {
        "page": page,
        "asked": asked,
        "problems": listing.unknown(asked.values, choices, _NAMES),
        **_layout(clients).of(asked, page.rows),
        "clients": clients,
        # Without types there is nothing to choose from.
        "selects": [(name, label, choices[name], asked.values[name]) for name, label in _NAMES.items() if choices[name] or name != "type"],
        "filters": filters.as_query(),
        "people": queries.staff()[:200],
        "bulk_moves": MOVES,
        "outcome": outcome_of(request),
        "may_track": may(P.TRACK_ITEMS),
        "may_work": may(P.WORK_ITEMS),
        "may_pause": may(P.PAUSE),
        "may_save": may(P.SAVE_VIEWS),
    }
    return render(request, "engagements/queue.html", context)
