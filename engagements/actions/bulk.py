"""Many items at once, set-based: what can be done is done, what cannot is reported row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from engagements import conflicts, events, states, transitions
from engagements.actions.items import permissions_for_move
from engagements.actions.timing import check_instant, needs_second
from engagements.models import Pause, WorkItem
from engagements.staffing import Staffing, streams_of
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id

MOST_ITEMS = 50_000
# What is looked at of thousands of items.
_READ = (
    *("organization_id", "matter_id", "kind", "state", "state_at", "assignee_id", "reference", "workstream_id", "received_at"),
    *("finished", "priority", "type", "version"),
)


class Row(NamedTuple):
    """What a move looks at of an item: of ten thousand, objects of the model take a quarter of the time of the move itself."""

    id: int
    matter_id: int
    kind: str
    state: str
    state_at: datetime
    assignee_id: int | None
    reference: str
    paused: bool


_LOCK = f"""
SELECT {", ".join(Row._fields)} FROM engagements_workitem
WHERE organization_id = %(organization)s AND id = ANY (%(ids)s) ORDER BY id FOR UPDATE
"""  # noqa: S608 - constants

_ASSIGN = """
INSERT INTO engagements_assignment (organization_id, client_id, matter_id, item_id, member_id, at, by_label)
SELECT organization_id, client_id, matter_id, id, %(member)s, %(at)s, %(label)s
FROM engagements_workitem WHERE organization_id = %(organization)s AND id = ANY (%(ids)s)
"""


@dataclass(frozen=True)
class Failure:
    reference: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What a bulk action did: the ids it changed, how many were so already, and why the others were left alone."""

    changed: list[int] = field(default_factory=list)
    already: int = 0
    failures: list[Failure] = field(default_factory=list)


def seen_items(ids: Sequence[int]) -> QuerySet[WorkItem]:
    """The items with what is looked at of thousands. In the order of ids, so that two bulk actions wait for each other instead of
    deadlocking."""
    _refuse_too_many(ids)
    return WorkItem.objects.filter(id__in=list(ids)).only(*_READ).order_by("id")


def locked_items(ids: Sequence[int]) -> list[WorkItem]:
    return list(seen_items(ids).select_for_update(of=("self",)))


def locked_rows(ids: Sequence[int]) -> list[Row]:
    """As `locked_items`, with what a move looks at and no more."""
    _refuse_too_many(ids)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, {"organization": current_organization_id(), "ids": list(ids)})
        return list(map(Row._make, cursor.fetchall()))


def _refuse_too_many(ids: Sequence[int]) -> None:
    if len(ids) > MOST_ITEMS:
        raise Refused(f"At most {MOST_ITEMS:,} items at a time.")


Seen = TypeVar("Seen", WorkItem, Row)


@dataclass(frozen=True)
class Judged(Generic[Seen]):
    """Which of some items would change, and why others would be left alone; the rest are so already."""

    going: list[Seen] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def judge_assignment(items: Sequence[WorkItem], member: Membership | None) -> Judged[WorkItem]:
    refused: dict[int, str] = {}
    if member is not None:
        streams = streams_of(item.workstream_id for item in items)
        staffing = Staffing([member], streams.values())
        refused = {stream.id: why for stream in streams.values() if (why := staffing.blocked(member, stream))}
    target = member.id if member else None
    found = Judged[WorkItem]()
    for item in items:
        if item.workstream_id in refused:
            found.failures.append(Failure(item.reference, refused[item.workstream_id]))
        elif item.assignee_id != target:
            found.going.append(item)
    return found


@transaction.atomic
def assign_items(*, ids: Sequence[int], member: Membership | None, by: Actor) -> Outcome:
    """Give items to one member of staff, or to nobody; those that the member must not be given are reported."""
    by.need(Permission.TRACK_ITEMS)
    items = locked_items(ids)
    target, judged = member.id if member else None, judge_assignment(items, member)
    outcome = Outcome([item.id for item in judged.going], failures=judged.failures)
    _write_assignments(outcome.changed, target, by)
    before, after = (states.RECEIVED, states.ASSIGNED) if member else (states.ASSIGNED, states.RECEIVED)
    following = [item for item in judged.going if item.kind == states.WORK and item.state == before]
    if following:
        at = max(timezone.now(), *(item.state_at for item in following))
        transitions.append_to_many([item.id for item in following], after, at, by)
    return finish(outcome, items, by, "item.assign_many", {"assignee": target})


def _write_assignments(ids: Sequence[int], target: int | None, by: Actor) -> None:
    WorkItem.objects.filter(id__in=ids).update(assignee_id=target, version=F("version") + 1)
    note_assignments(ids, target, by)


def note_assignments(ids: Sequence[int], target: int | None, by: Actor) -> None:
    """Who was given these items, by a row of each."""
    values = {"member": target, "at": timezone.now(), "label": by.label, "organization": current_organization_id(), "ids": list(ids)}
    with connection.cursor() as cursor:
        cursor.execute(_ASSIGN, values)


def _why_not(item: WorkItem | Row, to: str, by: Actor, at: datetime | None, now: datetime, reason: str) -> str:
    if not permissions_for_move(item.state, to) & by.permissions:
        return "You may not record this."
    if to == states.ASSIGNED and item.assignee_id is None:
        return "Nobody has it yet."
    if (item.state, to) in states.CLIENT_DECISIONS:
        return "Record what the client decided on the item's own page, with its message."
    if at is not None and needs_second(at, now, by):
        return "What happened earlier is recorded on the item's own page: it needs a second person's approval."
    try:
        states.check(item.kind, item.state, to)
        check_instant(at, item.state_at, now, reason=reason)
    except (states.MoveRefused, Refused) as refusal:
        return str(refusal)
    return ""


def judge_move(items: Sequence[Seen], to: str, by: Actor, *, at: datetime | None, now: datetime, reason: str) -> Judged[Seen]:
    found = Judged[Seen]()
    # What is recorded of now is decided by these three alone, and ten thousand items have few of them.
    known: dict[tuple[str, str, bool], str] = {}
    stopped = conflicts.stopped(item.matter_id for item in items) if to == states.IN_REVIEW else {}
    for item in items:
        if item.state == to:
            continue
        alike = (item.kind, item.state, item.assignee_id is None)
        if at is not None or alike not in known:
            known[alike] = _why_not(item, to, by, at, now, reason)
        if why := known[alike] or stopped.get(item.matter_id, ""):
            found.failures.append(Failure(item.reference, why))
        else:
            found.going.append(item)
    return found


@transaction.atomic
def move_items(*, ids: Sequence[int], to: str, by: Actor, at: datetime | None = None, reason: str = "") -> Outcome:
    """Move items along their state tables; an item already there counts as `already`, one that cannot go there is reported."""
    now = timezone.now()
    items = locked_rows(ids)
    judged = judge_move(items, to, by, at=at, now=now, reason=reason)
    outcome, going = Outcome(failures=judged.failures), judged.going
    when = at or max([now, *(item.state_at for item in going)])
    held = [item.id for item in going if item.paused and to in states.FINISHED[item.kind]]
    pauses = Pause.objects.filter(item_id__in=held, ended_at__isnull=True, withdrawn_at__isnull=True)
    later = set(pauses.filter(started_at__gt=when).values_list("item_id", flat=True))
    outcome.failures.extend(Failure(item.reference, "It was put on hold after this time.") for item in going if item.id in later)
    outcome.changed.extend(item.id for item in going if item.id not in later)
    pauses.exclude(item_id__in=later).update(ended_at=when)
    write = transitions.advance if at is None else transitions.append_to_many
    write(outcome.changed, to, when, by, reason)
    moved = (to, when) if at is None else None
    return finish(outcome, items, by, "item.move_many", {"state": to, "at": when.isoformat(), "reason": reason}, moved)


def finish(
    outcome: Outcome,
    items: Sequence[WorkItem] | Sequence[Row],
    by: Actor,
    action: str,
    after: dict[str, object],
    moved: tuple[str, datetime] | None = None,
) -> Outcome:
    """One audit event with the count and a hash of the ids, and word to whoever follows the facts of work."""
    already = len(items) - len(outcome.changed) - len(outcome.failures)
    if outcome.changed:
        first = WorkItem.objects.only("organization_id", "client_id", "matter_id", "reference").get(pk=outcome.changed[0])
        record(by=by, action=action, target=first, after=after, ids=outcome.changed, reference=first.reference)
        events.tell(events.Changed(first.organization_id, outcome.changed, moved=moved))
    return Outcome(outcome.changed, already, outcome.failures)
