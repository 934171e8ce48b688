"""What one wait does to a promise: the due instant as it is, and as it would be without that pause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.utils import timezone

from engagements import panels
from engagements.models import Pause as StoredPause
from engagements.panels import PauseEffect
from lpo.core.localtime import from_epoch, to_epoch
from sla.clock import Party, Pause
from sla.clockrows import ClockRow, project
from sla.facts import Facts, ItemFacts, read


def effects_of(pauses: Sequence[StoredPause]) -> Mapping[int, PauseEffect]:
    """By pause: the promise of its item that is due first, both ways. The facts are read once for all of them."""
    if not pauses:
        return {}
    facts, now = read(sorted({pause.item_id for pause in pauses})), to_epoch(timezone.now())
    items = {item.id: item for item in facts.items}
    names = {level: versions[0].level.name for level, versions in facts.versions.items()}
    found = {}
    for pause in pauses:
        effect = _effect(facts, items[pause.item_id], pause, names, now) if pause.item_id in items else None
        if effect is not None:
            found[pause.pk] = effect
    return found


def _effect(facts: Facts, item: ItemFacts, pause: StoredPause, names: Mapping[int, str], now: int) -> PauseEffect | None:
    rows = [row for row in _rows(facts, item, now) if not row.cancelled and not row.excluded]
    if not rows:
        return None
    # The open ones before those that are done, then the one that is due first.
    first = min(rows, key=lambda row: (row.stopped is not None, row.due, row.level_id))
    without = next((row for row in _rows(facts, _lacking(item, pause), now) if row.key == first.key), first)
    return PauseEffect(names[first.level_id], from_epoch(first.due), from_epoch(without.due))


def _rows(facts: Facts, item: ItemFacts, now: int) -> list[ClockRow]:
    return project(replace(facts, items=[item]), now)


def _lacking(item: ItemFacts, pause: StoredPause) -> ItemFacts:
    gone = Pause(to_epoch(pause.started_at), to_epoch(pause.ended_at) if pause.ended_at else None, Party(pause.party), pause.reason)
    left = list(item.pauses)
    if gone in left:
        left.remove(gone)
    return replace(item, pauses=tuple(left))


def register() -> None:
    """Called once the applications are loaded."""
    if effects_of not in panels.pause_effects:
        panels.pause_effects.append(effects_of)


__all__ = ["effects_of", "register"]
