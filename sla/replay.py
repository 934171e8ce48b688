"""A past replayed under a proposed contract, beside what holds: from the same facts, so only the contract can make a difference.

Nothing is written here. A `Tally` is filled chunk by chunk and fits into a job's cursor, however long the history; `outcome_of_replay`
turns it into what a scenario keeps. Instants are UTC epoch seconds.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from engagements import states
from engagements.models import WorkItem
from lpo.core.localtime import from_epoch, local_midnight
from lpo.core.periods import Period, add_months
from sla import wording
from sla.clockrows import ClockRow, replayed
from sla.counting import Count, counted_of, measure
from sla.earnback import labels
from sla.facts import REACHED, read
from sla.models import UNCLOCKED, Attainment, ServiceLevelVersion
from sla.verdict import Basis, Counted, Verdict, default, earns_back, judge
from sla.volume import begins
from sla.windows import ends_quarter, in_force, period, quarter_of
from sla.worth import earned

CHUNK = 5_000
MOST_KEPT = 200
NEAREST = 10
OUTCOMES = ("met", "missed", "pending", "excluded")
HOLDS, PROPOSED = "holds", "proposed"


@dataclass(frozen=True)
class Question:
    """What is asked: these months of a level under its `versions` (oldest first) and under the `proposal`, which has no key yet.

    `first` and `last` are the first days of the first and the last month. `now` decides what is open.
    """

    versions: Sequence[ServiceLevelVersion]
    proposal: ServiceLevelVersion
    first: date
    last: date
    now: int

    @property
    def contract(self) -> list[ServiceLevelVersion]:
        """The versions as they would be: the proposal in place of every one from its date on."""
        return [version for version in self.versions if version.effective_from < self.proposal.effective_from] + [self.proposal]

    def side(self, name: str) -> Sequence[ServiceLevelVersion]:
        return self.versions if name == HOLDS else self.contract

    @property
    def clocked(self) -> bool:
        """Whether items have clocks to be replayed; checks and volumes are summed from what is there."""
        return self.proposal.level.kind not in UNCLOCKED


@dataclass
class Tally:
    """What has been counted so far. `counts`: side → window start → how many of each outcome; `kept` and `near`: rows with their
    distance from the edge, in its order, at most so many of each; `differing`: how many rows differ in all."""

    after: int = 0
    items: int = 0
    differing: int = 0
    counts: dict[str, dict[str, list[int]]] = field(default_factory=lambda: {HOLDS: {}, PROPOSED: {}})
    kept: list[list[Any]] = field(default_factory=list)
    near: list[list[Any]] = field(default_factory=list)


def in_force_on(versions: Sequence[ServiceLevelVersion], instant: int) -> ServiceLevelVersion:
    """The version that measures a window which begins then: the one in force, else the first."""
    return versions[in_force([(version.effective_from, version.time_zone) for version in versions], instant) or 0]


def windows_of(question: Question, side: str) -> list[tuple[ServiceLevelVersion, Period]]:
    """Each window from the first month to the last by the version that measures it, oldest first.

    Begins earlier where a verdict needs more: with the quarter where few items roll up into it, a year before where misses add up.
    """
    versions = question.side(side)
    begin = question.first
    if any(version.roll_up_below for version in versions):
        begin = begin.replace(month=begin.month - (begin.month - 1) % 3)
    if any(version.minimum_percent is not None for version in versions):
        begin = add_months(begin, -12)
    found: list[tuple[ServiceLevelVersion, Period]] = []
    at = local_midnight(begin, ZoneInfo(in_force_on(versions, 0).time_zone))
    while True:
        version = in_force_on(versions, at)
        window = period(at, version.time_zone, version.window)
        # The version that measures a window is the one in force where it begins, not where this step came to stand.
        measuring = in_force_on(versions, window.start)
        if measuring is not version:
            window = period(window.start, measuring.time_zone, measuring.window)
        if window.start >= local_midnight(add_months(question.last, 1), ZoneInfo(measuring.time_zone)):
            return found
        if not found or window.start > found[-1][1].start:
            found.append((measuring, window))
        at = max(window.end, at + 1)


def shown(question: Question, version: ServiceLevelVersion, window: Period) -> bool:
    """Whether a window is among those asked for, not one that only a verdict needs."""
    return window.end > local_midnight(question.first, ZoneInfo(version.time_zone))


# What ended before the span began counts before it: its clocks were decided by then.
_CANDIDATES = """
FROM engagements_workitem i
WHERE i.organization_id = %(organization)s AND i.workstream_id = %(workstream)s AND i.kind = ANY (%(kinds)s) AND i.id > %(after)s
  AND i.received_at < %(end)s AND (i.state <> ALL (%(ended)s) OR EXISTS (
    SELECT 1 FROM engagements_transition t
    WHERE t.organization_id = i.organization_id AND t.item_id = i.id AND t.at >= %(start)s))
"""
_SIZE = f"SELECT count(*) FROM (SELECT 1 {_CANDIDATES} LIMIT %(most)s) AS few"  # noqa: S608 -- pieces of this module
_NEXT = f"SELECT i.id {_CANDIDATES} ORDER BY i.id LIMIT %(chunk)s"


def _candidates(question: Question, after: int) -> dict[str, Any]:
    spans = [window for side in (HOLDS, PROPOSED) for _, window in windows_of(question, side)]
    known = [*question.versions, question.proposal]
    reached = [REACHED.get((version.item_kind, version.stop_state), frozenset({version.stop_state})) for version in known]
    return {
        "organization": question.proposal.level.organization_id,
        "workstream": question.proposal.level.workstream_id,
        "kinds": sorted({version.item_kind for version in known}),
        "after": after,
        "start": from_epoch(min((window.start for window in spans), default=question.now)),
        "end": from_epoch(max((window.end for window in spans), default=question.now)),
        "ended": sorted({*frozenset.intersection(*reached), states.CANCELLED}),
    }


def size(question: Question, most: int) -> int:
    """How many items would be replayed, counted no further than `most`."""
    if not question.clocked:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_SIZE, {**_candidates(question, 0), "most": most})
        return int(cursor.fetchone()[0])


def replay(question: Question, tally: Tally, chunk: int = 0) -> Iterator[Tally]:
    """Count items into the tally from where it stands, a chunk at a time. A level without clocks has none: it is summed at the end."""
    while question.clocked:
        with connection.cursor() as cursor:
            values = {**_candidates(question, tally.after), "chunk": chunk or CHUNK}
            cursor.execute(_NEXT, values)
            ids = [int(row[0]) for row in cursor.fetchall()]
        if not ids:
            return
        _count(question, tally, ids)
        tally.after, tally.items = ids[-1], tally.items + len(ids)
        yield tally


def _count(question: Question, tally: Tally, ids: Sequence[int]) -> None:
    facts = read(ids, level_ids=[question.proposal.level_id])
    holds = {row.item_id: row for row in replayed(facts, question.now) if row.cycle == 1}
    if not _same_windows(question):
        # Which of the proposed windows had closed before a return nobody can know.
        facts.closed = {}
    proposed = {row.item_id: row for row in replayed(facts, question.now, question.proposal) if row.cycle == 1}
    spans = {side: _span(question, side) for side in (HOLDS, PROPOSED)}
    for item in facts.items:
        pair = holds.get(item.id), proposed.get(item.id)
        outcomes = [None if row is None else row.outcome(question.now) for row in pair]
        for side, row, outcome in zip((HOLDS, PROPOSED), pair, outcomes, strict=True):
            if row is not None and outcome is not None:
                tally.counts[side].setdefault(str(row.window), [0, 0, 0, 0])[OUTCOMES.index(outcome)] += 1
        inside = any(row is not None and spans[side][0] <= row.window < spans[side][1] for side, row in zip(spans, pair, strict=True))
        if inside:
            _keep(tally, item.id, pair, outcomes, question.now)


def _same_windows(question: Question) -> bool:
    latest = question.versions[-1]
    return (latest.time_zone, latest.window) == (question.proposal.time_zone, question.proposal.window)


def _span(question: Question, side: str) -> tuple[int, int]:
    wanted = [window for version, window in windows_of(question, side) if shown(question, version, window)]
    return (wanted[0].start, wanted[-1].end) if wanted else (0, 0)


def _keep(tally: Tally, item_id: int, pair: Sequence[ClockRow | None], outcomes: Sequence[str | None], now: int) -> None:
    """Remember a row that differs, and one that was nearly decided the other way, as long as there are not too many nearer ones."""
    decided, differs = pair[1], outcomes[0] != outcomes[1]
    distance = 0 if decided is None else abs((now if decided.stopped is None else decided.stopped) - decided.due)
    tally.differing += differs
    for rows, most, wanted in ((tally.kept, MOST_KEPT, differs), (tally.near, NEAREST, outcomes[1] in ("met", "missed"))):
        if wanted and (len(rows) < most or distance < rows[-1][0]):
            insort(rows, [distance, item_id, _stopped(pair), *_sides(pair, outcomes)], key=lambda row: (row[0], row[1]))
            del rows[most:]


def _stopped(pair: Sequence[ClockRow | None]) -> int | None:
    return next(row.stopped for row in pair if row is not None)


def _sides(pair: Sequence[ClockRow | None], outcomes: Sequence[str | None]) -> list[list[Any] | None]:
    return [None if row is None else [outcome, row.due, row.window] for row, outcome in zip(pair, outcomes, strict=True)]


def outcome_of_replay(question: Question, tally: Tally) -> dict[str, Any]:
    """What a scenario keeps: both sides of each window, their credits, and the items that decide, as JSON."""
    references = dict(WorkItem.objects.filter(id__in={row[1] for row in [*tally.kept, *tally.near]}).values_list("id", "reference"))
    return {
        "items": tally.items,
        "sides": {side: _judged(question, side, tally.counts[side]) for side in (HOLDS, PROPOSED)},
        "differing": tally.differing,
        "kept": [_named(row, references) for row in tally.kept],
        "near": [_named(row, references) for row in tally.near],
    }


def _named(row: Sequence[Any], references: dict[int, str]) -> dict[str, Any]:
    distance, item_id, stopped, *sides = row
    shaped = [None if side is None else dict(zip(("outcome", "due", "window"), side, strict=True)) for side in sides]
    return {"reference": references[item_id], "distance": distance, "stopped": stopped, HOLDS: shaped[0], PROPOSED: shaped[1]}


@dataclass(frozen=True)
class _Ruled:
    """A window that was judged, as the windows after it see it."""

    first_day: date
    quarter: int
    counted: Counted
    basis: Basis
    met: bool | None
    start: int
    label: str
    ended: bool


def _judged(question: Question, side: str, counts: dict[str, list[int]]) -> list[dict[str, Any]]:
    """The windows of one side in order, each judged with what the ones before it say."""
    found, before, terms = list[dict[str, Any]](), list[_Ruled](), dict[int, ServiceLevelVersion]()
    closed = _closed(question.proposal.level_id) if side == HOLDS else {}
    for version, window in windows_of(question, side):
        version.level = question.proposal.level
        start = from_epoch(window.start)
        count = _count_of(question, side, version, window, counts)
        quarter = quarter_of(window, version.time_zone)
        quarter_ends = ends_quarter(window, version.time_zone)
        rolled = [one.counted for one in before if one.quarter == quarter.start and one.basis == Basis.ROLLED_UP]
        carried = rolled if quarter_ends and version.roll_up_below else []
        counted = count.counted((sum(one.numerator for one in carried), sum(one.denominator for one in carried)))
        verdict = judge(version, counted, quarter_ends=quarter_ends)
        year_ago = add_months(window.first_day, -12)
        ruling = default(version, verdict, counted, sum(one.met is False for one in before if one.first_day >= year_ago))
        ended = window.end <= question.now
        before.append(_Ruled(window.first_day, quarter.start, counted, verdict.basis, verdict.met, window.start, window.label, ended))
        if shown(question, version, window):
            worth = earned(version, start, ruling)
            found.append(
                {
                    "start": window.start,
                    "label": window.label,
                    "ended": ended,
                    "numerator": count.numerator,
                    "denominator": count.denominator,
                    "pending": count.pending,
                    "excluded": count.excluded,
                    "weighed": _weighed(version, counted),
                    "credit": wording.number(worth),
                    "why": ruling.why,
                    "closed": _closed_otherwise(version, closed.get(start), counted),
                    **_said(version, verdict, counted),
                }
            )
            terms[window.start] = version
    for row in found:
        _earn_back(terms[row["start"]], row, [one for one in before if one.start > row["start"]])
    return found


def _earn_back(terms: ServiceLevelVersion, row: dict[str, Any], after: Sequence[_Ruled]) -> None:
    """Take a credit out that the windows after it earned back. Where they lie beyond the months replayed it stands, and says so."""
    number = terms.earn_back_windows
    if number is None or not Decimal(row["credit"]):
        return
    following = after[:number]
    reached = [one.ended and earns_back(terms, one.counted, met=one.met) for one in following]
    if all(reached) and len(following) == number:
        said = f"A credit of {row['credit']} %, earned back by {labels(one.label for one in following)}."
        row["credit"] = wording.number(Decimal(0))
    elif all(reached):
        said = "The months replayed end before its credit could be earned back."
    else:
        return
    row["why"] = f"{row['why']} {said}".strip()


def _said(version: ServiceLevelVersion, verdict: Verdict, counted: Counted) -> dict[str, Any]:
    return {
        "met": verdict.met,
        "basis": verdict.basis.value,
        "judged": wording.judged(version, counted, verdict.basis),
        "promise": wording.short_target(version),
        "goal": wording.number(version.max_error_percent or version.expected_percent or Decimal(0)),
    }


def _closed_otherwise(version: ServiceLevelVersion, frozen: Counted | None, counted: Counted) -> list[Any] | None:
    """What a window was closed with, where the facts have moved on since, and its rate where that was weighed: the closed figure stays,
    the replay says what it had been."""
    if frozen is None or _own(frozen) == _own(counted):
        return None
    weighed = _weighed(version, frozen)
    return [frozen.numerator, frozen.denominator, *([] if weighed is None else [weighed])]


def _own(counted: Counted) -> tuple[int, int, Fraction | None]:
    return counted.numerator, counted.denominator, counted.rate


def _weighed(version: ServiceLevelVersion, counted: Counted) -> str | None:
    """The rate that is compared, where severities or strata weigh."""
    return None if counted.rate is None or version.min_volume is not None else f"{counted.rate}"


def _count_of(question: Question, side: str, version: ServiceLevelVersion, window: Period, counts: dict[str, list[int]]) -> Count:
    if not question.clocked:
        whole = version.min_volume is None or window.start >= begins(question.side(side)[0])
        return measure(version, from_epoch(window.start), from_epoch(window.end), from_epoch(question.now)) if whole else Count(0, 0)
    met, missed, pending, excluded = counts.get(str(window.start), [0, 0, 0, 0])
    return Count(met, met + missed, pending, excluded)


def _closed(level_id: int) -> dict[datetime, Counted]:
    rows = Attainment.objects.filter(level_id=level_id, state="closed").order_by("revision").defer("snapshot")
    return {row.window_start: counted_of(row) for row in rows}


def total_credit(windows: Sequence[dict[str, Any]]) -> Decimal:
    """All credits of one side in percent of the credit base of a window each."""
    return sum((Decimal(window["credit"]) for window in windows), Decimal(0))
