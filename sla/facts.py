"""What happened to items, read for the clocks: in a number of statements that does not depend on how many items."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from django.db import connection, models

from engagements import states
from lpo.core.prepared import Prepared
from lpo.tenancy.context import current_organization_id
from sla.clock import ItemEvents, Party, Pause
from sla.models import Calendar, CalendarVersion, LevelKind, ServiceLevel, ServiceLevelVersion

M = TypeVar("M", bound=models.Model)

# A state counts as reached by everything that lies behind it: whoever answers an enquiry has acknowledged it.
REACHED: dict[tuple[str, str], frozenset[str]] = {
    (states.WORK, states.ASSIGNED): frozenset({states.ASSIGNED, states.IN_REVIEW, states.QUALITY_CHECK, states.DELIVERED, states.ACCEPTED}),
    (states.WORK, states.IN_REVIEW): frozenset({states.IN_REVIEW, states.QUALITY_CHECK, states.DELIVERED, states.ACCEPTED}),
    (states.WORK, states.QUALITY_CHECK): frozenset({states.QUALITY_CHECK, states.DELIVERED, states.ACCEPTED}),
    (states.WORK, states.DELIVERED): frozenset({states.DELIVERED, states.ACCEPTED}),
    (states.WORK, states.ACCEPTED): frozenset({states.ACCEPTED}),
    (states.ENQUIRY, states.ACKNOWLEDGED): frozenset({states.ACKNOWLEDGED, states.ANSWERED}),
    (states.ENQUIRY, states.ANSWERED): frozenset({states.ANSWERED}),
    (states.ERROR, states.CORRECTED): frozenset({states.CORRECTED, states.ACCEPTED}),
    (states.ERROR, states.ACCEPTED): frozenset({states.ACCEPTED}),
}

_LOCK = """
SELECT 1 FROM engagements_workitem WHERE organization_id = %s AND id = ANY (%s) ORDER BY id FOR NO KEY UPDATE
"""
# All in one statement, so that one move of one item costs one reading. It has one row: what happened, then the promises, as JSON.
_FACTS = """
WITH item AS MATERIALIZED (
    SELECT id, client_id, matter_id, workstream_id, kind, priority, severity, type,
        floor(extract(epoch FROM received_at))::bigint AS received
    FROM engagements_workitem WHERE organization_id = {organization} AND id {among}
), level AS MATERIALIZED (
    SELECT id, client_id, matter_id, workstream_id, kind, name, active FROM sla_servicelevel
    WHERE organization_id = {organization} AND workstream_id IN (SELECT workstream_id FROM item)
        AND ({levels} IS NULL OR id = ANY ({levels}))
), version AS MATERIALIZED (
    SELECT v.* FROM sla_servicelevelversion v WHERE v.organization_id = {organization} AND v.level_id IN (SELECT id FROM level)
)
SELECT json_build_array(
    (SELECT json_agg(json_build_array(id, client_id, matter_id, workstream_id, kind, priority, severity, received, type) ORDER BY id)
        FROM item),
    (SELECT json_agg(json_build_array(t.item_id, t.to_state, floor(extract(epoch FROM t.at))::bigint) ORDER BY t.item_id, t.at, t.id)
        FROM engagements_transition t
        WHERE t.organization_id = {organization} AND t.item_id {among} AND t.reverses_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM engagements_transition r WHERE r.organization_id = t.organization_id AND r.reverses_id = t.id)),
    (SELECT json_agg(json_build_array(item_id, floor(extract(epoch FROM started_at))::bigint,
            floor(extract(epoch FROM ended_at))::bigint, party, reason) ORDER BY item_id, started_at, id)
        FROM engagements_pause
        WHERE organization_id = {organization} AND item_id {among} AND withdrawn_at IS NULL),
    (SELECT json_agg(json_build_array(id, item_id, level_id, cycle, level_version_id, floor(extract(epoch FROM window_start))::bigint))
        FROM sla_clock WHERE organization_id = {organization} AND item_id {among}),
    (SELECT json_agg(json_build_array(level_id, item_id)) FROM sla_exclusion
        WHERE organization_id = {organization} AND item_id {among} AND withdrawn_at IS NULL),
    (SELECT json_agg(json_build_array(level_id, floor(extract(epoch FROM window_start))::bigint,
            floor(extract(epoch FROM closed_at))::bigint) ORDER BY revision)
        FROM sla_attainment
        WHERE organization_id = {organization} AND level_id IN (SELECT id FROM level) AND closed_at IS NOT NULL),
    (SELECT json_agg(json_build_array(item_id, floor(extract(epoch FROM checked_at))::bigint)) FROM sla_qualitycheck
        WHERE organization_id = {organization} AND item_id {among}
            AND EXISTS (SELECT 1 FROM level WHERE kind = 'accuracy')),
    (SELECT json_build_array(
            json_agg(DISTINCT floor(extract(epoch FROM at))::bigint) FILTER (WHERE to_state IN ('delivered', 'accepted')),
            floor(extract(epoch FROM min(at)))::bigint) FROM engagements_transition
        WHERE organization_id = {organization} AND item_id {among}
            AND EXISTS (SELECT 1 FROM level WHERE kind = 'throughput'))
    )::text,
    (SELECT json_agg(row_to_json(level)) FROM level)::text,
    (SELECT json_agg(row_to_json(version) ORDER BY effective_from) FROM version)::text,
    (SELECT json_agg(json_build_object('version', row_to_json(c), 'name', k.name))
        FROM sla_calendarversion c JOIN sla_calendar k ON k.organization_id = c.organization_id AND k.id = c.calendar_id
        WHERE c.organization_id = {organization} AND c.id IN (SELECT calendar_version_id FROM version))::text
"""
_MANY = _FACTS.format(organization="%(organization)s", among="= ANY (%(ids)s)", levels="%(levels)s::bigint[]")
# Of an array nobody knows how long it is, so PostgreSQL would plan anew each time, which takes ten times as long as the reading.
_ONE = Prepared("sla_facts_of_one", ("bigint", "bigint", "bigint[]"), _FACTS.format(organization="$1", among="= $2", levels="$3"))
_JSON = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One item: `moves` are its effective transitions (to state, at) in order."""

    id: int
    client_id: int
    matter_id: int
    workstream_id: int
    kind: str
    priority: str
    severity: str
    received: int
    moves: tuple[tuple[str, int], ...] = ()
    pauses: tuple[Pause, ...] = ()
    type: str | None = None

    @property
    def cancelled_at(self) -> int | None:
        """When it was cancelled, if that is how things stand."""
        return self.moves[-1][1] if self.moves and self.moves[-1][0] == states.CANCELLED else None

    def started(self, start_state: str) -> int | None:
        """When the clocks of a level begin that starts with this state, or with receipt; None while it has not been reached."""
        if not start_state:
            return self.received
        reached = REACHED.get((self.kind, start_state), frozenset({start_state}))
        return next((max(at, self.received) for to, at in self.moves if to in reached), None)

    def events(self, version: ServiceLevelVersion) -> ItemEvents | None:
        """Its start, stops and returns as a level sees them; None before it has started."""
        stop_state, started = version.stop_state, self.started(version.start_state)
        if started is None:
            return None
        reached = REACHED.get((self.kind, stop_state), frozenset({stop_state}))
        stops, returns, inside = [], [], False
        for to, at in self.moves:
            if to in reached and not inside:
                stops.append(max(at, started))
            elif to == states.CANCELLED:
                continue
            elif to not in reached and inside:
                returns.append(max(at, started))
            inside = to in reached
        return ItemEvents(started, self.pauses, tuple(stops), tuple(returns))


@dataclass(frozen=True, slots=True)
class StoredClock:
    """A clock row as it stands: its identity, its pinned version and its window."""

    id: int
    version_id: int
    window: int


ClockKey = tuple[int, int, int]  # item, level, cycle


@dataclass
class Facts:
    """Everything the clocks of some items follow from."""

    items: list[ItemFacts]
    versions: dict[int, list[ServiceLevelVersion]] = field(default_factory=dict)  # by level, oldest first
    levels: dict[int, list[int]] = field(default_factory=dict)  # by workstream
    stored: dict[ClockKey, StoredClock] = field(default_factory=dict)
    excluded: set[tuple[int, int]] = field(default_factory=set)  # (level, item)
    closed: dict[tuple[int, int], int] = field(default_factory=dict)  # (level, window start) → closing instant
    accuracy: list[ServiceLevelVersion] = field(default_factory=list)
    checked: list[tuple[int, int]] = field(default_factory=list)  # (item, at), where the workstream has an accuracy level
    volume: list[ServiceLevelVersion] = field(default_factory=list)
    # Where a level counts deliveries: all of them, also those taken back, and when the first of the items ever began.
    delivered: list[int] = field(default_factory=list)
    begun: int | None = None

    def version(self, version_id: int, level_id: int) -> ServiceLevelVersion | None:
        return next((version for version in self.versions[level_id] if version.pk == version_id), None)


def read(item_ids: Sequence[int], *, lock: bool = False, level_ids: Iterable[int] | None = None) -> Facts:
    """The facts of these items, in one statement. `lock` keeps their rows until the transaction ends, so that what is written follows
    from what stands; whoever has changed an item in this transaction holds it already.

    The lock is a statement before: whoever held an item has committed when the facts are read.
    """
    ids, organization_id = list(item_ids), current_organization_id()
    levels = None if level_ids is None else sorted(set(level_ids))
    with connection.cursor() as cursor:
        if lock:
            cursor.execute(_LOCK, [organization_id, ids])
        if len(ids) == 1:
            _ONE.execute(cursor, [organization_id, ids[0], levels])
        else:
            cursor.execute(_MANY, {"organization": organization_id, "ids": ids, "levels": levels})
        happened, *texts = cursor.fetchone()
    items, moves, pauses, clocks, excluded, closed, checked, deliveries = (part or () for part in _parsed(happened))
    promised = _promised(*texts)
    facts = Facts(_items(items, moves, pauses), promised.versions, promised.levels, accuracy=promised.accuracy, volume=promised.volume)
    if facts.versions or levels is None:
        # Without a version: clocks of a level that no longer selects the item still have to go.
        facts.stored = {(item, of, cycle): StoredClock(pk, pinned, window) for pk, item, of, cycle, pinned, window in clocks}
    facts.excluded = {(of, item) for of, item in excluded}
    facts.closed = {(of, window): at for of, window, at in closed}
    facts.checked = [(item, at) for item, at in checked]
    delivered, facts.begun = deliveries or (None, None)
    facts.delivered = delivered or []
    return facts


def _parsed(part: str | None) -> list[Any]:
    found: list[Any] = [] if part is None else _JSON.decode(part)
    return found


def _items(items: Sequence[Any], transitions: Sequence[Any], waits: Sequence[Any]) -> list[ItemFacts]:
    moves: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for item_id, to, at in transitions:
        moves[item_id].append((to, at))
    pauses: dict[int, list[Pause]] = defaultdict(list)
    for item_id, start, end, party, reason in waits:
        pauses[item_id].append(Pause(start, end, Party(party), reason))
    return [
        ItemFacts(pk, client, matter, stream, kind, priority, severity, received, tuple(moves[pk]), tuple(pauses[pk]), code)
        for pk, client, matter, stream, kind, priority, severity, received, code in items
    ]


@dataclass(frozen=True)
class _Promised:
    versions: dict[int, list[ServiceLevelVersion]]
    levels: dict[int, list[int]]
    accuracy: list[ServiceLevelVersion]
    volume: list[ServiceLevelVersion]


@lru_cache(maxsize=256)
def _promised(levels: str | None, versions: str | None, calendars: str | None) -> _Promised:
    """Levels by what the database wrote of them: versions never change, so a workstream's are read from the same text again and again.
    They are shared by the whole process and only read."""
    by_id = {row["id"]: _model(ServiceLevel, row) for row in _parsed(levels)}
    frozen: dict[int, CalendarVersion] = {}
    for row in _parsed(calendars):
        found = frozen[row["version"]["id"]] = _model(CalendarVersion, row["version"])
        found.calendar = Calendar(pk=found.calendar_id, organization_id=found.organization_id, name=row["name"])
    by_level: dict[int, list[ServiceLevelVersion]] = defaultdict(list)
    accuracy: list[ServiceLevelVersion] = []
    volume: list[ServiceLevelVersion] = []
    for row in _parsed(versions):
        version = _model(ServiceLevelVersion, row)
        version.level = by_id[version.level_id]
        version.calendar_version = frozen[version.calendar_version_id] if version.calendar_version_id is not None else None
        if version.level.kind == LevelKind.ACCURACY:
            accuracy.append(version)
        elif version.level.kind == LevelKind.THROUGHPUT:
            volume.append(version)
        else:
            by_level[version.level_id].append(version)
    streams: dict[int, list[int]] = defaultdict(list)
    for level_id in sorted(by_level):
        streams[by_level[level_id][0].level.workstream_id].append(level_id)
    return _Promised({level_id: by_level[level_id] for level_id in sorted(by_level)}, dict(streams), accuracy, volume)


def _model(model: type[M], row: dict[str, Any]) -> M:
    """A row as the database wrote it in JSON. A column that was not read is deferred, as from any query."""
    fields = [field for field in model._meta.concrete_fields if str(field.column) in row]
    values = [field.to_python(row[str(field.column)]) for field in fields]
    return model.from_db(connection.alias, [field.attname for field in fields], values)


__all__ = ["REACHED", "ClockKey", "Facts", "ItemFacts", "StoredClock", "read"]
