"""Histories from event logs: what a file tells is compared with what is known, and only the difference is written."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from engagements.actions import import_chunks
from engagements.actions.imports import finish_check, lines_of, refuse_batch, stream_of, table_of
from engagements.actions.item_imports import CHANGED, NEW, REJECTED, UNCHANGED, people_of, types_of
from engagements.copying import insert_many
from engagements.imports import several
from engagements.imports.history import (
    IGNORE,
    MEANINGS,
    Difference,
    Event,
    Folded,
    Meaning,
    Move,
    Row,
    Wait,
    combine,
    difference,
    is_known,
    options_of,
    parse,
)
from engagements.imports.reader import Problem, Unreadable, cells_of, rows_of
from engagements.models import ImportBatch, ImportChunk, ImportRow, Pause, Transition, WorkItem, Workstream
from lpo.jobs.registry import Progress

ROWS_AT_ONCE = 20_000
CASES_AT_ONCE = 1_000
# More than the turns in which a log is read, so that group and turn make one number.
_TURNS = 2_000
SHOWN = 20
_ROW_COLUMNS = ("batch_id", "matter_id", "number", "verdict", "data", "field", "reason")


@dataclass
class Case:
    """What the file tells of one item."""

    item: str
    events: list[Event] = field(default_factory=list)
    # Rows of another file that say something else of the same instant, each with what speaks against it.
    contradicting: list[tuple[Event, Event]] = field(default_factory=list)
    repeated: int = 0
    # name → (instant, value): the latest row that says something counts.
    stated: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.events.append(row.event)
        for name, value in row.attributes.items():
            if name not in self.stated or self.stated[name][0] <= row.event.at:
                self.stated[name] = (row.event.at, value)


@dataclass
class Known:
    """What is recorded of one item: its row's values and its effective history, with ids in the same order."""

    item: dict[str, Any]
    move_ids: list[int] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    wait_ids: list[int] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)

    @property
    def history(self) -> Folded:
        return Folded(tuple(self.moves), tuple(self.waits))


@dataclass(frozen=True)
class Plan:
    """What to write of one case. `values` are attributes that differ."""

    case: Case
    known: Known | None
    history: Folded
    change: Difference
    values: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        if self.known is None:
            return NEW
        return UNCHANGED if self.change.nothing and not self.values else CHANGED


def _read(batch: ImportBatch) -> Iterator[tuple[int, Row | Problem, Mapping[str, str]]]:
    table, options = table_of(batch), options_of(batch.mapping, types_of(batch.workstream_id))
    for line, cells in rows_of(stream_of(batch), table):
        row = cells_of(cells, table)
        if isinstance(row, Problem):
            yield line, row, dict(zip(table.columns, cells, strict=False))
        else:
            yield line, parse(row, line, options, batch.created_at), row


class Told:
    """Takes the rows of a log apart by item while it is read: those of a thousand items, in the order items are first met, go
    together. Only the items' names stay in memory."""

    def __init__(self, batch: ImportBatch) -> None:
        self._batch = batch
        self._order: dict[str, int] = {}
        self._waiting: dict[int, list[str]] = {}
        self._turn = 0

    @property
    def items(self) -> int:
        return len(self._order)

    def add(self, row: Row) -> None:
        group = self._order.setdefault(row.item, len(self._order)) // CASES_AT_ONCE
        meaning = row.event.meaning
        said = [row.item, row.event.line, row.event.at.isoformat(), meaning.becomes, meaning.party, meaning.reason, row.attributes]
        self._waiting.setdefault(group, []).append(json.dumps(said, ensure_ascii=False))

    def flush(self) -> None:
        for group, lines in sorted(self._waiting.items()):
            import_chunks.keep(self._batch, group * _TURNS + self._turn, lines)
        self._waiting.clear()
        self._turn += 1
        if self._turn >= _TURNS:
            raise Unreadable(f"The log has more than {_TURNS * ROWS_AT_ONCE:,} rows. Split it by item.")


def groups_of(batch: ImportBatch) -> int:
    """How many groups of items a checked log has."""
    last: int | None = ImportChunk.objects.filter(batch=batch).order_by("-number").values_list("number", flat=True).first()
    return 0 if last is None else last // _TURNS + 1


def cases_of(batch: ImportBatch, group: int) -> list[Case]:
    """The items of one group with all their rows, both in the order of the file."""
    told: dict[str, list[Row]] = {}
    first = group * _TURNS
    for chunk in ImportChunk.objects.filter(batch=batch, number__gte=first, number__lt=first + _TURNS).order_by("number"):
        for line in import_chunks.text_of(chunk).decode().split("\n")[:-1]:
            item, number, at, becomes, party, reason, attributes = json.loads(line)
            row = Row(item, Event(datetime.fromisoformat(at), Meaning(becomes, party, reason), number), attributes)
            told.setdefault(item, []).append(row)
    return [_case(item, rows, batch.parts) for item, rows in told.items()]


def _case(item: str, rows: Sequence[Row], parts: Sequence[several.Part]) -> Case:
    """Files may overlap: of one instant the first file's rows count, in its order. What another file repeats of them adds nothing;
    what it says otherwise contradicts them."""
    case = Case(item)
    if len(parts) < 2:
        for row in rows:
            case.add(row)
        return case
    counted: dict[datetime, tuple[int, list[Event]]] = {}
    for row in rows:
        part, _ = several.where(parts, row.event.line)
        file, events = counted.setdefault(row.event.at, (part, []))
        if file == part:
            events.append(row.event)
            case.add(row)
        elif all(event.meaning != row.event.meaning for event in events):
            case.contradicting.append((row.event, events[-1]))
        else:
            case.repeated += 1
    return case


def known_of(workstream: Workstream, source: str, external_ids: Sequence[str]) -> dict[str, Known]:
    """Items with their effective transitions and pauses, in three statements."""
    names = ("id", "external_id", "title", "priority", "type", "quantity", "assignee_id", "received_at")
    rows = WorkItem.objects.filter(workstream=workstream, source=source, external_id__in=list(external_ids)).values(*names)
    by_id = {row["id"]: Known(row) for row in rows}
    columns = ("id", "item_id", "from_state", "to_state", "at", "reverses_id")
    told = list(Transition.objects.filter(item_id__in=list(by_id)).order_by("at", "id").values_list(*columns))
    # Sorted out here: the database may read the whole table for each row of it, as long as it believes the table to be small.
    taken_back = {reverses for *_, reverses in told}
    for number, item, before, after, at, reverses in told:
        if reverses is None and number not in taken_back:
            by_id[item].move_ids.append(number)
            by_id[item].moves.append(Move(before, after, at))
    for pause in Pause.objects.filter(item_id__in=list(by_id), withdrawn_at__isnull=True).order_by("started_at", "id"):
        known = by_id[pause.item_id]
        known.wait_ids.append(pause.id)
        known.waits.append(Wait(pause.party, pause.reason, pause.started_at, pause.ended_at))
    return {known.item["external_id"]: known for known in by_id.values()}


def plan_cases(batch: ImportBatch, cases: Sequence[Case], people: Mapping[str, int | str]) -> list[Plan]:
    known = known_of(batch.workstream, batch.source, [case.item for case in cases])
    named = {name.lower(): address.lower() for name, address in batch.mapping.get("people", {}).items()}
    return [_plan(case, known.get(case.item), people, named) for case in cases]


def _plan(case: Case, known: Known | None, people: Mapping[str, int | str], named: Mapping[str, str]) -> Plan:
    before = known.history if known else Folded()
    history = combine(before, case.events)
    values = _values(case, people, named)
    if known is not None:
        values = {name: value for name, value in values.items() if known.item[name] != value}
    return Plan(case, known, history, difference(before, history), values)


def _values(case: Case, people: Mapping[str, int | str], named: Mapping[str, str]) -> dict[str, Any]:
    """Attributes the file states, as the item stores them. Somebody it names who is not here is left out."""
    stated = {name: value for name, (_, value) in case.stated.items()}
    values: dict[str, Any] = {}
    if "title" in stated:
        values["title"] = stated["title"]
    if "priority" in stated:
        values["priority"] = stated["priority"].lower()
    if "type" in stated:
        values["type"] = stated["type"]
    if "quantity" in stated:
        values["quantity"] = Decimal(stated["quantity"])
    name = stated.get("assignee", "").lower()
    # Whoever must not be given the work is passed over, as somebody unknown is: a log tells what was.
    if isinstance(member := people.get(name) or people.get(named.get(name, "")), int):
        values["assignee_id"] = member
    return values


# --- checking ------------------------------------------------------------------------------------------------------------


def check_history(batch: ImportBatch) -> Generator[Progress, None, None]:
    """Judge every row of the log. An interrupted check begins again: nothing is kept of it but what it shows."""
    ImportRow.objects.filter(batch=batch).delete()
    import_chunks.clear(batch)
    rejected = list[tuple[Any, ...]]()
    counts = dict.fromkeys((NEW, CHANGED, UNCHANGED, REJECTED, "ignored"), 0)
    total, told = lines_of(batch), Told(batch)
    try:
        for place, (line, row, raw) in enumerate(_read(batch), 1):
            if isinstance(row, Problem):
                kept = {name: cell.replace("\x00", "\ufffd") for name, cell in raw.items()}
                rejected.append((batch.id, batch.matter_id, line, REJECTED, kept, row.field[:60], row.reason[:300]))
            elif row.event.meaning.becomes == IGNORE:
                counts["ignored"] += 1
            else:
                told.add(row)
            if place % ROWS_AT_ONCE == 0:
                counts[REJECTED] += insert_many("engagements_importrow", _ROW_COLUMNS, rejected)
                rejected.clear()
                told.flush()
                yield Progress(done=line, total=total, message=f"{line:,} rows read")
    except Unreadable as error:
        refuse_batch(batch, str(error))
        return
    counts[REJECTED] += insert_many("engagements_importrow", _ROW_COLUMNS, rejected)
    told.flush()
    yield from _compare(batch, told.items, counts, total)


def _compare(batch: ImportBatch, items: int, counts: dict[str, int], total: int) -> Generator[Progress, None, None]:
    """Say of every row whether it adds something, and what the file adds altogether."""
    people = people_of(batch.workstream)
    counts |= dict.fromkeys(("items_new", "items_changed", "items_unchanged", "moves", "waits"), 0)
    shown: dict[str, list[tuple[Any, ...]]] = {NEW: [], CHANGED: [], UNCHANGED: []}
    against = dict[int, str]()
    done = 0
    for group in range(groups_of(batch)):
        cases = cases_of(batch, group)
        done += len(cases)
        counts[UNCHANGED] += sum(case.repeated for case in cases)
        against |= {event.line: _against(batch, other) for case in cases for event, other in case.contradicting}
        for plan in plan_cases(batch, cases, people):
            counts[f"items_{plan.verdict}"] += 1
            counts["moves"] += len(plan.change.add)
            counts["waits"] += len(plan.change.begin)
            for event in plan.case.events:
                verdict = CHANGED if plan.verdict == CHANGED and not _told(plan, event) else UNCHANGED if plan.known else NEW
                counts[verdict] += 1
                if len(shown[verdict]) < SHOWN:
                    shown[verdict].append((batch.id, batch.matter_id, event.line, verdict, _shown(plan.case, event), "", ""))
        yield Progress(done=total, total=total, message=f"{done:,} of {items:,} items compared")
    insert_many("engagements_importrow", _ROW_COLUMNS, [row for rows in shown.values() for row in rows])
    counts[REJECTED] += _reject(batch, against)
    counts["rows"] = sum(counts[name] for name in (NEW, CHANGED, UNCHANGED, REJECTED, "ignored"))
    if not items:
        refuse_batch(batch, "No row of this file can be read with this mapping; the reasons are listed below.")
        return
    finish_check(batch, counts)


def _against(batch: ImportBatch, event: Event) -> str:
    part, line = several.where(batch.parts, event.line)
    name, says = batch.parts[part]["name"], MEANINGS[event.meaning.becomes]
    return f"Row {line:,} of “{name}” says “{says}” of this item at this very time. Which of the two is right has to be decided first."


def _reject(batch: ImportBatch, against: Mapping[int, str]) -> int:
    """Keep the rows on these lines as rejected, with their cells: the log is read once more, which is rarely needed."""
    if not against:
        return 0
    table = table_of(batch)
    rows = list[tuple[Any, ...]]()
    for line, cells in rows_of(stream_of(batch), table):
        if line in against:
            kept = {name: cell.replace("\x00", "\ufffd") for name, cell in zip(table.columns, cells, strict=False)}
            rows.append((batch.id, batch.matter_id, line, REJECTED, kept, "status", against[line][:300]))
    return insert_many("engagements_importrow", _ROW_COLUMNS, rows)


def _told(plan: Plan, event: Event) -> bool:
    return plan.known is not None and is_known(plan.known.history, event)


def _shown(case: Case, event: Event) -> dict[str, str]:
    return {"item": case.item, "at": event.at.isoformat(), "becomes": event.meaning.becomes, "party": event.meaning.party}
