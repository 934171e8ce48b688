"""A change to many items as it is previewed and done: the same judgement both times, and a record of every item."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from engagements import states
from engagements.actions import bulk_holds as holds
from engagements.actions.bulk import Failure, Judged, Outcome, assign_items, judge_assignment, judge_move, move_items, seen_items
from engagements.actions.checks import one_by_one
from engagements.copying import keys_by_index
from engagements.models import BulkAction, BulkKind, Pause, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import current_organization_id

_ROWS = """
INSERT INTO engagements_bulkrow
    (organization_id, client_id, matter_id, bulk_id, item_id, refused, before, version, transition_id, pause_id)
SELECT i.organization_id, i.client_id, i.matter_id, %(bulk)s, i.id, f.refused, f.before, i.version,
    (SELECT max(t.id) FROM engagements_transition t WHERE f.refused = '' AND %(moves)s AND t.organization_id = i.organization_id
        AND t.item_id = i.id AND t.recorded_at >= %(since)s AND t.reverses_id IS NULL),
    (SELECT max(p.id) FROM engagements_pause p WHERE f.refused = '' AND %(holds)s AND p.organization_id = i.organization_id
        AND p.item_id = i.id AND p.recorded_at >= %(since)s AND p.ended_at IS NULL)
FROM unnest(%(ids)s::bigint[], %(refused)s::text[], %(before)s::text[]) AS f (id, refused, before)
JOIN engagements_workitem i ON i.organization_id = %(organization)s AND i.id = f.id
"""
VERBS = {to: verb for moves in states.MOVES.values() for offered in moves.values() for to, verb in offered.items()}


@dataclass(frozen=True)
class Change:
    """What is to be done to many items; `member`, `to`, `party` and so on belong to the kind. Raises `Refused` when it makes no sense."""

    kind: str
    member: Membership | None = None
    to: str = ""
    party: str = ""
    reason: str = ""
    note: str = ""
    priority: str = ""
    type: str | None = None

    def check(self) -> None:
        if self.kind not in {*BulkKind} - {BulkKind.UNDO}:
            raise Refused("Choose what to do.", "do")
        if self.kind == BulkKind.MOVE and self.to not in states.LABELS:
            raise Refused("Choose what to do.", "to")
        if self.kind == BulkKind.HOLD:
            holds.check_terms(self.party, self.reason, self.note)
        if self.kind == BulkKind.PRIORITY:
            holds.check_priority(self.priority)
        if self.kind == BulkKind.TYPE and self.type is None:
            raise Refused("Choose a type, or none.", "new_type")

    @property
    def terms(self) -> dict[str, Any]:
        named = {"to": self.to, "party": self.party, "reason": self.reason, "note": self.note, "priority": self.priority}
        found: dict[str, Any] = {name: value for name, value in named.items() if value}
        found |= {"type": self.type} if self.kind == BulkKind.TYPE else {}
        return found | ({"member": self.member.pk if self.member else None} if self.kind == BulkKind.ASSIGN else {})

    @property
    def words(self) -> str:
        """What is done, as a heading: “Assign to Rita O'Brien”."""
        if self.kind == BulkKind.ASSIGN:
            return f"Assign to {self.member.display_name}" if self.member else "Assign to nobody"
        if self.kind == BulkKind.MOVE:
            return "Cancel work" if self.to == states.CANCELLED else f"Move to {states.LABELS[self.to].lower()}"
        if self.kind == BulkKind.HOLD:
            return f"Put on hold for the {dict(Pause._meta.get_field('party').choices or ()).get(self.party, '').lower()}"
        if self.kind == BulkKind.TYPE:
            return f"Set the type {self.type}" if self.type else "Set no type"
        return f"Set the priority {self.priority}" if self.kind == BulkKind.PRIORITY else "Resume"

    def need(self, by: Actor) -> None:
        """Raise `NotPermitted` where the actor may do this to no item at all. Which moves are permitted is judged item by item."""
        if self.kind in {BulkKind.HOLD, BulkKind.RESUME}:
            by.need(Permission.PAUSE)
        elif self.kind != BulkKind.MOVE or Permission.WORK_ITEMS not in by.permissions:
            by.need(Permission.TRACK_ITEMS)

    def now(self, item: WorkItem) -> str:
        """What an item has now of what would change."""
        if self.kind == BulkKind.MOVE:
            return states.LABELS[item.state]
        if self.kind == BulkKind.PRIORITY:
            return item.priority
        if self.kind == BulkKind.TYPE:
            return item.type or "None"
        return "" if self.kind == BulkKind.ASSIGN else ("On hold" if self.kind == BulkKind.RESUME else states.LABELS[item.state])


@dataclass(frozen=True)
class Preview:
    """What would change, what is so already and what would be left alone. `digest` stands for exactly this outcome."""

    change: Change
    going: list[WorkItem] = field(default_factory=list)
    already: int = 0
    failures: list[Failure] = field(default_factory=list)
    digest: str = ""


def _judge(change: Change, items: Sequence[WorkItem], by: Actor) -> Judged[WorkItem]:
    if change.kind == BulkKind.ASSIGN:
        return judge_assignment(items, change.member)
    if change.kind == BulkKind.MOVE:
        return judge_move(items, change.to, by, at=None, now=timezone.now(), reason=change.reason)
    if change.kind == BulkKind.HOLD:
        return holds.judge_hold(items, change.party)
    if change.kind == BulkKind.TYPE:
        return holds.judge_type(items, change.type or "")
    return holds.judge_resume(items) if change.kind == BulkKind.RESUME else holds.judge_priority(items, change.priority)


def preview_bulk(*, ids: Sequence[int], change: Change, by: Actor) -> Preview:
    """What `run_bulk` would do now. Writes nothing."""
    change.need(by)
    change.check()
    return _previewed(change, list(seen_items(ids)), by)


def _previewed(change: Change, items: Sequence[WorkItem], by: Actor) -> Preview:
    judged = _judge(change, items, by)
    outcome = [
        change.kind,
        change.terms,
        # With its version: what an item has now is shown beside it, and somebody may change just that meanwhile.
        sorted((item.id, item.version) for item in judged.going),
        sorted((f.reference, f.reason) for f in judged.failures),
    ]
    digest = hashlib.sha256(json.dumps(outcome).encode()).hexdigest()
    already = len(items) - len(judged.going) - len(judged.failures)
    return Preview(change, judged.going, already, judged.failures, digest)


@transaction.atomic
def run_bulk(*, ids: Sequence[int], change: Change, by: Actor, digest: str = "") -> BulkAction:
    """Do it, and keep what each item had before. With the `digest` of a preview: done only if it would still come to the same.

    Raises `Refused`, `NotPermitted`, `StaleVersion` where something moved on since the preview.
    """
    change.need(by)
    change.check()
    items = list(seen_items(ids).select_for_update(of=("self",)))
    if digest and _previewed(change, items, by).digest != digest:
        raise StaleVersion("Some of these items moved on since the preview. Look at it again.")
    since = timezone.now()
    with keys_by_index(len(items)):
        outcome = _apply(change, ids, by)
        return _record(change, items, outcome, by, since)


def _apply(change: Change, ids: Sequence[int], by: Actor) -> Outcome:
    if change.kind == BulkKind.ASSIGN:
        return assign_items(ids=ids, member=change.member, by=by)
    if change.kind == BulkKind.MOVE:
        return move_items(ids=ids, to=change.to, by=by, reason=change.reason)
    if change.kind == BulkKind.HOLD:
        return holds.hold_items(ids=ids, by=by, party=change.party, reason=change.reason, note=change.note)
    if change.kind == BulkKind.RESUME:
        return holds.resume_items(ids=ids, by=by)[0]
    if change.kind == BulkKind.TYPE:
        return holds.type_items(ids=ids, by=by, code=change.type or "")
    return holds.prioritize_items(ids=ids, by=by, priority=change.priority)


def _record(change: Change, items: Sequence[WorkItem], outcome: Outcome, by: Actor, since: datetime) -> BulkAction:
    counts = {"changed": len(outcome.changed), "already": outcome.already, "refused": len(outcome.failures)}
    row = write_bulk(by, kind=change.kind, words=change.words[:200], terms=change.terms, at=since, **counts)
    before: Mapping[int, str] = {}
    if change.kind == BulkKind.ASSIGN:
        before = {item.id: str(item.assignee_id or "") for item in items}
    elif change.kind == BulkKind.PRIORITY:
        before = {item.id: item.priority for item in items}
    elif change.kind == BulkKind.TYPE:
        before = {item.id: item.type or "" for item in items}
    numbers = {item.reference: item.id for item in items}
    kept = [(pk, "", before.get(pk, "")) for pk in outcome.changed]
    kept += [(numbers[failure.reference], failure.reason[:300], "") for failure in outcome.failures]
    write_rows(row, kept, since, moves=change.kind in {BulkKind.ASSIGN, BulkKind.MOVE}, holds=change.kind == BulkKind.HOLD)
    return row


def write_bulk(by: Actor, **facts: Any) -> BulkAction:
    """The record of an action under the next number of the organization."""
    one_by_one("bulk")
    number = (BulkAction.objects.aggregate(last=Max("number"))["last"] or 0) + 1
    row: BulkAction = BulkAction.objects.create(number=number, by_member_id=by.member_id, by_label=by.label[:200], **facts)
    return row


def write_rows(bulk: BulkAction, kept: Sequence[tuple[int, str, str]], since: datetime, *, moves: bool, holds: bool = False) -> None:
    """Item by item (id, why it was refused, what it had before), with the rows the action appended since."""
    values: dict[str, Any] = {"bulk": bulk.pk, "since": since, "moves": moves, "holds": holds, "organization": current_organization_id()}
    values |= {"ids": [row[0] for row in kept], "refused": [row[1] for row in kept], "before": [row[2] for row in kept]}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, values)
