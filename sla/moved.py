"""Clocks of many items that one action moved together, column by column, where nothing but that move can have changed them.

An item is plain when it was never paused and has, for every level that covers it, one clock that still runs in its first cycle. Its
clock then stops at the move or runs on; no other fact needs to be read. Every other item is left to the general projection, to which
`tests/sla/test_moved.py` holds this one equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection

from engagements import states
from lpo.core.localtime import from_epoch
from lpo.tenancy.context import current_organization_id
from sla.clock_arrays import NONE, PauseArrays, evaluate_many
from sla.columns import Rows, binary
from sla.facts import REACHED
from sla.fresh import Group, closed_of, versions_of
from sla.hours import rule_of
from sla.models import UNCLOCKED, ServiceLevel, ServiceLevelVersion
from sla.windows import window_starts

_ITEMS = """
SELECT i.workstream_id, i.client_id, i.matter_id, i.kind, i.priority, i.severity, i.type, array_agg(i.id)
FROM engagements_workitem i
WHERE i.organization_id = (SELECT %(organization)s::bigint) AND i.id = ANY (%(ids)s) AND NOT EXISTS (
    SELECT 1 FROM engagements_pause p
    WHERE p.organization_id = i.organization_id AND p.item_id = i.id AND p.withdrawn_at IS NULL)
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_CLOCKS = """
SELECT id, item_id, level_id, level_version_id, floor(extract(epoch FROM started_at))::bigint,
    floor(extract(epoch FROM window_start))::bigint, (cycle = 1 AND stopped_at IS NULL AND held_since IS NULL AND NOT cancelled)::int
FROM sla_clock WHERE organization_id = (SELECT %(organization)s::bigint) AND item_id = ANY (%(ids)s)
"""
_GIVEN = ("id", "due_at", "stopped_at", "target_seconds", "used_seconds", "late_seconds", "window_start")
_TEMPORARY = f"CREATE TEMP TABLE IF NOT EXISTS sla_clock_moved ({', '.join(f'{name} bigint' for name in _GIVEN)}) ON COMMIT DROP"
_NEW = """to_timestamp(g.due_at), CASE WHEN %(stops)s THEN to_timestamp(g.stopped_at) END, g.target_seconds, g.used_seconds, 0,
    CASE WHEN %(stops)s THEN g.late_seconds END, to_timestamp(g.window_start)"""
_UPDATE = f"""
UPDATE sla_clock AS c
SET (due_at, stopped_at, target_seconds, used_seconds, paused_seconds, late_seconds, window_start, computed_at) =
    ROW ({_NEW}, %(now)s)
FROM pg_temp.sla_clock_moved g
WHERE c.organization_id = (SELECT %(organization)s::bigint) AND c.id = g.id
  AND (c.due_at, c.stopped_at, c.target_seconds, c.used_seconds, c.paused_seconds, c.late_seconds, c.window_start) IS DISTINCT FROM
      ({_NEW})
"""  # noqa: S608 - constants
# Columns of the clocks that were read.
ID, ITEM, LEVEL, VERSION, STARTED, WINDOW, RUNS = range(7)


def write_clocks(item_ids: Sequence[int], to: str, at: int, now: int) -> tuple[list[int], set[tuple[int, int]]]:
    """Bring the clocks of plain items up to the move `to` at `at`. Returns the items left over and the open windows touched."""
    if to == states.CANCELLED:
        return list(item_ids), set()
    values: dict[str, Any] = {"organization": current_organization_id(), "ids": list(item_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_ITEMS, values)
        groups = [_group(row) for row in cursor.fetchall()]
        streams = {group.workstream_id for group in groups}
        if ServiceLevel.objects.filter(workstream_id__in=streams, kind__in=UNCLOCKED).exists():
            return list(item_ids), set()
        cursor.execute(_CLOCKS, values)
        clocks: Rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 7)
        versions = versions_of(streams)
        if any(version.start_state for known in versions.values() for version in known):
            return list(item_ids), set()  # the move may have started a clock
        closed = closed_of(versions)
        left, windows = set(item_ids), set[tuple[int, int]]()
        cursor.execute(_TEMPORARY)
        for group in groups:
            plain = _plain(group, clocks, versions, closed)
            left -= set(np.unique(plain[:, ITEM]).tolist())
            for version in (version for known in versions.values() for version in known):
                rows = plain[plain[:, VERSION] == version.pk]
                if len(rows):
                    windows |= _write(cursor, rows, version, to, at, now)
    # An item without levels and clocks has nothing to bring up.
    unmeasured = [group for group in groups if not any(known[0].level.workstream_id == group.workstream_id for known in versions.values())]
    left -= {item for group in unmeasured for item in group.ids.tolist()} - set(clocks[:, ITEM].tolist())
    return [item for item in item_ids if item in left], windows - closed


def _group(row: tuple[Any, ...]) -> Group:
    workstream_id, client_id, matter_id, kind, priority, severity, code, ids = row
    none = np.zeros(0, dtype=np.int64)
    return Group(workstream_id, client_id, matter_id, kind, priority, severity, code, np.array(ids, dtype=np.int64), none)


def _plain(group: Group, clocks: Rows, versions: dict[int, list[ServiceLevelVersion]], closed: set[tuple[int, int]]) -> Rows:
    """The clocks of those items of the group of which nothing else needs to be known."""
    own = {level: known for level, known in versions.items() if known[0].level.workstream_id == group.workstream_id}
    covering = {level: {version.pk for version in known if group.bound_by(version)} for level, known in own.items()}
    levels = [level for level, bound in covering.items() if bound]
    theirs = clocks[np.isin(clocks[:, ITEM], group.ids)]
    good = (theirs[:, RUNS] == 1) & np.isin(theirs[:, VERSION], [pk for bound in covering.values() for pk in bound])
    for level, window in closed:
        good &= ~((theirs[:, LEVEL] == level) & (theirs[:, WINDOW] == window))
    found = Counter(theirs[good, ITEM].tolist())
    every = Counter(theirs[:, ITEM].tolist())
    plain = [item for item, number in found.items() if number == len(levels) == every[item]]
    return np.asarray(theirs[np.isin(theirs[:, ITEM], plain)], dtype=np.int64)


def _write(cursor: Any, rows: Rows, version: ServiceLevelVersion, to: str, at: int, now: int) -> set[tuple[int, int]]:
    rule, started = rule_of(version), rows[:, STARTED]
    stops = to in REACHED.get((version.item_kind, version.stop_state), frozenset({version.stop_state}))
    stopped = np.maximum(started, at) if stops else np.full(len(rows), NONE, dtype=np.int64)
    pauses = PauseArrays.none(len(rows))
    found = evaluate_many(target=rule.target, hours=rule.hours, started=started, stopped=stopped, pauses=pauses, now=now)
    decided = np.minimum(stopped, found.due) if stops else found.due
    windows = window_starts(decided, version.time_zone, version.window)
    cursor.execute("TRUNCATE pg_temp.sla_clock_moved")
    # `NONE` is no instant; where nothing stops the column is not read.
    columns = (rows[:, ID], found.due, stopped if stops else started, found.budget, found.used, found.late, windows)
    cursor.copy_expert(f"COPY pg_temp.sla_clock_moved ({', '.join(_GIVEN)}) FROM STDIN (FORMAT binary)", binary(columns))
    cursor.execute(_UPDATE, {"organization": current_organization_id(), "now": from_epoch(now), "stops": stops})
    touched = np.unique(np.concatenate([windows, rows[:, WINDOW]]))
    return {(version.level_id, int(window)) for window in touched}
