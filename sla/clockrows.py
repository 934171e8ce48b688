"""From facts to clock rows: a few items one by one, many through the arrays, with the same result."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from lpo.core.intervals import union
from lpo.core.localtime import local_midnight
from sla.clock import ClockResult, ClockRule, Cycle, Decides, ItemEvents, Pause, cycles, evaluate
from sla.clock_arrays import NONE, ClockArrays, PauseArrays, evaluate_many
from sla.facts import Facts, ItemFacts
from sla.hours import rule_of
from sla.models import ServiceLevelVersion
from sla.windows import in_force, window_start, window_starts

# Below this the set-up of the arrays costs more than it saves.
FEW = 64
_FOREVER = 2**62


class ClockRow(NamedTuple):
    """What is stored of one cycle of one item under one level. Instants are UTC epoch seconds; the order is that of the columns."""

    client_id: int
    matter_id: int
    item_id: int
    level_id: int
    level_version_id: int
    cycle: int
    started: int
    due: int
    stopped: int | None
    held_since: int | None
    cancelled: bool
    excluded: bool
    target_seconds: int
    used_seconds: int
    paused_seconds: int
    late_seconds: int | None
    window: int

    @property
    def key(self) -> tuple[int, int, int]:
        return self.item_id, self.level_id, self.cycle

    def outcome(self, at: int) -> str:
        """How it counts at an instant, as `counting.OUTCOME` has it for a stored clock."""
        if self.excluded or self.cancelled:
            return "excluded"
        if self.stopped is not None:
            return "met" if self.stopped <= self.due else "missed"
        return "missed" if self.held_since is None and self.due < at else "pending"


@dataclass(frozen=True, slots=True)
class Subject:
    """One item under the level version that binds it, as that version sees its events."""

    item: ItemFacts
    version: ServiceLevelVersion
    events: ItemEvents
    rule: ClockRule
    excluded: bool


def project(facts: Facts, now: int, *, repin: bool = False, few: int = FEW) -> list[ClockRow]:
    """The clocks that follow from the facts. `repin` lets open clocks take the version in force at their start; others keep theirs."""
    subjects = list(_subjects(facts, repin))
    rows = _one_by_one(subjects, now) if len(subjects) <= few else _by_arrays(subjects, now)
    return [_kept_in_closed_window(row, facts) for row in rows]


def replayed(facts: Facts, now: int, proposal: ServiceLevelVersion | None = None) -> list[ClockRow]:
    """The clocks as the facts alone would have them, whatever windows counted when they closed. With a `proposal`, as if it had been
    its level's version from its date on. For comparing, never for storing."""
    subjects = list(_subjects(facts, False, proposal))
    return _one_by_one(subjects, now) if len(subjects) <= FEW else _by_arrays(subjects, now)


def _subjects(facts: Facts, repin: bool, proposal: ServiceLevelVersion | None = None) -> Iterator[Subject]:
    effective = {level: _dates(versions) for level, versions in facts.versions.items()}
    rules: dict[tuple[int | None, int | None], ClockRule] = {}
    begins = None if proposal is None else local_midnight(proposal.effective_from, ZoneInfo(proposal.time_zone))
    for item in facts.items:
        for level_id in facts.levels.get(item.workstream_id, ()):
            proposed = proposal is not None and begins is not None and _takes(facts, item, proposal, level_id, begins)
            version = proposal if proposed else _binding(facts, item, level_id, effective[level_id], repin)
            events = item.events(version) if version is not None and applies(version, item) else None
            if version is not None and events is not None:
                closing = _closing(facts, version, events)
                rule = rules.get((version.pk, closing)) or rules.setdefault((version.pk, closing), rule_of(version, closing))
                yield Subject(item, version, events, rule, (level_id, item.id) in facts.excluded)


def _takes(facts: Facts, item: ItemFacts, proposal: ServiceLevelVersion, level_id: int, begins: int) -> bool:
    """Whether a proposed version is one of this level and in force when the item starts, and the level takes clocks for it at all."""
    started = item.started(proposal.start_state)
    in_time = started is not None and started >= begins
    return in_time and proposal.level_id == level_id and (proposal.level.active or (item.id, level_id, 1) in facts.stored)


def subject_of(facts: Facts, item_id: int, version: ServiceLevelVersion) -> Subject | None:
    """One item as a given version sees it; None where the item is not among the facts, or its clock has not started."""
    item = next((item for item in facts.items if item.id == item_id), None)
    events = item.events(version) if item is not None else None
    if item is None or events is None:
        return None
    return Subject(item, version, events, rule_of(version, _closing(facts, version, events)), (version.level_id, item_id) in facts.excluded)


def _dates(versions: Sequence[ServiceLevelVersion]) -> list[tuple[date, str]]:
    return [(version.effective_from, version.time_zone) for version in versions]


def applies(version: ServiceLevelVersion, item: ItemFacts) -> bool:
    """Whether a promise covers an item: its kind, and priority, type or severity where the promise names one."""
    return (
        version.item_kind == item.kind
        and version.priority in ("", item.priority)
        and version.covers_type(item.type)
        and (version.severity in ("", item.severity) or version.item_kind != "error")
    )


def _binding(facts: Facts, item: ItemFacts, level_id: int, effective: list[tuple[date, str]], repin: bool) -> ServiceLevelVersion | None:
    versions = facts.versions[level_id]
    stored = facts.stored.get((item.id, level_id, 1))
    pinned = facts.version(stored.version_id, level_id) if stored else None
    # A finished clock keeps its version whatever is asked: nobody can work towards another goal any more.
    if pinned is not None and not (repin and _runs(item, pinned)):
        return pinned
    if stored is None and not versions[0].level.active:
        return None
    return _in_force(item, versions, effective)


def _runs(item: ItemFacts, version: ServiceLevelVersion) -> bool:
    events = item.events(version)
    return events is None or not events.stops


def _in_force(item: ItemFacts, versions: Sequence[ServiceLevelVersion], effective: list[tuple[date, str]]) -> ServiceLevelVersion | None:
    """The version in force when the clock starts: by its own start, as versions may differ in what starts them."""
    if not any(version.start_state for version in versions):
        index = in_force(effective, item.received)
        return None if index is None else versions[index]
    for place in range(len(versions) - 1, -1, -1):
        started = item.started(versions[place].start_state)
        if started is not None and in_force(effective[: place + 1], started) == place:
            return versions[place]
    return None


def _closing(facts: Facts, version: ServiceLevelVersion, events: ItemEvents) -> int | None:
    """Where the last delivery decides: when the window of a delivery closed before the return that followed it."""
    if version.decides != Decides.LAST:
        return None
    for stopped, returned in zip(events.stops, events.returns, strict=False):
        closed = facts.closed.get((version.level_id, window_start(stopped, version.time_zone, version.window)))
        if closed is not None and closed <= returned:
            return closed
    return None


def _one_by_one(subjects: Sequence[Subject], now: int) -> list[ClockRow]:
    return [row for subject in subjects for row in _evaluated(subject, now)]


def _evaluated(subject: Subject, now: int) -> Iterator[ClockRow]:
    # Only the open cycle depends on the instant asked about: that of a cancelled item ends with the cancelling.
    cancelled = subject.item.cancelled_at
    results = evaluate(subject.events, subject.rule, now if cancelled is None else cancelled, explain=False)
    found = cycles(subject.events, subject.rule.decides, subject.rule.closed_at)
    for result, cycle in zip(results, found, strict=True):
        yield _row(subject, result, cycle, now)


def _row(subject: Subject, result: ClockResult, cycle: Cycle, now: int) -> ClockRow:
    item, version = subject.item, subject.version
    stopped, cancelled, ended = result.stopped, False, now
    if stopped is None and item.cancelled_at is not None:
        ended = max(item.cancelled_at, result.started)
        # What was due before it was cancelled stays missed; the cancelling ends its lateness.
        cancelled = result.met is not False
        stopped = None if cancelled else ended
    held = None
    if stopped is None and not cancelled and result.due is None:
        held = _held_since(subject, cycle)
    at = _counted_at(result.due, stopped, ended if cancelled else None, now)
    return ClockRow(
        item.client_id,
        item.matter_id,
        item.id,
        version.level_id,
        version.pk,
        result.cycle,
        result.started,
        result.projected_due,
        stopped,
        held,
        cancelled,
        subject.excluded,
        result.budget_seconds,
        result.used_seconds,
        result.paused_seconds,
        None if stopped is None else result.late_seconds,
        window_start(at, version.time_zone, version.window),
    )


def _counted_at(due: int | None, stopped: int | None, cancelled: int | None, now: int) -> int:
    """The instant whose window a clock belongs to: decided at min(stop, due); open where it is due; held, now; cancelled, then."""
    end = cancelled if stopped is None else stopped
    if end is None:
        return now if due is None else due
    return end if due is None else min(end, due)


def _held_since(subject: Subject, cycle: Cycle) -> int:
    stopping = [*cycle.holds, *(pause for pause in subject.item.pauses if pause.party in subject.rule.stopping)]
    spans = [(max(p.start, cycle.started), _FOREVER if p.end is None else p.end) for p in stopping]
    return union((s, e) for s, e in spans if s < e)[-1][0]


def _by_arrays(subjects: Sequence[Subject], now: int) -> list[ClockRow]:
    """One evaluation for all subjects of a version. Cancelled and held ones, the few whose result hangs on an instant, singly."""
    groups: dict[tuple[int, int | None], list[Subject]] = defaultdict(list)
    rows: list[ClockRow] = []
    for subject in subjects:
        if subject.item.cancelled_at is not None or any(pause.end is None for pause in subject.item.pauses):
            rows.extend(_evaluated(subject, now))
        else:
            groups[subject.version.pk, subject.rule.closed_at].append(subject)
    for group in groups.values():
        rows.extend(_group(group, now))
    return rows


def _group(group: Sequence[Subject], now: int) -> list[ClockRow]:
    rule, version = group[0].rule, group[0].version
    runs = [(subject, cycle) for subject in group for cycle in cycles(subject.events, rule.decides, rule.closed_at)]
    started = np.array([cycle.started for _, cycle in runs], dtype=np.int64)
    stopped = np.array([NONE if cycle.stopped is None else cycle.stopped for _, cycle in runs], dtype=np.int64)
    pauses = PauseArrays.of([_stopping(subject, cycle, rule) for subject, cycle in runs])
    found = evaluate_many(target=rule.target, hours=rule.hours, started=started, stopped=stopped, pauses=pauses, now=now)
    at = np.where(stopped == NONE, found.due, np.minimum(stopped, found.due))
    windows = window_starts(at, version.time_zone, version.window)
    return [_array_row(subject, cycle, found, i, int(windows[i])) for i, (subject, cycle) in enumerate(runs)]


def _stopping(subject: Subject, cycle: Cycle, rule: ClockRule) -> list[Pause]:
    return [*cycle.holds, *(pause for pause in subject.item.pauses if pause.party in rule.stopping)]


def _array_row(subject: Subject, cycle: Cycle, found: ClockArrays, i: int, window: int) -> ClockRow:
    item, version = subject.item, subject.version
    return ClockRow(
        item.client_id,
        item.matter_id,
        item.id,
        version.level_id,
        version.pk,
        cycle.number,
        cycle.started,
        int(found.due[i]),
        cycle.stopped,
        None,
        False,
        subject.excluded,
        int(found.budget[i]),
        int(found.used[i]),
        int(found.paused[i]),
        None if cycle.stopped is None else int(found.late[i]),
        window,
    )


def _kept_in_closed_window(row: ClockRow, facts: Facts) -> ClockRow:
    """A clock that a closed window counted stays there, whatever is learned later: it counts once. A restatement may move it."""
    stored = facts.stored.get(row.key)
    if stored is None or stored.window == row.window or (row.level_id, stored.window) not in facts.closed:
        return row
    return row._replace(window=stored.window)
