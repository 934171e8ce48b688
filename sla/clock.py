"""Service-level clocks: from the events of one item to due, used, met or missed, interval by interval.

Pure and independent of when it runs: with the same events only a clock that is still open differs between two evaluations.
Instants are UTC epoch seconds, amounts seconds of the target's unit (open seconds for business units). Rules in prose:

* Met iff stop ≤ due. The due instant is the first at which the running seconds reach the target, so nothing after it moves it.
* Only pauses of the stopping parties count, each second once, and only while the calendar is open.
* An open pause holds the clock: used and remaining are frozen and there is no due instant, unless the target had run out before.
* A business-day target is the open seconds from receipt to the close of the nth business day; pauses extend it second by second.
* The first delivery decides: a later return starts the next cycle. Where the last delivery decides, the clock resumes on return and the
  time between delivery and return is held by the client; a return at or after `closed_at` starts the next cycle all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from lpo.core.intervals import Interval, union
from sla.businesstime import ALWAYS, CalendarError, Hours

_FOREVER = 2**62  # the end of an open pause while intervals are merged


class ClockError(ValueError):
    """Events or a target from which no clock can be computed."""


class Unit(StrEnum):
    """What a target counts."""

    ELAPSED = "elapsed"
    BUSINESS = "business"
    BUSINESS_DAYS = "business_days"


class Party(StrEnum):
    """Who is responsible for a pause."""

    CLIENT = "client"
    PROVIDER = "provider"
    THIRD_PARTY = "third_party"


class Decides(StrEnum):
    """Which delivery stops the clock."""

    FIRST = "first"
    LAST = "last"


class SegmentKind(StrEnum):
    """Why a stretch of time counted or did not."""

    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"


CLIENT_ONLY = frozenset({Party.CLIENT})
WITH_CLIENT = "delivered, with the client"


@dataclass(frozen=True, slots=True)
class Target:
    """`amount` seconds (elapsed, business) or whole business days. `cutoff_minute`: local minute of the day after which receipt counts
    as the next business day; the day's close where None. Raises `ClockError` for an amount below 1."""

    amount: int
    unit: Unit
    cutoff_minute: int | None = None

    def __post_init__(self) -> None:
        if self.amount < 1:
            raise ClockError(f"a target of {self.amount} cannot be met")


@dataclass(frozen=True, slots=True)
class Pause:
    """[start, end) with its reason and responsible party; `end` None while it lasts. Raises `ClockError` when it ends before it starts."""

    start: int
    end: int | None
    party: Party = Party.CLIENT
    reason: str = ""

    def __post_init__(self) -> None:
        if self.end is not None and self.end < self.start:
            raise ClockError(f"pause ends at {self.end}, before its start {self.start}")


@dataclass(frozen=True, slots=True)
class ItemEvents:
    """The effective facts of one item, in any order: received, pauses, deliveries (stops), returns (reopenings)."""

    started: int
    pauses: tuple[Pause, ...] = ()
    stops: tuple[int, ...] = ()
    returns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockRule:
    """What a pinned service-level version says about the clock. `hours` is needed for business units; `closed_at` is when the
    deciding window closed, after which a return starts a new cycle even where the last delivery decides."""

    target: Target
    hours: Hours = ALWAYS
    stopping: frozenset[Party] = CLIENT_ONLY
    decides: Decides = Decides.FIRST
    closed_at: int | None = None

    @property
    def running_hours(self) -> Hours:
        """The time the clock runs on: the calendar's, or every second for elapsed targets."""
        return ALWAYS if self.target.unit is Unit.ELAPSED else self.hours


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of an item's clock: 1 is the first delivery, 2 and later are rework. `holds` are the client's holdings between a
    delivery and its return, where the last delivery decides."""

    number: int
    started: int
    stopped: int | None
    holds: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch [start, end) in which the same thing was true. `pauses` are those in force, also when they did not stop the clock:
    the provider's on a running stretch, anybody's on a closed one."""

    start: int
    end: int
    kind: SegmentKind
    pauses: tuple[Pause, ...] = ()

    @property
    def seconds(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class ClockResult:
    """One cycle of one item under one rule.

    `budget_seconds`: the target in clock seconds. `due`: None while held. `met`: True, False (missed, even while still open), None
    (undecided). `breached_at`: the due instant of a missed clock. `late_seconds`: wall seconds past due, up to the stop or now;
    `late_open_seconds`: the part of them that ran on the clock. `on_hold`: a stopping pause is in force now. `projected_due`: the
    due instant, or for a held clock what it would be if resumed now. `intervals` partition [started, stopped or now).
    """

    cycle: int
    started: int
    stopped: int | None
    budget_seconds: int
    due: int | None
    projected_due: int
    used_seconds: int
    paused_seconds: int
    breached_at: int | None
    met: bool | None
    late_seconds: int
    late_open_seconds: int
    on_hold: bool
    intervals: tuple[Segment, ...] = ()

    @property
    def remaining_seconds(self) -> int:
        """Clock seconds left; 0 once run out."""
        return max(0, self.budget_seconds - self.used_seconds)

    @property
    def share_used(self) -> Fraction:
        """Used ÷ target, exact; above 1 when the clock ran past its target."""
        return Fraction(self.used_seconds, self.budget_seconds)

    @property
    def rework(self) -> bool:
        return self.cycle > 1


@dataclass(frozen=True, slots=True)
class Reprojected:
    """A clock under an edited goal. `flagged`: the edit alone put its due instant into the past, nobody could have met it."""

    result: ClockResult
    flagged: bool


def evaluate(events: ItemEvents, rule: ClockRule, now: int, *, explain: bool = True) -> tuple[ClockResult, ...]:
    """Every cycle of an item's clock as of its events; `now` matters to open cycles only.

    `explain=False` leaves `intervals` empty. Raises `ClockError`, and `CalendarError` from the calendar.
    """
    return tuple(_evaluate_cycle(cycle, events.pauses, rule, now, explain) for cycle in cycles(events, rule.decides, rule.closed_at))


def cycles(events: ItemEvents, decides: Decides = Decides.FIRST, closed_at: int | None = None) -> tuple[Cycle, ...]:
    """Split an item's deliveries and returns into cycles.

    Deliveries and returns alternate: a second delivery without a return between, or a return of something not delivered, changes
    nothing. Where a delivery and a return share an instant they are taken in the order that alternates.
    """
    found: list[Cycle] = []
    current = Cycle(1, events.started, None)
    for instant, delivered in _alternating(events):
        if delivered:
            current = replace(current, stopped=instant)
        elif decides is Decides.LAST and (closed_at is None or instant < closed_at):
            assert current.stopped is not None  # noqa: S101 -- a return follows a delivery
            hold = Pause(current.stopped, instant, Party.CLIENT, WITH_CLIENT)
            current = replace(current, stopped=None, holds=(*current.holds, hold))
        else:
            found.append(current)
            current = Cycle(current.number + 1, instant, None)
    return (*found, current)


def budget_seconds(target: Target, hours: Hours, started: int) -> int:
    """The target as seconds on the clock. Raises `CalendarError` for business days without a calendar."""
    if target.unit is not Unit.BUSINESS_DAYS:
        return target.amount
    return hours.elapsed(started, hours.business_day_due(started, target.amount, target.cutoff_minute))


def instant_of_use(hours: Hours, started: int, stopping: Iterable[Pause], seconds: int) -> int | None:
    """First instant at which `seconds` (at least 1) have run since `started`, or None when an open pause comes first.

    Thresholds use it: 75 % of a target is reached at `instant_of_use(…, seconds=budget * 3 // 4)`.
    """
    return _run_out(hours, started, _merged(stopping, started, None), seconds)


def reproject(pinned: ClockResult, edited: ClockResult, edited_at: int) -> Reprojected:
    """Apply an edited goal to a clock by explicit choice, and flag a breach that only the edit made."""
    breached_before = pinned.breached_at is not None and pinned.breached_at < edited_at
    flagged = edited.breached_at is not None and edited.breached_at < edited_at and not breached_before
    return Reprojected(edited, flagged)


def _alternating(events: ItemEvents) -> list[tuple[int, bool]]:
    """(instant, delivered) in turn: delivery, return, delivery, …, never before the start."""
    queues = {True: sorted(events.stops), False: sorted(events.returns)}
    at, delivered, taken = events.started, True, list[tuple[int, bool]]()
    positions = {True: 0, False: 0}
    while True:
        queue, i = queues[delivered], positions[delivered]
        while i < len(queue) and queue[i] < at:
            i += 1
        positions[delivered] = i + 1
        if i >= len(queue):
            return taken
        at = queue[i]
        taken.append((at, delivered))
        delivered = not delivered


def _evaluate_cycle(cycle: Cycle, pauses: Sequence[Pause], rule: ClockRule, now: int, explain: bool) -> ClockResult:
    hours, started, stopped = rule.running_hours, cycle.started, cycle.stopped
    budget = budget_seconds(rule.target, rule.hours, started)
    stopping = [*cycle.holds, *(pause for pause in pauses if pause.party in rule.stopping)]
    merged = _merged(stopping, started, stopped)
    end = max(now, started) if stopped is None else stopped
    paused = sum(hours.elapsed(s, min(e, end)) for s, e in merged if s < end)
    used = hours.elapsed(started, end) - paused
    due = _run_out(hours, started, merged, budget)
    missed = due is not None and end > due
    late = end - due if missed and due is not None else 0
    return ClockResult(
        cycle=cycle.number,
        started=started,
        stopped=stopped,
        budget_seconds=budget,
        due=due,
        projected_due=_resumed_now(hours, started, merged, budget, end) if due is None else due,
        used_seconds=used,
        paused_seconds=paused,
        breached_at=due if missed else None,
        met=False if missed else (None if stopped is None else True),
        late_seconds=late,
        late_open_seconds=used - budget if missed else 0,
        on_hold=stopped is None and any(s <= end < e for s, e in merged),
        intervals=_explain(hours, started, end, pauses, cycle.holds, rule.stopping) if explain else (),
    )


def _merged(stopping: Iterable[Pause], started: int, stopped: int | None) -> list[Interval]:
    """Stopping pauses clipped to the cycle, each second once; an open one ends at `_FOREVER`."""
    limit = _FOREVER if stopped is None else stopped
    clipped = ((max(p.start, started), min(_FOREVER if p.end is None else p.end, limit)) for p in stopping)
    return union((s, e) for s, e in clipped if s < e)


def _run_out(hours: Hours, started: int, merged: Sequence[Interval], seconds: int) -> int | None:
    at, left = started, seconds
    for pause_start, pause_end in merged:
        ran = hours.elapsed(at, pause_start)
        if ran >= left:
            break
        if pause_end == _FOREVER:
            return None
        at, left = pause_end, left - ran
    return hours.due(at, left)


def _resumed_now(hours: Hours, started: int, merged: Sequence[Interval], budget: int, now: int) -> int:
    closed = [(s, max(s, now) if e == _FOREVER else e) for s, e in merged]
    due = _run_out(hours, started, closed, budget)
    if due is None:
        raise CalendarError("a clock without open pauses has a due instant")
    return due


def _explain(
    hours: Hours, started: int, end: int, pauses: Sequence[Pause], holds: Sequence[Pause], stopping: frozenset[Party]
) -> tuple[Segment, ...]:
    """Cut [started, end) wherever the calendar opens or closes or a pause begins or ends."""
    opens = hours.open_between(started, end)
    named = [(p, True) for p in holds] + [(p, p.party in stopping) for p in pauses]
    edges = {started, end, *(edge for interval in opens for edge in interval)}
    for pause, _ in named:
        edges.update(edge for edge in (pause.start, end if pause.end is None else pause.end) if started < edge < end)
    cuts, segments, k = sorted(edges), list[Segment](), 0
    for start, stop in pairwise(cuts):
        while k < len(opens) and opens[k][1] <= start:
            k += 1
        is_open = k < len(opens) and opens[k][0] <= start
        active = [(p, stops) for p, stops in named if p.start <= start and (p.end is None or start < p.end)]
        kind = SegmentKind.CLOSED if not is_open else SegmentKind.PAUSED if any(stops for _, stops in active) else SegmentKind.RUNNING
        segments.append(Segment(start, stop, kind, tuple(p for p, _ in active)))
    return tuple(segments)
