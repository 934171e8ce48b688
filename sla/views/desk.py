"""The desk: one's next item by time left, its timer, notes, tags and delivery, without a mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions as work
from engagements import states
from engagements.actions.time import running, zone_of
from engagements.deliverables import deliverables_of
from engagements.models import Client, ItemNote, ItemTag, WorkItem
from engagements.queries import protocols_in_force
from engagements.uploads import too_large
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused, StaleVersion
from sla import board, desk
from sla.models import Clock
from sla.views.edges import acting, address

_NOTES_SHOWN = 20


def _details() -> Any:
    return WorkItem.objects.select_related("workstream__matter__engagement", "workstream__client", "assignee__user")


def _chosen(request: TenantRequest, ids: list[int]) -> WorkItem | None:
    """The item asked for by its reference, else the first on the desk."""
    if reference := str(request.GET.get("item", ""))[:24]:
        found: WorkItem | None = _details().filter(reference=reference).first()
        if found is None:
            raise Http404("No such page.")
        return found
    return _details().filter(pk=ids[0]).first() if ids else None


def _neighbour(ids: list[int], item: WorkItem, step: int) -> str:
    """The reference of the item before or after this one on the desk; empty when it is alone there."""
    if not ids or ids == [item.id]:
        return ""
    place = ids.index(item.id) + step if item.id in ids else 0
    return str(WorkItem.objects.values_list("reference", flat=True).get(pk=ids[place % len(ids)]))


@requires(P.WORK_ITEMS)
def desk_page(request: TenantRequest, organization: str) -> HttpResponse:
    now, member = timezone.now(), request.membership
    ids, clocks = desk.items_on_desk(member.id, now)
    item, zone = _chosen(request, ids), zone_of(member)
    timer = running(member.id)
    context: dict[str, Any] = {
        "item": item,
        "count": len(ids),
        "timer": timer,
        "seconds": int((now - timer.started_at).total_seconds()) if timer else 0,
        "pace": desk.pace_of(member.id, zone, now),
        "zone": str(zone),
        "now": now,
    }
    if item is not None:
        context |= _about(request, item, clocks, ids)
    return render(request, "sla/desk.html", context)


def _about(request: TenantRequest, item: WorkItem, clocks: dict[int, Clock], ids: list[int]) -> dict[str, Any]:
    now, clock = timezone.now(), clocks.get(item.id)
    offered = [m for m in work.permitted_moves(item, request.actor.permissions) if m.to not in (states.RECEIVED, states.ASSIGNED)]
    return {
        "client": Client.objects.get(pk=item.client_id).name,
        "state": states.LABELS[item.state],
        "clock": clock,
        "standing": board.standing(clock, now) if clock is not None else None,
        "next": _neighbour(ids, item, 1),
        "previous": _neighbour(ids, item, -1),
        "startable": any(move.to == states.IN_REVIEW for move in offered),
        "deliverable": any(move.to == states.DELIVERY[item.kind] for move in offered),
        "verb": next((move.verb for move in offered if move.to == states.DELIVERY[item.kind]), ""),
        "notes": list(ItemNote.objects.filter(item=item).order_by("-id")[:_NOTES_SHOWN]),
        "tags": list(ItemTag.objects.filter(item=item).order_by("name")),
        "files": deliverables_of(item),
        "protocol": protocols_in_force([item.workstream_id], now).get(item.workstream_id),
        "mine": item.assignee_id == request.membership.id,
    }


@requires(POST=P.WORK_ITEMS)
def desk_seen(request: TenantRequest, organization: str) -> HttpResponse:
    """The page says that its person is at work; the answer is what the server knows of the timer."""
    timer = work.touch_timer(by=request.actor)
    seconds = int((timezone.now() - timer.started_at).total_seconds()) if timer else 0
    return JsonResponse({"running": timer is not None, "seconds": seconds})


def _start(request: TenantRequest, item: WorkItem) -> None:
    """The timer, and the review where it has not begun."""
    if item.kind == states.WORK and item.state in {states.RECEIVED, states.ASSIGNED, states.RETURNED}:
        work.move_item(item=item, to=states.IN_REVIEW, by=request.actor)
    work.start_timer(item=item, by=request.actor)


def _stop(request: TenantRequest, item: WorkItem) -> None:
    made = work.stop_timer(by=request.actor)
    for entry in made:
        whole = round(entry.minutes)
        spoken = f"{whole} minute{'s' if whole != 1 else ''}" if whole else "Less than a minute"
        messages.success(request, f"{spoken} recorded as a draft. Say what you did on the Time page.")


def _note(request: TenantRequest, item: WorkItem) -> None:
    work.add_note(item=item, by=request.actor, text=request.POST.get("text", ""))


def _tag(request: TenantRequest, item: WorkItem) -> None:
    work.add_tag(item=item, by=request.actor, name=request.POST.get("name", ""))


def _untag(request: TenantRequest, item: WorkItem) -> None:
    work.remove_tag(item=item, by=request.actor, name=request.POST.get("name", ""))


def _deliver(request: TenantRequest, item: WorkItem) -> None:
    """With its file; the timer on it stops, and the next item comes up."""
    file = request.FILES.get("file")
    if getattr(request, "upload_too_large", False) or (file is not None and (file.size or 0) > settings.UPLOAD_LIMIT_BYTES):
        raise Refused(too_large(), "file")
    version = request.POST.get("version", "")
    work.deliver_item(
        item=item,
        by=request.actor,
        version=int(version) if version.isdecimal() and len(version) < 10 else None,
        content=file.read() if file is not None else b"",
        file_name=(file.name or "file") if file is not None else "",
        media_type=(file.content_type or "") if file is not None else "",
    )
    timer = running(request.membership.id)
    if timer is not None and timer.item_id == item.id:
        _stop(request, item)
    messages.success(request, f"{item.reference} is delivered.")


_DO: dict[str, Callable[[TenantRequest, WorkItem], None]] = {
    "start": _start,
    "stop": _stop,
    "note": _note,
    "tag": _tag,
    "untag": _untag,
    "deliver": _deliver,
}


@requires(POST=P.WORK_ITEMS)
@acting
def desk_act(request: TenantRequest, organization: str, reference: str, do: str) -> HttpResponse:
    item = WorkItem.objects.filter(reference=reference).first()
    if item is None or do not in _DO:
        raise Http404("No such page.")
    try:
        _DO[do](request, item)
    except StaleVersion:
        raise
    except Refused as refused:
        messages.error(request, refused.message)
        do = "refused"
    query = "" if do == "deliver" else f"?{urlencode({'item': reference})}"
    return HttpResponseRedirect(address("desk", organization) + query)
