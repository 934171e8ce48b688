"""What pages read of deliverables and checklists."""

from __future__ import annotations

from dataclasses import dataclass

from engagements.models import ChecklistPoint, Deliverable, DeliverableTick, WorkItem, Workstream


def deliverables_of(item: WorkItem) -> list[Deliverable]:
    """Every version, the first one first: the nth is version n."""
    return list(Deliverable.objects.filter(item=item).order_by("number"))


def checklist_of(workstream: Workstream) -> list[ChecklistPoint]:
    """The points in force, in their order."""
    return list(ChecklistPoint.objects.filter(workstream=workstream, retired_at__isnull=True).order_by("position", "id"))


@dataclass(frozen=True)
class Point:
    """A point as it stands for one version: the tick that counts, None where there is none."""

    point: ChecklistPoint
    tick: DeliverableTick | None


def points_of(deliverable: Deliverable, workstream: Workstream) -> list[Point]:
    """Points in force, and those that were ticked before they left the list."""
    ticks = DeliverableTick.objects.filter(deliverable=deliverable).select_related("point").order_by("id")
    latest = {tick.point_id: tick for tick in ticks}
    points = checklist_of(workstream) if deliverable.published_at is None else []
    known = {point.pk for point in points}
    gone = [tick.point for tick in latest.values() if tick.point_id not in known and tick.ticked]
    every = [*points, *sorted(gone, key=lambda point: (point.position, point.pk))]
    return [Point(point, tick if (tick := latest.get(point.pk)) is not None and tick.ticked else None) for point in every]


def status_of(row: Deliverable, latest: bool) -> tuple[str, str]:
    """Kind and text: what the client decided, else whether it was shown to it."""
    if row.decision:
        return ("met" if row.decision == "accepted" else "breach"), row.get_decision_display()
    if not latest:
        return "draft", "Superseded"
    return ("progressing", "Published") if row.published_at is not None else ("draft", "Not published")
