"""The clocks of one level computed anew for many items, column by column, from everything that happened to them.

What the general projection does for each item, for tens of thousands at once: effective moves become stops and returns, those become
cycles, and cycles with their pauses go through the arrays. An item that was cancelled, or is on hold, hangs on an instant of its own; where
the last delivery decides, one that came back hangs on when windows closed. Those are left to the general projection, to which
`tests/sla/test_recomputed.py` holds this one equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection

from engagements import states
from lpo.core.localtime import from_epoch, local_midnight
from sla.clock import Decides, Party
from sla.clock_arrays import NONE, Flags, PauseArrays, evaluate_many
from sla.columns import Rows, binary, read
from sla.facts import REACHED
from sla.fresh import closed_of
from sla.hours import rule_of
from sla.models import ServiceLevel, ServiceLevelVersion
from sla.windows import window_starts

_PARTIES = [party.value for party in Party]
_CANCELLED = -1
_THESE = "organization_id = %(organization)s AND item_id = ANY (%(ids)s)"
_LOCK = """
SELECT count(*) FROM (SELECT 1 FROM engagements_workitem WHERE organization_id = %(organization)s AND id = ANY (%(ids)s)
    ORDER BY id FOR NO KEY UPDATE) AS held
"""
_ITEMS = """
SELECT id, floor(extract(epoch FROM received_at))::bigint, COALESCE(array_position(%(kinds)s::text[], kind::text), 0)::bigint,
    COALESCE(array_position(%(priorities)s::text[], priority::text), 0)::bigint,
    COALESCE(array_position(%(severities)s::text[], severity::text), 0)::bigint,
    COALESCE(array_position(%(types)s::text[], type::text), 0)::bigint
FROM engagements_workitem WHERE organization_id = %(organization)s AND id = ANY (%(ids)s) ORDER BY id
"""
_MOVES = """
SELECT t.item_id, floor(extract(epoch FROM t.at))::bigint,
    CASE t.to_state WHEN 'cancelled' THEN -1 ELSE COALESCE(array_position(%(states)s::text[], t.to_state::text), 0) END::bigint
FROM engagements_transition t
WHERE t.organization_id = %(organization)s AND t.item_id = ANY (%(ids)s) AND t.reverses_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM engagements_transition r WHERE r.organization_id = t.organization_id AND r.reverses_id = t.id)
ORDER BY t.item_id, t.at, t.id
"""
_PAUSES = f"""
SELECT item_id, floor(extract(epoch FROM started_at))::bigint, COALESCE(floor(extract(epoch FROM ended_at))::bigint, %(none)s),
    array_position(%(parties)s::text[], party::text)::bigint
FROM engagements_pause WHERE {_THESE} AND withdrawn_at IS NULL ORDER BY item_id
"""  # noqa: S608 -- pieces of this module
_EXCLUDED = f"SELECT item_id FROM sla_exclusion WHERE {_THESE} AND level_id = %(level)s AND withdrawn_at IS NULL"  # noqa: S608
# What is stored of a clock, as bigints; the first three name it.
_STORED = ("id", "item_id", "cycle", *(_GIVEN := (
    "level_version_id", "started_at", "due_at", "stopped_at", "held_since", "cancelled", "excluded", "target_seconds", "used_seconds",
    "paused_seconds", "late_seconds", "window_start",
)))  # fmt: skip
_INSTANTS = {"started_at", "due_at", "stopped_at", "held_since", "window_start"}
_AS_NUMBER = [
    f"COALESCE(floor(extract(epoch FROM {name}))::bigint, %(none)s)"
    if name in _INSTANTS
    else f"COALESCE({name}{'::int' if name in {'cancelled', 'excluded'} else ''}::bigint, %(none)s)"
    for name in _STORED
]
# Item by item through the key: this table grows while a level's clocks are made, and its statistics know nothing of that yet.
_CLOCKS = f"""
SELECT c.* FROM unnest(%(ids)s::bigint[]) AS given(item_id)
CROSS JOIN LATERAL (
    SELECT {", ".join(_AS_NUMBER)} FROM sla_clock
    WHERE organization_id = %(organization)s AND item_id = given.item_id AND level_id = %(level)s OFFSET 0
) AS c
"""  # noqa: S608 -- pieces of this module
_TEMPORARY = f"CREATE TEMP TABLE IF NOT EXISTS sla_clock_anew ({', '.join(f'{name} bigint' for name in _STORED)}) ON COMMIT DROP"
_COPY = f"COPY pg_temp.sla_clock_anew ({', '.join(_STORED)}) FROM STDIN (FORMAT binary)"


def _as_stored(name: str) -> str:
    given = f"g.{name}" if name not in {"stopped_at", "held_since", "late_seconds"} else f"NULLIF(g.{name}, %(none)s)"
    if name in _INSTANTS:
        return f"to_timestamp({given})"
    return f"{given}::int::boolean" if name in {"cancelled", "excluded"} else given


_VALUES = ", ".join(_as_stored(name) for name in _GIVEN)
_UPDATE = f"""
UPDATE sla_clock AS c SET ({", ".join(_GIVEN)}, computed_at) = ROW ({_VALUES}, %(now)s)
FROM pg_temp.sla_clock_anew g WHERE c.organization_id = %(organization)s AND c.id = g.id
"""  # noqa: S608 -- pieces of this module
_INSERT = f"""
INSERT INTO sla_clock (organization_id, client_id, matter_id, level_id, item_id, cycle, {", ".join(_GIVEN)}, computed_at)
SELECT %(organization)s, %(client)s, %(matter)s, %(level)s, g.item_id, g.cycle, {_VALUES}, %(now)s
FROM pg_temp.sla_clock_anew g ORDER BY g.item_id
"""  # noqa: S608 -- pieces of this module
_DELETE = "DELETE FROM sla_clock WHERE organization_id = %(organization)s AND id = ANY (%(gone)s)"
_MOST_CYCLES = 2**15  # a cycle is a smallint


@dataclass(frozen=True)
class _Moves:
    """Effective moves in order: `item` is the place of the item among those read, `state` a place in the list of states, or cancelled."""

    item: Rows
    at: Rows
    state: Rows


@dataclass(frozen=True)
class _Read:
    """Some items of a level and what happened to them, by their places 0, 1, …"""

    ids: Rows
    received: Rows
    kind: Rows
    priority: Rows
    severity: Rows
    type: Rows
    moves: _Moves
    pause: Rows  # which item
    paused: Rows
    resumed: Rows
    party: Rows
    excluded: Flags
    stored: dict[str, Rows]  # by column; `item_id` is an id


@dataclass(frozen=True)
class _Turns:
    """Deliveries, or returns: at most one of them between two of the other, in order of item and time."""

    item: Rows
    at: Rows

    def numbers(self) -> Rows:
        """1, 2, … within each item."""
        return np.arange(1, len(self.item) + 1) - np.searchsorted(self.item, self.item)

    def without(self, items: Flags) -> _Turns:
        return _Turns(self.item[~items[self.item]], self.at[~items[self.item]])


class _Cycles(NamedTuple):
    """One row for each cycle, by item and number. `holds` are the client's between deliveries: (item, start, end)."""

    item: Rows
    number: Rows
    started: Rows
    stopped: Rows
    holds: tuple[Rows, Rows, Rows]


def able(versions: Sequence[ServiceLevelVersion]) -> bool:
    """Whether a level's clocks can be computed so: not where one may start later than with receipt."""
    return bool(versions) and not any(version.start_state for version in versions)


def write_clocks(
    level: ServiceLevel, versions: Sequence[ServiceLevelVersion], item_ids: Sequence[int], now: int, *, repin: bool = False
) -> tuple[list[int], set[tuple[int, int]]]:
    """Make the clocks of these items under a level be what follows from their facts. `versions` are all of the level's, oldest first.

    Returns the items left over and the open windows that hold clocks. The items' rows are held until the transaction ends.
    """
    values: dict[str, Any] = {
        "organization": level.organization_id,
        "client": level.client_id,
        "matter": level.matter_id,
        "level": level.pk,
        "ids": list(item_ids),
        "none": int(NONE),
        "now": from_epoch(now),
        "parties": _PARTIES,
        "kinds": sorted({version.item_kind for version in versions}),
        "priorities": sorted({version.priority for version in versions} - {""}),
        "severities": sorted({version.severity for version in versions} - {""}),
        "types": sorted({code for version in versions for code in version.types}),
        "states": sorted(set().union(*(_reached(version) for version in versions))),
    }
    closed = closed_of({level.pk: list(versions)})
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, values)
        facts = _read(cursor, values)
        plain = _plain(facts)
        binding = _binding(facts, versions, level, values["states"], repin=repin)
        found: list[list[Rows]] = []
        for place, version in enumerate(versions):
            takes = (binding == place) & plain & _covered(facts, version, values)
            if takes.any():
                left, columns = _computed(facts, version, takes, values["states"], now, undivided=not closed)
                plain &= ~left
                found.append(columns)
        written = _write(cursor, facts, plain, found, {window for _, window in closed}, values)
    return facts.ids[~plain].tolist(), {(level.pk, window) for window in written} - closed


def _reached(version: ServiceLevelVersion) -> frozenset[str]:
    return REACHED.get((version.item_kind, version.stop_state), frozenset({version.stop_state}))


def _read(cursor: Any, values: dict[str, Any]) -> _Read:
    ids, received, kind, priority, severity, code = read(cursor, _ITEMS, values, 6)
    of, at, state = read(cursor, _MOVES, values, 3)
    pause, paused, resumed, party = read(cursor, _PAUSES, values, 4)
    (excluded,) = read(cursor, _EXCLUDED, values, 1)
    stored = dict(zip(_STORED, read(cursor, _CLOCKS, values, len(_STORED)), strict=True))
    moves = _Moves(np.searchsorted(ids, of), at, state)
    places = np.searchsorted(ids, pause)
    return _Read(ids, received, kind, priority, severity, code, moves, places, paused, resumed, party, np.isin(ids, excluded), stored)


def _plain(facts: _Read) -> Flags:
    """Items that neither ended cancelled nor are on hold."""
    plain = np.ones(len(facts.ids), dtype=np.bool_)
    plain[facts.pause[facts.resumed == NONE]] = False
    of = facts.moves.item
    last = np.append(of[1:] != of[:-1], True)[: len(of)]
    plain[of[last & (facts.moves.state == _CANCELLED)]] = False
    return plain


def _binding(facts: _Read, versions: Sequence[ServiceLevelVersion], level: ServiceLevel, known: Sequence[str], *, repin: bool) -> Rows:
    """Which version binds each item, -1 where none does: the one its clock is pinned to, else the one in force at receipt."""
    in_force = np.full(len(facts.ids), -1, dtype=np.int64)
    for place, version in enumerate(versions):
        in_force[facts.received >= local_midnight(version.effective_from, ZoneInfo(version.time_zone))] = place
    pinned = np.full(len(facts.ids), -1, dtype=np.int64)
    first = facts.stored["cycle"] == 1
    holders = np.searchsorted(facts.ids, facts.stored["item_id"][first])
    for place, version in enumerate(versions):
        pinned[holders[facts.stored["level_version_id"][first] == version.pk]] = place
    measured = pinned >= 0
    if repin:
        # A finished clock keeps its version: nobody can work towards another goal any more.
        for place, version in enumerate(versions):
            stops = np.zeros(len(facts.ids), dtype=np.bool_)
            stops[facts.moves.item[_inside(facts.moves, version, known)]] = True
            pinned[(pinned == place) & ~stops] = -1
    fresh = in_force if level.active else np.where(measured, in_force, -1)
    return np.where(pinned >= 0, pinned, fresh)


def _inside(moves: _Moves, version: ServiceLevelVersion, known: Sequence[str]) -> Flags:
    return np.isin(moves.state, [known.index(state) + 1 for state in _reached(version)])


def _covered(facts: _Read, version: ServiceLevelVersion, values: dict[str, Any]) -> Flags:
    """As `clockrows.applies` has it."""
    covered = facts.kind == values["kinds"].index(version.item_kind) + 1
    if version.priority:
        covered &= facts.priority == values["priorities"].index(version.priority) + 1
    if version.types:
        covered &= np.isin(facts.type, [values["types"].index(code) + 1 for code in version.types])
    if version.severity and version.item_kind == states.ERROR:
        covered &= facts.severity == values["severities"].index(version.severity) + 1
    return np.asarray(covered, dtype=np.bool_)


def _computed(
    facts: _Read, version: ServiceLevelVersion, takes: Flags, known: Sequence[str], now: int, *, undivided: bool
) -> tuple[Flags, list[Rows]]:
    """The items that have to be looked at singly, and the clocks of the others in the order of `_STORED`, nameless.

    `undivided`: no window of the level was ever closed, so where the last delivery decides every return resumes the clock.
    """
    left = np.zeros(len(facts.ids), dtype=np.bool_)
    stops, returns = _turns(facts, version, takes, known)
    if version.decides == Decides.LAST and not undivided:
        left[returns.item] = True
        stops, returns = stops.without(left), returns.without(left)
    cycles = _cycles(facts, np.flatnonzero(takes & ~left), stops, returns, version.decides == Decides.LAST)
    rule = rule_of(version)
    pauses = _pauses(facts, cycles, np.isin(facts.party, [_PARTIES.index(party.value) + 1 for party in rule.stopping]))
    found = evaluate_many(target=rule.target, hours=rule.hours, started=cycles.started, stopped=cycles.stopped, pauses=pauses, now=now)
    runs, zero = cycles.stopped == NONE, np.zeros(len(cycles.item), dtype=np.int64)
    windows = window_starts(np.where(runs, found.due, np.minimum(cycles.stopped, found.due)), version.time_zone, version.window)
    excluded = facts.excluded[cycles.item].astype(np.int64)
    named = [zero, facts.ids[cycles.item], cycles.number, zero + version.pk, cycles.started, found.due, cycles.stopped]
    rest = [zero + NONE, zero, excluded, found.budget, found.used, found.paused, np.where(runs, NONE, found.late), windows]
    return left, named + rest


def _turns(facts: _Read, version: ServiceLevelVersion, takes: Flags, known: Sequence[str]) -> tuple[_Turns, _Turns]:
    """When items came to where the level stops, and when they came back from there. As `ItemFacts.events` has it."""
    moves = facts.moves
    kept = takes[moves.item] & (moves.state != _CANCELLED)
    item, inside = moves.item[kept], _inside(moves, version, known)[kept]
    before = np.zeros(len(item), dtype=np.bool_)
    before[1:] = inside[:-1] & (item[1:] == item[:-1])
    at = np.maximum(moves.at[kept], facts.received[item])
    stops, returns = inside & ~before, before & ~inside
    return _Turns(item[stops], at[stops]), _Turns(item[returns], at[returns])


def _cycles(facts: _Read, items: Rows, stops: _Turns, returns: _Turns, last_decides: bool) -> _Cycles:
    """As `clock.cycles` has it: a return begins the next cycle, or where the last delivery decides resumes the only one."""
    stop, back = stops.numbers(), returns.numbers()
    if last_decides:
        held = np.searchsorted(stops.item * _MOST_CYCLES + stop, returns.item * _MOST_CYCLES + back)
        holds = returns.item, stops.at[held], returns.at
        after = np.bincount(returns.item, minlength=len(facts.ids))[items] + 1
        number, item, started = np.ones(len(items), dtype=np.int64), items, facts.received[items]
    else:
        item = np.concatenate([items, returns.item])
        number = np.concatenate([np.ones(len(items), dtype=np.int64), back + 1])
        started = np.concatenate([facts.received[items], returns.at])
        order = np.lexsort((number, item))
        item, number, started = item[order], number[order], started[order]
        after, holds = number, (item[:0], item[:0], item[:0])
    # The cycle stops with the delivery that follows its beginning, if there is one.
    wanted, keys = item * _MOST_CYCLES + after, stops.item * _MOST_CYCLES + stop
    place = np.searchsorted(keys, wanted)
    known = place < len(keys)
    known[known] = keys[place[known]] == wanted[known]
    stopped = np.full(len(item), NONE, dtype=np.int64)
    stopped[known] = stops.at[place[known]]
    return _Cycles(item, number, started, stopped, holds)


def _pauses(facts: _Read, cycles: _Cycles, stopping: Flags) -> PauseArrays:
    """The pauses of each cycle's item; the evaluation clips them to the cycle."""
    item, start, end = (
        np.concatenate([found[stopping], held])
        for found, held in zip((facts.pause, facts.paused, facts.resumed), cycles.holds, strict=True)
    )
    order = np.argsort(item, kind="stable")
    counts = np.bincount(item, minlength=len(facts.ids))
    first = np.concatenate([[0], np.cumsum(counts)])
    own = counts[cycles.item]
    offsets = np.concatenate([[0], np.cumsum(own)]).astype(np.int64)
    flat = order[np.repeat(first[cycles.item] - offsets[:-1], own) + np.arange(offsets[-1])]
    return PauseArrays(start[flat], end[flat], offsets)


def _write(cursor: Any, facts: _Read, plain: Flags, found: Sequence[Sequence[Rows]], closed: set[int], values: dict[str, Any]) -> set[int]:
    """Store what differs. Returns every window that holds a clock, or held one."""
    given = [np.concatenate(columns) for columns in zip(*found, strict=True)] or [np.zeros(0, dtype=np.int64)] * len(_STORED)
    anew = dict(zip(_STORED, given, strict=True))
    kept = plain[np.searchsorted(facts.ids, anew["item_id"])] if len(anew["item_id"]) else np.zeros(0, dtype=np.bool_)
    anew = {name: column[kept] for name, column in anew.items()}
    ours = plain[np.searchsorted(facts.ids, facts.stored["item_id"])]
    stored = {name: column[ours] for name, column in facts.stored.items()}
    keys, known = (_keys(facts, clocks) for clocks in (anew, stored))
    order = np.argsort(known)
    place = np.searchsorted(known, keys, sorter=order)
    match = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(len(keys), dtype=np.int64)
    matched = known[match] == keys if len(order) else np.zeros(len(keys), dtype=np.bool_)
    match = match[matched]
    # A clock that a closed window counted stays there, whatever is learned later.
    frozen = np.isin(stored["window_start"][match], sorted(closed))
    anew["window_start"][np.flatnonzero(matched)[frozen]] = stored["window_start"][match][frozen]
    anew["id"][matched] = stored["id"][match]
    differs = np.zeros(len(match), dtype=np.bool_)
    for name in _GIVEN:
        differs |= anew[name][matched] != stored[name][match]
    for statement, rows in ((_UPDATE, np.flatnonzero(matched)[differs]), (_INSERT, np.flatnonzero(~matched))):
        if len(rows):
            cursor.execute(_TEMPORARY)
            cursor.copy_expert(_COPY, binary([anew[name][rows] for name in _STORED]))
            cursor.execute(statement, values)
            cursor.execute("TRUNCATE pg_temp.sla_clock_anew")
    gone = stored["id"][~np.isin(known, keys)]
    if len(gone):
        cursor.execute(
            "DELETE FROM sla_clock WHERE organization_id = %(organization)s AND id = ANY (%(gone)s)", {**values, "gone": gone.tolist()}
        )
    return set(np.unique(np.concatenate([anew["window_start"], stored["window_start"]])).tolist())


def _keys(facts: _Read, clocks: dict[str, Rows]) -> Rows:
    return np.searchsorted(facts.ids, clocks["item_id"]) * _MOST_CYCLES + clocks["cycle"]
