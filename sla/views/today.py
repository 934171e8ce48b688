"""Today: what is open, by the time it has left, and the next step inline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from engagements import actions as work
from engagements import paging
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.templatetags.formats import duration
from sla import board, queries, wording
from sla.beginning import first_steps
from sla.models import Attainment, Clock, LevelKind
from sla.queries import Figure
from sla.views.edges import acting, address, item_or_404

_GROUPINGS = {"": "Time left", "client": "Client", "workstream": "Workstream"}


def _query(values: Any) -> dict[str, str]:
    """The filters of the address, and nothing else."""
    chosen, group = str(values.get("show", "")), str(values.get("group", ""))
    kept = {"show": chosen if chosen in board.FILTERS else "", "group": group if group in _GROUPINGS else ""}
    positions = {name: str(values[name]) for name in ("after", "before", "from") if name in values}
    return {**kept, **positions}


@requires(P.VIEW_LEVELS)
def today(request: TenantRequest, organization: str) -> HttpResponse:
    query, now = _query(request.GET), timezone.now()
    chosen, member = query["show"], request.membership.pk
    waiting = chosen == "waiting"
    page = _waiting_page(member, query) if waiting else _running_page(chosen, member, query, now)
    held = board.held_first(chosen, member) if page.first and not waiting else []
    rows = board.rows_of([*page.clocks, *held], now, request.actor.permissions)
    totals = board.totals(now, member)
    context = {
        "groups": board.grouped(rows, query["group"], _borne(rows, now) if query["group"] == "workstream" else None),
        "any": bool(rows),
        "summary": f"{len(rows):,} shown",
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "totals": totals,
        "longest": duration(now - totals.longest) if totals.longest else "",
        "month": _first_level(now),
        "chips": _chips(organization, query, totals),
        "groupings": _grouping_links(organization, query),
        "filtered": bool(chosen),
        "first_steps": first_steps(request.organization) if not rows and not chosen and P.EDIT_WORK in request.actor.permissions else [],
        "here": address("today", organization),
        "again": f"{address('today', organization)}?{urlencode({name: value for name, value in query.items() if value})}",
        "query": query,
        "changed": str(request.GET.get("changed", ""))[:24],
        "problem": request.session.pop("today_problem", "") if "today_problem" in request.session else "",
        "now": now,
    }
    return render(request, "sla/_board.html" if request.htmx else "sla/today.html", context)


@dataclass(frozen=True, slots=True)
class Page:
    """Clocks of one page of the board; held ones follow the first."""

    clocks: Sequence[Clock]
    first: bool
    previous_url: str = ""
    next_url: str = ""


def _waiting_page(member: int, query: dict[str, str]) -> Page:
    """Held clocks only, longest first."""
    held = board.with_details(board.open_clocks("waiting", member))
    page = paging.page_of(held, query, keys=("held_since", "id"), parsers=(paging.instant, int))
    return Page(page.rows, False, page.previous_url, page.next_url)


def _running_page(chosen: str, member: int, query: dict[str, str], now: datetime) -> Page:
    """Running clocks by time left, from a place in that order."""
    start = int(query["from"]) if query.get("from", "").isdigit() else 0
    start = min(start, board.MOST_RANKED)
    ids, ranked = board.ranked(chosen, member, now, start)
    clocks = board.in_order(board.open_clocks(chosen, member), ids)
    kept = {name: query[name] for name in ("show", "group") if query[name]}
    places = [max(0, start - board.PAGE) if start else None, start + board.PAGE if ranked > start + board.PAGE else None]
    urls = ["" if place is None else "?" + urlencode(kept | ({"from": place} if place else {})) for place in places]
    return Page(clocks, start == 0, urls[0], urls[1])


def _first_level(now: datetime) -> Figure | None:
    """The level of the running windows that stands worst: below target first, then the one with the most counted."""
    running = Attainment.objects.filter(state="open", window_start__lte=now, window_end__gt=now, denominator__gt=0)
    # What is still to be delivered is no level that stands badly before its window ends.
    running = running.exclude(level__kind=LevelKind.THROUGHPUT)
    # No window is longer than a quarter, so the index can begin there.
    recent = running.filter(window_start__gt=now - timedelta(days=93)).select_related("level", "level_version")
    worst = recent.order_by("met", "-denominator", "id").first()
    if worst is None:
        return None
    worst.level_version.level = worst.level
    return Figure(worst.level_version, worst.label, worst.window_start, worst.window_end, worst)


def _borne(rows: Sequence[board.Row], now: datetime) -> dict[int, str]:
    """What each level of the rows bears in its running window, by level: two statements."""
    levels = {row.clock.level_id: row.clock.level for row in rows}
    figures = queries.current_figures(levels.values(), now)
    borne = [(figure, figure.bearing()) for figure in figures if figure.attainment is not None]
    return {figure.level.pk: f"{figure.level.name}: {wording.bears(found, figure.version)}" for figure, found in borne if found is not None}


def _chips(organization: str, query: dict[str, str], totals: board.Totals) -> list[dict[str, object]]:
    counts = {
        "": totals.open,
        "unassigned": totals.unassigned,
        "mine": totals.mine,
        "waiting": totals.waiting,
        "questions": totals.questions,
    }
    links = []
    for name, label in board.FILTERS.items():
        kept = {key: value for key, value in {"show": name, "group": query["group"]}.items() if value}
        url = address("today", organization) + (f"?{urlencode(kept)}" if kept else "")
        count = f"{min(counts[name], paging.CAP):,}{'+' if counts[name] > paging.CAP else ''}"
        links.append({"label": label, "url": url, "current": query["show"] == name, "count": count})
    return links


def _grouping_links(organization: str, query: dict[str, str]) -> list[tuple[str, str, bool]]:
    links = []
    for name, label in _GROUPINGS.items():
        kept = {key: value for key, value in {"show": query["show"], "group": name}.items() if value}
        url = address("today", organization) + (f"?{urlencode(kept)}" if kept else "")
        links.append((label, url, query["group"] == name))
    return links


@requires(POST=P.VIEW_LEVELS)
@acting
def move(request: TenantRequest, organization: str) -> HttpResponse:
    """The next step of one item, and back to the list as it was. Which permission it needs depends on the move; its action checks."""
    item = item_or_404(str(request.POST.get("reference", "")))
    version = request.POST.get("version", "")
    query = _query(request.POST)
    try:
        if not version.isdigit():
            raise Refused("The page was incomplete. Try again.")
        work.move_item(item=item, to=str(request.POST.get("to", "")), by=request.actor, version=int(version))
    except Refused as refusal:
        request.session["today_problem"] = f"{item.reference}: {refusal.message}"
    kept = {name: value for name, value in query.items() if value} | {"changed": item.reference}
    return HttpResponseRedirect(f"{address('today', organization)}?{urlencode(kept)}")
