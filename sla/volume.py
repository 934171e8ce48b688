"""Throughput: how much was delivered in a window, counted from the items themselves, and which windows a change or time touches.

An item counts once, in the window that holds its first delivery; later rework is not counted. What was there to deliver: what was open
when the window began and what was received until its end, without what was cancelled before its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from engagements import states
from lpo.core.localtime import from_epoch, local_midnight, to_epoch
from sla.models import Attainment, LevelKind, ServiceLevelVersion
from sla.windows import period, recent, window_start

# Windows looked back at for one that nobody touched: enough for a worker that stood still for a month.
LOOKED_BACK = 6

_SELECTED = """
FROM engagements_workitem i
LEFT JOIN sla_exclusion x ON x.organization_id = i.organization_id AND x.level_id = %(level)s AND x.item_id = i.id
    AND x.withdrawn_at IS NULL
WHERE i.organization_id = %(organization)s AND i.workstream_id = %(workstream)s AND i.kind = 'work'
  AND (%(priority)s = '' OR i.priority = %(priority)s)
  AND (%(types)s::text[] = '{}' OR i.type = ANY (%(types)s))
"""
DELIVERED = f"{_SELECTED} AND i.first_delivered_at >= %(start)s AND i.first_delivered_at < %(end)s"
_OPEN = f"{_SELECTED} AND x.id IS NULL AND i.received_at < %(end)s"
# In two parts, each by its index: what has not been delivered is in one of a few states; what was delivered later was open then.
OPEN = (
    f"{_OPEN} AND i.first_delivered_at IS NULL AND i.state = ANY (%(open)s) AND (i.state <> 'cancelled' OR i.state_at >= %(end)s)",
    f"{_OPEN} AND i.first_delivered_at >= %(end)s",
)
QUANTITY = "CASE WHEN %(by)s = 'items' THEN 1 ELSE i.quantity END"
_SUM_DELIVERED = f"""
SELECT coalesce(sum({QUANTITY}) FILTER (WHERE x.id IS NULL), 0), count(*) FILTER (WHERE x.id IS NOT NULL) {DELIVERED}
"""
_SUM_OPEN = f"""
SELECT coalesce(sum(quantity), 0), count(*)
FROM (SELECT {QUANTITY} AS quantity {OPEN[0]} UNION ALL SELECT {QUANTITY} {OPEN[1]}) AS open
"""  # noqa: S608 -- pieces of this module
UNDELIVERED = [states.RECEIVED, states.ASSIGNED, states.IN_REVIEW, states.QUALITY_CHECK]


@dataclass(frozen=True, slots=True)
class Volume:
    """`offered` is None where the contract does not ask what was there. `running`: the window has not ended."""

    promised: Decimal
    delivered: Decimal
    offered: Decimal | None = None
    running: bool = False

    @property
    def binding(self) -> bool:
        """Whether less was there to deliver than was promised, so that this is what is due."""
        return self.offered is not None and self.offered < self.promised

    @property
    def required(self) -> Decimal:
        return self.offered if self.offered is not None and self.binding else self.promised

    @property
    def share(self) -> Fraction | None:
        return Fraction(self.delivered) / Fraction(self.required) if self.required else None

    @property
    def short(self) -> Decimal:
        """What is missing."""
        return max(Decimal(0), self.required - self.delivered)

    def as_json(self) -> dict[str, Any]:
        offered = {} if self.offered is None else {"offered": plain(self.offered)}
        running = {"running": True} if self.running else {}
        return {"volume": {"promised": plain(self.promised), "delivered": plain(self.delivered), **offered, **running}}


def plain(value: Decimal) -> str:
    """1200, 12.5: without empty decimals."""
    return f"{value.normalize():f}"


def volume_of(measured: dict[str, Any]) -> Volume | None:
    """What `as_json` kept; None for another kind of level."""
    kept = measured.get("volume")
    if kept is None:
        return None
    offered = Decimal(kept["offered"]) if "offered" in kept else None
    return Volume(Decimal(kept["promised"]), Decimal(kept["delivered"]), offered, kept.get("running", False))


def values_of(version: ServiceLevelVersion, start: datetime, end: datetime) -> dict[str, Any]:
    """Parameters of the statements."""
    return {
        "organization": version.organization_id,
        "level": version.level_id,
        "workstream": version.level.workstream_id,
        "priority": version.priority,
        "types": version.types,
        "by": version.volume_by,
        "start": start,
        "end": end,
        "open": [*UNDELIVERED, states.CANCELLED],
    }


def measure_volume(version: ServiceLevelVersion, start: datetime, end: datetime, now: datetime) -> tuple[Volume, int, int]:
    """The volume of a window, how many items are still open where less was there than promised, and how many are excluded."""
    assert version.min_volume is not None  # noqa: S101 -- the database requires it of a throughput level
    values = values_of(version, start, end)
    with connection.cursor() as cursor:
        cursor.execute(_SUM_DELIVERED, values)
        delivered, excluded = cursor.fetchone()
        waiting, number = Decimal(0), 0
        if version.volume_offered:
            cursor.execute(_SUM_OPEN, values)
            waiting, number = cursor.fetchone()
    offered = Decimal(delivered) + Decimal(waiting) if version.volume_offered else None
    found = Volume(version.min_volume, Decimal(delivered), offered, end > now)
    return found, number if found.binding else 0, int(excluded)


def begins(version: ServiceLevelVersion) -> int:
    """From when on its windows are measured: the first whole one."""
    return local_midnight(version.effective_from, ZoneInfo(version.time_zone))


def windows_touched(
    versions: Sequence[ServiceLevelVersion], delivered: Iterable[int], received: int | None, now: int
) -> set[tuple[int, int]]:
    """Windows of throughput levels that a change of items touches: those that hold a delivery; and where it matters what was there to
    deliver, every open one since the earliest receipt."""
    instants = list(delivered)
    found = {
        (version.level_id, window_start(at, version.time_zone, version.window))
        for version in versions
        for at in [*instants, *([now] if version.volume_offered else [])]
    }
    offered = {version.level_id for version in versions if version.volume_offered}
    if offered and received is not None:
        rows = Attainment.objects.filter(level_id__in=offered, state="open", window_end__gt=from_epoch(received))
        found |= {(level, to_epoch(start)) for level, start in rows.values_list("level_id", "window_start")}
    first = _first(versions)
    return {(level, start) for level, start in found if start >= first[level]}


def _first(versions: Iterable[ServiceLevelVersion]) -> dict[int, int]:
    found: dict[int, int] = {}
    for version in versions:
        found[version.level_id] = min(begins(version), found.get(version.level_id, begins(version)))
    return found


def of_streams(streams: Iterable[int], **more: Any) -> list[ServiceLevelVersion]:
    """Every version of the throughput levels of some workstreams."""
    rows = ServiceLevelVersion.objects.filter(level__workstream_id__in=set(streams), level__kind=LevelKind.THROUGHPUT, **more)
    return list(rows.select_related("level"))


def windows_since(versions: Sequence[ServiceLevelVersion], now: int) -> Iterator[tuple[int, int]]:
    """Every window from the first whole one up to the present."""
    for level, first in _first(versions).items():
        latest = max((version for version in versions if version.level_id == level), key=lambda version: version.effective_from)
        at = first
        while at <= now:
            window = period(at, latest.time_zone, latest.window)
            if window.start >= first:
                yield level, window.start
            at = window.end


def unreached(now: datetime) -> list[tuple[int, int]]:
    """Windows that time alone brings: those nothing was delivered in, and those that have ended since they were counted."""
    versions = list(ServiceLevelVersion.objects.filter(level__kind=LevelKind.THROUGHPUT, level__active=True).select_related("level"))
    if not versions:
        return []
    first, found = _first(versions), set[tuple[int, int]]()
    for version in versions:
        windows = recent(to_epoch(now), version.time_zone, version.window, LOOKED_BACK)
        found |= {(version.level_id, window.start) for window in windows if window.start >= first[version.level_id]}
    stored = Attainment.objects.filter(level_id__in=first).values_list("level_id", "window_start", "window_end", "computed_at", "state")
    for level, start, end, computed, state in stored.filter(window_start__gte=from_epoch(min((at for _, at in found), default=0))):
        if state == "closed" or not computed < end <= now:
            found.discard((level, to_epoch(start)))
    return sorted(found)
