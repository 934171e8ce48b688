"""Where the rows of a batch come from, and what reads them: the uploaded CSV, or the parts of a load file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from django.db.models import Sum

from engagements.actions.imports import LOAD_FILE, lines_of, stream_of, table_of
from engagements.imports import documents, quick
from engagements.imports.items import Options
from engagements.imports.reader import Problem, rows_of
from engagements.models import ImportBatch, ImportPart

CELL, BROKEN = "\x1f", "\x1e"
Row = tuple[int, list[str] | Problem]


class Reader(Protocol):
    """Reads the cells of a row into the values of `names`."""

    names: list[str]

    def values(self, cells: Sequence[str]) -> list[Any] | Problem: ...
    def shown(self, values: Sequence[Any]) -> Mapping[str, Any]: ...


def reader_of(batch: ImportBatch, people: Mapping[str, int | str], types: Mapping[str, str]) -> Reader:
    mapping = batch.mapping
    if batch.purpose == LOAD_FILE:
        received = datetime.fromisoformat(mapping["received"])
        chosen = documents.Options(mapping["columns"], received, mapping["unit"], people, mapping.get("type", ""))
        return documents.Reader(batch.columns, chosen, batch.created_at)
    options = Options(mapping["columns"], ZoneInfo(mapping["zone"]), mapping["dates"], people, types)
    return quick.Reader(batch.columns, options, batch.created_at)


def total_of(batch: ImportBatch) -> int:
    """About how many rows there are, for the progress bar."""
    if batch.purpose == LOAD_FILE:
        return int(ImportPart.objects.filter(batch=batch).aggregate(rows=Sum("rows"))["rows"] or 0)
    return lines_of(batch)


def rows_of_batch(batch: ImportBatch, skip: int = 0) -> Iterator[Row]:
    """(line, cells or why there are none) of every row but the first `skip`. Raises `Unreadable` naming the line."""
    if batch.purpose != LOAD_FILE:
        yield from islice(rows_of(stream_of(batch), table_of(batch)), skip, None)
    elif batch.mapping["unit"] == documents.BATCHES:
        yield from islice(documents.batches(_parts(batch), batch.columns, batch.mapping["columns"]), skip, None)
    else:
        yield from _parts(batch, skip)


def text_of_part(rows: Sequence[Row]) -> bytes:
    """Rows as a part of a load file keeps them, before they are packed."""
    lines = [CELL.join([str(line), *([BROKEN + row.reason] if isinstance(row, Problem) else row)]) for line, row in rows]
    return "\n".join(lines).encode()


def _parts(batch: ImportBatch, skip: int = 0) -> Iterator[Row]:
    """Part by part, so that memory holds one at a time; parts that are skipped are not read."""
    for number, rows in ImportPart.objects.filter(batch=batch).order_by("number").values_list("number", "rows"):
        if rows <= skip:
            skip -= rows
            continue
        content = ImportPart.objects.values_list("content", flat=True).get(batch=batch, number=number)
        for text in zlib.decompress(bytes(content)).decode().split("\n")[skip:]:
            line, *cells = text.split(CELL)
            yield int(line), Problem("", cells[0][1:]) if cells[0].startswith(BROKEN) else cells
        skip = 0
