"""One work item: its facts, its next moves, its waiting and everything that happened to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, panels, queries, states
from engagements.actions.items import GRACE, permissions_for_move
from engagements.forms import AssignForm, ItemEditForm, ItemForm, MoveForm, NoteForm, PauseForm, ResumeForm, UndoForm
from engagements.models import Assignment, Pause, Transition, WorkItem
from engagements.staffing import suggestions
from engagements.views.edges import acting, attempt, fields_of, form_page, item_or_404, posted, to, workstream_crumbs, workstream_or_404
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.documents import content_of, store

_SUGGESTED = 4


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `recorded_at` is given where it was written down noticeably later than it happened."""

    at: datetime
    text: str
    by: str
    note: str = ""
    recorded_at: datetime | None = None
    gone: bool = False


def _late(at: datetime, recorded_at: datetime) -> datetime | None:
    return recorded_at if recorded_at - at > GRACE else None


def _move_entry(row: Transition, gone: set[int]) -> Entry:
    label = states.LABELS.get(row.to_state, row.to_state)
    if row.reverses_id:
        before = states.LABELS.get(row.from_state, row.from_state).lower()
        return Entry(row.recorded_at, f"Taken back: {before}", row.by_label, row.reason, gone=False)
    return Entry(row.at, label, row.by_label, row.reason, _late(row.at, row.recorded_at), row.id in gone)


def _pause_entries(pause: Pause) -> list[Entry]:
    gone = pause.withdrawn_at is not None
    what = f"On hold: {pause.get_party_display().lower()}, {pause.get_reason_display().lower()}"
    entries = [Entry(pause.started_at, what, pause.by_label, pause.note, _late(pause.started_at, pause.recorded_at), gone)]
    if pause.ended_at is not None:
        entries.append(Entry(pause.ended_at, "Resumed", "", gone=gone))
    return entries


def _timeline(item: WorkItem, moves: list[Transition], gone: set[int], pauses: list[Pause]) -> list[Entry]:
    entries = [_move_entry(row, gone) for row in moves]
    for pause in pauses:
        entries.extend(_pause_entries(pause))
    assignments = Assignment.objects.filter(item=item).select_related("member__user").order_by("id")
    entries += [Entry(row.at, f"Assigned to {row.member.display_name if row.member else 'nobody'}", row.by_label) for row in assignments]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _status_of(item: WorkItem, pauses: list[Pause]) -> tuple[str, str]:
    """Kind and text of the item's status; what it waits for comes first."""
    waiting = sorted({p.get_party_display().lower() for p in pauses if p.ended_at is None and p.withdrawn_at is None})
    if waiting:
        return "paused", f"On hold: {', '.join(waiting)}"
    label = states.LABELS[item.state]
    if item.state == states.CANCELLED:
        return "draft", label
    return ("met" if item.finished else "progressing"), label


def _suggested(item: WorkItem, may_track: bool) -> dict[str, Any]:
    """Who had better get the item, and who must not have it, for who gives work out."""
    if not may_track or item.finished:
        return {"suggested": [], "blocked": []}
    candidates = [member for member in queries.staff()[:200] if P.WORK_ITEMS in member.permissions]
    found = suggestions(candidates, item)
    fitting = [each for each in found if not each.blocked and each.member.id != item.assignee_id]
    return {"suggested": fitting[:_SUGGESTED], "blocked": [each for each in found if each.blocked]}


def _item_page(request: TenantRequest, item: WorkItem, **bound: Any) -> HttpResponse:
    moves, gone, pauses = queries.history_of(item)
    may = request.membership.may
    last = next((row for row in reversed(moves) if row.id not in gone), None)
    undoable = (
        last is not None
        and bool(last.from_state)
        and bool(permissions_for_move(last.from_state, last.to_state) & request.actor.permissions)
    )
    # "Assign" is the assignment form's own doing.
    offered = [move for move in actions.permitted_moves(item, request.actor.permissions) if move.to != states.ASSIGNED or item.assignee_id]
    context = {
        "item": item,
        "workstream": item.workstream,
        "status": _status_of(item, pauses),
        "moves": offered,
        "first_move": offered[0].to if offered else "",
        "undoable": states.LABELS.get(last.to_state, "") if last is not None and undoable else "",
        "timeline": _timeline(item, moves, gone, pauses),
        "pauses": list(enumerate(pauses, 1)),
        "open_pauses": [p for p in pauses if p.ended_at is None and p.withdrawn_at is None],
        "panels": panels.collect(panels.item_panels, request, item),
        "crumbs": [*workstream_crumbs(request.organization.slug, item.workstream), (item.reference, "")],
        "today": timezone.localdate(),
        "may_track": may(P.TRACK_ITEMS),
        "may_read": may(P.VIEW_WORK_PRODUCT),
        "may_pause": may(P.PAUSE) and not item.finished,
        "may_approve": may(P.APPROVE_PAUSE),
        "may_contest": may(P.EDIT_WORK) or may(P.DECIDE_FOR_CLIENT),
        "move_form": MoveForm(initial={"version": item.version}),
        "decided": 0,
        "decide_form": None,
        "pause_form": PauseForm(),
        "resume_form": ResumeForm(),
        "assign_form": AssignForm(initial={"assignee": item.assignee_id}),
        **_suggested(item, may(P.TRACK_ITEMS)),
        **bound,
    }
    return render(request, "engagements/item.html", context, status=422 if bound else 200)


@requires(P.VIEW_WORK)
def item(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    return _item_page(request, item_or_404(reference))


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def new_item(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    form = ItemForm(posted(request), initial={"received_at": timezone.now()})
    made = attempt(form, lambda: actions.create_item(workstream=workstream, by=request.actor, **fields_of(form)))
    if made is not None:
        return to("item", request, made.reference)
    return form_page(request, form, title="New item", submit="Add item", crumbs=workstream_crumbs(organization, workstream))


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def edit_item(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item = item_or_404(reference)
    crumbs = [*workstream_crumbs(organization, item.workstream), (reference, "")]
    received_at = item.received_at
    form = ItemEditForm(posted(request), instance=item, initial={"version": item.version})
    saved = attempt(form, lambda: _save_item(request, item, form, received_at))
    if saved is not None:
        return to("item", request, reference)
    return form_page(request, form, title=f"Edit {reference}", submit="Save", crumbs=crumbs)


def _save_item(request: TenantRequest, item: WorkItem, form: ItemEditForm, received_at: datetime) -> WorkItem:
    fields = fields_of(form)
    # The field shows minutes: an untouched time of receipt keeps its seconds.
    if fields["received_at"] == received_at.replace(second=0, microsecond=0):
        del fields["received_at"]
    data = form.cleaned_data
    return actions.update_item(item=item, by=request.actor, version=data["version"], reason=data["reason"], **fields)


@requires(POST=P.TRACK_ITEMS)
@acting
def assign(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item, form = item_or_404(reference), AssignForm(request.POST)
    if attempt(form, lambda: actions.assign_item(item=item, by=request.actor, member=form.cleaned_data["assignee"])) is not None:
        return to("item", request, reference)
    return _item_page(request, item, assign_form=form)


@requires(POST=P.VIEW_WORK)
@acting
def move(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Which permission a move needs depends on the move; its action checks."""
    item, form = item_or_404(reference), MoveForm(request.POST)
    wanted = request.POST.get("to", "")
    request_permissions = permissions_for_move(item.state, wanted)
    if not request_permissions & request.actor.permissions:
        request.actor.need(min(request_permissions))
    data = form.cleaned_data if form.is_valid() else {}
    moved = attempt(
        form,
        lambda: actions.move_item(
            item=item, to=data["to"], by=request.actor, at=data["at"], reason=data["reason"], version=data["version"]
        ),
    )
    return to("item", request, reference) if moved is not None else _item_page(request, item, move_form=form)


@requires(POST=P.VIEW_WORK)
@acting
def undo(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item, form = item_or_404(reference), UndoForm(request.POST)
    if not {P.TRACK_ITEMS, P.WORK_ITEMS, P.EDIT_WORK, P.DECIDE_FOR_CLIENT} & request.actor.permissions:
        request.actor.need(P.WORK_ITEMS)
    data = form.cleaned_data if form.is_valid() else {}
    undone = attempt(form, lambda: actions.undo_last_move(item=item, by=request.actor, reason=data["reason"], version=data["version"]))
    return to("item", request, reference) if undone is not None else _item_page(request, item, undo_form=form)


@requires(POST=P.PAUSE)
@acting
def pause(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item, form = item_or_404(reference), PauseForm(request.POST, request.FILES)
    if attempt(form, lambda: _pause(request, item, form)) is not None:
        return to("item", request, reference)
    return _item_page(request, item, pause_form=form)


def _pause(request: TenantRequest, item: WorkItem, form: PauseForm) -> Pause:
    data = dict(form.cleaned_data)
    file, document = data.pop("evidence"), None
    if file is not None:
        document = store(
            kind="evidence",
            content=file.read(),
            file_name=file.name,
            media_type=file.content_type or "application/octet-stream",
            by=request.actor,
            client_id=item.client_id,
            matter_id=item.matter_id,
            reference=item.reference,
        )
    return actions.pause_item(item=item, by=request.actor, evidence=document, **data)


@requires(POST=P.PAUSE)
@acting
def resume(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item, form = item_or_404(reference), ResumeForm(request.POST)
    if attempt(form, lambda: actions.resume_item(item=item, by=request.actor, at=form.cleaned_data["at"])) is not None:
        return to("item", request, reference)
    return _item_page(request, item, resume_form=form)


def _pause_or_404(item: WorkItem, number: int) -> Pause:
    """The item's nth pause by its start, as its page numbers them."""
    found: list[Pause] = list(Pause.objects.filter(item=item).order_by("started_at", "id")[number - 1 : number]) if number > 0 else []
    if not found:
        raise Http404("No such page.")
    return found[0]


_DECISIONS = {"withdraw": P.APPROVE_PAUSE, "uphold": P.APPROVE_PAUSE, "contest": None}


@requires(POST=P.VIEW_WORK)
@acting
def decide_pause(request: TenantRequest, organization: str, reference: str, number: int, what: str) -> HttpResponse:
    if what not in _DECISIONS:
        raise Http404("No such page.")
    if (needed := _DECISIONS[what]) is not None:
        request.actor.need(needed)
    elif not {P.EDIT_WORK, P.DECIDE_FOR_CLIENT} & request.actor.permissions:
        request.actor.need(P.EDIT_WORK)
    item, form = item_or_404(reference), NoteForm(request.POST)
    pause = _pause_or_404(item, number)
    if attempt(form, lambda: _decide(request, pause, what, form.cleaned_data["note"])) is not None:
        return to("item", request, reference)
    return _item_page(request, item, decided=number, decide_form=form)


def _decide(request: TenantRequest, pause: Pause, what: str, note: str) -> Pause:
    if what == "contest":
        return actions.contest_pause(pause=pause, by=request.actor, note=note)
    if what == "uphold":
        return actions.resolve_contest(pause=pause, by=request.actor, upheld=True, note=note)
    return actions.withdraw_pause(pause=pause, by=request.actor, note=note)


@requires(P.VIEW_WORK_PRODUCT)
def evidence(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    pause = _pause_or_404(item_or_404(reference), number)
    if pause.evidence is None:
        raise Http404("No such page.")
    # Whatever was uploaded leaves as a download of no particular type: nothing of it is ever shown as a page of ours.
    response = HttpResponse(content_of(pause.evidence), content_type="application/octet-stream")
    name = pause.evidence.file_name.replace('"', "").replace("\\", "")
    response["Content-Disposition"] = f'attachment; filename="{name.encode("ascii", "replace").decode()}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
