"""Rows of whole numbers to and from the database, column by column: COPY's binary form, without an object for each row."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
_HEADER, _TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"


def _shape(width: int) -> list[Any]:
    """Per row the number of fields, and each field with its length."""
    kinds: list[Any] = [("fields", ">i2")]
    for place in range(width):
        kinds += [(f"length{place}", ">i4"), (f"value{place}", ">i8")]
    return kinds


def binary(columns: Sequence[Rows]) -> io.BytesIO:
    """Equally long bigint columns, for COPY … FROM STDIN (FORMAT binary)."""
    rows = np.empty(len(columns[0]), dtype=_shape(len(columns)))
    rows["fields"] = len(columns)
    for place, column in enumerate(columns):
        rows[f"length{place}"] = 8
        rows[f"value{place}"] = column
    return io.BytesIO(_HEADER + rows.tobytes() + _TRAILER)


def read(cursor: Any, sql: str, values: Mapping[str, Any], width: int) -> list[Rows]:
    """What a query finds, as `width` columns. Each must be a bigint and none may be null: ValueError where a row has another length."""
    out = io.BytesIO()
    cursor.copy_expert(f"COPY ({cursor.mogrify(sql, values).decode()}) TO STDOUT (FORMAT binary)", out)
    content = out.getbuffer()[len(_HEADER) : -len(_TRAILER)]
    rows = np.frombuffer(content, dtype=_shape(width))
    if len(rows) and not all((rows[f"length{place}"] == 8).all() for place in range(width)):
        raise ValueError("a column holds a null, or is no bigint")
    return [rows[f"value{place}"].astype(np.int64) for place in range(width)]
