"""Where the rows of a batch come from: the uploaded CSV, or the parts of a load file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from django.db.models import Sum

from engagements.actions.imports import LOAD_FILE, bytes_of, table_of
from engagements.imports.reader import rows_of
from engagements.models import ImportBatch, ImportPart

CELL = "\x1f"


def total_of(batch: ImportBatch) -> int:
    """About how many rows there are, for the progress bar."""
    if batch.purpose == LOAD_FILE:
        return int(ImportPart.objects.filter(batch=batch).aggregate(rows=Sum("rows"))["rows"] or 0)
    return bytes_of(batch).count(b"\n")


def rows_of_batch(batch: ImportBatch, after: int = 0) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row behind line `after`; the header is line 1. Raises `Unreadable` naming the line."""
    if batch.purpose == LOAD_FILE:
        yield from _parts(batch, after)
        return
    for line, cells in rows_of(bytes_of(batch), table_of(batch)):
        if line > after:
            yield line, cells


def _parts(batch: ImportBatch, after: int) -> Iterator[tuple[int, list[str]]]:
    """Part by part, so that memory holds one at a time; parts that lie before `after` are not read."""
    line = 1
    for number, rows in ImportPart.objects.filter(batch=batch).order_by("number").values_list("number", "rows"):
        if line + rows <= after:
            line += rows
            continue
        content = ImportPart.objects.values_list("content", flat=True).get(batch=batch, number=number)
        for text in zlib.decompress(bytes(content)).decode().split("\n"):
            line += 1
            if line > after:
                yield line, text.split(CELL)
