"""What pages and reports read of the room, as few statements as rows allow."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q

from engagements import states
from engagements.models import Matter, WorkItem, Workstream


def figures_of(matter: Matter) -> list[dict[str, Any]]:
    """Per workstream of a matter: items by state, how many are open, on hold and delivered. Exact, for a published update."""
    rows = (
        WorkItem.objects.filter(matter_id=matter.id)
        .values("workstream_id", "state")
        .annotate(
            n=Count("id"), waiting=Count("id", filter=Q(paused=True, finished=False)), unfinished=Count("id", filter=Q(finished=False))
        )
        .order_by("workstream_id", "state")
    )
    by_workstream: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_workstream.setdefault(row["workstream_id"], []).append(row)
    return [
        _figures(workstream, by_workstream.get(workstream.id, [])) for workstream in Workstream.objects.filter(matter=matter).order_by("id")
    ]


def _figures(workstream: Workstream, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "workstream": workstream.title,
        "prefix": workstream.item_prefix,
        "unit": workstream.unit,
        "states": [{"state": row["state"], "label": states.LABELS[row["state"]], "items": row["n"]} for row in rows],
        "items": sum(row["n"] for row in rows),
        "open": sum(row["unfinished"] for row in rows),
        "on_hold": sum(row["waiting"] for row in rows),
    }
