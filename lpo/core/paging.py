"""Lists that show the newest row first, paged by the row's id: page 400 costs what page 1 does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
PAGE_SIZE = 50


@dataclass(frozen=True)
class NewestPage(Generic[M]):
    """Rows with the addresses of the neighbouring pages; an empty address means there is none."""

    rows: Sequence[M]
    newer_url: str
    older_url: str

    @property
    def summary(self) -> str:
        return f"{len(self.rows)} shown, newest first"


def newest_first(queryset: QuerySet[M], query: Mapping[str, str], size: int = PAGE_SIZE) -> NewestPage[M]:
    """One page of `queryset`. `older` in the query string names the id below which it lies, `newer` the one above."""
    older, newer = _number(query.get("older")), _number(query.get("newer"))
    if newer is not None:
        found = list(queryset.filter(pk__gt=newer).order_by("pk")[: size + 1])
        rows, more_newer, more_older = found[:size][::-1], len(found) > size, True
    else:
        if older is not None:
            queryset = queryset.filter(pk__lt=older)
        found = list(queryset.order_by("-pk")[: size + 1])
        rows, more_newer, more_older = found[:size], older is not None, len(found) > size
    kept = {name: value for name, value in query.items() if name not in {"older", "newer"} and value}

    def address(name: str, row: M) -> str:
        return "?" + urlencode({**kept, name: row.pk})

    return NewestPage(
        rows,
        address("newer", rows[0]) if rows and more_newer else "",
        address("older", rows[-1]) if rows and more_older else "",
    )


def _number(text: Any) -> int | None:
    """None for what is not a position of ours: the first page is shown instead."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19 else None
