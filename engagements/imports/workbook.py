"""Excel workbooks (.xlsx) as rows of text, read as a stream. Pure."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, BinaryIO

import openpyxl

from engagements.imports.reader import Problem, Unreadable

# What a workbook may unpack to. Shared texts are held in memory while it is read, a sheet is not.
MOST_UNPACKED = 1024 * 1024 * 1024
MOST_TEXTS = 64 * 1024 * 1024
MOST_ENTRIES = 2_000
MAGIC = b"PK\x03\x04"
_MOST_COLUMNS = 200
_IN_MEMORY = ("xl/sharedstrings.xml", "xl/styles.xml", "xl/workbook.xml")


@dataclass(frozen=True)
class Sheet:
    """A sheet's header and the rows below it, each (row of the sheet, cells or why there are none)."""

    columns: list[str]
    rows: Iterator[tuple[int, list[str] | Problem]]


def is_workbook(stream: BinaryIO) -> bool:
    head = stream.read(4)
    stream.seek(0)
    return head == MAGIC


def open_sheet(stream: BinaryIO, name: str = "") -> Sheet:
    """The sheet of that name, else the first. Raises `Unreadable`."""
    _refuse_bombs(stream)
    with _in_words():
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        if name and name not in book.sheetnames:
            raise Unreadable(f"The workbook has no sheet “{name[:60]}”. Its sheets: {', '.join(book.sheetnames[:20])}.")
        sheet = book[name] if name else book.worksheets[0]
        rows = _texts(sheet)
        header = next(rows, None)
    if header is None:
        raise Unreadable("The sheet is empty.")
    return Sheet(_names(header[1]), _below(rows, len(header[1])))


def to_csv(stream: BinaryIO, name: str = "", most: int = 100 * 1024 * 1024) -> bytes:
    """A sheet as CSV in UTF-8, for everything that reads CSV. Row numbers stay those of the sheet. Raises `Unreadable`."""
    sheet = open_sheet(stream, name)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(sheet.columns)
    line = 1
    for number, cells in sheet.rows:
        if isinstance(cells, Problem):
            raise Unreadable(f"Row {number:,}: {cells.reason}")
        text.write("\n" * (number - line - 1))
        line = number
        writer.writerow([" ".join(cell.split("\n")) if "\n" in cell else cell for cell in cells])
        if text.tell() > most:
            raise Unreadable(f"The sheet holds more than {most // 1024 // 1024} MB of text. Split it.")
    return text.getvalue().encode()


def _refuse_bombs(stream: BinaryIO) -> None:
    """The archive says how large its entries are, and no entry is unpacked beyond what it says."""
    try:
        entries = zipfile.ZipFile(stream).infolist()
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError) as error:
        raise Unreadable("This workbook is damaged: it cannot be unpacked.") from error
    names = {entry.filename.lower() for entry in entries}
    if "xl/workbook.xml" not in names:
        raise Unreadable("This is a ZIP archive and no Excel workbook.")
    held = sum(entry.file_size for entry in entries if entry.filename.lower() in _IN_MEMORY)
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_UNPACKED or held > MOST_TEXTS:
        raise Unreadable("This workbook unpacks to more than is read. Export the sheet as CSV.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unreadable("This workbook is protected by a password. Save it without one.")


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except Unreadable:
        raise
    except Exception as error:  # openpyxl and the XML below it raise whatever a damaged file leads them to
        raise Unreadable(f"This workbook cannot be read ({type(error).__name__}). Save it anew in Excel, or export CSV.") from error


def _texts(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > _MOST_COLUMNS:
            raise Unreadable(f"Row {number:,} has {len(cells):,} columns; {_MOST_COLUMNS} are read at most.")
        if cells:
            yield number, cells


def _below(rows: Iterator[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str] | Problem]]:
    with _in_words():
        for number, cells in rows:
            if len(cells) > width:
                yield number, Problem("", f"The row has {len(cells)} cells, the header {width}.")
            else:
                yield number, [*cells, *[""] * (width - len(cells))]


def _text(value: Any) -> str:
    """A cell as a person would write it: whole numbers without a point, dates as ISO."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 10**15 else format(Decimal(repr(value)), "f")
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).strip()


def _names(header: list[str]) -> list[str]:
    names = [cell or f"Column {place}" for place, cell in enumerate(header, 1)]
    for name in names:
        if len(name) > 120:
            raise Unreadable(f"The header has a name of {len(name)} characters. Is its first line the header?")
        if names.count(name) > 1:
            raise Unreadable(f"Two columns are named “{name}”. Give each its own name.")
    return names
