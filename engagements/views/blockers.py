"""What stands in the way of an engagement, and the page over all of them: what slips, what is blocked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, paging, queries, slips
from engagements.actions.blockers import RAISING
from engagements.milestone_forms import BlockerForm, ResolveForm
from engagements.models import Blocker, Escalation, Milestone
from engagements.views.edges import acting, address, attempt, engagement_crumbs, engagement_or_404, form_page, posted, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

_SHOWN = {"": "What slips", "due": "Due in 14 days", "open": "All open", "done": "Done", "blockers": "Blocked", "resolved": "Resolved"}
_BESIDE_OTHERS = 10


@requires(P.VIEW_WORK)
def coordination(request: TenantRequest, organization: str) -> HttpResponse:
    """Over every engagement: milestones that slip, and what is blocked by whom; the other chips page through all of them."""
    show = request.GET.get("show", "")
    show = show if show in _SHOWN else ""
    today, here = timezone.localdate(), address("coordination", organization)
    query = {"show": show} | {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    blocked = show in {"blockers", "resolved"}
    page = _blockers(show, query) if blocked else _milestones(show, today, query)
    context: dict[str, Any] = {
        "page": page,
        "show": show,
        "chips": [{"label": label, "url": f"{here}?show={key}" if key else here, "current": show == key} for key, label in _SHOWN.items()],
        "rows": [] if blocked else slips.standings(page.rows, today),
        "blocked": page.rows if blocked else _oldest() if not show else [],
        "of_blockers": blocked,
        "today": today,
        "now": timezone.now(),
    }
    return render(request, "engagements/coordination.html", context)


def _milestones(show: str, today: date, query: dict[str, str]) -> paging.Page:
    if show == "done":
        rows: Any = Milestone.objects.filter(done_on__isnull=False)
        keys, down = ("done_on", "id"), True
    else:
        rows = slips.slipping(today) if not show else slips.open_milestones()
        if show == "due":
            rows = rows.filter(due_on__gte=today, due_on__lt=today + timedelta(days=14))
        keys, down = ("due_on", "id"), False
    listed = rows.select_related("engagement__client", "matter", "owner__user")
    return paging.counted(paging.page_of(listed, query, keys=keys, parsers=(date.fromisoformat, int), descending=down), rows)


_BLOCKER_BESIDE = ("engagement__client", "item", "milestone", "owner__user")


def _blockers(show: str, query: dict[str, str]) -> paging.Page:
    rows: Any = Blocker.objects.filter(resolved_at__isnull=show == "blockers")
    listed = rows.select_related(*_BLOCKER_BESIDE)
    return paging.counted(
        paging.page_of(listed, query, keys=("since", "id"), parsers=(paging.instant, int), descending=show == "resolved"), rows
    )


def _oldest() -> list[Blocker]:
    rows = Blocker.objects.filter(resolved_at__isnull=True).select_related(*_BLOCKER_BESIDE)
    return list(rows.order_by("since", "id")[:_BESIDE_OTHERS])


def blocker_or_404(reference: str, number: int) -> Blocker:
    rows = Blocker.objects.filter(engagement__reference=reference, number=min(number, 2**31 - 1))
    found = rows.select_related("engagement__client", "matter", "item", "milestone", "owner__user").first()
    if found is None:
        raise Http404("No such page.")
    return found


def may_raise(request: TenantRequest) -> bool:
    return bool(RAISING & request.actor.permissions)


@requires(P.VIEW_WORK, POST=P.VIEW_WORK)
@acting
def new_blocker(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    if not may_raise(request):
        request.actor.need(P.TRACK_ITEMS)
    engagement = engagement_or_404(reference)
    first = {"milestone": _asked_milestone(request, reference), "item": request.GET.get("item", "")[:24], "owner": request.membership.pk}
    form = BlockerForm(posted(request), engagement=engagement, initial=first)
    made = attempt(form, lambda: actions.raise_blocker(engagement=engagement, by=request.actor, **_given(form.cleaned_data)))
    if made is not None:
        return to("blocker", request, reference, made.number)
    return form_page(request, form, title="New blocker", submit="Add blocker", crumbs=engagement_crumbs(organization, engagement))


def _given(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


def _asked_milestone(request: TenantRequest, reference: str) -> Milestone | None:
    number = request.GET.get("milestone", "")
    if not number.isdecimal() or len(number) > 9:
        return None
    found: Milestone | None = Milestone.objects.filter(engagement__reference=reference, number=int(number)).first()
    return found


@requires(P.VIEW_WORK, POST=P.VIEW_WORK)
@acting
def blocker(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """Read it; resolve it."""
    row = blocker_or_404(reference, number)
    form = ResolveForm(posted(request))
    if request.method == "POST":
        if not may_raise(request):
            request.actor.need(P.TRACK_ITEMS)
        if attempt(form, lambda: actions.resolve_blocker(blocker=row, by=request.actor, **form.cleaned_data)) is not None:
            return to("blocker", request, reference, number)
    context = {
        "row": row,
        "form": form,
        "told": list(Escalation.objects.filter(blocker=row).order_by("-id")[:20]),
        "events": queries.events_about(row),
        "may_resolve": may_raise(request) and row.resolved_at is None,
        "now": timezone.now(),
        "crumbs": [*engagement_crumbs(organization, row.engagement), (f"Blocker {row.number}", "")],
    }
    return render(request, "engagements/blocker.html", context, status=422 if form.is_bound else 200)
