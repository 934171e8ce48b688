"""What a status report needs of several rooms at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engagements.models import Matter, Pause
from sla.models import Clock
from sla.queries import figures_of_matter

# An update is read by a person; what is left out is counted in the figures all the same.
MOST = 200


def figures(matter: Matter, now: datetime) -> dict[str, Any]:
    """What an update adds to the work's own figures: service levels as they stand, and what waits on the client."""
    return {**figures_of_matter(matter, now), "waiting": waiting_on_client(matter, now)}


def waiting_on_client(matter: Matter, now: datetime) -> list[dict[str, Any]]:
    """Items on hold for the client, longest first: since when, why, and what the answer does to the due date.

    References and reasons only: notes and titles are the house's own.
    """
    pauses = list(
        Pause.objects.filter(
            matter_id=matter.pk, party="client", ended_at__isnull=True, withdrawn_at__isnull=True, started_at__lte=now, item__finished=False
        )
        .select_related("item")
        .order_by("started_at", "id")[:MOST]
    )
    clocks: dict[int, list[Clock]] = {}
    running = Clock.objects.filter(
        item_id__in=[pause.item_id for pause in pauses], stopped_at__isnull=True, cancelled=False, excluded=False
    ).select_related("level", "level_version")
    for clock in running.order_by("due_at", "id"):
        clocks.setdefault(clock.item_id, []).append(clock)
    return [_waiting(pause, clocks.get(pause.item_id, [])) for pause in pauses]


def _waiting(pause: Pause, clocks: Sequence[Clock]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "reference": pause.item.reference,
        "external_id": pause.item.external_id or "",
        "reason": pause.get_reason_display(),
        "since": pause.started_at.isoformat(),
        "effect": "none",
        "level": "",
        "unit": "",
        "left_seconds": None,
        "due_at": None,
    }
    if not clocks:
        return told
    # The clock with the least time left is the one that will be missed first.
    clock = min(clocks, key=lambda row: row.target_seconds - row.used_seconds) if clocks[0].held_since else clocks[0]
    return {
        **told,
        "effect": "stopped" if clock.held_since else "running",
        "level": clock.level.name,
        "unit": clock.level_version.unit,
        "left_seconds": max(0, clock.target_seconds - clock.used_seconds),
        "due_at": clock.due_at.isoformat(),
    }
