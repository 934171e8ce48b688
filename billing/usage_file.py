"""A CSV of usage for one term: read whole, every row judged, recorded in one transaction; so it has a limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from billing.models import ChargeTerm
from billing.queries import currency_of
from billing.usage import COLUMNS, OPTIONAL, TITLES, Event, Judged, judge, reported
from engagements.imports.reader import Problem, Table, Unreadable, cells_of, inspect, rows_of
from lpo.core.errors import Refused
from lpo.core.exports import write_csv

MOST_ROWS, MOST_BYTES = 5_000, 1_000_000
_LONGEST_ID = 120


@dataclass(frozen=True)
class Row:
    """One row of the file: the line it begins on, its cells, and what becomes of it: new, known or rejected for a reason."""

    line: int
    cells: Sequence[str]
    event: Event | None = None
    new: bool = False
    reason: str = ""

    def judged(self, verdict: Judged) -> Row:
        return replace(self, new=verdict.new, reason=verdict.reason)


@dataclass(frozen=True)
class Sorted:
    """A whole file: its columns and its rows by what becomes of them."""

    columns: Sequence[str]
    rows: Sequence[Row]

    @property
    def new(self) -> list[Row]:
        return [row for row in self.rows if row.new]

    @property
    def known(self) -> list[Row]:
        return [row for row in self.rows if not row.new and not row.reason]

    @property
    def rejected(self) -> list[Row]:
        return [row for row in self.rows if row.reason]

    def rejected_csv(self) -> bytes:
        width = len(self.columns)
        padded = ([*row.cells[:width], *[""] * (width - len(row.cells)), row.reason] for row in self.rejected)
        return write_csv([*self.columns, "why it is rejected"], padded)


def header_of(term: ChargeTerm) -> list[str]:
    """The names of the columns, as a file for the term writes them."""
    return ["event id", *(TITLES[name] for name in COLUMNS[term.model])]


def sorted_out(term: ChargeTerm, source: str, content: bytes) -> Sorted:
    """Read a file and judge its rows. Raises `Refused` where the file as a whole cannot be read."""
    if len(content) > MOST_BYTES:
        raise Refused(f"This file has more than {MOST_BYTES // 1_000_000} MB. Split it.", "file")
    try:
        table = inspect(content)
        rows = list(rows_of(content, table))
    except Unreadable as unreadable:
        raise Refused(str(unreadable), "file") from unreadable
    if len(rows) > MOST_ROWS:
        raise Refused(f"This file has {len(rows):,} rows; {MOST_ROWS:,} are recorded at once. Split it.", "file")
    names = _names(term, table.columns)
    read = list(_read(term, table, names, rows))
    judged = iter(judge(term, source, [row.event for row in read if row.event is not None]))
    return Sorted(table.columns, [row if row.event is None else row.judged(next(judged)) for row in read])


def _names(term: ChargeTerm, columns: Iterable[str]) -> dict[str, str]:
    """Field by column. Raises `Refused` for a column that is missing or that nobody knows."""
    fields = {"event id": "event_id", **{TITLES[name]: name for name in COLUMNS[term.model]}}
    said = {column: column.lower().replace("_", " ") for column in columns}
    if unknown := [column for column, name in said.items() if name not in fields]:
        raise Refused(f"The column “{unknown[0]}” is not read here. These are: {', '.join(fields)}.", "file")
    needed = [title for title, name in fields.items() if name not in OPTIONAL and not (name == "quantity" and term.model == "per_user")]
    if missing := [title for title in needed if title not in said.values() and not (title == "amount" and term.model == "outcome")]:
        raise Refused(f"The column “{missing[0]}” is missing. The first line names the columns: {', '.join(fields)}.", "file")
    return {column: fields[name] for column, name in said.items()}


def _read(term: ChargeTerm, table: Table, names: dict[str, str], rows: Iterable[tuple[int, list[str]]]) -> Iterator[Row]:
    zone, currency = term.engagement.legal_entity.time_zone, currency_of(term.engagement)
    for line, cells in rows:
        found = cells_of(cells, table)
        if isinstance(found, Problem):
            yield Row(line, cells, reason=found.reason)
            continue
        values = {names[column]: value for column, value in found.items()}
        event_id = values.pop("event_id")
        if not event_id or len(event_id) > _LONGEST_ID:
            yield Row(line, cells, reason=f"The event id has 1 to {_LONGEST_ID} characters.")
            continue
        try:
            yield Row(line, cells, Event(event_id, reported(term, values, zone, currency)))
        except Refused as refused:
            yield Row(line, cells, reason=f"{TITLES.get(refused.field or '', '')}: {refused.message}".removeprefix(": "))
