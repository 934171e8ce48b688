"""What stands in the way: raised with who must act, resolved with how."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Required, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import build, check, locked, need_any, plain
from engagements.actions.milestones import next_number, opened
from engagements.models import Blocker, Engagement, Matter, Milestone, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused

RAISING = frozenset({Permission.TRACK_ITEMS, Permission.WORK_ITEMS, Permission.EDIT_WORK})


class BlockerFields(TypedDict, total=False):
    text: Required[str]
    party: Required[str]
    owner: Membership | None
    since: datetime
    matter: Matter | None
    item: WorkItem | None
    milestone: Milestone | None


def reference_of(row: Blocker) -> str:
    return f"{row.engagement.reference} B{row.number}"


def _about(engagement: Engagement, fields: dict[str, Any]) -> dict[str, Any]:
    """What it is about, each part of this engagement. The wall of an item's or a milestone's matter is the blocker's too."""
    item, milestone, matter = (fields.get(name) for name in ("item", "milestone", "matter"))
    matters: dict[str, int | None] = {"matter": matter.pk if matter else None}
    if item is not None:
        matters["item"] = item.matter_id
    if milestone is not None:
        if milestone.engagement_id != engagement.pk:
            raise Refused("This milestone belongs to another engagement.", "milestone")
        matters["milestone"] = milestone.matter_id
    named = {pk for pk in matters.values() if pk is not None}
    if len(named) > 1:
        raise Refused("The item, the milestone and the matter do not belong together.", "item" if item is not None else "milestone")
    found = named.pop() if named else None
    if found is not None and not Matter.objects.filter(pk=found, engagement=engagement).exists():
        raise Refused("This belongs to another engagement.", "item" if item is not None else "matter")
    return {**fields, "matter_id": found} if matter is None else fields


@transaction.atomic
def raise_blocker(*, engagement: Engagement, by: Actor, **fields: Unpack[BlockerFields]) -> Blocker:
    """Say what stands in the way and who must act. The same one, still open, is the first."""
    need_any(by, RAISING)
    engagement = locked(engagement)
    opened(engagement)
    values = {name: value for name, value in _about(engagement, dict(fields)).items() if not (name == "matter" and value is None)}
    twin: Blocker | None = Blocker.objects.filter(
        engagement=engagement, text=fields["text"], item=fields.get("item"), milestone=fields.get("milestone"), resolved_at__isnull=True
    ).first()
    if twin is not None:
        return twin
    if (since := fields.get("since")) is not None and since > timezone.now():
        raise Refused("This lies in the future.", "since")
    own = {"client_id": engagement.client_id, "engagement": engagement, "number": next_number(Blocker, engagement)}
    row = build(Blocker, {**values, **own, "by_label": by.label[:200]})
    row.save()
    record(by=by, action="blocker.raise", target=row, after={n: plain(v) for n, v in fields.items()}, reference=reference_of(row))
    return row


@transaction.atomic
def resolve_blocker(*, blocker: Blocker, by: Actor, resolution: str) -> Blocker:
    """Out of the way, and how. Resolved the same way already: nothing happens."""
    need_any(by, RAISING)
    row = locked(blocker)
    row.engagement = blocker.engagement
    if row.resolved_at is not None:
        if row.resolution == resolution.strip():
            return row
        raise Refused("It was resolved already.")
    if not resolution.strip():
        raise Refused("Say how it was resolved.", "resolution")
    row.resolved_at, row.resolution, row.resolved_by_label = max(timezone.now(), row.since), resolution.strip(), by.label[:200]
    check(row)
    row.save(update_fields=["resolved_at", "resolution", "resolved_by_label"])
    record(by=by, action="blocker.resolve", target=row, after={"resolution": row.resolution}, reference=reference_of(row))
    return row
