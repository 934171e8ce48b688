"""Milestones: agreed, re-dated with a reason, reached with evidence, withdrawn, shown to the client one by one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any, Required, TypedDict, Unpack

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from engagements.actions.checks import Duplicate, build, change, check, locked, need_any, plain
from engagements.models import Engagement, Matter, Milestone, MilestoneDate, MilestoneNeed, Workstream
from engagements.models.clients import Status
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.documents import store
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import in_organization

TRACKING = frozenset({Permission.TRACK_ITEMS, Permission.EDIT_WORK})
MOST_NEEDS = 20


class MilestoneFields(TypedDict, total=False):
    name: Required[str]
    due_on: Required[date]
    matter: Matter | None
    workstream: Workstream | None
    owner: Membership | None
    volume: Decimal | None
    volume_from: date | None


def next_number(model: Any, engagement: Engagement) -> int:
    """Numbers count what is behind walls too, so that none is given twice. The caller holds the engagement."""
    with in_organization(engagement.organization_id):
        return (model.objects.filter(engagement=engagement).aggregate(last=Max("number"))["last"] or 0) + 1


def opened(engagement: Engagement) -> None:
    if engagement.status != Status.OPEN:
        raise Refused("This engagement is closed. Reopen it first.")


def reference_of(row: Milestone) -> str:
    """As people say it: the engagement and the number of the milestone in it."""
    return f"{row.engagement.reference} M{row.number}"


def below(engagement: Engagement, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with the matter of the workstream named, each checked to be of this engagement."""
    stream, matter = fields.get("workstream"), fields.get("matter")
    if stream is not None:
        if matter is not None and matter.pk != stream.matter_id:
            raise Refused("This workstream belongs to another matter.", "workstream")
        matter = stream.matter
    if matter is not None and matter.engagement_id != engagement.pk:
        raise Refused("This matter belongs to another engagement.", "matter")
    return {**fields, "matter": matter}


def _counted_from(fields: dict[str, Any]) -> dict[str, Any]:
    """A volume is counted from some day, today when none is said; without a volume from none."""
    if fields.get("volume") is None:
        return {**fields, "volume": None, "volume_from": None}
    if fields.get("workstream") is None:
        raise Refused("Choose the workstream in which the volume is counted.", "workstream")
    return {**fields, "volume_from": fields.get("volume_from") or timezone.localdate()}


@transaction.atomic
def add_milestone(*, engagement: Engagement, by: Actor, **fields: Unpack[MilestoneFields]) -> Milestone:
    """Agree on a milestone; its first day is the baseline from then on. Raises `Refused`, `Duplicate` for one of this name, still open."""
    need_any(by, TRACKING)
    engagement = locked(engagement)
    opened(engagement)
    values = _counted_from(below(engagement, dict(fields)))
    twin = Milestone.objects.filter(engagement=engagement, name=fields["name"], done_on__isnull=True, withdrawn_at__isnull=True).first()
    if twin is not None:
        raise Duplicate(f"Milestone {twin.number} has this name already.", twin, "name")
    own = {"client_id": engagement.client_id, "engagement": engagement, "number": next_number(Milestone, engagement)}
    row = build(Milestone, {**values, **own, "baseline_on": fields["due_on"], "by_label": by.label[:200]})
    row.save()
    _date(row, by, "")
    record(by=by, action="milestone.add", target=row, after={n: plain(v) for n, v in fields.items()}, reference=reference_of(row))
    return row


def _date(row: Milestone, by: Actor, reason: str) -> None:
    own = {"client_id": row.client_id, "matter_id": row.matter_id, "milestone": row}
    build(MilestoneDate, {**own, "due_on": row.due_on, "reason": reason, "by_label": by.label[:200]}).save(force_insert=True)


def _held(milestone: Milestone, version: int | None = None) -> Milestone:
    row = locked(milestone)
    row.engagement = milestone.engagement
    if version is not None and row.version != version:
        raise StaleVersion("Somebody else changed this in the meantime.", theirs={"due": plain(row.due_on)}, yours={})
    return row


def _save(row: Milestone, *names: str) -> None:
    check(row)
    row.version += 1
    row.save(update_fields=[*names, "version"])


@transaction.atomic
def update_milestone(*, milestone: Milestone, by: Actor, version: int, **fields: Any) -> Milestone:
    """Correct name, owner or volume. A day is changed by `redate_milestone`, where it was placed stays."""
    need_any(by, TRACKING)
    if "volume" in fields:
        where = {"workstream": milestone.workstream, "volume_from": fields.get("volume_from") or milestone.volume_from}
        fields = {k: v for k, v in _counted_from({**fields, **where}).items() if k != "workstream"}
    row, before, after = change(milestone, version, fields)
    if after:
        record(by=by, action="milestone.update", target=row, before=before, after=after, reference=reference_of(row))
    return row


@transaction.atomic
def redate_milestone(*, milestone: Milestone, by: Actor, version: int, due_on: date, reason: str) -> Milestone:
    """Agree on another day. The one before and the first stay on record. The same day again changes nothing."""
    need_any(by, TRACKING)
    if locked(milestone).due_on == due_on:
        return milestone
    row = _held(milestone, version)
    if not row.open:
        raise Refused("It is done or withdrawn: its day does not change any more.", "due_on")
    if not reason.strip():
        raise Refused("Say why the day changes.", "reason")
    before, row.due_on = row.due_on, due_on
    _save(row, "due_on")
    _date(row, by, reason.strip())
    after = {"due_on": plain(due_on), "reason": reason.strip(), "slip": (due_on - row.baseline_on).days}
    record(by=by, action="milestone.redate", target=row, before={"due_on": plain(before)}, after=after, reference=reference_of(row))
    return row


@transaction.atomic
def reach_milestone(
    *, milestone: Milestone, by: Actor, version: int, done_on: date, note: str = "", evidence: Document | None = None
) -> Milestone:
    """Done, with what shows it: a note or a file. Done already on that day: nothing happens."""
    need_any(by, TRACKING)
    if locked(milestone).done_on == done_on:
        return milestone
    row = _held(milestone, version)
    if not row.open:
        raise Refused("It is done or withdrawn already.")
    if done_on > timezone.localdate():
        raise Refused("This lies in the future.", "done_on")
    if not note.strip() and evidence is None:
        raise Refused("Say what shows that it is done, or attach it.", "note")
    if (waits := _waits_for(row)) is not None:
        visible = Milestone.objects.filter(pk=waits).first()
        named = f"milestone {visible.number}, {visible.name}," if visible else "a milestone of a restricted matter,"
        raise Refused(f"It needs {named} which is not done.")
    row.done_on, row.done_by_label, row.done_note, row.evidence = done_on, by.label[:200], note.strip(), evidence
    _save(row, "done_on", "done_by_label", "done_note", "evidence")
    after = {"done_on": plain(done_on), "note": row.done_note, "evidence": evidence.sha256 if evidence else ""}
    record(by=by, action="milestone.reach", target=row, after=after, reference=reference_of(row))
    return row


def _waits_for(row: Milestone) -> int | None:
    """The first milestone it needs that is still open, behind a wall or not."""
    with in_organization(row.organization_id):
        open_ones = Milestone.objects.filter(pk__in=_needed(row), done_on__isnull=True, withdrawn_at__isnull=True)
        return open_ones.order_by("number").values_list("pk", flat=True).first()


def _needed(row: Milestone) -> list[int]:
    return list(MilestoneNeed.objects.filter(milestone=row).values_list("needs_id", flat=True))


def keep_milestone_evidence(*, milestone: Milestone, by: Actor, content: bytes, file_name: str, media_type: str) -> Document:
    """What shows that a milestone is done, under its hash."""
    return store(
        kind="milestone",
        content=content,
        file_name=file_name,
        media_type=media_type or "application/octet-stream",
        by=by,
        client_id=milestone.client_id,
        matter_id=milestone.matter_id,
        reference=reference_of(milestone),
    )


@transaction.atomic
def reopen_milestone(*, milestone: Milestone, by: Actor, version: int) -> Milestone:
    """Not done after all, or withdrawn by mistake. What was recorded of it stays in the audit log. Open already: nothing happens."""
    need_any(by, TRACKING)
    if locked(milestone).open:
        return milestone
    row = _held(milestone, version)
    before = {"done_on": plain(row.done_on), "note": row.done_note, "withdrawn": row.withdrawn_note}
    row.done_on, row.done_by_label, row.done_note, row.evidence = None, "", "", None
    row.withdrawn_at, row.withdrawn_note = None, ""
    _save(row, "done_on", "done_by_label", "done_note", "evidence", "withdrawn_at", "withdrawn_note")
    record(by=by, action="milestone.reopen", target=row, before=before, reference=reference_of(row))
    return row


@transaction.atomic
def withdraw_milestone(*, milestone: Milestone, by: Actor, version: int, note: str) -> Milestone:
    """No longer to be reached; the client is not shown it any more."""
    need_any(by, TRACKING)
    if locked(milestone).withdrawn_at is not None:
        return milestone
    row = _held(milestone, version)
    if not row.open:
        raise Refused("It is done. Reopen it first.")
    if not note.strip():
        raise Refused("Say why it is withdrawn.", "note")
    row.withdrawn_at, row.withdrawn_note, row.published_at = timezone.now(), note.strip(), None
    _save(row, "withdrawn_at", "withdrawn_note", "published_at")
    record(by=by, action="milestone.withdraw", target=row, after={"note": row.withdrawn_note}, reference=reference_of(row))
    return row


@transaction.atomic
def need_milestones(*, milestone: Milestone, by: Actor, needs: Collection[Milestone]) -> None:
    """What has to be reached before. Raises `Refused` for another engagement's, and for a circle."""
    need_any(by, TRACKING)
    locked(milestone.engagement)
    row = _held(milestone)
    wanted, had = {need.pk for need in needs}, set(_needed(row))
    # What is behind a wall the editor is outside of was not on the form and stays.
    had &= set(Milestone.objects.filter(pk__in=had).values_list("pk", flat=True))
    if wanted == had:
        return
    if len(wanted) > MOST_NEEDS:
        raise Refused(f"A milestone needs at most {MOST_NEEDS} others.", "needs")
    if any(need.engagement_id != row.engagement_id for need in needs):
        raise Refused("It needs milestones of its own engagement only.", "needs")
    if row.pk in wanted or _leads_to(row, wanted):
        raise Refused("Then each would wait for the other.", "needs")
    MilestoneNeed.objects.filter(milestone=row, needs_id__in=had - wanted).delete()
    own = {"client_id": row.client_id, "engagement_id": row.engagement_id, "milestone": row}
    MilestoneNeed.objects.bulk_create([MilestoneNeed(**own, needs_id=pk) for pk in sorted(wanted - had)])
    numbers = dict(Milestone.objects.filter(pk__in=wanted | had).values_list("pk", "number"))
    before, after = (sorted(numbers[pk] for pk in ids) for ids in (had, wanted))
    record(by=by, action="milestone.need", target=row, before={"needs": before}, after={"needs": after}, reference=reference_of(row))


def _leads_to(row: Milestone, start: Collection[int]) -> bool:
    """Whether one of `start` needs the row already, directly or through others; across walls."""
    with in_organization(row.organization_id):
        edges: dict[int, list[int]] = {}
        for child, parent in MilestoneNeed.objects.filter(engagement_id=row.engagement_id).values_list("milestone_id", "needs_id"):
            edges.setdefault(child, []).append(parent)
    seen, left = set(start), list(start)
    while left:
        for parent in edges.get(left.pop(), []):
            if parent not in seen:
                seen.add(parent)
                left.append(parent)
    return row.pk in seen


@transaction.atomic
def publish_milestone(*, milestone: Milestone, by: Actor, version: int) -> Milestone:
    """Show the client this milestone as it stands now: its name, first and present day, and when it was reached."""
    by.need(Permission.EDIT_WORK)
    row = _held(milestone, version)
    if row.withdrawn_at is not None:
        raise Refused("It is withdrawn. Reopen it first.")
    seen = Matter.objects.filter(engagement=row.engagement, published_at__isnull=False)
    if not (seen.filter(pk=row.matter_id) if row.matter_id else seen).exists():
        raise Refused("The client is not shown this matter yet. Publish the matter first.")
    if row.published_at is not None and not row.told_otherwise:
        return row
    row.shown_name, row.shown_baseline_on, row.shown_due_on, row.shown_done_on = row.name, row.baseline_on, row.due_on, row.done_on
    row.published_at = timezone.now()
    _save(row, "shown_name", "shown_baseline_on", "shown_due_on", "shown_done_on", "published_at")
    after = {"name": row.name, "due_on": plain(row.due_on), "done_on": plain(row.done_on)}
    record(by=by, action="milestone.publish", target=row, after=after, reference=reference_of(row))
    return row


@transaction.atomic
def hide_milestone(*, milestone: Milestone, by: Actor, version: int) -> Milestone:
    """Show the client this milestone no longer."""
    by.need(Permission.EDIT_WORK)
    if locked(milestone).published_at is None:
        return milestone
    row = _held(milestone, version)
    row.published_at = None
    _save(row, "published_at")
    record(by=by, action="milestone.hide", target=row, reference=reference_of(row))
    return row
