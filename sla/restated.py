"""What a restatement changed, read from its snapshot: the same words for the provider and the client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sla.models import Attainment

SHOWN_CHANGES = 100
_SAID = {
    "outcome": "{}",
    "due_at": "due {}",
    "stopped_at": "finished {}",
    "started_at": "received {}",
    "units": "{} units",
    "errors": "{} wrong",
    "weighted": "{} by severity",
}


@dataclass(frozen=True, slots=True)
class Restated:
    """The revision before with its hash, why there is another, and (reference, was, is) of the first rows that changed of `total`."""

    revision: int
    sha256: str
    reason: str
    rows: list[tuple[str, str, str]]
    total: int


def restated_of(attainment: Attainment, zone: str) -> Restated | None:
    """None for a window that was closed once. Instants are said in `zone`, the contract's."""
    restates = (attainment.snapshot or {}).get("restates")
    if restates is None:
        return None
    changed = restates["changed"]
    rows = [
        (each["reference"], _row_in_words(each["was"], each["is"], zone), _row_in_words(each["is"], each["was"], zone))
        for each in changed[:SHOWN_CHANGES]
    ]
    return Restated(restates["revision"], restates["sha256"], restates["reason"], rows, len(changed))


def _row_in_words(rows: list[dict[str, Any]] | None, other: list[dict[str, Any]] | None, zone: str) -> str:
    """The outcome, and of the rest what differs."""
    if rows is None:
        return "not in this window"
    said = []
    for index, row in enumerate(rows):
        beside = other[index] if other is not None and index < len(other) else {}
        names = [name for name in _SAID if name in row and (name == "outcome" or row[name] != beside.get(name))]
        said.append(", ".join(_said_of(name, row).format(_value(name, row[name], zone)) for name in names))
    return "; ".join(said)


def _said_of(name: str, row: dict[str, Any]) -> str:
    # Of a volume it is the quantity that counts.
    return "{} counted" if name == "weighted" and "errors" not in row else _SAID[name]


def _value(name: str, value: Any, zone: str) -> str:
    if not name.endswith("_at"):
        return str(value)
    local = datetime.fromisoformat(value).astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"
