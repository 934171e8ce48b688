"""Concordance load files: cells in þ, separated by U+0014 (or ¶), a line break inside a cell written ®. Read as a stream. Pure."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from engagements.imports.items import Field, guess, key
from engagements.imports.reader import Problem, Unreadable, in_words, names_of

ENCODINGS = [("utf-8", "UTF-8"), ("cp1252", "Windows-1252"), ("utf-16", "UTF-16")]
QUOTE, LINE_BREAK = "þ", "®"
SEPARATORS = "\x14¶"
_BOMS = [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")]
_LONGEST_RECORD = 1_000_000
_MOST_COLUMNS = 500
_MOST_TRIES = 1_000  # lines of one record that might end it
# Image key, volume, path, whether it begins a document, folder and box breaks, pages.
_OPTICON = re.compile(r"[^,]+,[^,]*,[^,]*[\\/.][^,]*,[YyNn]?,[^,]*,[^,]*,[0-9]*")

# What may be taken in. Every other column (custodians, subjects, file names, paths …) can be privileged and is never stored.
FIELDS = [
    Field(
        "control_number",
        "Control number",
        True,
        120,
        (
            *("controlnumber", "control_no", "docid", "doc_id", "document_id", "begdoc", "beg_doc", "begdoc_no", "begno", "beg_no"),
            *("begbates", "beg_bates", "bates_begin", "begin_bates", "bates", "prod_beg", "begprod"),
        ),
    ),
    Field("batch", "Batch", longest=120, aliases=("batch_id", "batch_name", "batch_no", "batch_set", "review_batch", "batchid")),
    Field(
        "family",
        "Family",
        longest=120,
        aliases=(
            "family_id",
            "familyid",
            "family_group",
            "group_id",
            "groupid",
            "group_identifier",
            "begattach",
            "beg_attach",
            "attach_range",
        ),
    ),
    Field("disposition", "Disposition", longest=60, aliases=("review_disposition", "review_status", "coded_by_kind")),
    Field("reviewer", "Reviewer (e-mail)", longest=254, aliases=("reviewer_email", "reviewed_by", "assigned_to", "assignee")),
]
BY_NAME = {each.name: each for each in FIELDS}


@dataclass(frozen=True)
class Table:
    """The header of a load file and its rows below, each (line on which it begins, cells or why it has none)."""

    columns: list[str]
    rows: Iterator[tuple[int, list[str] | Problem]]


def open_table(stream: BinaryIO, encoding: str = "utf-8") -> Table:
    """Read the header; the rows follow as they are asked for. A byte order mark decides over `encoding`. Raises `Unreadable`."""
    text = _text(stream, encoding)
    lines = _lines(text, encoding)
    header = next(lines, None)
    if header is None or not header[1].strip():
        raise Unreadable("The file is empty." if header is None else "The first line is empty; it names the columns.")
    if QUOTE not in header[1]:
        _refuse_others(header[1])
        return _comma_separated(header[1], lines)
    separator = _separator(header[1])
    columns = names_of(_cells(header[1].strip(), separator, 0) or [], _MOST_COLUMNS)
    return Table(columns, _rows(lines, separator, len(columns)))


def allowed(columns: Sequence[str], chosen: dict[str, str] | None = None) -> dict[str, str]:
    """Field → column for what may be kept: the columns named in `chosen`, else those recognized. Raises `Unreadable`."""
    given = {name: column.strip() for name, column in (chosen or {}).items() if column.strip()}
    by_key = {key(column): column for column in columns}
    for name, column in given.items():
        if name not in BY_NAME:
            raise Unreadable(f"“{name}” is no field of a load file.")
        if column not in columns and key(column) not in by_key:
            raise Unreadable(f"The file has no column “{column}” for {BY_NAME[name].label.lower()}. Its columns: {_listed(columns)}.")
    found = {name: column if column in columns else by_key[key(column)] for name, column in given.items()}
    rest = [column for column in columns if column not in found.values()]
    found |= guess(rest, [each for each in FIELDS if each.name not in found])
    if "control_number" not in found:
        raise Unreadable(f"No column is recognized as the control number. Name it; the file's columns: {_listed(columns)}.")
    if len(set(found.values())) < len(found):
        raise Unreadable("One column is named for two fields.")
    return found


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(columns[:40]) + (" …" if len(columns) > 40 else "")


def encoding_of(head: bytes, chosen: str) -> tuple[str, int]:
    """(codec, length of the byte order mark): the mark decides, else what was chosen."""
    for mark, codec in _BOMS:
        # In Windows-1252 a þ is FE and its ÿ FF: a header never begins with that pair.
        if head.startswith(mark):
            return codec, len(mark)
    return ("utf-16-le" if chosen == "utf-16" else chosen), 0


def _text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    head = stream.read(4)
    if head.startswith((b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"\xd0\xcf\x11\xe0")):
        raise Unreadable("This is not a load file but another kind of file. Export it as Concordance .dat.")
    codec, mark = encoding_of(head, encoding)
    stream.seek(mark)
    return io.TextIOWrapper(stream, encoding=codec, newline="")


def _lines(text: io.TextIOWrapper, encoding: str) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        while line := text.readline(_LONGEST_RECORD):
            number += 1
            if len(line) >= _LONGEST_RECORD:
                raise Unreadable(f"Row {number:,} has a line of more than a million characters. Is this a load file?")
            if "\x00" in line:
                raise Unreadable(f"Row {number:,} holds a NUL character. Choose UTF-16 if the file is written in it.")
            yield number, line
    except UnicodeDecodeError as error:
        # A byte order mark decides over what was chosen.
        read_as = "utf-16" if text.encoding.startswith("utf-16") else encoding
        other = "Windows-1252" if read_as == "utf-8" else "UTF-8"
        raise Unreadable(
            f"Near row {number + 1:,} the file is not {dict(ENCODINGS).get(read_as, read_as)}"
            f" ({error.object[error.start]:#04x} stands where it cannot). Choose {other} if it was written in that."
        ) from None
    finally:
        text.detach()  # the stream is its owner's to close


def _separator(header: str) -> str:
    bare = header.strip()
    for character in SEPARATORS:
        if f"{QUOTE}{character}{QUOTE}" in bare:
            return character
    if bare.count(QUOTE) == 2:
        return SEPARATORS[0]
    raise Unreadable("The header's columns are not separated by the Concordance separator (U+0014) or ¶. Export with the default ones.")


def _refuse_others(header: str) -> None:
    """What is neither a load file nor CSV with a header, by what its first line shows. Raises `Unreadable`."""
    if "Ã¾" in header:
        raise Unreadable("This file is written in UTF-8. Choose that encoding.")
    if _OPTICON.fullmatch(header.strip()):
        raise Unreadable("This is an Opticon list of page images: it names no documents. Export the load file (.dat) beside it.")


def _cells(record: str, separator: str, width: int) -> list[str] | None:
    """The cells of a whole record, None where it is not whole; `width` 0 takes any number."""
    if len(record) > 1 and record[0] == QUOTE and record[-1] == QUOTE:
        cells = record[1:-1].split(f"{QUOTE}{separator}{QUOTE}")
        if len(cells) == width or not width:
            return cells
    return None


def _runs_on(cells: Sequence[str], separator: str) -> bool:
    """Whether half of what parts two cells stands inside one: a quote is missing, and what follows is of another row."""
    return any(half in cell for cell in cells for half in (f"{QUOTE}{separator}", f"{separator}{QUOTE}"))


def _rows(lines: Iterator[tuple[int, str]], separator: str, width: int) -> Iterator[tuple[int, list[str] | Problem]]:
    """Records of one line, or of several where an exporter left line breaks inside the quotes."""
    begun, parts, quotes, size, tries = 0, list[str](), 0, 0, 0
    for number, line in lines:
        if not parts:
            # Nearly every record is one line.
            if (plain := _cells(line.rstrip("\r\n"), separator, width)) is not None:
                yield number, plain
                continue
            begun, quotes, size, tries = number, 0, 0, 0
        parts.append(line)
        quotes, size = quotes + line.count(QUOTE), size + len(line)
        if size > _LONGEST_RECORD or tries > _MOST_TRIES:
            break
        # Looked at as a whole only where a line could end it: to join the lines again and again would take for ever.
        if quotes % 2 and not line.rstrip("\r\n").endswith(QUOTE):
            continue
        tries += 1
        whole = "".join(parts).rstrip("\r\n")
        if not whole.strip(" \t\r\n\x1a"):  # older exporters end a file with Ctrl-Z
            parts = []
        elif (cells := _whole(whole, separator, width, even=quotes % 2 == 0)) is not None:
            parts = []
            yield begun, cells
    if parts:
        raise Unreadable(f"Row {begun:,} opens a cell with {QUOTE} that is never closed.")


def _whole(record: str, separator: str, width: int, *, even: bool) -> list[str] | Problem | None:
    """The cells of a record of several lines, or one that leaves quotes out; None where more of it follows."""
    cells: list[str] | Problem | None = _cells(record, separator, width)
    if isinstance(cells, list) and _runs_on(cells, separator):
        return Problem("", f"A cell of this row, or of one it runs into, is not closed with {QUOTE}.")
    if cells is None and even:
        cells = _uneven(record, separator)
    if isinstance(cells, list) and len(cells) != width:
        return Problem("", f"The row has {len(cells)} cells, the header {width}.")
    return cells


def _uneven(record: str, separator: str) -> list[str] | Problem:
    """Cells of a record that leaves the quotes of empty or plain cells out."""
    reader = csv.reader([record.replace("\r\n", LINE_BREAK).replace("\n", LINE_BREAK)], delimiter=separator, quotechar=QUOTE)
    try:
        return next(reader, [])
    except csv.Error as error:
        return Problem("", f"The row cannot be read: {in_words(str(error))}.")


def _comma_separated(header: str, lines: Iterator[tuple[int, str]]) -> Table:
    """Some systems export a load file as plain CSV."""
    columns = names_of(next(csv.reader([header]), []), _MOST_COLUMNS)
    if len(columns) < 2:
        raise Unreadable("This is not a load file: its first line has no þ and no commas.")

    def rows() -> Iterator[tuple[int, list[str] | Problem]]:
        reader = csv.reader((line for _, line in lines), strict=True)
        while True:
            number = reader.line_num + 2
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise Unreadable(f"Row {number:,} cannot be read: {in_words(str(error))}.") from None
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield (
                    number,
                    cells if len(cells) == len(columns) else Problem("", f"The row has {len(cells)} cells, the header {len(columns)}."),
                )

    return Table(columns, rows())
