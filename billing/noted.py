"""What a pre-flight check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`severity` is block or warn; `position` names a line, None the whole invoice."""

    severity: str
    text: str
    position: int | None = None


Found = Iterable[tuple[int, Finding]]
