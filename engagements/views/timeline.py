"""What happened to an item, in one line each: moves, waits, who had it, on whose word, and what was written down late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engagements import states
from engagements.actions.timing import GRACE
from engagements.models import Assignment, ClientDecision, DeliveryNotice, ErrorNotice, LateEntry, Pause, Transition, WorkItem


@dataclass(frozen=True)
class Entry:
    """One line. `recorded_at` is given where it was written down noticeably later than it happened, `approved` by whom it was
    then approved; `source` says on whose word it counts, `kept` leads to what was written."""

    at: datetime
    text: str
    by: str
    note: str = ""
    recorded_at: datetime | None = None
    gone: bool = False
    approved: str = ""
    source: str = ""
    kept: tuple[str, int] | None = None


@dataclass
class Records:
    """Everything beside moves and pauses that the page of one item reads, each list once and in the order it was written."""

    decisions: Sequence[ClientDecision]
    notices: Sequence[DeliveryNotice]
    late: Sequence[LateEntry]
    errors: Sequence[ErrorNotice]
    by_transition: dict[int, tuple[int, ClientDecision]] = field(default_factory=dict)
    approved: dict[tuple[str, int], LateEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_transition = {row.transition_id: (n, row) for n, row in enumerate(self.decisions, 1) if row.transition_id}
        for row in self.late:
            if row.state == "approved":
                key = row.kind if row.pause_id else "move"
                self.approved[key, row.pause_id or row.transition_id or 0] = row

    @property
    def waiting(self) -> list[tuple[int, LateEntry]]:
        return [(n, row) for n, row in enumerate(self.late, 1) if row.state == "waiting"]


def records_of(item: WorkItem) -> Records:
    errors = _of(ErrorNotice, item) if item.kind == states.ERROR else []
    return Records(_of(ClientDecision, item), _of(DeliveryNotice, item), _of(LateEntry, item), errors)


def _of(model: Any, item: WorkItem) -> list[Any]:
    return list(model.objects.filter(item=item).order_by("id"))


def _late(at: datetime, recorded_at: datetime) -> datetime | None:
    return recorded_at if recorded_at - at > GRACE else None


def _move_entry(row: Transition, gone: set[int], records: Records) -> Entry:
    label = states.LABELS.get(row.to_state, row.to_state)
    if row.reverses_id:
        before = states.LABELS.get(row.from_state, row.from_state).lower()
        return Entry(row.recorded_at, f"Taken back: {before}", row.by_label, row.reason, gone=False)
    approved = records.approved.get(("move", row.pk))
    number, decision = records.by_transition.get(row.pk, (0, None))
    return Entry(
        row.at,
        label,
        row.by_label,
        decision.clause if decision and decision.clause else row.reason,
        _late(row.at, row.recorded_at),
        row.pk in gone,
        approved.decided_by_label if approved else "",
        decision.get_source_display() if decision else "",
        ("message", number) if decision and decision.message_id else None,
    )


def _pause_entries(pause: Pause, ends: set[int], records: Records) -> Iterable[Entry]:
    gone = pause.withdrawn_at is not None
    what = f"On hold: {pause.get_party_display().lower()}, {pause.get_reason_display().lower()}"
    approved = records.approved.get(("pause", pause.pk))
    late = _late(pause.started_at, pause.recorded_at)
    yield Entry(pause.started_at, what, pause.by_label, pause.note, late, gone, approved.decided_by_label if approved else "")
    if pause.ended_at is not None and (gone or pause.pk in ends):
        early = records.approved.get(("resume", pause.pk))
        written, by = (early.recorded_at, early.decided_by_label) if early else (None, "")
        yield Entry(pause.ended_at, "Resumed", early.by_label if early else "", "", written, gone, by)


def timeline(item: WorkItem, moves: Sequence[Transition], gone: set[int], pauses: Sequence[Pause], records: Records) -> list[Entry]:
    """Newest first. Overlapping waits begin one by one and are resumed once, where the last of them ends."""
    entries = [_move_entry(row, gone, records) for row in moves]
    ends = {span.last for span in spans(pauses)}
    for pause in pauses:
        entries.extend(_pause_entries(pause, ends, records))
    assignments = Assignment.objects.filter(item=item).select_related("member__user").order_by("id")
    entries += [Entry(row.at, f"Assigned to {row.member.display_name if row.member else 'nobody'}", row.by_label) for row in assignments]
    for number, decision in enumerate(records.decisions, 1):
        if decision.transition_id is None:
            kept = ("message", number) if decision.message_id else None
            said, late = f"The client: {decision.get_what_display().lower()}", _late(decision.at, decision.recorded_at)
            source = decision.get_source_display()
            entries.append(Entry(decision.at, said, decision.by_label, decision.note, late, source=source, kept=kept))
    for number, notice in enumerate(records.notices, 1):
        text = f"Notice of delivery, {notice.get_channel_display().lower()} to {notice.recipient}"
        entries.append(Entry(notice.sent_at, text, notice.by_label, "", _late(notice.sent_at, notice.recorded_at), kept=("notice", number)))
    for number, told in enumerate(records.errors, 1):
        text, kept = f"Error notified, {told.get_channel_display().lower()}", ("error", number) if told.evidence_id else None
        entries.append(Entry(told.at, text, told.by_label, told.reporter, _late(told.at, told.recorded_at), kept=kept))
    entries += [_refused(row) for row in records.late if row.state == "refused"]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def described(row: LateEntry) -> str:
    """A late entry in words."""
    if row.kind == "move":
        return states.LABELS.get(row.to_state, row.to_state)
    if row.kind == "pause":
        return f"On hold: {row.get_party_display().lower()}, {row.get_reason_display().lower()}"
    return "Resumed" if row.kind == "resume" else "Received"


def _refused(row: LateEntry) -> Entry:
    note = f"{row.note} Refused by {row.decided_by_label}: {row.decision_note}".strip()
    return Entry(row.at, described(row), row.by_label, note, row.recorded_at, gone=True)


@dataclass
class Span:
    """Waits that touch or overlap, counted once: from the first start to the last end; `end` is None while one of them is open."""

    start: datetime
    end: datetime | None
    rows: list[tuple[int, Pause]]
    last: int = 0
    withdrawn: bool = False


def spans(pauses: Sequence[Pause]) -> list[Span]:
    """Pauses in the order of their start, as spans; withdrawn ones, which do not count, stand alone."""
    found: list[Span] = []
    current: Span | None = None
    for number, pause in enumerate(pauses, 1):
        if pause.withdrawn_at is not None:
            found.append(Span(pause.started_at, pause.ended_at, [(number, pause)], pause.pk, withdrawn=True))
        elif current is not None and (current.end is None or pause.started_at <= current.end):
            current.rows.append((number, pause))
            if current.end is not None and (pause.ended_at is None or pause.ended_at >= current.end):
                current.end, current.last = pause.ended_at, pause.pk
        else:
            current = Span(pause.started_at, pause.ended_at, [(number, pause)], pause.pk)
            found.append(current)
    return found
