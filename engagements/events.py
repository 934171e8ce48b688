"""Who is told when facts of work change. Rooms above register here; engagements knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

MOST_IDS = 50_000


@dataclass(frozen=True)
class Changed:
    """Facts of these items changed: a transition, a pause, or an attribute a service level may select by.

    `fresh`: the items were written in this very transaction and are at their beginning, received or assigned, so nobody else can
    hold them and nothing follows from them yet. `moved`: all of them went to this state at this instant, which is the last thing
    that happened to each.
    """

    organization_id: int
    item_ids: Sequence[int]
    fresh: bool = False
    moved: tuple[str, datetime] | None = None


subscribers: list[Callable[[Changed], None]] = []


def tell(changed: Changed) -> None:
    """Call every subscriber in the current transaction, with at most 50,000 ids at a time; no ids, no call."""
    for start in range(0, len(changed.item_ids), MOST_IDS):
        part = Changed(changed.organization_id, changed.item_ids[start : start + MOST_IDS], changed.fresh, changed.moved)
        for subscriber in subscribers:
            subscriber(part)
