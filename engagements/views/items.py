"""One work item: its facts, its next moves, its waiting and everything that happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, panels, queries, states
from engagements.actions.items import permissions_for_move
from engagements.decision_forms import ContestForm, DecideForm, ErrorNoticeForm, NoticeForm, ReplyForm, SeverityForm
from engagements.deliverables import deliverables_of, status_of
from engagements.forms import AssignForm, ItemEditForm, ItemForm, PauseForm, UndoForm
from engagements.models import DeliveryNotice, ItemNote, ItemTag, Pause, Question, Transition, WorkItem
from engagements.staffing import suggestions
from engagements.views.edges import acting, attempt, fields_of, form_page, item_or_404, posted, to, workstream_crumbs, workstream_or_404
from engagements.views.messages import download, evidence_of, message_of
from engagements.views.timeline import Records, described, records_of, spans, timeline
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.accounts.roles import Role

# The latest; the log has the others.
QUESTIONS = 5
_SUGGESTED = 4
_NOTES = 20


def _status_of(item: WorkItem, pauses: list[Pause]) -> tuple[str, str]:
    """Kind and text of the item's status; what it waits for comes first."""
    waiting = sorted({p.get_party_display().lower() for p in pauses if p.ended_at is None and p.withdrawn_at is None})
    if waiting:
        return "paused", f"On hold: {', '.join(waiting)}"
    label = states.LABELS[item.state]
    if item.state == states.CANCELLED:
        return "draft", label
    return ("met" if item.finished else "progressing"), label


def _suggested(item: WorkItem) -> dict[str, Any]:
    """Who had better get the item, and who must not have it."""
    workers = [member for member in queries.staff()[:200] if P.WORK_ITEMS in member.permissions]
    # Who manages the work gets it only where nobody else does it.
    candidates = [member for member in workers if member.role == Role.REVIEWER] or workers
    found = suggestions(candidates, item)
    fitting = [each for each in found if not each.blocked and each.member.id != item.assignee_id]
    return {"asked": True, "suggested": fitting[:_SUGGESTED], "blocked": [each for each in found if each.blocked]}


def _written(item: WorkItem, may_read: bool) -> dict[str, Any]:
    """Notes, tags and delivered files, for who may read work product."""
    if not may_read:
        return {"notes": [], "tags": [], "files": []}
    notes = list(ItemNote.objects.filter(item=item).order_by("-id")[:_NOTES])
    versions = deliverables_of(item)
    files = [(row, status_of(row, row.number == len(versions))) for row in reversed(versions)]
    return {"notes": notes, "tags": list(ItemTag.objects.filter(item=item).order_by("name")), "files": files}


def item_page(request: TenantRequest, item: WorkItem, suggested: Mapping[str, Any] | None = None, **bound: Any) -> HttpResponse:
    moves, gone, pauses = queries.history_of(item)
    records = records_of(item)
    may = request.membership.may
    last = next((row for row in reversed(moves) if row.id not in gone), None)
    undoable = last is not None and bool(last.from_state) and _may_undo(request, last, records)
    # "Assign" is the assignment form's own doing; what the client decides has a box of its own.
    offered = [move for move in actions.permitted_moves(item, request.actor.permissions) if move.to != states.ASSIGNED or item.assignee_id]
    clients = [move for move in offered if (item.state, move.to) in states.CLIENT_DECISIONS]
    offered = [move for move in offered if move not in clients]
    own = P.DECIDE_FOR_CLIENT in request.actor.permissions
    context = {
        "item": item,
        "workstream": item.workstream,
        "type_name": queries.type_name(item),
        "status": _status_of(item, pauses),
        "moves": offered,
        "first_move": offered[0].to if offered else "",
        "undoable": states.LABELS.get(last.to_state, "") if last is not None and undoable else "",
        "timeline": timeline(item, moves, gone, pauses, records),
        "spans": spans(pauses),
        "late": [(number, row, described(row), row.by_member_id == request.membership.pk) for number, row in records.waiting],
        "client_moves": clients,
        "own": own,
        "questions": list(Question.objects.filter(item=item).order_by("-id")[:QUESTIONS]),
        "notice": _notice_of(last, records),
        "error_notices": records.errors,
        "is_error": item.kind == states.ERROR,
        "open_pauses": [p for p in pauses if p.ended_at is None and p.withdrawn_at is None],
        "panels": panels.collect(panels.item_panels, request, item),
        "crumbs": [*workstream_crumbs(request.organization.slug, item.workstream), (item.reference, "")],
        "today": timezone.localdate(),
        **_permitted(request, item, own),
        **_forms(item),
        **(suggested or {"asked": False, "suggested": [], "blocked": []}),
        **_written(item, may(P.VIEW_WORK_PRODUCT)),
        **bound,
    }
    return render(request, "engagements/item.html", context, status=422 if bound else 200)


def _permitted(request: TenantRequest, item: WorkItem, own: bool) -> dict[str, bool]:
    """What this person may do on the page; `own`: as the client's own counsel."""
    may = request.membership.may
    return {
        "may_ask": may(P.TRACK_ITEMS) or may(P.WORK_ITEMS) or may(P.EDIT_WORK),
        "may_notice": item.state in (states.DELIVERED, states.CORRECTED) and (may(P.TRACK_ITEMS) or may(P.WORK_ITEMS)),
        "may_grade": item.kind == states.ERROR and (may(P.TRACK_ITEMS) or may(P.EDIT_WORK) or own),
        "may_track": may(P.TRACK_ITEMS),
        "may_read": may(P.VIEW_WORK_PRODUCT),
        "may_deliver": may(P.WORK_ITEMS),
        "may_pause": may(P.PAUSE) and not item.finished,
        "may_approve": may(P.APPROVE_PAUSE),
        "may_contest": may(P.EDIT_WORK) or own,
        "may_uphold": may(P.APPROVE_PAUSE) or own,
        "may_reply": not may(P.PAUSE) and own,
    }


def _forms(item: WorkItem) -> dict[str, Any]:
    """Empty ones; a view that was sent one puts its own in place."""
    return {
        "move_form": DecideForm(initial={"version": item.version}),
        "notice_form": NoticeForm(),
        "severity_form": SeverityForm(initial={"severity": item.severity}),
        "error_form": ErrorNoticeForm(),
        "decided": 0,
        "decide_form": None,
        "pause_form": PauseForm(),
        "resume_form": ReplyForm(),
        "assign_form": AssignForm(initial={"assignee": item.assignee_id}),
    }


def _may_undo(request: TenantRequest, last: Transition, records: Records) -> bool:
    if (last.from_state, last.to_state) in states.CLIENT_DECISIONS or last.pk in records.by_transition:
        return P.DECIDE_FOR_CLIENT in request.actor.permissions
    return bool(permissions_for_move(last.from_state, last.to_state) & request.actor.permissions)


def _notice_of(last: Transition | None, records: Records) -> tuple[int, DeliveryNotice] | None:
    """The notice of the present delivery, as the page numbers it."""
    return next(((n, row) for n, row in enumerate(records.notices, 1) if last is not None and row.transition_id == last.pk), None)


@requires(P.VIEW_WORK)
def item(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """With `?suggest`, for who gives work out, also who had better get it: htmx is sent that part alone."""
    item = item_or_404(reference)
    if "suggest" not in request.GET or item.finished or not request.membership.may(P.TRACK_ITEMS):
        return item_page(request, item)
    if request.headers.get("HX-Request") == "true":
        return render(request, "engagements/_suggestions.html", {"item": item, **_suggested(item)})
    return item_page(request, item, _suggested(item))


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def new_item(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    form = ItemForm(posted(request), initial={"received_at": timezone.now()}, types=queries.types_of(workstream.id))
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
    form = ItemEditForm(posted(request), instance=item, initial={"version": item.version}, types=queries.types_of(item.workstream_id))
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
    return item_page(request, item, assign_form=form)


@requires(POST=P.VIEW_WORK)
@acting
def move(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Which permission a move needs depends on the move; its action checks."""
    item, form = item_or_404(reference), DecideForm(request.POST, request.FILES)
    wanted = request.POST.get("to", "")
    request_permissions = permissions_for_move(item.state, wanted)
    if not request_permissions & request.actor.permissions:
        request.actor.need(min(request_permissions))
    moved = attempt(form, lambda: _move(request, item, form))
    return to("item", request, reference) if moved is not None else item_page(request, item, move_form=form)


def _move(request: TenantRequest, item: WorkItem, form: DecideForm) -> WorkItem:
    data, message = form.cleaned_data, message_of(request, form, item, item.workstream.matter)
    facts = {"at": data["at"], "reason": data["reason"], "version": data["version"], "message": message}
    return actions.move_item(item=item, to=data["to"], by=request.actor, **facts)


@requires(POST=P.VIEW_WORK)
@acting
def undo(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item, form = item_or_404(reference), UndoForm(request.POST)
    if not {P.TRACK_ITEMS, P.WORK_ITEMS, P.EDIT_WORK, P.DECIDE_FOR_CLIENT} & request.actor.permissions:
        request.actor.need(P.WORK_ITEMS)
    data = form.cleaned_data if form.is_valid() else {}
    undone = attempt(form, lambda: actions.undo_last_move(item=item, by=request.actor, reason=data["reason"], version=data["version"]))
    return to("item", request, reference) if undone is not None else item_page(request, item, undo_form=form)


@requires(POST=P.PAUSE)
@acting
def pause(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item, form = item_or_404(reference), PauseForm(request.POST, request.FILES)
    if attempt(form, lambda: _pause(request, item, form)) is not None:
        return to("item", request, reference)
    return item_page(request, item, pause_form=form)


def _pause(request: TenantRequest, item: WorkItem, form: PauseForm) -> Pause | bool:
    data = dict(form.cleaned_data)
    document = evidence_of(request, item, data.pop("evidence"))
    # Nothing where it waits for a second person: that is an answer too.
    return actions.pause_item(item=item, by=request.actor, evidence=document, **data) or True


@requires(POST=P.VIEW_WORK)
@acting
def resume(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """End the wait, with the client's reply where there is one. The client's attorney ends the client's own wait."""
    if not {P.PAUSE, P.DECIDE_FOR_CLIENT} & request.actor.permissions:
        request.actor.need(P.PAUSE)
    item, form = item_or_404(reference), ReplyForm(request.POST, request.FILES)
    if attempt(form, lambda: _resume(request, item, form)) is not None:
        return to("item", request, reference)
    return item_page(request, item, resume_form=form)


def _resume(request: TenantRequest, item: WorkItem, form: ReplyForm) -> list[Pause]:
    data, message = form.cleaned_data, message_of(request, form, item, item.workstream.matter)
    return actions.resume_item(item=item, by=request.actor, at=data["at"], message=message, note=data["note"])


def _pause_or_404(item: WorkItem, number: int) -> Pause:
    """The item's nth pause by its start, as its page numbers them."""
    found: list[Pause] = list(Pause.objects.filter(item=item).order_by("started_at", "id")[number - 1 : number]) if number > 0 else []
    if not found:
        raise Http404("No such page.")
    return found[0]


_DECISIONS = {
    "withdraw": {P.APPROVE_PAUSE},
    "uphold": {P.APPROVE_PAUSE, P.DECIDE_FOR_CLIENT},
    "contest": {P.EDIT_WORK, P.DECIDE_FOR_CLIENT},
    "accept": {P.EDIT_WORK, P.DECIDE_FOR_CLIENT},
}


@requires(POST=P.VIEW_WORK)
@acting
def decide_pause(request: TenantRequest, organization: str, reference: str, number: int, what: str) -> HttpResponse:
    if what not in _DECISIONS:
        raise Http404("No such page.")
    if not _DECISIONS[what] & request.actor.permissions:
        request.actor.need(min(_DECISIONS[what]))
    item, form = item_or_404(reference), ContestForm(request.POST, request.FILES)
    pause = _pause_or_404(item, number)
    if attempt(form, lambda: _decide(request, item, pause, what, form)) is not None:
        return to("item", request, reference)
    return item_page(request, item, decided=number, decide_form=form)


def _decide(request: TenantRequest, item: WorkItem, pause: Pause, what: str, form: ContestForm) -> Pause:
    note = form.cleaned_data["note"]
    if what == "withdraw":
        return actions.withdraw_pause(pause=pause, by=request.actor, note=note)
    message = message_of(request, form, item, item.workstream.matter)
    if what == "contest":
        return actions.contest_pause(pause=pause, by=request.actor, note=note, message=message)
    if what == "accept":
        return actions.accept_pause(pause=pause, by=request.actor, note=note, message=message)
    return actions.resolve_contest(pause=pause, by=request.actor, upheld=True, note=note, message=message)


@requires(P.VIEW_WORK_PRODUCT)
def evidence(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    pause = _pause_or_404(item_or_404(reference), number)
    if pause.evidence is None:
        raise Http404("No such page.")
    return download(pause.evidence)
