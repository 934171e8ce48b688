"""Which contract version governs a day, and what keeps a version from being edited. Rooms above say the latter through `sources`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar


class Effective(Protocol):
    effective_from: date


V = TypeVar("V", bound=Effective)


@dataclass(frozen=True)
class Span:
    """The days a version governs, half-open; None: from the beginning, without end."""

    start: date | None
    end: date | None

    def __contains__(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Hold:
    """Why a version stands as it is. `until`: the last day that must stay under it, where the past is settled already."""

    text: str
    clause: str = ""
    until: date | None = None
    matter_id: int | None = None


# (engagement id, the days a version governs) → what holds it. Called across walls.
HoldSource = Callable[[int, Span], Iterable[Hold]]
sources: list[HoldSource] = []


def governing(versions: Sequence[V], day: date) -> V | None:
    """Of versions in order of their numbers, the one that governs a day: the last that has begun, before all of them the first."""
    begun = [version for version in versions if version.effective_from <= day]
    return begun[-1] if begun else (versions[0] if versions else None)


def span_of(versions: Sequence[V], version: V) -> Span:
    """The days on which `governing` answers with this version. A later version that begins no later leaves it none."""
    place = versions.index(version)
    start = version.effective_from if place else None
    end = min((later.effective_from for later in versions[place + 1 :]), default=None)
    if end is not None and version.effective_from >= end:
        return Span(end, end)
    return Span(start, end)
