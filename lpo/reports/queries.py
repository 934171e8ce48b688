"""What a status report needs of several rooms at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from engagements.actions.timing import GRACE
from engagements.models import ClientDecision, Matter, Pause, Source, Transition
from sla.models import Clock
from sla.queries import figures_of_matter

# An update is read by a person; what is left out is counted in the figures all the same.
MOST = 200


def figures(matter: Matter, now: datetime) -> dict[str, Any]:
    """What an update adds to the work's own figures: service levels as they stand, what waits on the client and what was recorded
    as the client's decision."""
    return {**figures_of_matter(matter, now), "waiting": waiting_on_client(matter, now), "decisions": decided_for_client(matter, now)}


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


def decided_for_client(matter: Matter, now: datetime) -> list[dict[str, Any]]:
    """What counts as decided by the client, newest first: what, of which item, on whose word, and whether it was written down late.

    The clause is named where silence was counted; what the client wrote, and notes of the house, are not repeated.
    """
    rows = ClientDecision.objects.filter(matter_id=matter.pk, item__isnull=False, recorded_at__lte=now).select_related("item")
    rows = rows.exclude(transition_id__in=_taken_back(matter))
    return [_decision(row) for row in rows.order_by("-id")[:MOST]]


def _taken_back(matter: Matter) -> QuerySet[Any, Any]:
    rows: QuerySet[Any, Any] = Transition.objects.filter(matter_id=matter.pk, reverses__isnull=False)
    return rows.values("reverses_id")


def _decision(row: ClientDecision) -> dict[str, Any]:
    return {
        "reference": row.item.reference if row.item else "",
        "external_id": (row.item.external_id or "") if row.item else "",
        "what": row.get_what_display(),
        "source": row.get_source_display(),
        "clause": row.clause,
        "at": row.at.isoformat(),
        "late": row.recorded_at - row.at > GRACE and row.source != Source.DEEMED,
    }


def _waiting(pause: Pause, clocks: Sequence[Clock]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "reference": pause.item.reference,
        "external_id": pause.item.external_id or "",
        "reason": pause.get_reason_display(),
        "since": pause.started_at.isoformat(),
        "late": pause.recorded_at - pause.started_at > GRACE,
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
