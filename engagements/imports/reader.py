"""Bytes to rows of a CSV file, or the reason why not, naming row and byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from zoneinfo import ZoneInfo

ENCODINGS = [("utf-8", "UTF-8"), ("cp1252", "Windows-1252 (older Excel)")]
DATE_FORMATS = {
    "iso": ("2026-03-31 17:45 or 2026-03-31T17:45:00+02:00", ""),
    "dmy": ("31/03/2026 17:45", "%d/%m/%Y"),
    "mdy": ("03/31/2026 5:45 PM", "%m/%d/%Y"),
}
_DELIMITERS = ",;\t|"
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MOST_COLUMNS = 200
_LONGEST_NAME = 120
_NOT_TEXT = [
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive. In Excel, use Save As and choose “CSV UTF-8”"),
    (b"%PDF", "a PDF. Export the table itself as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file. Open it and save it as “CSV UTF-8”"),
    (b"\x1f\x8b", "compressed with gzip. Unpack it first"),
    (b"\xff\xfe", "encoded as UTF-16. Save it as “CSV UTF-8”"),
    (b"\xfe\xff", "encoded as UTF-16. Save it as “CSV UTF-8”"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
]


class Unreadable(ValueError):
    """The file as a whole cannot be read; the message says where and what to do."""


@dataclass(frozen=True)
class Problem:
    """Why one row is rejected: the field (or column) and the reason."""

    field: str
    reason: str


@dataclass(frozen=True)
class Table:
    """A readable file: its encoding, delimiter and column names."""

    encoding: str
    delimiter: str
    columns: list[str]


def inspect(content: bytes, encoding: str = "utf-8") -> Table:
    """Check that the whole file is text with a header and at least one row below it. Raises `Unreadable`."""
    if not content.strip():
        raise Unreadable("The file is empty.")
    _refuse_other_formats(content)
    _decode(content, encoding)
    delimiter = _delimiter_of(_first_line(content, encoding))
    table = Table(encoding, delimiter, [])
    rows = _records(content, table)
    _, header = next(rows, (1, []))
    columns = names_of(header)
    if next(rows, None) is None:
        raise Unreadable("The file has a header and no rows below it.")
    return Table(encoding, delimiter, columns)


def rows_of(content: bytes | BinaryIO, table: Table) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row below the header; the header is line 1. Raises `Unreadable` naming the line."""
    rows = _records(content, table)
    next(rows, None)
    yield from rows


def header_lines(content: bytes, table: Table) -> int:
    """How many lines there are down to the end of the header: more than one where blank lines come before it or a name has a break."""
    reader = csv.reader(_text(content, table.encoding), delimiter=table.delimiter, strict=True)
    for cells in reader:
        if any(cell.strip() for cell in cells):
            break
    return reader.line_num


def cells_of(cells: Sequence[str], table: Table) -> dict[str, str] | Problem:
    """The cells by column name, trimmed. A row longer than the header is a problem, a shorter one has empty cells at its end."""
    if len(cells) > len(table.columns) and any(cell.strip() for cell in cells[len(table.columns) :]):
        return Problem("", f"The row has {len(cells)} cells, the header {len(table.columns)}.")
    padded = [*cells[: len(table.columns)], *[""] * (len(table.columns) - len(cells))]
    return {name: cell.strip() for name, cell in zip(table.columns, padded, strict=True)}


def _refuse_other_formats(content: bytes) -> None:
    for magic, what in _NOT_TEXT:
        if content.startswith(magic):
            raise Unreadable(f"This is not a CSV file but {what}.")
    if content[:512].lstrip(b"\xef\xbb\xbf").lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise Unreadable("This is not a CSV file but a web page or XML. Export the table itself as CSV.")
    nul = content.find(b"\x00")
    if nul >= 0:
        raise Unreadable(f"This is not a text file: there is a NUL byte at byte {nul + 1:,}, row {_row_at(content, nul):,}.")


def _row_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _decode(content: bytes, encoding: str) -> None:
    """Decode in pieces, so that a large file is never held twice."""
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        for _ in io.TextIOWrapper(io.BytesIO(content), encoding=codec, newline=""):
            pass
    except UnicodeDecodeError:
        position = _first_undecodable(content, codec)
        other = "Windows-1252" if encoding == "utf-8" else "UTF-8"
        raise Unreadable(
            f"Row {_row_at(content, position):,} is not {dict(ENCODINGS)[encoding]} (byte {position + 1:,} of the file is "
            f"{content[position]:#04x}). Save the file as “CSV UTF-8”, or choose {other} if it comes from older software."
        ) from None


def _first_undecodable(content: bytes, codec: str) -> int:
    try:
        content.decode(codec)
    except UnicodeDecodeError as error:
        # utf-8-sig counts from behind the mark it took off.
        return error.start + (3 if codec == "utf-8-sig" and content.startswith(b"\xef\xbb\xbf") else 0)
    return 0


def _text(content: bytes | BinaryIO, encoding: str) -> io.TextIOWrapper:
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    return io.TextIOWrapper(stream, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def _first_line(content: bytes, encoding: str) -> str:
    for line in _text(content, encoding):
        if line.strip():
            return line
    return ""


def _delimiter_of(header: str) -> str:
    """The candidate that occurs most often outside quotes; a comma where none does."""
    bare = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=lambda character: (bare.count(character), character == ","))


def _records(content: bytes | BinaryIO, table: Table) -> Iterator[tuple[int, list[str]]]:
    """(line on which the record begins, cells), blank lines left out."""
    reader = csv.reader(_text(content, table.encoding), delimiter=table.delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(f"Row {line:,} cannot be read: {in_words(str(error))}.") from error
        if any(cell.strip() for cell in cells):
            yield line, cells


def in_words(error: str) -> str:
    """What the CSV reader complains of, as a person would say it."""
    if "unexpected end of data" in error:
        return "a quotation mark is opened and never closed"
    if "field larger than" in error:
        return "a cell is longer than 131,072 characters; a quotation mark may be missing"
    if "expected after" in error:
        return "text follows a closing quotation mark; quotation marks inside a cell are doubled"
    return error


def names_of(header: Sequence[str], most: int = _MOST_COLUMNS) -> list[str]:
    """The names of the columns. Raises `Unreadable` for what is no header."""
    names = [cell.strip() or f"Column {place}" for place, cell in enumerate(header, 1)]
    if len(names) > most:
        raise Unreadable(f"The header has {len(names)} columns; {most} are read at most.")
    for name in names:
        if len(name) > _LONGEST_NAME:
            raise Unreadable(f"The header has a name of {len(name)} characters. Is its first line the header?")
        if names.count(name) > 1:
            raise Unreadable(f"Two columns are named “{name}”. Give each its own name.")
    return names


def read_instant(text: str, zone: ZoneInfo, form: str) -> datetime:
    """An instant in UTC. Text without an offset is a local time of `zone`, a date alone its midnight. Raises `ValueError`."""
    value = _parse(text, form)
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def _parse(text: str, form: str) -> datetime:
    _, pattern = DATE_FORMATS[form]
    if not pattern:
        return datetime.fromisoformat(text)
    for time in _TIMES:
        try:
            return datetime.strptime(text, pattern + time)  # noqa: DTZ007 - the zone is the caller's
        except ValueError:
            continue
    raise ValueError(text)
