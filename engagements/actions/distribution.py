"""Work dealt out among several people in turn: first shown who would get how many, then done exactly so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from engagements import events, states, transitions
from engagements.actions.bulk import MOST_ITEMS, Failure, locked_items
from engagements.models import WorkItem
from engagements.staffing import Known, Staffing, load_text, streams_of
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import current_organization_id

_WRITE = """
WITH given AS (SELECT * FROM unnest(%(items)s::bigint[], %(members)s::bigint[]) AS g (item_id, member_id)),
changed AS (
    UPDATE engagements_workitem i SET assignee_id = g.member_id, version = i.version + 1
    FROM given g WHERE i.organization_id = %(organization)s AND i.id = g.item_id
    RETURNING i.organization_id, i.client_id, i.matter_id, i.id, i.assignee_id
)
INSERT INTO engagements_assignment (organization_id, client_id, matter_id, item_id, member_id, at, by_label)
SELECT organization_id, client_id, matter_id, id, assignee_id, %(at)s, %(label)s FROM changed
"""


@dataclass(frozen=True)
class Share:
    """What one person would get, and what they have open already."""

    member: Membership
    items: tuple[int, ...]
    load: str
    away: bool

    @property
    def count(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Plan:
    """Who would get what. `digest` names exactly this distribution: what was previewed is what is done."""

    shares: list[Share]
    failures: list[Failure] = field(default_factory=list)
    # Person → why they get nothing of one workstream or more.
    passed_over: list[tuple[str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(share.count for share in self.shares)

    @property
    def digest(self) -> str:
        text = ";".join(f"{share.member.id}:{','.join(map(str, share.items))}" for share in self.shares)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _plan(items: Sequence[WorkItem], members: Sequence[Membership]) -> Plan:
    """Items in the order received, dealt in turn beginning with who has the least open; who must not have one is passed over.

    Full weeks get as many as each other, half a week half as many. Who has no room this week gets only what nobody else may have.
    """
    streams = streams_of(item.workstream_id for item in items)
    staffing = Staffing(members, streams.values(), loads=True)
    circle = sorted(staffing.members, key=lambda m: (staffing.known[m.id].open_items, m.display_name, m.id))
    blocked = {(m.id, s.id): why for m in circle for s in streams.values() if (why := staffing.blocked(m, s))}
    weights = {member.id: _weight(staffing.known[member.id]) for member in circle}
    dealt: dict[int, list[int]] = {member.id: [] for member in circle}
    failures: list[Failure] = []
    for item in sorted(items, key=lambda each: (each.received_at, each.id)):
        able = [member for member in circle if (member.id, item.workstream_id) not in blocked]
        if not able:
            alone = blocked[circle[0].id, item.workstream_id] if len(circle) == 1 else ""
            failures.append(Failure(item.reference, alone or "Nobody chosen may be given this."))
            continue
        # The turn is whose pile would be lowest for what their week holds.
        turn = min(able, key=lambda m: (not weights[m.id], (len(dealt[m.id]) + 1) / (weights[m.id] or 1)))
        dealt[turn.id].append(item.id)
    shares = [
        Share(member, tuple(dealt[member.id]), load_text(staffing.known[member.id]), staffing.known[member.id].absence is not None)
        for member in circle
    ]
    names = {member.id: member.display_name for member in circle}
    return Plan(shares, failures, sorted({(names[member_id], why) for (member_id, _), why in blocked.items()}))


def _weight(known: Known) -> Fraction:
    """What this week holds of a full one; a full one where nobody said."""
    return known.capacity.weight if known.capacity is not None else Fraction(1)


def _checked(ids: Sequence[int], members: Sequence[Membership], by: Actor) -> None:
    by.need(Permission.TRACK_ITEMS)
    if not ids:
        raise Refused("Tick at least one item.")
    if len(ids) > MOST_ITEMS:
        raise Refused(f"At most {MOST_ITEMS:,} items at a time.")
    if not members:
        raise Refused("Choose at least one person.", "people")


def plan_distribution(*, ids: Sequence[int], members: Sequence[Membership], by: Actor) -> Plan:
    """What `distribute_items` would do now; nothing is written."""
    _checked(ids, members, by)
    return _plan(list(WorkItem.objects.filter(id__in=list(ids)).order_by("id")), members)


@transaction.atomic
def distribute_items(*, ids: Sequence[int], members: Sequence[Membership], by: Actor, digest: str) -> Plan:
    """Deal the items out as previewed. Raises `StaleVersion` where somebody changed what the preview was made of."""
    _checked(ids, members, by)
    items = locked_items(ids)
    plan = _plan(items, members)
    if plan.digest != digest:
        raise StaleVersion("The work or the people changed since the preview.", theirs={"items": plan.total}, yours={"items": len(ids)})
    now = timezone.now()
    given = {item_id: share.member.id for share in plan.shares for item_id in share.items}
    changed = [item for item in items if item.id in given and item.assignee_id != given[item.id]]
    _write(changed, given, by, now)
    following = [item for item in changed if item.kind == states.WORK and item.state == states.RECEIVED]
    if following:
        at = max(now, *(item.state_at for item in following))
        transitions.append_to_many([item.id for item in following], states.ASSIGNED, at, by)
    if changed:
        after: dict[str, Any] = {str(share.member.id): share.count for share in plan.shares if share.count}
        chosen = [item.id for item in changed]
        record(by=by, action="item.distribute", target=changed[0], after=after, ids=chosen, reference=changed[0].reference)
        events.tell(events.Changed(current_organization_id(), chosen))
    return plan


def _write(changed: Sequence[WorkItem], given: dict[int, int], by: Actor, now: datetime) -> None:
    ids = [item.id for item in changed]
    values: dict[str, Any] = {
        "items": ids,
        "members": [given[item_id] for item_id in ids],
        "at": now,
        "label": by.label,
        "organization": current_organization_id(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
