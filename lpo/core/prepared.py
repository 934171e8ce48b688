"""Statements planned once for each connection: for those that every change runs and whose planning costs more than they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary


@dataclass(frozen=True)
class Prepared:
    """A statement with parameters $1, $2, … of these types. It is prepared when a connection first executes it.

    A plan is remade by PostgreSQL when a table, its statistics, or the role that row-level security asks about changes.
    """

    name: str
    types: tuple[str, ...]
    sql: str
    _known: WeakKeyDictionary[Any, bool] = field(default_factory=WeakKeyDictionary, compare=False, repr=False)

    @cached_property
    def _text(self) -> str:
        return f"EXECUTE {self.name} ({', '.join(f'%s::{kind}' for kind in self.types)})"

    def execute(self, cursor: Any, values: Sequence[Any]) -> None:
        """Run it on a cursor, which then holds the result. Values are adapted as for any statement."""
        link = cursor.connection
        if link not in self._known:
            # Without parameters the text goes as it is: a per cent sign in it is no placeholder.
            cursor.execute(f"PREPARE {self.name} ({', '.join(self.types)}) AS {self.sql}")
            self._known[link] = True
        cursor.execute(self._text, values)
