"""Half-open intervals [start, end) on whole UTC epoch seconds.

Every function takes its intervals in any order, overlapping or not, and returns them sorted, disjoint, non-touching and
non-empty. An interval whose end lies before its start raises `BackwardInterval`; an empty one is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

Interval = tuple[int, int]


class BackwardInterval(ValueError):
    """An interval ends before it starts."""


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Merge overlapping and touching intervals, so that every second counts once."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if end < start:
            raise BackwardInterval(f"interval ends at {end}, before its start {start}")
        if end == start:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def intersect(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    """The seconds that lie in both."""
    ours, theirs = union(left), union(right)
    common: list[Interval] = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        start, end = max(ours[i][0], theirs[j][0]), min(ours[i][1], theirs[j][1])
        if start < end:
            common.append((start, end))
        if ours[i][1] <= theirs[j][1]:
            i += 1
        else:
            j += 1
    return common


def subtract(left: Iterable[Interval], right: Iterable[Interval]) -> list[Interval]:
    """The seconds of `left` that are not in `right`."""
    holes = union(right)
    rest: list[Interval] = []
    j = 0
    for start, end in union(left):
        while j < len(holes) and holes[j][1] <= start:
            j += 1
        at, k = start, j
        while k < len(holes) and holes[k][0] < end:
            if at < holes[k][0]:
                rest.append((at, holes[k][0]))
            at = holes[k][1]
            k += 1
        if at < end:
            rest.append((at, end))
    return rest


def total(intervals: Iterable[Interval]) -> int:
    """Seconds covered, each once."""
    return sum(end - start for start, end in union(intervals))
