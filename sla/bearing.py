"""What further misses would do to a running window: how many it bears, from which on they cost a credit. Pure: terms and counts in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sla.verdict import Counted, Default, Terms, default, judge


@dataclass(frozen=True, slots=True)
class Bearing:
    """Of `open_ones` that are still open and due in the window, with all the others kept in time:

    `bears`: how many may be missed with the promise still kept; -1 where it is missed even so, None where the window is not judged by
    itself. `costs_from`: how many misses make a default, 0 where it is one already, None where none of them does. `ruling`: what is
    said of that default, or of the first miss that is none.
    """

    open_ones: int
    bears: int | None
    costs_from: int | None
    ruling: Default


def bearing(terms: Terms, counted: Counted, open_ones: int, *, quarter_ends: bool, earlier_misses: int) -> Bearing:
    """Of a level with clocks. Where nothing is open the next one is asked about, as if it had come.

    For an error rate see `bearing_of_rate`.
    """
    most = max(open_ones, 1)

    def after(misses: int) -> Counted:
        kept = counted.numerator + max(open_ones, misses) - misses
        whole = counted.denominator + max(open_ones, misses)
        return Counted(kept, whole, counted.carried_numerator, counted.carried_denominator)

    return _bearing(terms, after, most, open_ones, quarter_ends, earlier_misses)


def bearing_of_rate(terms: Terms, counted: Counted, *, quarter_ends: bool, earlier_misses: int) -> Bearing | None:
    """Of an error rate: further errors in the units that were checked. None where severities or strata weigh and nothing is lost yet:
    what the next error would count nobody knows."""
    weighs = counted.rate is not None or bool(terms.severity_weights)
    if weighs and judge(terms, counted, quarter_ends=quarter_ends).met is not False:
        return None

    def after(errors: int) -> Counted:
        return replace(counted, numerator=counted.numerator + errors)

    right = counted.denominator - counted.numerator
    return _bearing(terms, after, 0 if weighs else right, right, quarter_ends, earlier_misses)


def _bearing(terms: Terms, after: Callable[[int], Counted], most: int, open_ones: int, quarter_ends: bool, earlier_misses: int) -> Bearing:
    def ruled(misses: int) -> Default:
        counted = after(misses)
        return default(terms, judge(terms, counted, quarter_ends=quarter_ends), counted, earlier_misses)

    # One more miss never helps, so both edges are found by halving.
    unjudged = judge(terms, after(most), quarter_ends=quarter_ends).met is None
    missed_from = _first(lambda misses: judge(terms, after(misses), quarter_ends=quarter_ends).met is False, most)
    costs_from = _first(lambda misses: ruled(misses).due, most)
    bears = None if unjudged else (most if missed_from is None else missed_from - 1)
    telling = costs_from if costs_from is not None else missed_from
    return Bearing(open_ones, bears, costs_from, Default(False) if telling is None else ruled(telling))


def _first(holds: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 0 to `most` from which on something holds."""
    if not holds(most):
        return None
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
