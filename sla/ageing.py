"""How old the open work behind a figure is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q

from sla.models import AttainmentRow, Clock
from sla.queries import Figure

AGES = ((1, "up to a day"), (3, "up to 3 days"), (7, "up to a week"), (30, "up to 30 days"), (None, "older"))


@dataclass(frozen=True, slots=True)
class Ageing:
    """Work without an end by how long ago it was received: of an open window as of now, of a closed one as of its closing."""

    counts: tuple[int, ...]
    overdue: int
    at: datetime

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def text(self) -> str:
        """7 open: 3 up to a day, 4 older; 2 past due."""
        parts = [f"{count:,} {label}" for count, (_, label) in zip(self.counts, AGES, strict=True) if count]
        return f"{self.total:,} open: {', '.join(parts)}; {self.overdue:,} past due" if parts else "None open"


def ageing_of(figures: Sequence[Figure], now: datetime) -> dict[tuple[int, datetime], Ageing]:
    """Two statements: open clocks of the levels with an open window, frozen rows of the closed windows."""
    live = {figure.version.level_id: figure for figure in figures if figure.clocked and not figure.closed and figure.start <= now}
    frozen = {figure.attainment.pk: figure for figure in figures if figure.closed and figure.clocked and figure.attainment is not None}
    found: dict[tuple[int, datetime], Ageing] = {}
    if live:
        clocks = Clock.objects.filter(level_id__in=live, cycle=1, stopped_at__isnull=True, cancelled=False, excluded=False)
        overdue = Q(due_at__lt=now, held_since__isnull=True)
        counted = {
            row["level_id"]: row
            for row in clocks.order_by().values("level_id").annotate(**_counts(now), overdue=Count("pk", filter=overdue))
        }
        for pk, figure in live.items():
            found[pk, figure.start] = _aged(counted.get(pk), now)
    if frozen:
        found |= aged_at_closing(frozen)
    return found


def aged_at_closing(frozen: Mapping[int, Figure]) -> dict[tuple[int, datetime], Ageing]:
    """Of closed windows by the number of their attainment, from the frozen rows."""
    rows = AttainmentRow.objects.filter(attainment_id__in=frozen, outcome__in=("missed", "pending"), stopped_at__isnull=True)
    counted = {
        row["attainment_id"]: row
        for row in rows.order_by()
        .values("attainment_id")
        .annotate(**_counts(F("attainment__closed_at")), overdue=Count("pk", filter=Q(outcome="missed")))
    }
    found = {}
    for pk, figure in frozen.items():
        assert figure.attainment is not None and figure.attainment.closed_at is not None  # noqa: S101 -- a closed window
        found[figure.attainment.level_id, figure.start] = _aged(counted.get(pk), figure.attainment.closed_at)
    return found


def _counts(at: Any) -> dict[str, Count]:
    """How many were received so long before an instant: one count for each of `AGES`."""
    edges = [days for days, _ in AGES]
    found = {}
    for index, days in enumerate(edges):
        within = Q(started_at__gte=at - timedelta(days=days)) if days is not None else Q()
        younger = edges[index - 1] if index else None
        found[f"age_{index}"] = Count(
            "pk", filter=within & (Q(started_at__lt=at - timedelta(days=younger)) if younger else Q(pk__isnull=False))
        )
    return found


def _aged(row: Mapping[str, Any] | None, at: datetime) -> Ageing:
    if row is None:
        return Ageing((0,) * len(AGES), 0, at)
    return Ageing(tuple(row[f"age_{index}"] for index in range(len(AGES))), row["overdue"], at)
