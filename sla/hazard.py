"""What became of similar items: of those of a level that were still open at the same share of their time, how many were missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import accumulate
from typing import Any

from django.db import connection

from lpo.tenancy.context import current_organization_id

# Shares are told in steps of one twentieth, 5 % of a clock's time.
STEPS = 20
# Of fewer than these nothing is said: one item more would change the figure by as much as it says.
LEAST = 20
# The latest decided clocks of a level; older ones say less of how it is worked today, and cost as much to read.
MOST = 250
# Clocks decided so far, the latest first, by the share of their time they had used when they stopped. One that is overdue and open has
# used all of it.
_HISTORY = """
SELECT asked.level, h.step, count(*), count(*) FILTER (WHERE h.missed)
FROM unnest(%(levels)s::bigint[]) AS asked(level)
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.stopped_at IS NULL THEN %(steps)s
            ELSE least(%(steps)s, c.used_seconds * %(steps)s / greatest(c.target_seconds, 1)) END AS step,
        c.stopped_at IS NULL OR c.stopped_at > c.due_at AS missed
    FROM sla_clock c
    WHERE c.organization_id = %(organization)s AND c.level_id = asked.level AND c.cycle = 1 AND NOT c.cancelled AND NOT c.excluded
      AND least(c.stopped_at, c.due_at) < %(now)s AND (c.stopped_at IS NOT NULL OR c.held_since IS NULL)
    ORDER BY least(c.stopped_at, c.due_at) DESC LIMIT %(most)s
) AS h
GROUP BY asked.level, h.step
"""
# Per step those that were still open there, and those of them that were missed.
History = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Hazard:
    """`similar` were still open when `percent` of their time was used; `missed` of them were missed."""

    similar: int
    missed: int
    percent: int

    @property
    def text(self) -> str:
        return f"of {self.similar:,} similar items at this point, {self.missed:,} missed"

    @property
    def short(self) -> str:
        """For a row of a list."""
        return f"of {self.similar:,} similar, {self.missed:,} missed"


def histories(level_ids: Iterable[int], now: datetime) -> dict[int, History]:
    """What is known of some levels, in one statement whatever their number."""
    wanted = sorted(set(level_ids))
    if not wanted:
        return {}
    counts = {level: [[0, 0] for _ in range(STEPS + 1)] for level in wanted}
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"levels": wanted, "steps": STEPS, "organization": current_organization_id(), "now": now, "most": MOST}
        cursor.execute(_HISTORY, values)
        for level, step, similar, missed in cursor.fetchall():
            counts[level][step] = [similar, missed]
    return {level: _still_open(steps) for level, steps in counts.items()}


def _still_open(steps: Sequence[Sequence[int]]) -> History:
    """From those that stopped in each step to those that were open at its beginning."""
    similar = list(accumulate(step[0] for step in reversed(steps)))
    missed = list(accumulate(step[1] for step in reversed(steps)))
    return list(zip(reversed(similar), reversed(missed), strict=True))


def hazard_of(known: Mapping[int, History], level_id: int, share: Fraction) -> Hazard | None:
    """None where too little is known, or where all of the time is used."""
    if not 0 <= share < 1 or level_id not in known:
        return None
    step = int(share * STEPS)
    similar, missed = known[level_id][step]
    return Hazard(similar, missed, step * 100 // STEPS) if similar >= LEAST else None
