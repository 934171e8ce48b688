"""Cells and CSV files that a spreadsheet opens without running anything in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

Cell = str | int | Decimal | date | datetime | None
# What a spreadsheet takes for the start of a formula; the line feed because some strip it and look at what follows.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain(number: Decimal) -> str:
    """`number` in digits, never with an exponent: 1E+3 is 1000."""
    return f"{number:f}"


def safe_text(text: str) -> str:
    """`text` as a cell that is never run: what looks like a formula is preceded by an apostrophe, which marks text."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def cell(value: Cell) -> str:
    """One value as CSV text. Numbers are told by their type, so a negative amount stays a number and the text "-1" stays text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"not a finite number: {value}")
        return plain(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return safe_text(value)
    raise TypeError(f"no cell for a {type(value).__name__}: {value!r}")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("an instant without a zone has no place in an export")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, byte_order_mark: bool = False) -> bytes:
    """RFC 4180 bytes: UTF-8, commas, CRLF, quotes only where needed; the same rows give the same bytes.

    `byte_order_mark` is for files a person opens in Excel, which otherwise reads accents in the machine's own code page.
    Raises `ValueError` when a row is not as wide as the header.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, dialect="excel", lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow([safe_text(name) for name in header])
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells under a header of {len(header)}")
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode("utf-8-sig" if byte_order_mark else "utf-8")
