"""Writing clocks: one statement for any number, through a temporary table where there are many."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from django.db import connection

from lpo.core.localtime import from_epoch
from lpo.core.prepared import Prepared
from lpo.jobs.queue import JOB_TYPES, asking, publish_on_commit
from lpo.tenancy.context import current_organization_id
from sla.clockrows import ClockRow
from sla.facts import ClockKey, Facts, StoredClock

FEW = 64
_COLUMNS = (
    "client_id, matter_id, item_id, level_id, level_version_id, cycle, started_at, due_at, stopped_at, held_since,"
    " cancelled, excluded, target_seconds, used_seconds, paused_seconds, late_seconds, window_start"
)
_TYPES = ("bigint",) * 5 + ("smallint",) + ("bigint",) * 4 + ("boolean",) * 2 + ("bigint",) * 5
_INSTANTS = {"started_at", "due_at", "stopped_at", "held_since", "window_start"}
_NAMES = _COLUMNS.split(", ")
# The identity stays; of the rest only what differs is written.
_CHANGING = [name for name in _NAMES if name not in {"client_id", "matter_id", "item_id", "level_id", "cycle"}]
_SELECTED = ", ".join(f"to_timestamp({name})" if name in _INSTANTS else name for name in _NAMES)
_OLD, _NEW = (", ".join(f"{row}.{name}" for name in _CHANGING) for row in ("stored", "EXCLUDED"))
_SET = ", ".join(f"{name} = EXCLUDED.{name}" for name in [*_CHANGING, "computed_at"])
_UPSERT = (
    f"INSERT INTO sla_clock AS stored (organization_id, {_COLUMNS}, computed_at) SELECT %s, {_SELECTED}, %s FROM {{source}}"  # noqa: S608
    f" ON CONFLICT (organization_id, item_id, level_id, cycle) DO UPDATE SET {_SET} WHERE ({_OLD}) IS DISTINCT FROM ({_NEW})"
)
_ARRAYS = "unnest(" + ", ".join(f"%s::{kind}[]" for kind in _TYPES) + f") AS given ({_COLUMNS})"
_TEMPORARY = (
    "CREATE TEMP TABLE IF NOT EXISTS sla_clock_given ("
    + ", ".join(f"{name} {kind}" for name, kind in zip(_NAMES, _TYPES, strict=True))
    + ") ON COMMIT DROP"
)
_DIRTY = """
INSERT INTO sla_dirtywindow AS dirty (organization_id, client_id, matter_id, level_id, window_start, since)
SELECT l.organization_id, l.client_id, l.matter_id, l.id, to_timestamp(given.window_start), now()
FROM unnest(%s::bigint[], %s::bigint[]) AS given (level_id, window_start)
JOIN sla_servicelevel l ON l.organization_id = %s AND l.id = given.level_id
ORDER BY given.level_id, given.window_start
ON CONFLICT (organization_id, level_id, window_start) DO UPDATE SET since = EXCLUDED.since
"""


def _numbered(sql: str, first: int) -> str:
    """The statement with $first, $first + 1, … for its parameters."""
    numbers = count(first)
    return re.sub("%s", lambda _: f"${next(numbers)}", sql)


# The parameters, in order: organization, now, the columns, organization, ids to delete, levels and windows to count, organization.
_FEW_TYPES = (
    "bigint",
    "timestamptz",
    *(f"{kind}[]" for kind in _TYPES),
    "bigint",
    "bigint[]",
    "bigint[]",
    "bigint[]",
    "bigint",
    *JOB_TYPES,
)
_FEW_SQL = f"""
WITH written AS ({_UPSERT.format(source=_ARRAYS)}),
gone AS (DELETE FROM sla_clock WHERE organization_id = %s AND id = ANY (%s)),
dirty AS ({_DIRTY} RETURNING 1),
job AS ({asking("EXISTS (SELECT FROM dirty)")})
SELECT id FROM job
"""  # noqa: S608 -- pieces of this module
_FEW = Prepared("sla_write_few", _FEW_TYPES, _numbered(_FEW_SQL, 1))


def replace_few(facts: Facts, rows: Sequence[ClockRow], now: int, windows: Iterable[tuple[int, int]], job: Sequence[Any]) -> None:
    """The same for a few clocks, with the windows to be counted again and the `job` that counts them, all in one statement."""
    pairs, organization = sorted(set(windows)), current_organization_id()
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in _NAMES]
    given: list[Any] = [organization, from_epoch(now), *columns, organization, _gone(facts, rows)]
    given += [[level for level, _ in pairs], [window for _, window in pairs], organization, *job]
    with connection.cursor() as cursor:
        _FEW.execute(cursor, given)
        made = cursor.fetchone()
    if made is not None:
        publish_on_commit(organization, int(made[0]))


def _gone(facts: Facts, rows: Iterable[ClockRow]) -> list[int]:
    kept = {row.key for row in rows}
    return [stored.id for key, stored in facts.stored.items() if key not in kept]


def replace_clocks(facts: Facts, rows: Sequence[ClockRow], now: int, *, few: int = FEW) -> None:
    """Make the stored clocks of the items in `facts` be exactly `rows`: one upsert, and one delete where some no longer apply."""
    organization = current_organization_id()
    with connection.cursor() as cursor:
        if rows and len(rows) <= few:
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(_UPSERT.format(source=_ARRAYS), [organization, from_epoch(now), *columns])
        elif rows:
            cursor.execute(_TEMPORARY)
            cursor.copy_expert(f"COPY sla_clock_given ({_COLUMNS}) FROM STDIN", _copy_text(rows))
            cursor.execute(_UPSERT.format(source="sla_clock_given"), [organization, from_epoch(now)])
            cursor.execute("TRUNCATE sla_clock_given")
        if gone := _gone(facts, rows):
            cursor.execute("DELETE FROM sla_clock WHERE organization_id = %s AND id = ANY (%s)", [organization, gone])


def mark_dirty(windows: Iterable[tuple[int, int]]) -> bool:
    """Say that these (level, window start) pairs are to be counted again. The row is held until commit, so a worker that
    counts waits for what made it dirty; pairs are taken in one order, so that two transactions never wait for each other."""
    pairs = sorted(set(windows))
    if not pairs:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_DIRTY, [[level for level, _ in pairs], [window for _, window in pairs], current_organization_id()])
    return True


def touched(stored: dict[ClockKey, StoredClock], rows: Iterable[ClockRow], closed: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """The windows whose figures may differ now: those the clocks were in and those they are in, without the closed ones."""
    before = {(level, clock.window) for (_, level, _), clock in stored.items()}
    return (before | {(row.level_id, row.window) for row in rows}) - set(closed)


def _copy_text(rows: Iterable[ClockRow]) -> io.StringIO:
    text = io.StringIO()
    for row in rows:
        text.write("\t".join("\\N" if value is None else str(value) for value in row) + "\n")
    text.seek(0)
    return text
