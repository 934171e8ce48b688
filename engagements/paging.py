"""Keyset pages: a position is the sort key of a row, so page 400 costs what page 1 does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from lpo.core.positions import decoded, encoded
from lpo.core.positions import instant as instant

PAGE_SIZE = 50
CAP = 1000


@dataclass(frozen=True)
class Page:
    """Rows with the addresses of the neighbouring pages; an empty address means there is none."""

    rows: Sequence[Any]
    previous_url: str = ""
    next_url: str = ""
    total: int | None = None

    @property
    def summary(self) -> str:
        if self.total is None:
            return f"{len(self.rows):,} shown"
        whole = f"{CAP:,}+" if self.total > CAP else f"{self.total:,}"
        return f"{len(self.rows):,} of {whole}"


def _beyond(keys: Sequence[str], values: Sequence[Any], larger: bool) -> Q:
    """Rows after a position. The first key's bound stands alone, so that the index can start there."""
    first, second = keys
    op = "gt" if larger else "lt"
    return Q(**{f"{first}__{op}e": values[0]}) & (Q(**{f"{first}__{op}": values[0]}) | Q(**{f"{second}__{op}": values[1]}))


def page_of(
    queryset: QuerySet[Any],
    query: Mapping[str, str],
    *,
    keys: tuple[str, str],
    parsers: Sequence[Callable[[Any], Any]],
    descending: bool = False,
    size: int = PAGE_SIZE,
) -> Page:
    """One page of `queryset` in the order of two keys, as `after` or `before` of the query string ask."""
    after, before = decoded(query.get("after", ""), parsers), decoded(query.get("before", ""), parsers)
    backwards = before is not None and after is None
    down = descending != backwards
    ordered = queryset.order_by(*(f"-{key}" if down else key for key in keys))
    position = before if backwards else after
    if position is not None:
        ordered = ordered.filter(_beyond(keys, position, larger=not down))
    found = list(ordered[: size + 1])
    more, rows = len(found) > size, found[:size]
    if backwards:
        rows.reverse()
    kept = {name: value for name, value in query.items() if name not in {"after", "before"} and value}
    has_next, has_previous = (True, more) if backwards else (more, position is not None)

    def at(row: Any) -> str:
        return encoded([getattr(row, key) for key in keys])

    return Page(
        rows,
        previous_url="?" + urlencode({**kept, "before": at(rows[0])}) if has_previous and rows else "",
        next_url="?" + urlencode({**kept, "after": at(rows[-1])}) if has_next and rows else "",
    )


def counted(page: Page, queryset: QuerySet[Any]) -> Page:
    """The same page with a total that is never counted beyond the cap."""
    return Page(page.rows, page.previous_url, page.next_url, queryset.order_by()[: CAP + 1].count())
