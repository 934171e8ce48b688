"""The queue: every open item across engagements, filtered by the query string, and what is done to many at once."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from engagements import actions, paging, queries, states
from engagements.models import Client, WorkItem, Workstream
from engagements.queries import QueueFilters
from engagements.views.edges import acting, address
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused

_OUTCOME = "bulk_outcome"
# What one person reads of a report; the count says how many there were.
_FAILURES_SHOWN = 50
BULK_MOVES = [(states.IN_REVIEW, "Start review"), (states.DELIVERED, "Deliver"), (states.CANCELLED, "Cancel")]


def filters_of(values: Any) -> QueueFilters:
    return QueueFilters(**{name: str(values.get(name, ""))[:40] for name in QueueFilters.__annotations__})


def _choices(request: TenantRequest) -> dict[str, list[tuple[str, str]]]:
    return {
        "client": [(c.code, c.name) for c in Client.objects.filter(status="open").order_by("name")[:200]],
        "workstream": [
            (w.item_prefix, f"{w.item_prefix} {w.title}") for w in Workstream.objects.filter(status="open").order_by("item_prefix")[:200]
        ],
        "state": [(state, states.LABELS[state]) for state in queries.OPEN_STATES],
        "kind": list(states.KINDS.items()),
        "assignee": [
            ("nobody", "Nobody"),
            (str(request.membership.id), "Me"),
            *((str(m.id), m.display_name) for m in queries.staff()[:200] if m.id != request.membership.id),
        ],
        "paused": [("yes", "On hold"), ("no", "Not on hold")],
    }


@requires(P.VIEW_WORK)
def queue(request: TenantRequest, organization: str) -> HttpResponse:
    filters = filters_of(request.GET)
    rows = queries.queue(filters)
    query = filters.as_query() | {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    listed = rows.select_related("workstream", "assignee__user")
    page = paging.page_of(listed, query, keys=("received_at", "id"), parsers=(paging.instant, int))
    page = paging.counted(page, rows)
    names = {
        "client": "Client",
        "workstream": "Workstream",
        "state": "State",
        "kind": "Kind",
        "assignee": "Assigned to",
        "paused": "On hold",
    }
    chosen, choices = filters.as_query(), _choices(request)
    context = {
        "page": page,
        "clients": Client.objects.in_bulk({item.client_id for item in page.rows}),
        "selects": [(name, label, choices[name], chosen.get(name, "")) for name, label in names.items()],
        "filters": chosen,
        "people": queries.staff()[:200],
        "bulk_moves": BULK_MOVES,
        "outcome": request.session.pop(_OUTCOME, None) if _OUTCOME in request.session else None,
        "may_track": request.membership.may(P.TRACK_ITEMS),
        "may_work": request.membership.may(P.WORK_ITEMS),
    }
    return render(request, "engagements/queue.html", context)


def chosen_items(request: TenantRequest, filters: QueueFilters) -> list[int]:
    if request.POST.get("all_matching"):
        return list(queries.queue(filters).order_by("received_at", "id").values_list("id", flat=True)[: actions.MOST_ITEMS + 1])
    return list(WorkItem.objects.filter(reference__in=request.POST.getlist("selected")[:500]).values_list("id", flat=True))


def _assignee(text: str) -> Membership | None:
    if text == "nobody":
        return None
    found = queries.staff().filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
    if found is None:
        raise Refused("Choose who gets them.", "assignee")
    return found


def _act(request: TenantRequest, filters: QueueFilters) -> actions.Outcome:
    ids = chosen_items(request, filters)
    if not ids:
        raise Refused("Tick at least one item.")
    if request.POST.get("do") == "assign":
        return actions.assign_items(ids=ids, member=_assignee(request.POST.get("assignee", "")), by=request.actor)
    to = request.POST.get("to", "")
    if to not in dict(BULK_MOVES):
        raise Refused("Choose what to do.", "to")
    return actions.move_items(ids=ids, to=to, by=request.actor)


@requires(POST=P.VIEW_WORK)
@acting
def bulk(request: TenantRequest, organization: str) -> HttpResponse:
    """Assign or move what is ticked, or all that match; report row by row what was left alone."""
    if not {P.TRACK_ITEMS, P.WORK_ITEMS} & request.actor.permissions:
        request.actor.need(P.TRACK_ITEMS)
    filters = filters_of(request.POST)
    done = "Assigned" if request.POST.get("do") == "assign" else "Moved"
    try:
        outcome = _act(request, filters)
        report: dict[str, Any] = {
            "text": f"{done} {len(outcome.changed):,}. {f'{outcome.already:,} were so already.' if outcome.already else ''}".strip(),
            "failures": [[f.reference, f.reason] for f in outcome.failures[:_FAILURES_SHOWN]],
            "failed": len(outcome.failures),
        }
    except Refused as refusal:
        report = {"text": refusal.message, "failures": [], "failed": 0, "refused": True}
    request.session[_OUTCOME] = report
    query = urlencode(filters.as_query())
    return HttpResponseRedirect(address("queue", organization) + (f"?{query}" if query else ""))
