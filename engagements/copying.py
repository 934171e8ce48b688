"""COPY for tables under row-level security: into a temporary table, then INSERT … SELECT, which the policies check."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection

from lpo.tenancy.context import current_organization_id

_MANY = 500
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return str(value).translate(_ESCAPES)


def insert_many(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert rows of the current organization in the order given, whatever their number. Table and columns are constants."""
    buffer = io.StringIO()
    count = 0
    for row in rows:
        buffer.write("\t".join([str(count), *map(_cell, row)]) + "\n")
        count += 1
    if not count:
        return 0
    buffer.seek(0)
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.copied")
        cursor.execute(f"CREATE TEMP TABLE copied ON COMMIT DROP AS SELECT 0::bigint AS seq, {names} FROM {table} WITH NO DATA")  # noqa: S608
        cursor.copy_expert(f"COPY pg_temp.copied (seq, {names}) FROM STDIN", buffer)
        if count >= _MANY:
            _look_keys_up_by_index(cursor)
        cursor.execute(
            f"INSERT INTO {table} (organization_id, {names}) SELECT %s, {names} FROM pg_temp.copied ORDER BY seq",  # noqa: S608
            [current_organization_id()],
        )
        if count >= _MANY:
            cursor.execute("SET LOCAL enable_seqscan = on")
        cursor.execute("DROP TABLE pg_temp.copied")
    return count


@contextmanager
def keys_by_index(count: int) -> Iterator[None]:
    """Writing so many rows in here checks their keys, and finds rows by key, by the indexes: for statements of ours that join many."""
    if count < _MANY:
        yield
        return
    with connection.cursor() as cursor:
        _look_keys_up_by_index(cursor)
        yield
        cursor.execute("SET LOCAL enable_seqscan = on")


@contextmanager
def rows_hashed(count: int) -> Iterator[None]:
    """Reading so many rows in here joins them by hash. Statistics do not know of rows this transaction wrote: what they call none would
    be gone through once for each of the others."""
    if count < _MANY:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        yield
        cursor.execute("SET LOCAL enable_nestloop = on")


def _look_keys_up_by_index(cursor: Any) -> None:
    """Have the foreign keys' checks planned anew, for the indexes.

    Their plans are kept for as long as the connection lives. One made while the table was next to empty reads it whole, and goes on
    doing so for each row of an import that fills it.
    """
    cursor.execute("SET LOCAL enable_seqscan = off")
    cursor.execute("DISCARD PLANS")
