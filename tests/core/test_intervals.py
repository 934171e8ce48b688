"""Interval algebra, against plain sets of seconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpo.core.intervals import BackwardInterval, Interval, intersect, subtract, total, union

some_intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6)


def seconds_of(intervals: list[Interval]) -> set[int]:
    return {second for start, end in intervals for second in range(start, end)}


def is_tidy(intervals: list[Interval]) -> bool:
    edges = [edge for interval in intervals for edge in interval]
    return edges == sorted(set(edges))


@given(some_intervals)
def test_a_union_holds_the_same_seconds_each_once(intervals: list[Interval]) -> None:
    assert seconds_of(union(intervals)) == seconds_of(intervals)
    assert is_tidy(union(intervals))
    assert total(intervals) == len(seconds_of(intervals))


@given(some_intervals, some_intervals)
def test_intersecting_and_subtracting_split_the_left_side(left: list[Interval], right: list[Interval]) -> None:
    common, rest = intersect(left, right), subtract(left, right)
    assert seconds_of(common) == seconds_of(left) & seconds_of(right)
    assert seconds_of(rest) == seconds_of(left) - seconds_of(right)
    assert is_tidy(common)
    assert is_tidy(rest)


def test_touching_intervals_become_one_and_empty_ones_vanish() -> None:
    assert union([(10, 20), (0, 10), (30, 30)]) == [(0, 20)]


def test_an_interval_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BackwardInterval, match="before its start 5"):
        union([(5, 4)])
