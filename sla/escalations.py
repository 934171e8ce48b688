"""Clocks that have reached a step of an escalation path: so much of their time used, due, or breached by so many hours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from functools import partial
from typing import Any

from engagements import escalating
from engagements.escalating import AT_ONCE, Reached
from engagements.models import EscalationStep, Matter, Trigger
from lpo.core.localtime import to_epoch
from sla.hours import hours_of
from sla.models import Clock
from sla.wording import on_clock

# As many open clocks as are looked at for one step, those due first: which of them used so much of their time only their own
# calendar can say.
_LOOKED_AT = 2000
# Seconds used of a clock's time beyond its target, below zero while some is left; on the level's own calendar.
Passed = Callable[[Clock, int], bool]


def _left(clock: Clock, at: int) -> int:
    """Seconds left on the level's calendar; below zero by as many as it is breached."""
    due, hours = to_epoch(clock.due_at), hours_of(clock.level_version)
    return hours.elapsed(at, due) if at <= due else -hours.elapsed(due, at)


def _used(share: Fraction, clock: Clock, at: int) -> bool:
    return _left(clock, at) <= (1 - share) * clock.target_seconds


def _due(clock: Clock, at: int) -> bool:
    return at >= to_epoch(clock.due_at)


def _breached(hours: int, clock: Clock, at: int) -> bool:
    return -_left(clock, at) >= hours * 3600


def _reached(step: EscalationStep, now: datetime, passed: Passed, *, overdue: bool) -> list[Reached]:
    """Running clocks that passed the mark since the step was added: what lay behind them before is no news."""
    matters = Matter.objects.filter(engagement_id=step.engagement_id).values("id")
    running: Any = Clock.objects.filter(matter_id__in=matters, stopped_at__isnull=True, held_since__isnull=True)
    rows = running.filter(cancelled=False, excluded=False)
    if overdue:
        rows = rows.filter(due_at__lte=now)
    listed = escalating.untold(rows, step, "clock", "item_id", "level_id", "cycle").order_by("due_at", "id")
    looked_at = listed.select_related("item", "level", "level_version__calendar_version")[:_LOOKED_AT]
    began, instant = to_epoch(step.created_at), to_epoch(now)

    def is_news(clock: Clock) -> bool:
        return passed(clock, instant) and (to_epoch(clock.started_at) >= began or not passed(clock, began))

    found = [
        Reached(clock.subject, _words(clock, instant), f"work/{clock.item.reference}/", clock.matter_id, clock.item_id)
        for clock in looked_at
        if is_news(clock)
    ]
    return found[:AT_ONCE]


def _words(clock: Clock, now: int) -> str:
    left, version = _left(clock, now), clock.level_version
    if left > 0:
        how = f"{on_clock(left, version)} left"
    else:
        how = f"breached by {on_clock(-left, version)}" if left else "due now"
    return f"{clock.item.reference}, {clock.level.name}: {how}"


def _share(share: Fraction, step: EscalationStep, now: datetime, today: date) -> list[Reached]:
    return _reached(step, now, partial(_used, share), overdue=False)


def _at_due(step: EscalationStep, now: datetime, today: date) -> list[Reached]:
    return _reached(step, now, _due, overdue=True)


def _after(step: EscalationStep, now: datetime, today: date) -> list[Reached]:
    return _reached(step, now, partial(_breached, step.after), overdue=True)


def register() -> None:
    """Called once the applications are loaded."""
    escalating.sources.update(
        {
            Trigger.USED_75: partial(_share, Fraction(3, 4)),
            Trigger.USED_90: partial(_share, Fraction(9, 10)),
            Trigger.DUE: _at_due,
            Trigger.BREACHED: _after,
        }
    )
