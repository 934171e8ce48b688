"""What of this room keeps a contract version as it is: windows closed under it, and levels that cite it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from engagements import contracts
from engagements.contracts import Hold, Span
from sla.models import Attainment, ServiceLevelVersion


def register() -> None:
    if holds not in contracts.sources:
        contracts.sources.append(holds)


def holds(engagement_id: int, span: Span) -> Iterator[Hold]:
    yield from _cited(engagement_id, span)
    yield from _closed(engagement_id, span)


def _cited(engagement_id: int, span: Span) -> Iterator[Hold]:
    """A level's version cites the contract version that governs the day it begins."""
    versions = ServiceLevelVersion.objects.filter(level__workstream__matter__engagement_id=engagement_id).exclude(clause="")
    for version in versions.select_related("level").order_by("level_id", "number"):
        if version.effective_from in span:
            text = f"Service level {version.level.name}, version {version.number}, cites {version.clause}"
            yield Hold(text, clause=version.clause, matter_id=version.level.matter_id)


def _closed(engagement_id: int, span: Span) -> Iterator[Hold]:
    """Closed windows whose first day the version governs: the latest of each level, which settles the days up to its end."""
    closed = Attainment.objects.filter(level__workstream__matter__engagement_id=engagement_id, state="closed")
    latest: dict[int, Hold] = {}
    for row in closed.select_related("level", "level_version").defer("snapshot").order_by("window_start"):
        zone = ZoneInfo(row.level_version.time_zone)
        if row.window_start.astimezone(zone).date() in span:
            until = row.window_end.astimezone(zone).date() - timedelta(days=1)
            latest[row.level_id] = Hold(f"{row.level.name} is closed for {row.label}", until=until, matter_id=row.matter_id)
    yield from latest.values()
