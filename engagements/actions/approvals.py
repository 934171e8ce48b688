"""The second person: approving or refusing what was written down late. What is approved counts from then on, as of when it happened."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from engagements import states, transitions
from engagements.actions.checks import locked
from engagements.actions.items import apply_move, check_receipt
from engagements.actions.pauses import apply_pause, check_pause
from engagements.actions.sources import overtaken_silence
from engagements.actions.timing import told
from engagements.models import LateEntry, Pause, Source, Transition, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused


@transaction.atomic
def approve_late(*, entry: LateEntry, by: Actor, note: str = "") -> LateEntry:
    """Let a late entry count. Refused to whoever wrote it, and where the item has moved on so that it no longer fits."""
    return _decide(entry, by, "approved", note)


@transaction.atomic
def refuse_late(*, entry: LateEntry, by: Actor, note: str) -> LateEntry:
    """The entry never counts; it stays readable with the reason."""
    return _decide(entry, by, "refused", note)


def _decide(entry: LateEntry, by: Actor, to: str, note: str) -> LateEntry:
    by.need(Permission.APPROVE_PAUSE)
    item = locked(WorkItem.objects.get(pk=entry.item_id))
    entry = locked(entry)
    if entry.state == to:
        return entry
    if entry.state != "waiting":
        raise Refused(f"It was {entry.state} already.")
    if by.member_id is None or by.kind != "member":
        raise Refused("A person approves this, signed in.")
    if by.member_id == entry.by_member_id:
        raise Refused("Somebody else has to decide on what you recorded.")
    if to == "refused" and not note.strip():
        raise Refused("Say why it is refused.", "note")
    if to == "approved":
        _apply(item, entry)
    entry.state, entry.decided_at, entry.decided_by_id, entry.decided_by_label = to, timezone.now(), by.member_id, by.label
    entry.decision_note = note.strip()[:300]
    entry.save()
    after = {"kind": entry.kind, "at": entry.at.isoformat(), "recorded by": entry.by_label, "note": note}
    record(by=by, action="late.approve" if to == "approved" else "late.refuse", target=entry, after=after, reference=item.reference)
    if to == "approved":
        told(item)
    return entry


def _apply(item: WorkItem, entry: LateEntry) -> None:
    """Write the facts as their recorder did, as of when they happened."""
    recorder = Actor("member", entry.organization_id, entry.by_label, entry.by_member_id)
    if entry.kind == "move":
        entry.transition = _apply_move(item, entry, recorder)
    elif entry.kind == "pause":
        entry.pause = _apply_pause(item, entry, recorder)
    elif entry.kind == "resume":
        _apply_resume(entry)
        transitions.project([item.id])
    else:
        check_receipt(item, entry.at)
        transitions.restate_beginning(item, entry.at, recorder, entry.note[:300])
        entry.transition = Transition.objects.filter(item=item, from_state="").effective().get()


def _apply_move(item: WorkItem, entry: LateEntry, recorder: Actor) -> Transition:
    to = entry.to_state
    try:
        states.check(item.kind, item.state, to)
    except states.MoveRefused as refusal:
        raise Refused(f"{refusal} It has moved since this was recorded; refuse this entry.") from refusal
    if entry.at < item.state_at and overtaken_silence(item, to, entry.at) is None:
        raise Refused(f"The item was {states.LABELS[item.state].lower()} after this. Refuse this entry and record it anew.")
    source = Source.PROVIDER if (item.state, to) in states.CLIENT_DECISIONS else ""
    if source and entry.evidence is None:
        raise Refused("The client's message is missing. Refuse this entry and record it anew.")
    facts = {"reason": entry.note[:300], "source": source, "message": entry.evidence, "recorded_at": entry.recorded_at}
    return apply_move(item=item, to=to, at=entry.at, by=recorder, **facts)


def _apply_pause(item: WorkItem, entry: LateEntry, recorder: Actor) -> Pause:
    check_pause(item, entry.party)
    if entry.at < item.received_at:
        raise Refused("It had not been received then.")
    facts = {"party": entry.party, "reason": entry.reason, "note": entry.note, "evidence": entry.evidence}
    return apply_pause(item=item, by=recorder, started_at=entry.at, now=entry.recorded_at, **facts)


def _apply_resume(entry: LateEntry) -> None:
    pause = Pause.objects.get(pk=entry.pause_id or 0)
    if pause.withdrawn_at is not None or pause.ended_at is None:
        raise Refused("This pause was changed since.")
    Pause.objects.filter(pk=pause.pk).update(ended_at=entry.at)
