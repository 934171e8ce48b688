"""Many items at once: what would change, done exactly so, read item by item, taken back as a whole."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, paging, queries, states
from engagements.actions.bulk_undo import may_undo
from engagements.forms import PARTIES, REASONS
from engagements.models import BulkAction, BulkKind, BulkRow, WorkItem
from engagements.queries import QueueFilters
from engagements.views.edges import acting, address, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused, StaleVersion
from lpo.core.exports import write_csv

OUTCOME = "bulk_outcome"
# What one person reads of a preview; the counts say how many there are.
_SHOWN = 50
MOVES = [
    (states.IN_REVIEW, "Start review"),
    (states.QUALITY_CHECK, "Send to quality check"),
    (states.DELIVERED, "Deliver"),
    (states.CANCELLED, "Cancel"),
]
_WORDS = {"hold": "Put on hold", "priority": "Set the priority", "type": "Set the type", "cancel": "Cancel"}
# What is said first of each, under the name it is posted by. Priority and type have another than the filters, which are posted beside.
_ASKED = {"hold": "party", "priority": "new_priority", "type": "new_type"}
_SAID = ("party", "reason", "note", "new_priority", "new_type")


def filters_of(values: Any) -> QueueFilters:
    return QueueFilters(**{name: str(values.get(name, ""))[:40] for name in QueueFilters.__annotations__})


def chosen_items(request: TenantRequest, filters: QueueFilters) -> list[int]:
    if request.POST.get("all_matching"):
        return list(queries.queue(filters).order_by("received_at", "id").values_list("id", flat=True)[: actions.MOST_ITEMS + 1])
    return list(WorkItem.objects.filter(reference__in=request.POST.getlist("selected")[:500]).values_list("id", flat=True))


def queue_url(slug: str, filters: QueueFilters) -> str:
    query = urlencode(filters.as_query())
    return address("queue", slug) + (f"?{query}" if query else "")


def _assignee(text: str) -> Membership | None:
    if text == "nobody":
        return None
    found = queries.staff().filter(pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None
    if found is None:
        raise Refused("Choose who gets them.", "give_to")
    return found


def _change(request: TenantRequest) -> actions.Change:
    """What is asked for, from the bar under the list or from the preview's own hidden fields. Whom to give it to has another name
    than the filter by assignee, which is posted beside it."""
    posted, do = request.POST, request.POST.get("do", "")
    if do == "assign":
        return actions.Change(BulkKind.ASSIGN, member=_assignee(posted.get("give_to", "")))
    if do in {"move", "cancel"}:
        wanted = states.CANCELLED if do == "cancel" else posted.get("to", "")
        if wanted not in dict(MOVES):
            raise Refused("Choose what to do.", "to")
        return actions.Change(BulkKind.MOVE, to=wanted)
    if do == "hold":
        return actions.Change(BulkKind.HOLD, party=posted.get("party", ""), reason=posted.get("reason", ""), note=posted.get("note", ""))
    if do == "priority":
        return actions.Change(BulkKind.PRIORITY, priority=" ".join(posted.get("new_priority", "").split()))
    if do == "type":
        return actions.Change(BulkKind.TYPE, type=posted.get("new_type"))
    if do == "resume":
        return actions.Change(BulkKind.RESUME)
    raise Refused("Choose what to do.", "do")


def _asks(request: TenantRequest) -> str:
    """What has to be said first, of whom it is waited for, which priority or type; empty once it is."""
    do = request.POST.get("do", "")
    return do if do in _ASKED and _ASKED[do] not in request.POST else ""


def _doing(request: TenantRequest) -> None:
    """Which of these a change needs, its action says; with none of them there is nothing here."""
    if not {P.TRACK_ITEMS, P.WORK_ITEMS, P.PAUSE} & request.actor.permissions:
        request.actor.need(P.TRACK_ITEMS)


@requires(P.VIEW_WORK, POST=P.VIEW_WORK)
@acting
def bulk(request: TenantRequest, organization: str) -> HttpResponse:
    """One's own bulk actions; by POST the preview of one, and with its digest the action itself."""
    _doing(request)
    if request.method != "POST":
        return _recent(request)
    filters = filters_of(request.POST)
    ids, digest = chosen_items(request, filters), request.POST.get("digest", "")
    if not ids:
        return _refused(request, filters, "Tick at least one item.")
    if asks := _asks(request):
        return _preview(request, filters, ids, asks=asks)
    try:
        change = _change(request)
        if digest:
            done = actions.run_bulk(ids=ids, change=change, by=request.actor, digest=digest)
            request.session[OUTCOME] = done.number
            return HttpResponseRedirect(queue_url(organization, filters))
        return _preview(request, filters, ids, preview=actions.preview_bulk(ids=ids, change=change, by=request.actor))
    except StaleVersion as stale:
        again = actions.preview_bulk(ids=ids, change=change, by=request.actor)
        return _preview(request, filters, ids, preview=again, problem=stale.message)
    except Refused as refusal:
        if request.POST.get("do") in _ASKED:
            return _preview(request, filters, ids, asks=request.POST["do"], problem=refusal.message)
        return _refused(request, filters, refusal.message)


def _refused(request: TenantRequest, filters: QueueFilters, why: str) -> HttpResponse:
    messages.error(request, why)
    return HttpResponseRedirect(queue_url(request.organization.slug, filters))


def _preview(
    request: TenantRequest,
    filters: QueueFilters,
    ids: list[int],
    *,
    preview: actions.Preview | None = None,
    asks: str = "",
    problem: str = "",
) -> HttpResponse:
    slug = request.organization.slug
    beside = {"csrfmiddlewaretoken", "digest", *(_SAID if asks else ())}
    kept = [(name, value) for name, values in request.POST.lists() for value in values if name not in beside]
    title = preview.change.words if preview else _WORDS[asks]
    context = {
        "title": title,
        "preview": preview,
        "going": _going(preview),
        "failures": preview.failures[:_SHOWN] if preview else [],
        "asks": asks,
        "parties": PARTIES,
        "reasons": REASONS,
        "types": queries.types_offered(ids) if asks == "type" else [],
        "posted": {name: request.POST.get(name, "") for name in _SAID},
        "problem": problem,
        "kept": kept,
        "count": len(ids),
        "queue_url": queue_url(slug, filters),
        "crumbs": [("Work queue", queue_url(slug, filters)), (title, "")],
    }
    return render(request, "engagements/bulk_preview.html", context, status=422 if problem else 200)


def _going(preview: actions.Preview | None) -> list[tuple[WorkItem, str]]:
    """The first items that would change, each with what it has now."""
    if preview is None:
        return []
    first = [item.id for item in preview.going[:_SHOWN]]
    rows = WorkItem.objects.filter(id__in=first).select_related("assignee__user").order_by("id")
    if preview.change.kind == BulkKind.ASSIGN:
        return [(item, item.assignee.display_name if item.assignee else "Nobody") for item in rows]
    return [(item, preview.change.now(item)) for item in rows]


def outcome_of(request: TenantRequest) -> dict[str, Any] | None:
    """The banner over the queue after an action: what was done, the way to its rows, and back."""
    number = request.session.pop(OUTCOME, None) if OUTCOME in request.session else None
    row = BulkAction.objects.filter(number=number, by_member=request.membership).first() if number else None
    if row is None:
        return None
    return {"row": row, "undoable": not may_undo(row, request.actor, timezone.now())}


def _bulk_or_404(request: TenantRequest, number: int) -> BulkAction:
    """One's own: what somebody else did to how many items may tell of a wall."""
    _doing(request)
    found = BulkAction.objects.filter(number=min(number, 2**31 - 1), by_member=request.membership).select_related("undoes").first()
    if found is None:
        raise Http404("No such page.")
    return found


def _recent(request: TenantRequest) -> HttpResponse:
    rows = BulkAction.objects.filter(by_member=request.membership)
    query = {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    page = paging.page_of(rows, query, keys=("at", "id"), parsers=(paging.instant, int), descending=True)
    context = {"page": page, "crumbs": [("Work queue", address("queue", request.organization.slug)), ("Bulk actions", "")]}
    return render(request, "engagements/bulk_actions.html", context)


@requires(P.VIEW_WORK)
@acting
def bulk_report(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """What an action did, item by item; those that were left alone first asked for by a chip."""
    row = _bulk_or_404(request, number)
    show = "refused" if request.GET.get("show") == "refused" else ""
    rows = BulkRow.objects.filter(bulk=row).select_related("item")
    if show:
        rows = rows.exclude(refused="")
    query = {"show": show} | {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    page = paging.page_of(rows, query, keys=("bulk_id", "id"), parsers=(int, int))
    undone = BulkAction.objects.filter(undoes=row).first()
    context = {
        "row": row,
        "show": show,
        "page": page,
        "undone": undone,
        "why_not": may_undo(row, request.actor, timezone.now()),
        "crumbs": [("Work queue", address("queue", organization)), ("Bulk actions", address("bulk", organization)), (row.words, "")],
    }
    return render(request, "engagements/bulk_report.html", context)


@requires(P.VIEW_WORK)
@acting
def bulk_csv(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """Every item of an action with what became of it."""
    row = _bulk_or_404(request, number)
    rows = BulkRow.objects.filter(bulk=row).order_by("id").values_list("item__reference", "refused")
    lines = [[reference, "left alone" if refused else "changed", refused] for reference, refused in rows.iterator()]
    headers = {"Content-Disposition": f'attachment; filename="bulk-{row.number}.csv"'}
    return HttpResponse(write_csv(["Item", "Outcome", "Reason"], lines), content_type="text/csv; charset=utf-8", headers=headers)


@requires(POST=P.VIEW_WORK)
@acting
def bulk_undo(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    row = _bulk_or_404(request, number)
    try:
        done = actions.undo_bulk(bulk=row, by=request.actor)
    except Refused as refusal:
        messages.error(request, refusal.message)
        return to("bulk_report", request, number)
    request.session[OUTCOME] = done.number
    return to("queue", request)
