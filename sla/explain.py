"""How a clock came about, interval by interval, for the page of its item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lpo.core.localtime import from_epoch, to_epoch
from sla.board import other_zone, standing
from sla.clock import ClockResult, Segment, SegmentKind, evaluate
from sla.clockrows import subject_of
from sla.facts import Facts
from sla.models import Clock
from sla.wording import short_target, used_of

# Beyond this the middle of a long life is summed up in one line.
EDGE = 40
_WORDS = {SegmentKind.RUNNING: "Running", SegmentKind.PAUSED: "Paused", SegmentKind.CLOSED: "Outside hours"}
_PARTY = {"client": "the client", "third_party": "a third party", "provider": "us"}


@dataclass(frozen=True, slots=True)
class Interval:
    """One line: when, why, and how many seconds it put on the clock."""

    start: datetime
    end: datetime
    kind: str
    text: str
    seconds: int
    counted: int


@dataclass(frozen=True, slots=True)
class Explained:
    """A clock with the intervals that add up to its used time."""

    clock: Clock
    kind: str
    text: str
    promised: str
    used: int
    paused: int
    intervals: Sequence[Interval]

    @property
    def zone(self) -> str:
        return str(self.clock.level_version.time_zone)

    @property
    def other_zone(self) -> str:
        return other_zone(self.clock.due_at, self.zone)

    @property
    def used_of_target(self) -> str:
        return used_of(self.used, self.clock.target_seconds, self.clock.level_version)


def explained(facts: Facts, clocks: Sequence[Clock], now: datetime) -> list[Explained]:
    """Every clock of one item from the same facts and the same engine that made it."""
    found = []
    for clock in clocks:
        subject = subject_of(facts, clock.item_id, clock.level_version)
        if subject is None:
            continue
        ended = subject.item.cancelled_at
        results = evaluate(subject.events, subject.rule, to_epoch(now) if ended is None else ended)
        result = next((result for result in results if result.cycle == clock.cycle), None)
        if result is not None:
            found.append(_explained(clock, result, now))
    return found


def _explained(clock: Clock, result: ClockResult, now: datetime) -> Explained:
    kind, text = _status(clock, now)
    return Explained(
        clock, kind, text, short_target(clock.level_version), result.used_seconds, result.paused_seconds, _lines(result.intervals)
    )


def _status(clock: Clock, now: datetime) -> tuple[str, str]:
    if clock.cancelled:
        return "draft", "Cancelled before it was due"
    if clock.stopped_at is not None:
        return ("met", "Met") if clock.stopped_at <= clock.due_at else ("breach", "Missed")
    kind, text, _ = standing(clock, now)
    return kind, text


def _lines(segments: Sequence[Segment]) -> list[Interval]:
    if len(segments) <= 2 * EDGE:
        return [_line(segment) for segment in segments]
    middle = segments[EDGE:-EDGE]
    running = sum(segment.seconds for segment in middle if segment.kind is SegmentKind.RUNNING)
    text = f"{len(middle):,} further intervals, summed up"
    summed = Interval(
        from_epoch(middle[0].start), from_epoch(middle[-1].end), "", text, sum(segment.seconds for segment in middle), running
    )
    return [*(_line(segment) for segment in segments[:EDGE]), summed, *(_line(segment) for segment in segments[-EDGE:])]


def _line(segment: Segment) -> Interval:
    why = ", ".join(dict.fromkeys(f"{_PARTY.get(pause.party, pause.party)} ({pause.reason.replace('_', ' ')})" for pause in segment.pauses))
    text = _WORDS[segment.kind]
    if segment.kind is SegmentKind.PAUSED:
        text += f": waiting on {why}"
    elif why and segment.kind is SegmentKind.RUNNING:
        text += f"; waiting on {why} does not stop it"
    counted = segment.seconds if segment.kind is SegmentKind.RUNNING else 0
    return Interval(from_epoch(segment.start), from_epoch(segment.end), segment.kind.value, text, segment.seconds, counted)
