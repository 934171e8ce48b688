"""Rows of a reduced load file to work items: one for each document, or one for each batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engagements.imports.hashes import Hashes
from engagements.imports.items import Field, key, value_of
from engagements.imports.items import Options as Plain
from engagements.imports.load_file import BY_NAME
from engagements.imports.reader import Problem, Unreadable

DOCUMENTS, BATCHES = "documents", "batches"
UNITS = {DOCUMENTS: "Each document", BATCHES: "Each batch, with the number of its documents"}
# The words review platforms use for what was done to a document.
DISPOSITIONS = {
    **dict.fromkeys(("machine_coded", "machine", "auto_coded", "predicted", "tar", "cal"), "machine_coded"),
    **dict.fromkeys(("human_reviewed", "human", "reviewed", "manual", "manually_reviewed"), "human_reviewed"),
    **dict.fromkeys(("discarded", "excluded", "culled", "suppressed"), "discarded"),
}
MOST_BATCHES = 100_000
_AT_ONCE = 10_000
_TITLE = 300
Row = tuple[int, list[str] | Problem]


@dataclass(frozen=True)
class Options:
    """`columns`: field → column of the reduced file. `received`: the instant at which all of it was received. `type`: the code of the
    type that all of it is, empty where its workstream has none."""

    columns: Mapping[str, str]
    received: datetime
    unit: str = DOCUMENTS
    people: Mapping[str, int | str] = field(default_factory=dict)
    type: str = ""


def item_fields(columns: Mapping[str, str], unit: str, typed: bool = False) -> list[str]:
    """The fields of an item that such a file says something of, in the order of a row's values."""
    found = ["external_id", "title", "received_at"]
    found += ["quantity"] if unit == BATCHES else []
    found += ["disposition"] if columns.get("disposition") else []
    found += ["assignee"] if columns.get("reviewer") else []
    return found + (["type"] if typed else [])


class Reader:
    """As `quick.Reader`, for the cells of a reduced load file."""

    def __init__(self, header: Sequence[str], options: Options, now: datetime) -> None:
        self.names = item_fields(options.columns, options.unit, bool(options.type))
        self._options, self._now = options, now
        self._places = {name: header.index(column) for name, column in options.columns.items() if column}
        self._width = len(header)
        self._received = options.received.astimezone(UTC).isoformat()
        self._by_reviewer: dict[str, Any] = {}

    def values(self, cells: Sequence[str]) -> list[Any] | Problem:
        """The values of `names`, or the first cell that cannot be. A batch's row has its number of documents behind its cells."""
        of_batch = self._options.unit == BATCHES
        name = "batch" if of_batch else "control_number"
        own = self._text(cells, name, required=True)
        if isinstance(own, Problem):
            return own
        found: list[Any] = [own, own if of_batch else self._title(own, cells), self._received]
        if of_batch:
            found.append(cells[self._width])
        if "disposition" in self._places:
            found.append(self._disposition(cells[self._places["disposition"]]))
        if "reviewer" in self._places:
            found.append(self._reviewer(cells[self._places["reviewer"]]))
        if self._options.type:
            found.append(self._options.type)
        return next((value for value in found if isinstance(value, Problem)), found)

    def shown(self, values: Sequence[Any]) -> Mapping[str, Any]:
        return dict(zip(self.names, values, strict=True))

    def _text(self, cells: Sequence[str], name: str, *, required: bool = False) -> str | Problem:
        text = cells[self._places[name]].strip() if name in self._places else ""
        if not text:
            return Problem(name, "This is empty.") if required else ""
        value: str | Problem = value_of(_TEXTS[name], text, _PLAIN, self._now)
        return value

    def _title(self, control_number: str, cells: Sequence[str]) -> str | Problem:
        said = []
        for name in ("batch", "family"):
            text = self._text(cells, name)
            if isinstance(text, Problem):
                return text
            if text and text != control_number:
                said.append(f"{name} {text}")
        return (f"{control_number} ({', '.join(said)})" if said else control_number)[:_TITLE]

    def _disposition(self, text: str) -> str | Problem:
        word = key(text)
        if not word or word in DISPOSITIONS:
            return DISPOSITIONS.get(word, "")
        return Problem("disposition", f"“{text[:40]}” is none of machine-coded, human-reviewed, discarded.")

    def _reviewer(self, text: str) -> int | Problem | None:
        if text not in self._by_reviewer:
            self._by_reviewer[text] = self._member(text.strip().lower())
        found: int | Problem | None = self._by_reviewer[text]
        return found

    def _member(self, address: str) -> int | Problem | None:
        if not address:
            return None
        found = self._options.people.get(address, f"“{address[:80]}” is no active member of staff.")
        return Problem("reviewer", found) if isinstance(found, str) else found


_TEXTS = {name: Field(name, each.label, longest=each.longest) for name, each in BY_NAME.items()}
_PLAIN = Plain({})


@dataclass
class _Batch:
    line: int
    cells: list[str]
    documents: int = 0
    differs: str = ""


def batches(rows: Iterable[Row], header: Sequence[str], columns: Mapping[str, str]) -> Iterator[Row]:
    """Documents to their batches: problems as they come, then each batch as its first row, with the number of its documents.

    Raises `Unreadable` for more batches than a person can work through.
    """
    found: dict[str, _Batch] = {}
    place, number = header.index(columns["batch"]), header.index(columns["control_number"])
    same = {name: header.index(columns[name]) for name in ("reviewer", "disposition") if columns.get(name)}
    seen = Hashes()
    for piece in _pieces(rows):
        for line, cells in _once(piece, number, seen):
            if isinstance(cells, Problem) or not cells[place].strip():
                yield line, cells if isinstance(cells, Problem) else Problem("batch", "This is empty.")
                continue
            batch = found.setdefault(cells[place].strip(), _Batch(line, list(cells)))
            batch.documents += 1
            for name, where in same.items():
                if cells[where] != batch.cells[where]:
                    batch.differs = name
        if len(found) > MOST_BATCHES:
            raise Unreadable(f"The file has more than {MOST_BATCHES:,} batches. Import its documents one by one.")
    for name, batch in sorted(found.items(), key=lambda pair: pair[1].line):
        if batch.differs:
            label = BY_NAME[batch.differs].label.split(" (")[0].lower()
            yield batch.line, Problem(batch.differs, f"The documents of batch “{name[:60]}” differ in their {label}.")
        else:
            yield batch.line, [*batch.cells, str(batch.documents)]


def _pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    piece: list[Row] = []
    for row in rows:
        piece.append(row)
        if len(piece) >= _AT_ONCE:
            yield piece
            piece = []
    yield piece


def _once(piece: Sequence[Row], number: int, seen: Hashes) -> Iterator[Row]:
    """A document told twice counts once."""
    first: dict[str, int] = {}
    for line, cells in piece:
        if not isinstance(cells, Problem):
            first.setdefault(cells[number].strip(), line)
    texts = list(first)
    known = {texts[at] for at in seen.met(texts)}
    seen.add(texts)
    for line, cells in piece:
        if not isinstance(cells, Problem):
            control_number = cells[number].strip()
            if not control_number:
                yield line, Problem("control_number", "This is empty.")
                continue
            if control_number in known or first[control_number] != line:
                yield line, Problem("control_number", "A row above has this control number already.")
                continue
        yield line, cells
