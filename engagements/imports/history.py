"""An event log to the history of items: which moves happened, and when each item waited and on whom.

Rows of one item are taken in the order of their instants, rows of the same instant in the order of the file. A repeated state
is no move. A status that means "paused" opens a pause, which the next row that means anything else ends. The log records what
happened: moves the state table does not offer are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engagements import states
from engagements.imports.items import Field, key, no_type, quantity
from engagements.imports.reader import DATE_FORMATS, Problem, read_instant
from lpo.core.validators import WRONG_YEAR, plausible, problem_of_text

PAUSED, IGNORE = "paused", "ignore"
MEANINGS = {
    **{state: states.LABELS[state] for state in (*states.MOVES[states.WORK],)},
    PAUSED: "Waiting (on hold)",
    IGNORE: "Ignore these rows",
}
PARTIES = ("client", "provider", "third_party")
REASONS = ("information", "signature", "documents", "access", "instruction", "internal", "other")
FIELDS = [
    Field("item", "Item ID", True, 120, ("case_id", "external_id", "id", "ticket", "key", "case")),
    Field("at", "Timestamp", True, 0, ("timestamp", "time", "date", "changed_at", "event_time")),
    Field("status", "Status", True, 0, ("state", "activity", "to")),
    Field("sub_status", "Sub-status", aliases=("substatus", "substate")),
    Field("title", "Title", longest=300, aliases=("name", "subject", "summary")),
    Field("priority", "Priority", longest=20, aliases=("urgency", "impact")),
    Field("type", "Type", longest=60, aliases=("item_type", "document_type", "contract_type")),
    Field("quantity", "Quantity", aliases=("qty", "count", "units")),
    Field("assignee", "Assigned to (name or e-mail)", longest=254, aliases=("assigned_to", "owner", "reviewer", "resource")),
]
BY_NAME = {each.name: each for each in FIELDS}
ATTRIBUTES = ("title", "priority", "type", "quantity", "assignee")


@dataclass(frozen=True)
class Meaning:
    """What a status says: the state it leads to, or a wait for somebody."""

    becomes: str
    party: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Event:
    """One row of the log that means something."""

    at: datetime
    meaning: Meaning
    line: int = 0


@dataclass(frozen=True)
class Move:
    before: str
    to: str
    at: datetime


@dataclass(frozen=True)
class Wait:
    """A pause, half-open; `end` None while it lasts. `party`, `reason` as the mapping names them."""

    party: str
    reason: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Folded:
    """The history of one item."""

    moves: tuple[Move, ...] = ()
    waits: tuple[Wait, ...] = ()


@dataclass(frozen=True)
class Options:
    columns: Mapping[str, str]
    statuses: Mapping[str, Meaning]
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    dates: str = "iso"
    types: Mapping[str, str] = field(default_factory=dict)  # as for a file of items


@dataclass(frozen=True)
class Row:
    """A readable row: the item it belongs to, what it means (None: nothing) and the attributes it states."""

    item: str
    event: Event
    attributes: Mapping[str, str]


def options_of(mapping: Mapping[str, Any], types: Mapping[str, str] | None = None) -> Options:
    columns = {name: column for name, column in mapping["columns"].items() if column}
    statuses = {status: meaning_of(value) for status, value in mapping.get("statuses", {}).items() if value}
    return Options(columns, statuses, ZoneInfo(mapping.get("zone", "UTC")), mapping.get("dates", "iso"), types or {})


def meaning_of(value: str | Mapping[str, str]) -> Meaning:
    """`"delivered"`, or `{"becomes": "paused", "party": "client", "reason": "information"}`; a plain pause waits for the client."""
    if isinstance(value, str):
        return Meaning(value, "client", "other") if value == PAUSED else Meaning(value)
    becomes = value.get("becomes", "")
    if becomes == PAUSED:
        return Meaning(PAUSED, value.get("party", "client"), value.get("reason", "other"))
    return Meaning(becomes)


def problems_of_mapping(mapping: Mapping[str, Any], columns: Sequence[str]) -> list[Problem]:
    """What stands against a mapping before any row is read."""
    found: list[Problem] = []
    chosen = mapping.get("columns", {})
    missing = [each for each in FIELDS if each.required and not chosen.get(each.name)]
    found += [Problem(each.name, f"Choose the column that holds “{each.label}”.") for each in missing]
    found += [Problem(name, "This is no field of a history.") for name in chosen if name not in BY_NAME]
    found += [Problem(name, f"The file has no column “{column}”.") for name, column in chosen.items() if column and column not in columns]
    if mapping.get("dates", "iso") not in DATE_FORMATS:
        found.append(Problem("dates", "Choose how dates are written."))
    people = mapping.get("people", {})
    if not isinstance(people, dict) or not all(isinstance(address, str) for address in people.values()):
        found.append(Problem("people", "Give each name of the file an e-mail address."))
    for status, value in mapping.get("statuses", {}).items():
        if value and (problem := _problem_of_meaning(status, meaning_of(value))) is not None:
            found.append(problem)
    return found


def _problem_of_meaning(status: str, meaning: Meaning) -> Problem | None:
    if meaning.becomes not in MEANINGS:
        return Problem("statuses", f"“{status}” becomes “{meaning.becomes}”, which is none of {', '.join(MEANINGS)}.")
    if meaning.becomes == PAUSED and meaning.party not in PARTIES:
        return Problem("statuses", f"“{status}” waits for “{meaning.party}”, who is none of {', '.join(PARTIES)}.")
    if meaning.becomes == PAUSED and meaning.reason not in REASONS:
        return Problem("statuses", f"“{status}” waits because of “{meaning.reason}”, which is none of {', '.join(REASONS)}.")
    return None


def status_of(cells: Mapping[str, str], columns: Mapping[str, str]) -> str:
    """Status and sub-status as the mapping names them: `Accepted/Wait`, or the status alone."""
    status = cells[columns["status"]]
    sub = cells[columns["sub_status"]] if columns.get("sub_status") else ""
    return f"{status}/{sub}" if sub else status


def parse(cells: Mapping[str, str], line: int, options: Options, now: datetime) -> Row | Problem:
    columns = options.columns
    item = cells[columns["item"]]
    if not item:
        return Problem("item", "This is empty.")
    if problem := problem_of_text(item):
        return Problem("item", problem)
    if len(item) > BY_NAME["item"].longest:
        return Problem("item", f"This has {len(item):,} characters; {BY_NAME['item'].longest} fit.")
    if not (text := cells[columns["at"]]):
        return Problem("at", "This is empty.")
    try:
        at = read_instant(text, options.zone, options.dates)
    except ValueError:
        return Problem("at", f"“{text[:40]}” is not a date and time written as {DATE_FORMATS[options.dates][0]}.")
    if at > now:
        return Problem("at", f"{at:%Y-%m-%d %H:%M} UTC lies in the future.")
    if not plausible(at):
        return Problem("at", WRONG_YEAR)
    status = status_of(cells, columns)
    meaning = options.statuses.get(status)
    if meaning is None:
        return Problem("status", f"“{status[:80]}” has no meaning in the mapping.")
    attributes = {name: cells[columns[name]] for name in ATTRIBUTES if columns.get(name) and cells[columns[name]]}
    for name, value in attributes.items():
        if problem := problem_of_text(value):
            return Problem(name, problem)
        if BY_NAME[name].longest and len(value) > BY_NAME[name].longest:
            return Problem(name, f"This has {len(value):,} characters; {BY_NAME[name].longest} fit.")
    if "quantity" in attributes:
        amount = quantity(attributes["quantity"])
        if isinstance(amount, Problem):
            return amount
        attributes["quantity"] = amount
    if "type" in attributes:
        code = options.types.get(key(attributes["type"]))
        if code is None:
            return Problem("type", no_type(attributes["type"], dict.fromkeys(options.types.values())))
        attributes["type"] = code
    return Row(item, Event(at, meaning, line), attributes)


def fold(events: Iterable[Event]) -> Folded:
    """The history these events tell. The first makes the item received, whatever it says next. Waits of no length are left out."""
    ordered = sorted((e for e in events if e.meaning.becomes != IGNORE), key=lambda event: event.at)
    if not ordered:
        return Folded()
    moves = [Move("", states.RECEIVED, ordered[0].at)]
    waits: list[Wait] = []
    waiting: tuple[Meaning, datetime] | None = None
    for event in ordered:
        if waiting is not None and event.meaning != waiting[0]:
            waits.append(Wait(waiting[0].party, waiting[0].reason, waiting[1], event.at))
            waiting = None
        if event.meaning.becomes == PAUSED:
            waiting = waiting or (event.meaning, event.at)
        elif event.meaning.becomes != moves[-1].to:
            moves.append(Move(moves[-1].to, event.meaning.becomes, event.at))
    if waiting is not None:
        waits.append(Wait(waiting[0].party, waiting[0].reason, waiting[1], None))
    return Folded(tuple(moves), tuple(wait for wait in waits if wait.end is None or wait.end > wait.start))


def retell(known: Folded) -> list[Event]:
    """Events that fold into `known` again: its moves, where its waits began, and where one ended without a move."""
    moved = {move.at for move in known.moves}
    starts = {wait.start for wait in known.waits}
    events = [Event(move.at, Meaning(move.to)) for move in known.moves]
    for wait in known.waits:
        events.append(Event(wait.start, Meaning(PAUSED, wait.party, wait.reason)))
        if wait.end is not None and wait.end not in moved and wait.end not in starts:
            events.append(Event(wait.end, Meaning(_state_at(known.moves, wait.end))))
    return sorted(events, key=lambda event: event.at)


def _state_at(moves: Sequence[Move], at: datetime) -> str:
    return [move.to for move in moves if move.at <= at][-1]


def combine(known: Folded, told: Sequence[Event]) -> Folded:
    """The history after a file told `told` of an item whose history was `known`.

    The same file again changes nothing. A file that holds all that is known replaces it; one that holds only what is new is
    added to what is known.
    """
    fresh = fold(told)
    if not known.moves or fresh == known:
        return fresh
    before = Counter((e.at, e.meaning) for e in retell(known))
    # The first state may be our own inference, so it need not be told.
    del before[(known.moves[0].at, Meaning(states.RECEIVED))]
    after = Counter((e.at, e.meaning) for e in told)
    if all(after[key] >= n for key, n in before.items()) and any(e.at <= known.moves[0].at for e in told):
        return fresh
    return fold([*retell(known), *(event for event in told if not is_known(known, event))])


def is_known(known: Folded, event: Event) -> bool:
    """Whether this very row is told already: the same wait begun, the same state reached or repeated at one of its instants."""
    if event.meaning.becomes == PAUSED:
        return any((wait.party, wait.start) == (event.meaning.party, event.at) for wait in known.waits)
    reached = [move for move in known.moves if move.at == event.at]
    return any(event.meaning.becomes in {move.before, move.to} for move in reached)


@dataclass(frozen=True)
class Difference:
    """What to write so that `known` becomes the new history: places of moves to take back, moves to add in order, waits."""

    take_back: tuple[int, ...] = ()
    add: tuple[Move, ...] = ()
    end: tuple[tuple[int, datetime | None], ...] = ()
    withdraw: tuple[int, ...] = ()
    begin: tuple[Wait, ...] = ()

    @property
    def nothing(self) -> bool:
        return not (self.take_back or self.add or self.end or self.withdraw or self.begin)


def difference(known: Folded, new: Folded) -> Difference:
    """Rows only ever grow, so what no longer holds is taken back and what is new is added behind it."""
    kept = Counter(new.moves) & Counter(known.moves)
    spare = Counter(kept)
    take_back = []
    for place, move in enumerate(known.moves):
        if spare[move] > 0:
            spare[move] -= 1
        else:
            take_back.append(place)
    spare = Counter(kept)
    add = []
    for move in new.moves:
        if spare[move] > 0:
            spare[move] -= 1
        else:
            add.append(move)
    staying = [move for place, move in enumerate(known.moves) if place not in set(take_back)]
    if sorted([*staying, *add], key=lambda move: move.at) != list(new.moves):
        # Moves of one instant would be read in the wrong order: everything from the first difference on is written anew.
        same = next(
            (i for i, (a, b) in enumerate(zip(known.moves, new.moves, strict=False)) if a != b), min(len(known.moves), len(new.moves))
        )
        take_back, add = list(range(same, len(known.moves))), list(new.moves[same:])
    return Difference(tuple(take_back), tuple(add), *_waits(known.waits, new.waits))


def _waits(known: Sequence[Wait], new: Sequence[Wait]) -> tuple[tuple[tuple[int, datetime | None], ...], tuple[int, ...], tuple[Wait, ...]]:
    wanted = {(wait.party, wait.start): wait for wait in new}
    end, withdraw, matched = [], [], set()
    for place, wait in enumerate(known):
        match = wanted.get((wait.party, wait.start))
        if match is None:
            withdraw.append(place)
            continue
        matched.add((wait.party, wait.start))
        if match.end != wait.end:
            end.append((place, match.end))
    return tuple(end), tuple(withdraw), tuple(wait for wait in new if (wait.party, wait.start) not in matched)
