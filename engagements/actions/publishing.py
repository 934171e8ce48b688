"""What the client may see of a matter, and who inside the house may not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from engagements import queries
from engagements.actions.checks import change, locked
from engagements.models import Matter, MatterInsider, Pause, StatusUpdate, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused


@transaction.atomic
def publish_matter(*, matter: Matter, by: Actor) -> Matter:
    """Let the client see that the matter exists. Nothing else becomes visible by this; publishing again changes nothing."""
    by.need(Permission.EDIT_WORK)
    matter = locked(matter)
    if matter.published_at is None:
        matter.published_at = timezone.now()
        matter.version += 1
        matter.save(update_fields=["published_at", "version"])
        record(
            by=by,
            action="matter.publish",
            target=matter,
            after={"published_at": matter.published_at.isoformat()},
            reference=matter.reference,
        )
    return matter


@transaction.atomic
def publish_pauses(*, references: QuerySet[Any], parties: Collection[str], by: Actor) -> int:
    """Let the client read the pauses of these items in its ledger: those on its own or a third party's account that stop a clock. How
    many became so; those it reads already stay as they are."""
    by.need(Permission.CLOSE_WINDOWS)
    rows = Pause.objects.filter(item__reference__in=references, party__in=set(parties) - {"provider"}, published_at__isnull=True)
    reference = WorkItem.objects.filter(pk=OuterRef("item_id")).values("reference")[:1]
    return rows.update(published_at=timezone.now(), shown_as=Subquery(reference))


@transaction.atomic
def publish_update(*, matter: Matter, by: Actor, note: str = "", figures: Mapping[str, Any] | None = None) -> StatusUpdate:
    """Freeze a note and the figures of this moment for the client; `figures` adds what rooms above measure.

    Publishes the matter too where it was not. The same note within a minute is the same update: a form sent twice.
    """
    by.need(Permission.EDIT_WORK)
    matter = publish_matter(matter=matter, by=by)
    now = timezone.now()
    last: StatusUpdate | None = StatusUpdate.objects.filter(matter=matter).order_by("-id").first()
    if last is not None and last.note == note and (now - last.published_at).total_seconds() < 60:
        return last
    update: StatusUpdate = StatusUpdate.objects.create(
        client_id=matter.client_id,
        matter=matter,
        note=note,
        figures={"workstreams": queries.figures_of(matter), **(figures or {})},
        published_at=now,
        published_by_label=by.label,
    )
    record(
        by=by, action="matter.publish_update", target=update, after={"note": note, "figures": update.figures}, reference=matter.reference
    )
    return update


@transaction.atomic
def raise_wall(*, matter: Matter, by: Actor, insiders: Sequence[Membership] = (), reason: str = "") -> Matter:
    """Hide the matter from everyone but its insiders; who raises the wall is inside. Raises `Refused` where nobody would be."""
    by.need(Permission.EDIT_WORK)
    matter = locked(matter)
    inside = {member.id for member in insiders} | ({by.member_id} if by.member_id is not None else set())
    if not inside:
        raise Refused("Name at least one person inside the wall.", "insiders")
    if any(member.organization_id != matter.organization_id or not member.is_active for member in insiders):
        raise Refused("Choose active members of staff.", "insiders")
    already = set(MatterInsider.objects.filter(matter=matter).values_list("member_id", flat=True))
    MatterInsider.objects.bulk_create([MatterInsider(matter=matter, member_id=member_id) for member_id in sorted(inside - already)])
    _set_wall(matter, by, walled=True, inside=sorted(inside | already), reason=reason)
    return matter


@transaction.atomic
def lower_wall(*, matter: Matter, by: Actor, reason: str = "") -> Matter:
    """Show the matter to everyone again. Only an insider can: nobody else sees it."""
    by.need(Permission.EDIT_WORK)
    matter = locked(matter)
    _set_wall(matter, by, walled=False, inside=[], reason=reason)
    return matter


@transaction.atomic
def remove_insider(*, matter: Matter, member: Membership, by: Actor, reason: str = "") -> None:
    by.need(Permission.EDIT_WORK)
    matter = locked(matter)
    rows = MatterInsider.objects.filter(matter=matter)
    if matter.walled and not rows.exclude(member=member).exists():
        raise Refused("The last person inside the wall cannot leave it.", "insiders")
    if rows.filter(member=member).delete()[0]:
        record(
            by=by,
            action="matter.remove_insider",
            target=matter,
            before={"member": member.id},
            after=_why(reason),
            reference=matter.reference,
        )


def _why(reason: str) -> dict[str, Any]:
    return {"reason": reason.strip()} if reason.strip() else {}


def _set_wall(matter: Matter, by: Actor, *, walled: bool, inside: list[int], reason: str) -> None:
    before, version = matter.walled, matter.version
    if before != walled:
        changed, _, _ = change(matter, version, {"walled": walled})
        matter.walled, matter.version = changed.walled, changed.version
    action = "matter.raise_wall" if walled else "matter.lower_wall"
    record(
        by=by,
        action=action,
        target=matter,
        before={"walled": before},
        after={"walled": walled, "insiders": inside} | _why(reason),
        reference=matter.reference,
    )
