"""A place in a list as a word of an address: the sort key of a row, so that page 400 costs what page 1 does."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any


def encoded(values: Sequence[Any]) -> str:
    """Dates and instants as ISO 8601, all else as it is."""
    plain = [value.isoformat() if isinstance(value, date) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def decoded(text: str, parsers: Sequence[Callable[[Any], Any]]) -> list[Any] | None:
    """Each value as its parser reads it; None when the position is not one of ours: the first page is shown instead."""
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return [parse(value) for parse, value in zip(parsers, values, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error):
        return None


def instant(text: str) -> datetime:
    """Raises `ValueError` for what is none: without a zone it would be another in each place."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("A position holds an instant.")
    return value
