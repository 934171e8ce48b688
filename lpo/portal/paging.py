"""Keyset positions in the query string: the sort key of the first and the last row shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode


def positions(rows: Sequence[Any], key: str, previous: bool, following: bool, **kept: str) -> dict[str, str]:
    """Addresses of the neighbouring pages, empty where there is none; `kept` are the filters in force."""
    carried = {name: value for name, value in kept.items() if value}

    def link(name: str, row: Any) -> str:
        return "?" + urlencode({**carried, name: getattr(row, key)})

    return {
        "previous_url": link("before", rows[0]) if previous and rows else "",
        "next_url": link("after", rows[-1]) if following and rows else "",
    }


def whole(text: str) -> int | None:
    """A numbered position; None for what is no such number, and then the first page is shown."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
