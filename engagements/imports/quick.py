"""Rows of a file to the text COPY reads, by the very rules of `items.parse`, without a mapping for each row. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engagements import states
from engagements.imports.items import BY_NAME, Options, value_of
from engagements.imports.reader import Problem

# How each field stands in the table that rows are copied into.
TYPES = {
    "external_id": "text",
    "title": "text",
    "received_at": "timestamptz",
    "quantity": "numeric",
    "priority": "text",
    "type": "text",
    "language": "text",
    "kind": "text",
    "disposition": "text",
    "severity": "text",
    "due_hint": "timestamptz",
    "assignee": "bigint",
}
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_MOST_REMEMBERED = 5_000
_UNLIKE = {"external_id", "title"}


class Reader:
    """Reads the rows of one file under one mapping. `names`: the mapped fields, in the order of a row's values."""

    def __init__(self, header: Sequence[str], options: Options, now: datetime) -> None:
        self.names = [name for name, column in options.columns.items() if column]
        self._header, self._options, self._now = header, options, now
        self._places = [header.index(options.columns[name]) for name in self.names]
        # Most cells of a column are alike: what one text means is worked out once.
        self._known: list[dict[str, Any]] = [{} for _ in self.names]
        self._severity = self.names.index("severity") if "severity" in self.names else None
        self._kind = self.names.index("kind") if "kind" in self.names else None

    def values(self, cells: Sequence[str]) -> list[Any] | Problem:
        """The row's values by place, or the first field that cannot be."""
        width = len(self._header)
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            return Problem("", f"The row has {len(cells)} cells, the header {width}.")
        found = []
        for index, place in enumerate(self._places):
            text = cells[place].strip() if place < len(cells) else ""
            known = self._known[index]
            value = known.get(text, known)
            if value is known:
                value = self._read(index, text)
            if isinstance(value, Problem):
                return value
            found.append(value)
        if self._severity is not None and found[self._severity]:
            kind = states.WORK if self._kind is None else found[self._kind]
            if kind != states.ERROR:
                return Problem("severity", "Only errors have a severity.")
        return found

    def _read(self, index: int, text: str) -> Any:
        name = self.names[index]
        value = value_of(BY_NAME[name], text, self._options, self._now)
        if name not in _UNLIKE:
            known = self._known[index]
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            known[text] = value
        return value

    def shown(self, values: Sequence[Any]) -> Mapping[str, Any]:
        return dict(zip(self.names, values, strict=True))


def copy_line(number: int, values: Sequence[Any]) -> str:
    """One row of COPY's text form: its number, then its values."""
    return "\t".join([str(number), *map(_cell, values)])


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    text = value if isinstance(value, str) else str(value)
    # Tabs and line ends cannot be printed, so most texts need no second look.
    return text if "\\" not in text and text.isprintable() else text.translate(_ESCAPES)
