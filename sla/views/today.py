"""Today: what is open, by the time it has left, and the next step inline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from engagements import actions as work
from engagements import listing, paging, states
from engagements.actions import permitted_moves
from engagements.forms import AssignForm, PauseForm
from engagements.models import WorkItem
from engagements.queries import staff
from engagements.staffing import Suggestion, suggestions
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.accounts.roles import Role
from lpo.core.errors import Refused
from lpo.core.templatetags.formats import duration
from sla import board, queries, wording
from sla.beginning import first_steps
from sla.chosen import FILTERS, GROUPINGS, NAMES, THRESHOLDS, Chosen, choices, open_clocks
from sla.models import Attainment, Clock, LevelKind
from sla.queries import Figure
from sla.views.edges import acting, address, item_or_404

_POSITIONS = ("after", "before", "from")
_SUGGESTED = 3


def _chosen(asked: listing.Asked) -> Chosen:
    """What the address or a saved view says; a chip, threshold or grouping that is none is left out."""
    said = {name: asked.values[name][:40] for name in asked.values}
    known: dict[str, Mapping[str, str]] = {"show": FILTERS, "threshold": THRESHOLDS, "group": GROUPINGS}
    return Chosen(**{name: value for name, value in said.items() if name not in known or value in known[name]})


@requires(P.VIEW_LEVELS)
def today(request: TenantRequest, organization: str) -> HttpResponse:
    asked, now = listing.asked(request, "today"), timezone.now()
    chosen, member = _chosen(asked), request.membership.pk
    query = asked.query | {name: request.GET[name] for name in _POSITIONS if name in request.GET}
    waiting = chosen.show == "waiting"
    page = _waiting_page(chosen, member, query) if waiting else _running_page(chosen, member, query, now)
    held = board.held_first(chosen, member) if page.first and not waiting else []
    rows = board.rows_of([*page.clocks, *held], now, request.actor.permissions)
    totals, offered = board.totals(now, member), choices()
    narrowed = {name: value for name in NAMES if (value := getattr(chosen, name))}
    context = {
        "asked": asked,
        "groups": board.grouped(rows, chosen.group, page.groups, _borne(rows, now) if chosen.group == "workstream" else None),
        "any": bool(rows),
        "summary": f"{len(rows):,} shown",
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "totals": totals,
        "longest": duration(now - totals.longest) if totals.longest else "",
        "month": _first_level(now),
        "chips": _chips(organization, asked, chosen, totals, narrowed),
        "groupings": [(label, _link(organization, asked, group=name), chosen.group == name) for name, label in GROUPINGS.items()],
        "selects": [(name, label, offered[name], getattr(chosen, name)) for name, label in NAMES.items()],
        "narrowed": [f"{NAMES[name]}: {dict(offered[name]).get(value, value)}" for name, value in narrowed.items()],
        "clear_url": _link(organization, asked, **dict.fromkeys(NAMES, "")),
        "problems": listing.unknown(asked.values, offered, NAMES),
        "filtered": bool(chosen.show or narrowed),
        "first_steps": first_steps(request.organization)
        if not rows and not asked.filters and P.EDIT_WORK in request.actor.permissions
        else [],
        "again": f"{address('today', organization)}?{urlencode(query)}",
        "query": query,
        "encoded": urlencode(query),
        "changed": str(request.GET.get("changed", ""))[:24],
        "problem": request.session.pop("today_problem", "") if "today_problem" in request.session else "",
        "may_save": request.membership.may(P.SAVE_VIEWS),
        "may_act": bool({P.TRACK_ITEMS, P.WORK_ITEMS, P.PAUSE} & request.actor.permissions),
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
    groups: Mapping[Any, int] = field(default_factory=dict)


def _waiting_page(chosen: Chosen, member: int, query: dict[str, str]) -> Page:
    """Held clocks only, longest first."""
    held = board.with_details(open_clocks(chosen, member))
    page = paging.page_of(held, query, keys=("held_since", "id"), parsers=(paging.instant, int))
    return Page(page.rows, False, page.previous_url, page.next_url)


def _running_page(chosen: Chosen, member: int, query: dict[str, str], now: datetime) -> Page:
    """Running clocks by time left, from a place in that order."""
    start = int(query["from"]) if query.get("from", "").isdecimal() and len(query["from"]) < 7 else 0
    start = min(start, board.MOST_WALKED if chosen.exhaustive else board.MOST_RANKED)
    ranking = board.ranked(chosen, member, now, start)
    clocks = board.in_order(open_clocks(chosen, member), ranking.ids)
    kept = {name: value for name, value in query.items() if name not in _POSITIONS}
    places = [max(0, start - board.PAGE) if start else None, start + board.PAGE if ranking.total > start + board.PAGE else None]
    urls = ["" if place is None else "?" + urlencode(kept | ({"from": str(place)} if place else {})) for place in places]
    return Page(clocks, start == 0, urls[0], urls[1], ranking.groups)


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


def _link(organization: str, asked: listing.Asked, **changed: str) -> str:
    """The list with something changed, still under its view; everything, where nothing is left."""
    said = {name: value for name, value in {**asked.filters, **changed}.items() if value}
    if said and asked.view is not None:
        said["view"] = str(asked.view.number)
    if not said and (asked.view is not None or asked.default_id is not None):
        said = {"view": "0"}
    return address("today", organization) + (f"?{urlencode(said)}" if said else "")


def _chips(
    organization: str, asked: listing.Asked, chosen: Chosen, totals: board.Totals, narrowed: Mapping[str, str]
) -> list[dict[str, object]]:
    """Counts are of everything open, so that none stands beside a list that is narrowed further."""
    counts = {
        "": totals.open,
        "unassigned": totals.unassigned,
        "mine": totals.mine,
        "waiting": totals.waiting,
        "questions": totals.questions,
    }
    links: list[dict[str, object]] = []
    for name, label in FILTERS.items():
        count = None if narrowed else f"{min(counts[name], paging.CAP):,}{'+' if counts[name] > paging.CAP else ''}"
        links.append({"label": label, "url": _link(organization, asked, show=name), "current": chosen.show == name, "count": count})
    return links


@requires(P.VIEW_LEVELS)
def steps(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """What can be done with one item, beside its next step: for the row that asks for it, and as a page of its own."""
    item = item_or_404(reference)
    may = request.membership.may
    moves = [move for move in permitted_moves(item, request.actor.permissions) if move.to != states.ASSIGNED]
    context = {
        "item": item,
        "query": {name: str(request.GET[name])[:300] for name in _carried() if name in request.GET},
        "moves": [move for move in moves if (item.state, move.to) not in states.CLIENT_DECISIONS],
        "may_assign": may(P.TRACK_ITEMS) and not item.finished,
        "may_hold": may(P.PAUSE) and not item.finished and not item.paused,
        "may_resume": may(P.PAUSE) and item.paused,
        "suggested": _suggested(item) if may(P.TRACK_ITEMS) and not item.finished else [],
        "assign_form": AssignForm(initial={"assignee": item.assignee_id}, auto_id=f"assign-{item.reference}-%s"),
        "hold_form": PauseForm(auto_id=f"hold-{item.reference}-%s"),
        "crumbs": [("Today", address("today", organization)), (reference, "")],
    }
    return render(request, "sla/_steps.html" if request.htmx else "sla/steps.html", context)


def _suggested(item: WorkItem) -> list[Suggestion]:
    """Who had better get it; who manages the work only where nobody else does it."""
    workers = [member for member in staff()[:200] if P.WORK_ITEMS in member.permissions]
    candidates = [member for member in workers if member.role == Role.REVIEWER] or workers
    return [each for each in suggestions(candidates, item) if not each.blocked and each.member.pk != item.assignee_id][:_SUGGESTED]


@requires(POST=P.VIEW_LEVELS)
@acting
def move(request: TenantRequest, organization: str) -> HttpResponse:
    """The next step of one item, and back to the list as it was. Which permission it needs depends on the move; its action checks."""
    item = item_or_404(str(request.POST.get("reference", "")))
    version = request.POST.get("version", "")

    def act() -> None:
        if not version.isdecimal() or len(version) > 9:
            raise Refused("The page was incomplete. Try again.")
        work.move_item(item=item, to=str(request.POST.get("to", "")), by=request.actor, version=int(version))

    return _done(request, organization, item, act)


@requires(POST=P.TRACK_ITEMS)
@acting
def assign(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item, form = item_or_404(reference), AssignForm(request.POST)
    return _done(
        request,
        organization,
        item,
        lambda: work.assign_item(item=item, by=request.actor, member=_valid(form)["assignee"]),
    )


@requires(POST=P.PAUSE)
@acting
def hold(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """On hold from now; one that began earlier, or comes with evidence, is recorded on the item's own page."""
    item, form = item_or_404(reference), PauseForm({name: request.POST.get(name, "") for name in ("party", "reason", "note")})

    def act() -> None:
        data = _valid(form)
        work.pause_item(item=item, by=request.actor, party=data["party"], reason=data["reason"], note=data["note"])

    return _done(request, organization, item, act)


@requires(POST=P.PAUSE)
@acting
def resume(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item = item_or_404(reference)
    return _done(request, organization, item, lambda: work.resume_item(item=item, by=request.actor))


def _valid(form: Any) -> dict[str, Any]:
    """Raises `Refused` with the first error of a form that is not valid."""
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        label = form.fields[name].label or name.capitalize() if name in form.fields else ""
        raise Refused(f"{label}: {errors[0]}" if label else str(errors[0]))
    cleaned: dict[str, Any] = form.cleaned_data
    return cleaned


def _done(request: TenantRequest, organization: str, item: WorkItem, act: Callable[[], object]) -> HttpResponse:
    """Run an action and go back to the list as it was; a refusal is said above it."""
    try:
        act()
    except Refused as refusal:
        request.session["today_problem"] = f"{item.reference}: {refusal.message}"
    kept = {name: str(request.POST[name])[:300] for name in _carried() if request.POST.get(name)} | {"changed": item.reference}
    return HttpResponseRedirect(f"{address('today', organization)}?{urlencode(kept)}")


def _carried() -> tuple[str, ...]:
    """The names of the list's address that a step comes back to."""
    return ("view", *(each.name for each in fields(Chosen)), *_POSITIONS)
