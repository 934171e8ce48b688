"""The floor of bulk writing: the rows a measured run wrote, copied out and copied in again by a superuser.

The tables, their constraints and their indexes are the same; row-level security does not bind a superuser, and nothing is
computed. Triggers are off only while the tables are emptied.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from lpo.embedded.postgres import SUPERUSER


@contextmanager
def superuser() -> Iterator[Any]:
    """A connection past every policy, through the embedded server's own socket."""
    address = urlsplit(os.environ["DATABASE_OWNER_URL"])
    with closing(psycopg2.connect(urlunsplit(address._replace(netloc=f"{SUPERUSER}@")))) as connection:
        connection.autocommit = True
        yield connection


def checkpoint() -> None:
    """Both sides of a comparison begin with nothing left to flush."""
    with superuser() as connection, connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


def recopy(tables: Sequence[str]) -> dict[str, float]:
    """Seconds to COPY each table's rows, parents first, into the emptied tables. The rows are there again afterwards."""
    with tempfile.TemporaryDirectory() as folder, superuser() as connection, connection.cursor() as cursor:
        for table in tables:
            with Path(folder, table).open("wb") as file:
                cursor.copy_expert(f"COPY {table} TO STDOUT", file)
        # No trigger may refuse the emptying; that of tables that refer to these goes with it.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("CHECKPOINT")
        spent = {}
        for table in tables:
            with Path(folder, table).open("rb") as file:
                begun = perf_counter()
                cursor.copy_expert(f"COPY {table} FROM STDIN", file)
                spent[table] = perf_counter() - begun
        return spent
