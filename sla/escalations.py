"""Clocks that have reached a step of an escalation path: so much of their time used, due, or breached by so many hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from django.db.models import Q

from engagements import escalating
from engagements.escalating import AT_ONCE, Reached, Source
from engagements.models import EscalationStep, Matter, Trigger
from lpo.core.localtime import to_epoch
from sla.businesstime import Hours, Seconds
from sla.clock_arrays import Flags
from sla.hours import hours_of
from sla.models import Clock, ServiceLevelVersion
from sla.wording import on_clock

# As many open clocks of an engagement as are looked at for one step. Which of them used so much of their time only their own
# calendar can say, so all are; beyond this the first due.
_LOOKED_AT = 50_000
# Seconds left on the level's calendar (below zero by as many as it is breached) and the target → whether the mark is passed.
Passed = Callable[[Seconds, Seconds], Flags]


def _left(clock: Clock, at: int) -> int:
    """Seconds left on the level's calendar; below zero by as many as it is breached."""
    due, hours = to_epoch(clock.due_at), hours_of(clock.level_version)
    return hours.elapsed(at, due) if at <= due else -hours.elapsed(due, at)


def _used(share: Fraction, left: Seconds, target: Seconds) -> Flags:
    return share.denominator * left <= (share.denominator - share.numerator) * target


def _due(left: Seconds, target: Seconds) -> Flags:
    return left <= 0


def _breached(hours: int, left: Seconds, target: Seconds) -> Flags:
    return -left >= hours * 3600


def _reached(step: EscalationStep, now: datetime, passed: Passed) -> list[Reached]:
    """Running clocks that passed the mark since the step was added: what lay behind them before is no news."""
    matters = Matter.objects.filter(engagement_id=step.engagement_id).values("id")
    running: Any = Clock.objects.filter(matter_id__in=matters, stopped_at__isnull=True, held_since__isnull=True)
    rows = running.filter(cancelled=False, excluded=False)
    if step.trigger in (Trigger.DUE, Trigger.BREACHED):
        rows = rows.filter(due_at__lte=now - timedelta(hours=step.after))
    if step.trigger != Trigger.BREACHED:
        # What was due before the step was there had passed every mark but that of a breach by so many hours.
        rows = rows.filter(Q(due_at__gt=step.created_at) | Q(started_at__gte=step.created_at))
    listed = escalating.untold(rows, step, "clock", "item_id", "level_id", "cycle").order_by("due_at", "id")
    columns = ("id", "started_at", "due_at", "target_seconds", "level_version_id")
    ids = _news(list(listed.values_list(*columns)[:_LOOKED_AT]), to_epoch(step.created_at), to_epoch(now), passed)
    if not ids:
        return []
    found = listed.select_related("item", "level", "level_version__calendar_version").in_bulk(ids)
    return [
        Reached(clock.subject, _words(clock, to_epoch(now)), f"work/{clock.item.reference}/", clock.matter_id, clock.item_id)
        for clock in (found[pk] for pk in ids if pk in found)
    ]


def _news(rows: Sequence[tuple[int, datetime, datetime, int, int]], began: int, now: int, passed: Passed) -> list[int]:
    """Of these clocks, due first, at most `AT_ONCE` that have passed the mark by now and had not when the step began."""
    of_version: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        of_version.setdefault(row[4], []).append(place)
    versions = ServiceLevelVersion.objects.select_related("calendar_version").in_bulk(of_version)
    places: list[int] = []
    for pk, mine in of_version.items():
        started = np.array([to_epoch(rows[place][1]) for place in mine], dtype=np.int64)
        due = np.array([to_epoch(rows[place][2]) for place in mine], dtype=np.int64)
        target = np.array([rows[place][3] for place in mine], dtype=np.int64)
        hours = hours_of(versions[pk])
        news = passed(_left_many(hours, now, due), target) & ((started >= began) | ~passed(_left_many(hours, began, due), target))
        places += [place for place, is_news in zip(mine, news.tolist(), strict=True) if is_news]
    return [rows[place][0] for place in sorted(places)[:AT_ONCE]]


def _left_many(hours: Hours, at: int, due: Seconds) -> Seconds:
    """`_left` of many clocks of one level version."""
    ahead = hours.elapsed_many(np.minimum(due, at), np.maximum(due, at))
    return np.where(due >= at, ahead, -ahead)


def _words(clock: Clock, now: int) -> str:
    left, version = _left(clock, now), clock.level_version
    if left > 0:
        how = f"{on_clock(left, version)} left"
    else:
        how = f"breached by {on_clock(-left, version)}" if left else "due now"
    return f"{clock.item.reference}, {clock.level.name}: {how}"


def _source(passed: Passed) -> Source:
    return lambda step, now, today: _reached(step, now, passed)


def _after(step: EscalationStep, now: datetime, today: date) -> list[Reached]:
    return _reached(step, now, partial(_breached, step.after))


def register() -> None:
    """Called once the applications are loaded."""
    escalating.sources.update(
        {
            Trigger.USED_75: _source(partial(_used, Fraction(3, 4))),
            Trigger.USED_90: _source(partial(_used, Fraction(9, 10))),
            Trigger.DUE: _source(_due),
            Trigger.BREACHED: _after,
        }
    )
