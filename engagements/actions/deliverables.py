"""Deliverables: keep a version, tick its checklist, publish it; and what the client decided of each version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from engagements import states
from engagements.actions.checks import build, check, locked
from engagements.actions.items import move_item
from engagements.actions.publishing import publish_matter
from engagements.deliverables import checklist_of
from engagements.events import Changed
from engagements.models import ChecklistPoint, Deliverable, DeliverableTick, Matter, WorkItem, Workstream
from engagements.safe_files import Unsafe, check_file
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.documents import content_of, store
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused

KIND = "deliverable"
MOST_POINTS = 30

# The decision on each version: of the effective moves that were the client's, the last one recorded while that version was the newest.
_DECIDE = """
UPDATE engagements_deliverable AS version
SET decision = COALESCE(facts.decision, ''), decided_at = facts.at,
    decided_source = COALESCE(facts.source, ''), decided_clause = COALESCE(facts.clause, '')
FROM (
    SELECT d.id, x.decision, x.at, x.source, x.clause
    FROM engagements_deliverable d
    LEFT JOIN LATERAL (
        SELECT CASE t.to_state WHEN 'accepted' THEN 'accepted' ELSE 'returned' END AS decision, t.at, c.source, c.clause
        FROM engagements_transition t
        LEFT JOIN engagements_clientdecision c ON c.organization_id = t.organization_id AND c.transition_id = t.id
        WHERE t.organization_id = d.organization_id AND t.item_id = d.item_id AND t.reverses_id IS NULL
          AND (t.from_state || '>' || t.to_state) = ANY (%(moves)s) AND t.recorded_at >= d.kept_at
          AND NOT EXISTS (SELECT 1 FROM engagements_transition r
                          WHERE r.organization_id = t.organization_id AND r.reverses_id = t.id)
          AND NOT EXISTS (SELECT 1 FROM engagements_deliverable later WHERE later.organization_id = d.organization_id
                          AND later.item_id = d.item_id AND later.number > d.number AND later.kept_at <= t.recorded_at)
        ORDER BY t.at DESC, t.id DESC LIMIT 1
    ) AS x ON true
    WHERE d.organization_id = %(organization)s AND d.item_id = ANY (%(items)s)
) AS facts
WHERE version.organization_id = %(organization)s AND version.id = facts.id
  AND (version.decision, version.decided_at) IS DISTINCT FROM (COALESCE(facts.decision, ''), facts.at)
"""
_DECIDED = {after for _, after in states.CLIENT_DECISIONS}
_MOVES = [f"{before}>{after}" for before, after in sorted(states.CLIENT_DECISIONS)]


def on_changed(changed: Changed) -> None:
    """Bring the decisions of versions up to the moves of their items. New items, and many moved at once, have none."""
    if changed.fresh or (changed.moved is not None and changed.moved[0] not in _DECIDED):
        return
    values: dict[str, Any] = {"organization": changed.organization_id, "items": list(changed.item_ids), "moves": _MOVES}
    with connection.cursor() as cursor:
        cursor.execute(_DECIDE, values)


@transaction.atomic
def deliver_item(
    *,
    item: WorkItem,
    by: Actor,
    version: int | None = None,
    content: bytes = b"",
    file_name: str = "",
    media_type: str = "",
    label: str = "",
) -> WorkItem:
    """Deliver (answer, correct) an item, with its file if there is one; file and move are written together or not at all."""
    by.need(Permission.WORK_ITEMS)
    item = move_item(item=item, to=states.DELIVERY[item.kind], by=by, version=version)
    if content:
        keep_deliverable(item=item, by=by, content=content, file_name=file_name, media_type=media_type, label=label)
    return item


@transaction.atomic
def keep_deliverable(*, item: WorkItem, by: Actor, content: bytes, file_name: str, media_type: str = "", label: str = "") -> Deliverable:
    """Keep a file as the next version. The bytes of the last version again are that version.

    Raises `Refused` at `file` for one that is not what its name says.
    """
    by.need(Permission.WORK_ITEMS)
    try:
        check_file(file_name, content)
    except Unsafe as unsafe:
        raise Refused(str(unsafe), "file") from unsafe
    item = locked(item)
    facts: dict[str, Any] = {"client_id": item.client_id, "matter_id": item.matter_id}
    kind = media_type or "application/octet-stream"
    document = store(kind=KIND, content=content, file_name=file_name, media_type=kind, by=by, reference=item.reference, **facts)
    last = Deliverable.objects.filter(item=item).order_by("-number").first()
    if last is not None and last.document_id == document.pk:
        return last
    said = {"label": label.strip() or file_name, "file_name": file_name, "sha256": document.sha256, "size": document.size}
    number = (last.number if last is not None else 0) + 1
    facts |= {"item": item, "number": number, "document": document, "reference": item.reference}
    row = build(Deliverable, {**facts, **said, "by_label": by.label[:200]})
    row.save()
    after = {"version": number, "label": row.label, "sha256": document.sha256, "bytes": document.size}
    record(by=by, action="item.deliver_file", target=item, after=after, reference=item.reference)
    return row


@transaction.atomic
def set_checklist(*, workstream: Workstream, by: Actor, required: Sequence[str], optional: Sequence[str] = ()) -> list[ChecklistPoint]:
    """Make the workstream's checklist these points, in this order. A point that leaves stays with what it was ticked for."""
    by.need(Permission.EDIT_WORK)
    workstream = locked(workstream)
    wanted = [(text, True) for text in _cleaned(required)] + [(text, False) for text in _cleaned(optional)]
    wanted = [pair for n, pair in enumerate(wanted) if pair[0] not in {text for text, _ in wanted[:n]}]
    if len(wanted) > MOST_POINTS:
        raise Refused(f"A checklist has at most {MOST_POINTS} points.", "required")
    if any(len(text) > 200 for text, _ in wanted):
        raise Refused("A point has at most 200 characters.", "required")
    present = {(row.text, row.required): row for row in checklist_of(workstream)}
    before = [text for text, _ in present]
    leaving = [row.pk for key, row in present.items() if key not in wanted]
    ChecklistPoint.objects.filter(pk__in=leaving).update(retired_at=timezone.now())
    own = {"client_id": workstream.client_id, "matter_id": workstream.matter_id, "workstream": workstream}
    for position, (text, must) in enumerate(wanted, 1):
        known = present.get((text, must))
        if known is None:
            build(ChecklistPoint, {**own, "position": position, "text": text, "required": must}).save()
        elif known.position != position:
            ChecklistPoint.objects.filter(pk=known.pk).update(position=position)
    after = [text for text, _ in wanted]
    if before != after or leaving:
        points = {"points": before}, {"points": after}
        record(by=by, action="workstream.checklist", target=workstream, reference=workstream.item_prefix, before=points[0], after=points[1])
    return checklist_of(workstream)


def _cleaned(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(text for each in texts if (text := " ".join(each.split()))))


@transaction.atomic
def tick_point(*, deliverable: Deliverable, point: ChecklistPoint, by: Actor, ticked: bool = True) -> DeliverableTick | None:
    """Tick a point, or take the tick back. As it is already: nothing is written. What was published stays as it was."""
    by.need(Permission.WORK_ITEMS)
    deliverable = locked(deliverable)
    if deliverable.published_at is not None:
        raise Refused("This version was published. Keep the next one.")
    last = DeliverableTick.objects.filter(deliverable=deliverable, point=point).order_by("-id").first()
    if (last is not None and last.ticked) == ticked:
        return last
    own = {"client_id": deliverable.client_id, "matter_id": deliverable.matter_id, "deliverable": deliverable}
    row = build(DeliverableTick, {**own, "point": point, "ticked": ticked, "by_member_id": by.member_id, "by_label": by.label[:200]})
    row.save()
    after = {"point": point.text, "ticked": ticked, "version": deliverable.number}
    record(by=by, action="deliverable.tick", target=deliverable, after=after, reference=deliverable.reference)
    return row


@transaction.atomic
def publish_deliverable(*, deliverable: Deliverable, by: Actor) -> Deliverable:
    """Show one version to the client, for good; its matter too where it was not. Published already: nothing happens.

    Raises `Refused` before the item was delivered, and while a required point of the checklist is not ticked.
    """
    by.need(Permission.EDIT_WORK)
    row = locked(deliverable)
    if row.published_at is not None:
        return row
    item: WorkItem = WorkItem.objects.select_related("workstream").get(pk=row.item_id)
    if item.first_delivered_at is None:
        raise Refused(f"{item.reference} was not delivered yet.")
    missing = missing_points(row, item.workstream)
    if missing:
        raise Refused(f"Not ticked yet: {', '.join(missing)}.")
    publish_matter(matter=Matter.objects.get(pk=row.matter_id), by=by)
    kept: Document = Document.objects.get(pk=row.document_id)
    facts: dict[str, Any] = {"client_id": row.client_id, "matter_id": row.matter_id, "reference": row.reference}
    facts["media_type"] = kept.media_type
    # A stored file is open to the client from the start or never, so what is published is stored once more.
    row.published_file = store(kind=KIND, content=content_of(kept), file_name=row.file_name, by=by, published=True, **facts)
    row.published_at, row.published_by_label = timezone.now(), by.label[:200]
    check(row)
    row.save(update_fields=["published_at", "published_by_label", "published_file"])
    after = {"version": row.number, "label": row.label, "sha256": row.sha256}
    record(by=by, action="deliverable.publish", target=row, after=after, reference=row.reference)
    return row


def missing_points(deliverable: Deliverable, workstream: Workstream) -> list[str]:
    """Required points that are not ticked."""
    ticks = DeliverableTick.objects.filter(deliverable=deliverable).order_by("id").values_list("point_id", "ticked")
    ticked = {point for point, on in dict(ticks).items() if on}
    return [point.text for point in checklist_of(workstream) if point.required and point.pk not in ticked]
