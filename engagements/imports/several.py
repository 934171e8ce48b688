"""Several exports of one tracker as one log: joined row below row, so that every line of each file can still be named.

A year comes as twelve files, or as one for each queue. They are joined before anything is read of them: the columns of the first
file stand, the others may have the same ones in another order. A line of the joined log leads back to the file it stood in.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from engagements.imports.reader import Table, Unreadable, header_lines, inspect, rows_of

# A part of a joined log: its name, its hash, the last joined line before its rows, and how many lines of its own are header.
Part = Mapping[str, Any]


def join(files: Sequence[tuple[str, bytes]], encoding: str) -> tuple[bytes, list[dict[str, Any]]]:
    """The joined log in UTF-8 with commas, and its parts. Raises `Unreadable` naming the file that does not fit."""
    tables = [_inspected(name, content, encoding) for name, content in files]
    parts, hashes = list[dict[str, Any]](), dict[str, str]()
    columns = tables[0].columns
    whole = io.BytesIO()  # as bytes from the beginning: a year's log is large enough once
    joined = io.TextIOWrapper(whole, "utf-8", newline="")
    writer = csv.writer(joined, lineterminator="\n")
    lines = 0
    for place, ((name, content), table) in enumerate(zip(files, tables, strict=True)):
        digest = hashlib.sha256(content).hexdigest()
        if digest in hashes:
            raise Unreadable(f"“{name}” is the same file as “{hashes[digest]}”.")
        hashes[digest] = name
        _same_columns(files[0][0], columns, name, table.columns)
        base, skip, header = lines, 0, header_lines(content, table)
        if place:
            skip = header
        else:
            writer.writerow(columns)
            joined.write("\n" * (header - 1))
            lines = header
        parts.append({"name": name, "sha256": digest, "base": base, "skip": skip})
        lines = _append(joined, writer, content, table, columns, base - skip, lines)
    joined.flush()
    return whole.getvalue(), parts


def where(parts: Sequence[Part], line: int) -> tuple[int, int]:
    """(which part, line in its file) of a line of the joined log."""
    place = max((n for n, part in enumerate(parts) if part["base"] < line), default=0)
    return place, line - parts[place]["base"] + parts[place]["skip"]


def named(parts: Sequence[Part], line: int) -> tuple[str, int]:
    """(file, line in it) of a line of a batch; of a log in one file the file goes without saying."""
    if not parts:
        return "", line
    place, own = where(parts, line)
    return str(parts[place]["name"]), own


def _inspected(name: str, content: bytes, encoding: str) -> Table:
    try:
        return inspect(content, encoding)
    except Unreadable as error:
        raise Unreadable(f"“{name}”: {error}") from error


def _same_columns(first: str, columns: Sequence[str], name: str, own: Sequence[str]) -> None:
    missing = [column for column in columns if column not in own]
    strange = [column for column in own if column not in columns]
    if missing:
        raise Unreadable(f"“{name}” has no column “{missing[0]}”, which “{first}” has. Files of one import have the same columns.")
    if strange:
        raise Unreadable(f"“{name}” has a column “{strange[0]}”, which “{first}” lacks. Files of one import have the same columns.")


def _append(joined: io.TextIOWrapper, writer: Any, content: bytes, table: Table, columns: Sequence[str], shift: int, lines: int) -> int:
    """Write the rows so that a row on line n stands on line n + shift: blank lines and line breaks inside cells are kept."""
    order = [table.columns.index(column) for column in columns]
    for line, cells in rows_of(content, table):
        blank = line + shift - lines - 1
        joined.write("\n" * blank)
        beyond = cells[len(columns) :]
        padded = [*cells, *[""] * (len(columns) - len(cells))]
        row = [*(padded[place] for place in order), *beyond]
        writer.writerow(row)
        lines += blank + 1 + sum(_breaks(cell) for cell in row)
    return lines


def _breaks(cell: str) -> int:
    """How many lines end inside a cell, as the reader counts them."""
    return cell.count("\n") + cell.count("\r") - cell.count("\r\n")
