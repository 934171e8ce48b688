"""Taking a whole bulk action back: by rows of its own, and item by item refused where work moved on since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from engagements import transitions
from engagements.actions.bulk import Failure, Outcome, finish, locked_items, note_assignments
from engagements.actions.bulk_changes import write_bulk, write_rows
from engagements.actions.checks import one_by_one
from engagements.actions.timing import GRACE
from engagements.copying import keys_by_index, rows_hashed
from engagements.models import BulkAction, BulkKind, BulkRow, Pause, WorkItem
from engagements.staffing import Staffing, streams_of
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id

MOVED_ON = "It moved on since."
_AGAIN = """
INSERT INTO engagements_pause (organization_id, client_id, matter_id, item_id, party, reason, note, evidence_id, started_at, contest_by,
                               contest_note, recorded_at, by_label)
SELECT p.organization_id, p.client_id, p.matter_id, p.item_id, p.party, p.reason, p.note, p.evidence_id, p.ended_at, p.contest_by,
       '', %(now)s, %(label)s
FROM engagements_pause p
WHERE p.organization_id = %(organization)s AND p.item_id = ANY (%(ids)s) AND p.withdrawn_at IS NULL AND p.ended_at >= %(since)s
  AND p.ended_at < %(until)s
"""
Rows = Mapping[int, BulkRow]


def may_undo(bulk: BulkAction, by: Actor, now: datetime) -> str:
    """Why this actor cannot take the action back now; empty where nothing stands against it. Undone already is no reason."""
    if bulk.kind == BulkKind.UNDO:
        return "An undo is not undone: do it again."
    if bulk.by_member_id != by.member_id:
        return "Who did it takes it back."
    late = now - bulk.at > GRACE
    if bulk.kind == BulkKind.RESUME and late:
        return "They run for more than 15 minutes already: put them on hold again."
    if bulk.kind == BulkKind.HOLD and late and Permission.APPROVE_PAUSE not in by.permissions:
        return "After 15 minutes somebody who approves holds withdraws them one by one."
    return ""


@transaction.atomic
def undo_bulk(*, bulk: BulkAction, by: Actor) -> BulkAction:
    """Take back what the action did to every item that has not moved on since; the others are reported. Undone once: the same answer.

    Raises `Refused` where it is too late or somebody else's, `NotPermitted` where the actor could not do it either.
    """
    one_by_one("bulk-undo", bulk.pk)
    done: BulkAction | None = BulkAction.objects.filter(undoes=bulk).first()
    if done is not None:
        return done
    since = timezone.now()
    if why := may_undo(bulk, by, since):
        raise Refused(why)
    by.need(_needed(bulk, by))
    with keys_by_index(bulk.changed):
        return _undo(bulk, by, since)


def _undo(bulk: BulkAction, by: Actor, since: datetime) -> BulkAction:
    rows = {row.item_id: row for row in BulkRow.objects.filter(bulk=bulk, refused="")}
    items = locked_items(list(rows))
    outcome = Outcome(failures=[Failure(item.reference, MOVED_ON) for item in items if item.version != rows[item.id].version])
    still = [item for item in items if item.version == rows[item.id].version]
    if blocked := _blocked(bulk, still, rows):
        outcome.failures.extend(Failure(item.reference, blocked[item.id]) for item in still if item.id in blocked)
        still = [item for item in still if item.id not in blocked]
    outcome.changed.extend(item.id for item in still)
    if outcome.changed:
        _TAKE_BACK[bulk.kind](bulk, still, rows, by, since)
    with rows_hashed(len(outcome.changed)):
        outcome = finish(outcome, items, by, "item.undo_many", {"bulk": bulk.number, "of": bulk.words})
    counts = {"changed": len(outcome.changed), "refused": len(outcome.failures)}
    made = write_bulk(by, kind=BulkKind.UNDO, words=f"Undo: {bulk.words}"[:200], at=since, undoes=bulk, **counts)
    numbers = {item.reference: item.id for item in items}
    kept = [(pk, "", "") for pk in outcome.changed] + [(numbers[f.reference], f.reason[:300], "") for f in outcome.failures]
    write_rows(made, kept, since, moves=False)
    return made


def _needed(bulk: BulkAction, by: Actor) -> Permission:
    if bulk.kind in {BulkKind.HOLD, BulkKind.RESUME}:
        return Permission.PAUSE
    if bulk.kind == BulkKind.MOVE and Permission.WORK_ITEMS in by.permissions:
        return Permission.WORK_ITEMS
    if bulk.kind == BulkKind.MOVE and not {Permission.TRACK_ITEMS, Permission.WORK_ITEMS} & by.permissions:
        raise NotPermitted(f"{by.label} may not move items.")
    return Permission.TRACK_ITEMS


def _blocked(bulk: BulkAction, items: Sequence[WorkItem], rows: Rows) -> dict[int, str]:
    """Items whose assignee of before must not have them any more, with the reason."""
    if bulk.kind != BulkKind.ASSIGN:
        return {}
    wanted = {int(rows[item.id].before) for item in items if rows[item.id].before}
    members = {member.pk: member for member in Membership.objects.filter(pk__in=wanted).select_related("user")} if wanted else {}
    streams = streams_of(item.workstream_id for item in items) if members else {}
    staffing = Staffing(list(members.values()), streams.values()) if members else None
    found: dict[int, str] = {}
    known: dict[tuple[int, int], str] = {}
    for item in items:
        if staffing is not None and (before := rows[item.id].before):
            key = (int(before), item.workstream_id)
            if key not in known:
                known[key] = staffing.blocked(members[key[0]], streams[key[1]])
            if known[key]:
                found[item.id] = known[key]
    return found


def _reverse_moves(bulk: BulkAction, items: Sequence[WorkItem], rows: Rows, by: Actor, now: datetime) -> None:
    """Waits that a finishing move ended go on, unless they ended so long ago that this would be a late entry."""
    appended = [pk for item in items if (pk := rows[item.id].transition_id) is not None]
    if appended:
        transitions.reverse_many(appended, by, "Taken back with the whole bulk action")
    if bulk.kind == BulkKind.MOVE and now - bulk.at <= GRACE:
        _begin_again(bulk, items, by, now)
    transitions.project([item.id for item in items])


def _assign_back(bulk: BulkAction, items: Sequence[WorkItem], rows: Rows, by: Actor, now: datetime) -> None:
    by_member: dict[str, list[int]] = {}
    for item in items:
        by_member.setdefault(rows[item.id].before, []).append(item.id)
    for before, ids in by_member.items():
        target = int(before) if before else None
        WorkItem.objects.filter(id__in=ids).update(assignee_id=target, version=F("version") + 1)
        note_assignments(ids, target, by)
    _reverse_moves(bulk, items, rows, by, now)


def _withdraw_holds(bulk: BulkAction, items: Sequence[WorkItem], rows: Rows, by: Actor, now: datetime) -> None:
    Pause.objects.filter(pk__in=[rows[item.id].pause_id for item in items], withdrawn_at__isnull=True).update(withdrawn_at=now)
    transitions.project_paused([item.id for item in items])


def _hold_again(bulk: BulkAction, items: Sequence[WorkItem], rows: Rows, by: Actor, now: datetime) -> None:
    _begin_again(bulk, items, by, now)
    transitions.project_paused([item.id for item in items])


def _begin_again(bulk: BulkAction, items: Sequence[WorkItem], by: Actor, now: datetime) -> None:
    """A wait goes on where it ended, by a row of its own: the two touch and count as one."""
    ids = [item.id for item in items]
    values: dict[str, Any] = {"now": now, "label": by.label[:200], "organization": current_organization_id(), "ids": ids}
    # What the action ended, ended at its instant.
    with connection.cursor() as cursor:
        cursor.execute(_AGAIN, values | {"since": bulk.at, "until": bulk.at + timedelta(minutes=5)})


def _prioritize_back(bulk: BulkAction, items: Sequence[WorkItem], rows: Rows, by: Actor, now: datetime) -> None:
    by_priority: dict[str, list[int]] = {}
    for item in items:
        by_priority.setdefault(rows[item.id].before, []).append(item.id)
    for before, ids in by_priority.items():
        WorkItem.objects.filter(id__in=ids).update(priority=before, version=F("version") + 1)


def _type_back(bulk: BulkAction, items: Sequence[WorkItem], rows: Rows, by: Actor, now: datetime) -> None:
    by_type: dict[str, list[int]] = {}
    for item in items:
        by_type.setdefault(rows[item.id].before, []).append(item.id)
    for before, ids in by_type.items():
        WorkItem.objects.filter(id__in=ids).update(type=before or None, version=F("version") + 1)


_TAKE_BACK: Mapping[str, Callable[[BulkAction, Sequence[WorkItem], Rows, Actor, datetime], None]] = {
    BulkKind.MOVE: _reverse_moves,
    BulkKind.ASSIGN: _assign_back,
    BulkKind.HOLD: _withdraw_holds,
    BulkKind.RESUME: _hold_again,
    BulkKind.PRIORITY: _prioritize_back,
    BulkKind.TYPE: _type_back,
}
