"""The first clocks of many new items, column by column: what an import of hundreds of thousands needs, without an object for each.

Items at their beginning have one open cycle, no pauses, no exclusions and no stored clocks, so the whole evaluation is a handful
of array operations. `tests/sla/test_fresh.py` holds it equal to the general projection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from django.db import connection

from engagements import states
from lpo.core.localtime import from_epoch, local_midnight, to_epoch
from lpo.tenancy.context import current_organization_id
from sla.businesstime import Seconds
from sla.clock_arrays import NONE, PauseArrays, evaluate_many
from sla.columns import binary
from sla.facts import REACHED
from sla.hours import rule_of
from sla.models import UNCLOCKED, Attainment, ServiceLevelVersion
from sla.windows import window_starts

_BEGINNINGS = {*states.INITIAL.values(), states.ASSIGNED}
_ITEMS = """
SELECT workstream_id, client_id, matter_id, kind, priority, severity, type,
    array_agg(id ORDER BY id), array_agg(floor(extract(epoch FROM received_at))::bigint ORDER BY id)
FROM engagements_workitem WHERE organization_id = (SELECT %s::bigint) AND id = ANY (%s) GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_GIVEN = ("item_id", "started_at", "due_at", "target_seconds", "used_seconds", "window_start")
_TEMPORARY = f"CREATE TEMP TABLE IF NOT EXISTS sla_clock_fresh ({', '.join(f'{name} bigint' for name in _GIVEN)}) ON COMMIT DROP"
_INSERT = """
INSERT INTO sla_clock (organization_id, client_id, matter_id, item_id, level_id, level_version_id, cycle, started_at, due_at, stopped_at,
    held_since, cancelled, excluded, target_seconds, used_seconds, paused_seconds, late_seconds, window_start, computed_at)
SELECT %s, %s, %s, item_id, %s, %s, 1, to_timestamp(started_at), to_timestamp(due_at), NULL, NULL, false, false, target_seconds,
    used_seconds, 0, NULL, to_timestamp(window_start), %s
FROM pg_temp.sla_clock_fresh ORDER BY item_id
"""


@dataclass(frozen=True)
class Group:
    """New items that every promise treats alike but for when they were received."""

    workstream_id: int
    client_id: int
    matter_id: int
    kind: str
    priority: str
    severity: str
    type: str | None
    ids: Seconds
    received: Seconds

    def bound_by(self, version: ServiceLevelVersion) -> bool:
        """As `clockrows.applies` has it for one item."""
        return (
            version.item_kind == self.kind
            and version.priority in ("", self.priority)
            and version.covers_type(self.type)
            and (version.severity in ("", self.severity) or version.item_kind != states.ERROR)
        )


def write_clocks(item_ids: Sequence[int], now: int) -> set[tuple[int, int]] | None:
    """Store the clocks of new items. Returns the open windows they fall into, or None, with nothing written, where a level
    starts later than receipt or stops at a beginning: then the general projection must look at every item."""
    groups = _groups(item_ids)
    versions = versions_of({group.workstream_id for group in groups})
    if any(_stops_at_once(version) for known in versions.values() for version in known):
        return None
    windows: set[tuple[int, int]] = set()
    with connection.cursor() as cursor:
        cursor.execute(_TEMPORARY)
        for group in groups:
            for known in versions.values():
                # A level that was switched off takes no new clocks.
                if known[0].level.workstream_id == group.workstream_id and known[0].level.active:
                    for version, at in _bound(group, known):
                        windows |= _write(cursor, group, version, at, now)
    return windows - closed_of(versions)


def _groups(item_ids: Sequence[int]) -> list[Group]:
    with connection.cursor() as cursor:
        cursor.execute(_ITEMS, [current_organization_id(), list(item_ids)])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [Group(*row[:7], *(np.array(column, dtype=np.int64) for column in row[7:])) for row in rows]


def versions_of(streams: set[int]) -> dict[int, list[ServiceLevelVersion]]:
    """The versions of the clocked levels of these workstreams, by level, oldest first."""
    rows = ServiceLevelVersion.objects.filter(level__workstream_id__in=streams).exclude(level__kind__in=UNCLOCKED)
    found: dict[int, list[ServiceLevelVersion]] = {}
    for version in rows.select_related("level", "calendar_version").order_by("level_id", "effective_from"):
        found.setdefault(version.level_id, []).append(version)
    return found


def _stops_at_once(version: ServiceLevelVersion) -> bool:
    """Whether its clock may start or stop with something else than receipt and what follows the beginning."""
    if version.start_state:
        return True
    reached = REACHED.get((version.item_kind, version.stop_state), frozenset({version.stop_state}))
    return bool(reached & _BEGINNINGS)


def _bound(group: Group, known: Sequence[ServiceLevelVersion]) -> Iterator[tuple[ServiceLevelVersion, npt.NDArray[np.int64]]]:
    """Each version with the places of the items received while it was in force, where it covers them."""
    chosen = np.full(len(group.ids), -1, dtype=np.int64)
    for index, version in enumerate(known):
        chosen[group.received >= local_midnight(version.effective_from, ZoneInfo(version.time_zone))] = index
    for index, version in enumerate(known):
        places = np.flatnonzero(chosen == index)
        if len(places) and group.bound_by(version):
            yield version, places


def _write(cursor: Any, group: Group, version: ServiceLevelVersion, at: npt.NDArray[np.int64], now: int) -> set[tuple[int, int]]:
    rule, started = rule_of(version), group.received[at]
    open_ended = np.full(len(started), NONE, dtype=np.int64)
    pauses = PauseArrays.none(len(started))
    found = evaluate_many(target=rule.target, hours=rule.hours, started=started, stopped=open_ended, pauses=pauses, now=now)
    windows = window_starts(found.due, version.time_zone, version.window)
    cursor.execute("TRUNCATE pg_temp.sla_clock_fresh")
    columns = (group.ids[at], started, found.due, found.budget, found.used, windows)
    cursor.copy_expert(f"COPY pg_temp.sla_clock_fresh ({', '.join(_GIVEN)}) FROM STDIN (FORMAT binary)", binary(columns))
    scope = [current_organization_id(), group.client_id, group.matter_id]
    cursor.execute(_INSERT, [*scope, version.level_id, version.pk, from_epoch(now)])
    return {(version.level_id, int(window)) for window in np.unique(windows)}


def closed_of(versions: dict[int, list[ServiceLevelVersion]]) -> set[tuple[int, int]]:
    """(level, window start) of every closed window of these levels."""
    closings = Attainment.objects.filter(level_id__in=list(versions), state="closed", closed_at__isnull=False)
    return {(level, to_epoch(start)) for level, start in closings.values_list("level_id", "window_start")}
