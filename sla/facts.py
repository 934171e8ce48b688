"""What happened to items, read for the clocks: in a number of statements that does not depend on how many items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from engagements import states
from lpo.core.localtime import to_epoch
from lpo.tenancy.context import current_organization_id
from sla.clock import ItemEvents, Party, Pause
from sla.models import Attainment, Exclusion, LevelKind, ServiceLevelVersion

# A state counts as reached by everything that lies behind it: whoever answers an enquiry has acknowledged it.
REACHED: dict[tuple[str, str], frozenset[str]] = {
    (states.WORK, states.IN_REVIEW): frozenset({states.IN_REVIEW, states.QUALITY_CHECK, states.DELIVERED, states.ACCEPTED}),
    (states.WORK, states.QUALITY_CHECK): frozenset({states.QUALITY_CHECK, states.DELIVERED, states.ACCEPTED}),
    (states.WORK, states.DELIVERED): frozenset({states.DELIVERED, states.ACCEPTED}),
    (states.WORK, states.ACCEPTED): frozenset({states.ACCEPTED}),
    (states.ENQUIRY, states.ACKNOWLEDGED): frozenset({states.ACKNOWLEDGED, states.ANSWERED}),
    (states.ENQUIRY, states.ANSWERED): frozenset({states.ANSWERED}),
    (states.ERROR, states.CORRECTED): frozenset({states.CORRECTED, states.ACCEPTED}),
    (states.ERROR, states.ACCEPTED): frozenset({states.ACCEPTED}),
}

_ITEMS = """
SELECT id, client_id, matter_id, workstream_id, kind, priority, severity, floor(extract(epoch FROM received_at))::bigint
FROM engagements_workitem WHERE organization_id = %s AND id = ANY (%s) ORDER BY id
"""
_TRANSITIONS = """
SELECT t.item_id, t.to_state, floor(extract(epoch FROM t.at))::bigint
FROM engagements_transition t
WHERE t.organization_id = %s AND t.item_id = ANY (%s) AND t.reverses_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM engagements_transition r WHERE r.organization_id = t.organization_id AND r.reverses_id = t.id)
ORDER BY t.item_id, t.at, t.id
"""
_PAUSES = """
SELECT item_id, floor(extract(epoch FROM started_at))::bigint, floor(extract(epoch FROM ended_at))::bigint, party, reason
FROM engagements_pause WHERE organization_id = %s AND item_id = ANY (%s) AND withdrawn_at IS NULL ORDER BY item_id, started_at, id
"""
_CLOCKS = """
SELECT id, item_id, level_id, cycle, level_version_id, floor(extract(epoch FROM window_start))::bigint
FROM sla_clock WHERE organization_id = %s AND item_id = ANY (%s)
"""


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

    @property
    def cancelled_at(self) -> int | None:
        """When it was cancelled, if that is how things stand."""
        return self.moves[-1][1] if self.moves and self.moves[-1][0] == states.CANCELLED else None

    def events(self, stop_state: str) -> ItemEvents:
        """Its stops and returns as a level with this stop state sees them."""
        reached = REACHED.get((self.kind, stop_state), frozenset({stop_state}))
        stops, returns, inside = [], [], False
        for to, at in self.moves:
            if to in reached and not inside:
                stops.append(max(at, self.received))
            elif to == states.CANCELLED:
                continue
            elif to not in reached and inside:
                returns.append(max(at, self.received))
            inside = to in reached
        return ItemEvents(self.received, self.pauses, tuple(stops), tuple(returns))


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

    def version(self, version_id: int, level_id: int) -> ServiceLevelVersion | None:
        return next((version for version in self.versions[level_id] if version.pk == version_id), None)


def _rows(statement: str, ids: Sequence[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [current_organization_id(), list(ids)])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def read(item_ids: Sequence[int], *, lock: bool = False, level_ids: Iterable[int] | None = None) -> Facts:
    """The facts of these items. `lock` keeps their rows until the transaction ends, so that what is written follows from what stands.

    The lock is taken first: whoever held an item before has committed when the other facts are read.
    """
    items = _items(item_ids, lock)
    facts = Facts(items)
    _read_levels(facts, None if level_ids is None else set(level_ids))
    if not facts.versions:
        # Clocks of a level that no longer selects the item still have to go.
        facts.stored = _stored(item_ids) if level_ids is None else {}
        return facts
    facts.stored = _stored(item_ids)
    facts.excluded = set(Exclusion.objects.filter(item_id__in=item_ids, withdrawn_at__isnull=True).values_list("level_id", "item_id"))
    closings = Attainment.objects.filter(level_id__in=list(facts.versions), state="closed").values_list(
        "level_id", "window_start", "closed_at"
    )
    facts.closed = {(level, to_epoch(start)): to_epoch(at) for level, start, at in closings.order_by("revision") if at}
    return facts


def _stored(item_ids: Sequence[int]) -> dict[ClockKey, StoredClock]:
    return {(item, level, cycle): StoredClock(pk, version, window) for pk, item, level, cycle, version, window in _rows(_CLOCKS, item_ids)}


def _items(item_ids: Sequence[int], lock: bool) -> list[ItemFacts]:
    rows = _rows(_ITEMS + (" FOR NO KEY UPDATE" if lock else ""), item_ids)
    moves: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for item_id, to, at in _rows(_TRANSITIONS, item_ids):
        moves[item_id].append((to, at))
    pauses: dict[int, list[Pause]] = defaultdict(list)
    for item_id, start, end, party, reason in _rows(_PAUSES, item_ids):
        pauses[item_id].append(Pause(start, end, Party(party), reason))
    return [
        ItemFacts(pk, client, matter, stream, kind, priority, severity, received, tuple(moves[pk]), tuple(pauses[pk]))
        for pk, client, matter, stream, kind, priority, severity, received in rows
    ]


def _read_levels(facts: Facts, only: set[int] | None) -> None:
    streams = {item.workstream_id for item in facts.items}
    versions = (
        ServiceLevelVersion.objects.filter(level__workstream_id__in=streams)
        .select_related("level", "calendar_version")
        .order_by("level_id", "effective_from")
    )
    if only is not None:
        versions = versions.filter(level_id__in=only)
    by_level: dict[int, list[ServiceLevelVersion]] = defaultdict(list)
    for version in versions:
        if version.level.kind == LevelKind.ACCURACY:
            facts.accuracy.append(version)
            continue
        by_level[version.level_id].append(version)
    facts.versions = dict(by_level)
    levels: dict[int, list[int]] = defaultdict(list)
    for level_id, known in by_level.items():
        levels[known[0].level.workstream_id].append(level_id)
    facts.levels = dict(levels)


__all__ = ["REACHED", "ClockKey", "Facts", "ItemFacts", "StoredClock", "read"]
