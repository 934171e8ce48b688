"""Dealing chosen items out among several people: who takes part, what each would get, then done exactly so."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from engagements import actions, queries
from engagements.staffing import Staffing, load_text
from engagements.views.bulk import chosen_items, filters_of
from engagements.views.edges import acting, address
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission as P
from lpo.accounts.roles import Role
from lpo.core.errors import Refused, StaleVersion

_FAILURES_SHOWN = 50


@requires(POST=P.TRACK_ITEMS)
@acting
def distribute(request: TenantRequest, organization: str) -> HttpResponse:
    filters = filters_of(request.POST)
    ids = chosen_items(request, filters)
    do, digest = request.POST.get("do", ""), request.POST.get("digest", "")
    if not ids:
        messages.error(request, "Tick at least one item.")
        return HttpResponseRedirect(f"{address('queue', organization)}?{urlencode(filters.as_query())}")
    members = _members(request)
    if do not in {"preview", "assign"}:
        return _page(request, ids, members)
    try:
        if do == "assign":
            plan = actions.distribute_items(ids=ids, members=members, by=request.actor, digest=digest)
            messages.success(request, f"Assigned {plan.total:,} among {sum(1 for share in plan.shares if share.count):,}.")
            return HttpResponseRedirect(address("queue", organization))
        plan = actions.plan_distribution(ids=ids, members=members, by=request.actor)
    except StaleVersion as stale:
        return _page(
            request, ids, members, plan=actions.plan_distribution(ids=ids, members=members, by=request.actor), problem=stale.message
        )
    except Refused as refused:
        return _page(request, ids, members, problem=refused.message)
    return _page(request, ids, members, plan=plan)


def _members(request: TenantRequest) -> list[Membership]:
    wanted = [int(text) for text in request.POST.getlist("people")[:200] if text.isdecimal() and len(text) < 19]
    return list(queries.staff().filter(pk__in=wanted))


def _page(
    request: TenantRequest, ids: list[int], members: list[Membership], *, plan: actions.Plan | None = None, problem: str = ""
) -> HttpResponse:
    slug = request.organization.slug
    kept = [
        (name, value) for name, values in request.POST.lists() for value in values if name not in {"csrfmiddlewaretoken", "do", "digest"}
    ]
    context: dict[str, Any] = {
        "plan": plan,
        "shown_failures": plan.failures[:_FAILURES_SHOWN] if plan else [],
        "problem": problem,
        "kept": kept,
        "subtitle": f"{len(ids):,} item{'' if len(ids) == 1 else 's'}, in turn, oldest first",
        "people": _people(members, request.POST.get("give_to", "")) if plan is None else [],
        "crumbs": [("Open work", address("queue", slug)), ("Distribute work", "")],
    }
    return render(request, "engagements/distribute.html", context, status=422 if problem else 200)


def _people(members: list[Membership], assignee: str) -> list[dict[str, Any]]:
    """Reviewers who are here are ticked, unless somebody was chosen already; whose work is given away is not."""
    everybody = [member for member in queries.staff()[:200] if member.role != Role.AUDITOR]
    staffing = Staffing(everybody, [], loads=True)
    chosen = {member.id for member in members}
    rows = []
    for member in everybody:
        known = staffing.known[member.id]
        usual = member.role == Role.REVIEWER and known.absence is None and str(member.id) != assignee
        rows.append({"member": member, "load": load_text(known), "away": known.absence, "ticked": member.id in chosen if chosen else usual})
    return sorted(rows, key=lambda row: not row["ticked"])
