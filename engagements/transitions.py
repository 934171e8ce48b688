"""The only place that assigns the state of a work item.

A state is a projection: what the last effective transition led to. One item, a bulk action, an import and an undo append
transitions and then project, so they cannot disagree. `tests/engagements/test_states_are_assigned_once.py` guards it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from engagements import states
from engagements.models import Transition, WorkItem
from lpo.accounts.actor import Actor
from lpo.tenancy.context import current_organization_id

# SQL over a row `f` (kind, assignee, received_at) of an import: what one item begins with, as `beginning` gives it. Work that
# somebody is given at once goes on to be assigned at `now`.
INITIAL_STATE = "CASE f.kind " + " ".join(f"WHEN '{kind}' THEN '{state}'" for kind, state in states.INITIAL.items()) + " END"
_GIVEN = f"f.kind = '{states.WORK}' AND f.assignee IS NOT NULL"
FIRST_STATE = f"CASE WHEN {_GIVEN} THEN '{states.ASSIGNED}' ELSE {INITIAL_STATE} END"
FIRST_STATE_AT = f"CASE WHEN {_GIVEN} THEN %(now)s ELSE f.received_at END"

_FINISHED = sorted(f"{kind}:{state}" for kind, finished in states.FINISHED.items() for state in finished)
_DELIVERY = sorted(f"{kind}:{state}" for kind, state in states.DELIVERY.items())

_PROJECT = """
UPDATE engagements_workitem AS item
SET state = facts.to_state, state_at = facts.at, first_delivered_at = facts.first_delivered_at,
    finished = (item.kind || ':' || facts.to_state) = ANY (%(finished)s), paused = facts.paused, version = item.version + 1
FROM (
    SELECT i.id, last.to_state, last.at,
        (SELECT min(d.at) FROM engagements_transition d
          WHERE d.organization_id = i.organization_id AND d.item_id = i.id AND d.reverses_id IS NULL
            AND (i.kind || ':' || d.to_state) = ANY (%(delivery)s)
            AND NOT EXISTS (SELECT 1 FROM engagements_transition r
                            WHERE r.organization_id = d.organization_id AND r.reverses_id = d.id)) AS first_delivered_at,
        EXISTS (SELECT 1 FROM engagements_pause p WHERE p.organization_id = i.organization_id AND p.item_id = i.id
                AND p.ended_at IS NULL AND p.withdrawn_at IS NULL) AS paused
    FROM engagements_workitem i
    CROSS JOIN LATERAL (
        SELECT t.to_state, t.at FROM engagements_transition t
        WHERE t.organization_id = i.organization_id AND t.item_id = i.id AND t.reverses_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM engagements_transition r
                          WHERE r.organization_id = t.organization_id AND r.reverses_id = t.id)
        ORDER BY t.at DESC, t.id DESC LIMIT 1
    ) AS last
    WHERE i.organization_id = %(organization)s AND i.id = ANY (%(ids)s)
) AS facts
WHERE item.organization_id = %(organization)s AND item.id = facts.id
  AND (item.state, item.state_at, item.paused, item.first_delivered_at) IS DISTINCT FROM
      (facts.to_state, facts.at, facts.paused, facts.first_delivered_at)
"""

# Where only waits began or ended, nothing else follows from the past.
_PROJECT_PAUSED = """
UPDATE engagements_workitem AS item SET paused = NOT item.paused, version = item.version + 1
WHERE item.organization_id = %(organization)s AND item.id = ANY (%(ids)s)
  AND item.paused <> (item.id IN (SELECT p.item_id FROM engagements_pause p
                                  WHERE p.organization_id = %(organization)s AND p.item_id = ANY (%(ids)s)
                                    AND p.ended_at IS NULL AND p.withdrawn_at IS NULL))
"""

_APPEND = """
INSERT INTO engagements_transition
    (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_member_id, by_label, reason)
SELECT organization_id, client_id, matter_id, id, state, %(to)s, %(at)s, %(now)s, %(member)s, %(label)s, %(reason)s
FROM engagements_workitem WHERE organization_id = %(organization)s AND id = ANY (%(ids)s)
"""


_REVERSE = """
INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_member_id,
                                    by_label, reason, reverses_id)
SELECT organization_id, client_id, matter_id, item_id, to_state, from_state, at, %(now)s, %(member)s, %(label)s, %(reason)s, id
FROM engagements_transition WHERE organization_id = %(organization)s AND id = ANY (%(ids)s)
"""

# Where a move comes last of all that an item has, what follows from it needs no look at the others.
_ADVANCE = """
UPDATE engagements_workitem AS item
SET state = %(to)s, state_at = %(at)s, finished = (item.kind || ':' || %(to)s) = ANY (%(finished)s),
    first_delivered_at = CASE WHEN (item.kind || ':' || %(to)s) = ANY (%(delivery)s)
        THEN COALESCE(item.first_delivered_at, %(at)s) ELSE item.first_delivered_at END,
    paused = item.paused AND EXISTS (SELECT 1 FROM engagements_pause p WHERE p.organization_id = item.organization_id
        AND p.item_id = item.id AND p.ended_at IS NULL AND p.withdrawn_at IS NULL), version = item.version + 1
WHERE item.organization_id = %(organization)s AND item.id = ANY (%(ids)s)
"""


def beginning(kind: str, received_at: datetime) -> dict[str, Any]:
    """What a new item's row begins with; `record_beginning` writes the transition once it has an id."""
    return {"state": states.INITIAL[kind], "state_at": received_at}


def record_beginning(item: WorkItem, by: Actor) -> Transition:
    return _append(item, "", states.INITIAL[item.kind], item.received_at, by)


def restate_beginning(item: WorkItem, received_at: datetime, by: Actor, reason: str) -> None:
    """Another time of receipt: the first transition is taken back and written anew."""
    first = Transition.objects.filter(item=item, from_state="").effective().get()
    _append(item, first.to_state, "", first.at, by, reason, first)
    _append(item, "", first.to_state, received_at, by, reason)
    WorkItem.objects.filter(pk=item.pk).update(received_at=received_at)
    project([item.id])


def append(item: WorkItem, to: str, at: datetime, by: Actor, reason: str = "", recorded_at: datetime | None = None) -> Transition:
    """Record that `item` became `to` at `at` and project it. The caller has checked the move and locked the item."""
    row = _append(item, item.state, to, at, by, reason, recorded_at=recorded_at)
    project([item.id])
    return row


def reverse(item: WorkItem, taken_back: Transition, by: Actor, reason: str = "") -> Transition:
    """Take back one transition by a row of its own; both stop counting."""
    row = _append(item, taken_back.to_state, taken_back.from_state, taken_back.at, by, reason, taken_back)
    project([item.id])
    return row


def reverse_many(transition_ids: Sequence[int], by: Actor, reason: str = "") -> None:
    """Take back these transitions by a row of each. The caller holds their items and projects them."""
    values: dict[str, Any] = {"now": timezone.now(), "member": by.member_id, "label": by.label, "reason": reason}
    with connection.cursor() as cursor:
        cursor.execute(_REVERSE, {**values, "organization": current_organization_id(), "ids": list(transition_ids)})


def append_to_many(ids: Sequence[int], to: str, at: datetime, by: Actor, reason: str = "") -> None:
    """One statement for any number of items whose moves the caller has checked."""
    values: dict[str, Any] = {"to": to, "at": at, "now": timezone.now(), "member": by.member_id, "label": by.label, "reason": reason}
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, {**values, "organization": current_organization_id(), "ids": list(ids)})
    project(ids)


def advance(ids: Sequence[int], to: str, at: datetime, by: Actor, reason: str = "") -> None:
    """As `append_to_many`, for a move that comes last of all its items have: the new state follows without reading their past."""
    values: dict[str, Any] = {"to": to, "at": at, "now": timezone.now(), "member": by.member_id, "label": by.label, "reason": reason}
    values |= {"finished": _FINISHED, "delivery": _DELIVERY, "organization": current_organization_id(), "ids": list(ids)}
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, values)
        cursor.execute(_ADVANCE, values)


def project(ids: Sequence[int]) -> None:
    """Bring state, finished, paused and first delivery of these items up to their effective transitions and pauses."""
    values: dict[str, Any] = {"finished": _FINISHED, "delivery": _DELIVERY, "organization": current_organization_id(), "ids": list(ids)}
    with connection.cursor() as cursor:
        cursor.execute(_PROJECT, values)


def project_paused(ids: Sequence[int]) -> None:
    """As `project`, where nothing but pauses of these items was written."""
    with connection.cursor() as cursor:
        cursor.execute(_PROJECT_PAUSED, {"organization": current_organization_id(), "ids": list(ids)})


def _append(
    item: WorkItem,
    before: str,
    to: str,
    at: datetime,
    by: Actor,
    reason: str = "",
    reverses: Transition | None = None,
    recorded_at: datetime | None = None,
) -> Transition:
    row: Transition = Transition.objects.create(
        client_id=item.client_id,
        matter_id=item.matter_id,
        item=item,
        from_state=before,
        to_state=to,
        at=at,
        by_member_id=by.member_id,
        by_label=by.label,
        reason=reason,
        reverses=reverses,
        recorded_at=recorded_at or timezone.now(),
    )
    return row
