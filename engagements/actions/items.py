"""Work items one at a time: create, correct, assign, move, undo."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Required, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from engagements import conflicts, states, transitions
from engagements.actions.checks import Duplicate, build, change, draw, locked, need_any, plain
from engagements.actions.item_types import check_type
from engagements.actions.late import keep_late
from engagements.actions.sources import decided_by_move, overtaken_silence, source_of, take_back_needs
from engagements.actions.timing import check_instant, needs_second, told
from engagements.models import Assignment, ClientDecision, Pause, Transition, WorkItem, Workstream
from engagements.models.clients import Status
from engagements.staffing import Staffing, streams_of
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion

_SCHEDULING = {states.ASSIGNED, states.RECEIVED, states.CANCELLED, states.ACKNOWLEDGED, states.NOTIFIED}


class ItemFields(TypedDict, total=False):
    title: Required[str]
    kind: str
    received_at: datetime
    quantity: Decimal
    priority: str
    type: str | None
    language: str
    disposition: str
    severity: str
    due_hint: datetime | None
    external_id: str | None
    source: str


def permissions_for_move(before: str, to: str) -> frozenset[Permission]:
    """Any one of these suffices. What the client decided is recorded by who edits the work or decides for the client."""
    if (before, to) in states.CLIENT_DECISIONS:
        return frozenset({Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})
    if to in _SCHEDULING:
        return frozenset({Permission.TRACK_ITEMS, Permission.WORK_ITEMS})
    return frozenset({Permission.WORK_ITEMS})


def permitted_moves(item: WorkItem, permissions: frozenset[Permission]) -> list[states.Move]:
    """The moves the state table offers from here that these permissions allow."""
    return [move for move in states.moves(item.kind, item.state) if permissions_for_move(item.state, move.to) & permissions]


def assignable(member: Membership, workstream_id: int) -> str:
    """Why `member` cannot be given work of the workstream; empty when nothing stands against it."""
    streams = streams_of([workstream_id])
    return Staffing([member], streams.values()).blocked(member, streams[workstream_id])


@transaction.atomic
def create_item(*, workstream: Workstream, by: Actor, **fields: Unpack[ItemFields]) -> WorkItem:
    """One item in the first state of its kind. A form sent twice raises `Duplicate`; an external id exists once per source."""
    by.need(Permission.TRACK_ITEMS)
    if workstream.status != Status.OPEN:
        raise Refused("This workstream is closed. Reopen it first.")
    now = timezone.now()
    fields.setdefault("received_at", now)
    if fields["received_at"] > now:
        raise Refused("This lies in the future.", "received_at")
    if fields.get("type"):
        check_type(workstream.id, fields["type"] or "")
    number = draw("engagements_workstream", "item_count", workstream.id)
    _refuse_twin(workstream, fields)
    item = _new_item(workstream, f"{workstream.item_prefix}-{number:04d}", fields)
    item.save()
    transitions.record_beginning(item, by)
    record(by=by, action="item.create", target=item, after={n: plain(v) for n, v in fields.items()}, reference=item.reference)
    told(item)
    return item


def _new_item(workstream: Workstream, reference: str, fields: Mapping[str, Any]) -> WorkItem:
    values = {**fields, "client_id": workstream.client_id, "matter_id": workstream.matter_id, "workstream": workstream}
    kind = values.setdefault("kind", states.WORK)
    if kind not in states.KINDS:
        raise Refused("Choose work, enquiry or error.", "kind")
    return build(WorkItem, {**values, **transitions.beginning(kind, values["received_at"]), "reference": reference})


def _refuse_twin(workstream: Workstream, fields: Mapping[str, Any]) -> None:
    own = WorkItem.objects.filter(workstream=workstream)
    if external := fields.get("external_id"):
        if (twin := own.filter(source=fields.get("source", ""), external_id=external).first()) is not None:
            raise Duplicate(f"{twin.reference} has this external ID already.", twin, "external_id")
        return
    twin = own.filter(received_at=fields["received_at"], title=fields["title"], kind=fields.get("kind", states.WORK)).first()
    if twin is not None:
        raise Duplicate(f"{twin.reference} has this title and this time already.", twin, "title")


@transaction.atomic
def update_item(*, item: WorkItem, by: Actor, version: int, reason: str = "", **fields: Any) -> WorkItem:
    """Correct what was recorded of an item. A new time of receipt takes the first transition back and writes it anew."""
    by.need(Permission.TRACK_ITEMS)
    received_at = fields.pop("received_at", None)
    # Compared with the row as stored: a form has written into the object it was given.
    if "severity" in fields and lowers(locked(item), fields["severity"]):
        raise Refused("The client sets the severity: record that it agrees to a lower one.", "severity")
    # A retired type may stay what it is.
    if fields.get("type") and fields["type"] != locked(item).type:
        check_type(item.workstream_id, fields["type"])
    # The state is compared in the move's own action; here only what the form shows may collide.
    item, before, after = change(item, version, fields)
    if received_at is not None and received_at != item.received_at:
        before["received_at"], after["received_at"] = plain(item.received_at), plain(received_at)
        _restate_receipt(item, received_at, by, reason)
    if after:
        record(by=by, action="item.update", target=item, before=before, after=after, reference=item.reference)
        told(item)
    return item


def lowers(item: WorkItem, severity: str) -> bool:
    """Whether this severity is less than the error has now."""
    return item.kind == states.ERROR and severity in states.SEVERITIES and states.graver(item.severity, severity)


def _restate_receipt(item: WorkItem, received_at: datetime, by: Actor, reason: str) -> None:
    now = timezone.now()
    if received_at > now:
        raise Refused("This lies in the future.", "received_at")
    if not reason.strip():
        raise Refused("Say why the time of receipt changes.", "reason")
    check_receipt(item, received_at)
    if needs_second(received_at, now, by):
        keep_late(item=item, by=by, kind="receipt", at=received_at, note=reason)
        return
    transitions.restate_beginning(item, received_at, by, reason)
    item.refresh_from_db()


def check_receipt(item: WorkItem, received_at: datetime) -> None:
    """Nothing that happened to the item may lie before its receipt."""
    following = Transition.objects.filter(item=item).effective().exclude(from_state="").first()
    if following is not None and received_at >= following.at:
        raise Refused(
            f"It was {states.LABELS[following.to_state].lower()} at {following.at:%d %b %Y %H:%M} UTC, before this.", "received_at"
        )


@transaction.atomic
def assign_item(*, item: WorkItem, by: Actor, member: Membership | None) -> WorkItem:
    """Give the item to an active member of staff inside its matter's wall, or to nobody. Received work becomes assigned."""
    by.need(Permission.TRACK_ITEMS)
    item = locked(item)
    if item.assignee_id == (member.id if member else None):
        return item
    if member is not None and (why := assignable(member, item.workstream_id)):
        raise Refused(why, "assignee")
    before = item.assignee_id
    item.assignee = member
    item.version += 1
    item.save(update_fields=["assignee", "version"])
    Assignment.objects.create(client_id=item.client_id, matter_id=item.matter_id, item=item, member=member, by_label=by.label)
    follow = {states.RECEIVED: states.ASSIGNED} if member else {states.ASSIGNED: states.RECEIVED}
    if item.kind == states.WORK and item.state in follow:
        transitions.append(item, follow[item.state], max(timezone.now(), item.state_at), by)
        item.refresh_from_db()
    record(
        by=by,
        action="item.assign",
        target=item,
        before={"assignee": before},
        after={"assignee": item.assignee_id},
        reference=item.reference,
    )
    told(item)
    return item


@transaction.atomic
def move_item(
    *,
    item: WorkItem,
    to: str,
    by: Actor,
    at: datetime | None = None,
    reason: str = "",
    version: int | None = None,
    message: Document | None = None,
) -> WorkItem:
    """Move along the state table. Already there: nothing happens, so a double click moves once.

    `at` is when it happened, now when left out; longer than 15 minutes ago it waits for a second person's approval and the item
    stays where it is. What the client decides carries its source: the attorney's own sign-in, or `message`, what the client wrote.
    Finishing ends the item's open pauses at that instant. Raises `Refused`, `StaleVersion`, `NotPermitted`.
    """
    seen, item = item.state, locked(item)
    if item.state == to:
        need_any(by, permissions_for_move(seen, to))
        return item
    need_any(by, permissions_for_move(item.state, to))
    if version is not None and item.version != version:
        raise StaleVersion("Somebody else moved this in the meantime.", theirs={"state": item.state}, yours={"state": to})
    _check_move(item, to)
    client = (item.state, to) in states.CLIENT_DECISIONS
    source = source_of(by, message) if client else ""
    now, silence = timezone.now(), overtaken_silence(item, to, at)
    earliest = _before(item, silence).at if silence else item.state_at
    at = check_instant(at, earliest, now, reason=reason or ("as the message says" if client else ""))
    if needs_second(at, now, by, source):
        note = reason or "As the client's message says."
        keep_late(item=item, by=by, kind="move", at=at, note=note, from_state=item.state, to_state=to, evidence=message)
        return item
    before = {"state": item.state}
    apply_move(item=item, to=to, at=at, by=by, reason=reason, source=source, message=message)
    after = {"state": to, "at": at.isoformat(), "reason": reason} | ({"source": source} if source else {})
    record(by=by, action="item.move", target=item, before=before, after=after, reference=item.reference)
    told(item)
    return item


def _check_move(item: WorkItem, to: str) -> None:
    try:
        states.check(item.kind, item.state, to)
    except states.MoveRefused as refusal:
        raise Refused(str(refusal), "to") from refusal
    if to == states.ASSIGNED and item.assignee_id is None:
        raise Refused("Choose who gets it.", "assignee")
    if to == states.IN_REVIEW and (why := conflicts.stopped([item.matter_id]).get(item.matter_id)):
        raise Refused(why, "to")


def _before(item: WorkItem, last: Transition) -> Transition:
    """What stood before the last effective transition."""
    previous: Transition = Transition.objects.filter(item=item).effective().exclude(pk=last.pk).latest("at", "id")
    return previous


def apply_move(
    *,
    item: WorkItem,
    to: str,
    at: datetime,
    by: Actor,
    reason: str = "",
    source: str = "",
    message: Document | None = None,
    recorded_at: datetime | None = None,
) -> Transition:
    """Write a move that has been checked and project it. The caller holds the item, audits and tells."""
    if (silence := overtaken_silence(item, to, at)) is not None:
        # The client had spoken before its silence was counted.
        transitions.reverse(item, silence, by, "The client had returned it before.")
        item.refresh_from_db()
    if to in states.FINISHED[item.kind]:
        _end_pauses(item, at)
    row = transitions.append(item, to, at, by, reason, recorded_at)
    if source:
        facts = {} if recorded_at is None else {"recorded_at": recorded_at}
        decided_by_move(by=by, source=source, item=item, transition=row, message=message, note=reason[:500], **facts)
    if to == states.RECEIVED and item.assignee_id is not None:
        _unassign(item, by)
    item.refresh_from_db()
    return row


def _unassign(item: WorkItem, by: Actor) -> None:
    WorkItem.objects.filter(pk=item.pk).update(assignee=None)
    Assignment.objects.create(client_id=item.client_id, matter_id=item.matter_id, item=item, member=None, by_label=by.label)


def _end_pauses(item: WorkItem, at: datetime) -> None:
    still_open = Pause.objects.filter(item=item, ended_at__isnull=True, withdrawn_at__isnull=True)
    if still_open.filter(started_at__gt=at).exists():
        raise Refused("It was put on hold after this time.", "at")
    still_open.update(ended_at=at)


@transaction.atomic
def undo_last_move(*, item: WorkItem, by: Actor, reason: str = "", version: int | None = None) -> WorkItem:
    """Take the last effective move back by a row of its own. A pause it ended stays ended. The first state cannot be undone.

    What the client decided, or its silence, is taken back by its attorney alone.
    """
    item = locked(item)
    last = Transition.objects.filter(item=item).effective().last()
    if last is None or not last.from_state:
        raise Refused("There is no move to undo.")
    need_any(by, permissions_for_move(last.from_state, last.to_state))
    if is_clients(last):
        take_back_needs(by)
    if version is not None and item.version != version:
        raise StaleVersion("Somebody else moved this in the meantime.", theirs={"state": item.state}, yours={"state": last.from_state})
    transitions.reverse(item, last, by, reason)
    item.refresh_from_db()
    record(
        by=by,
        action="item.undo",
        target=item,
        before={"state": last.to_state},
        after={"state": item.state, "reason": reason},
        reference=item.reference,
    )
    told(item)
    return item


def is_clients(move: Transition) -> bool:
    """Whether a move records what the client decided."""
    return (move.from_state, move.to_state) in states.CLIENT_DECISIONS or ClientDecision.objects.filter(transition=move).exists()
