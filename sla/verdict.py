"""Whether a window kept its promise, and whether a miss is a default that earns a credit. Pure: counts and terms in, a verdict out.

Terms may soften the bare percentage where few were counted: a table of misses allowed, a month judged together with its quarter, no
credit below a number. A *minimum* beside the expected share makes two kinds of miss: below the minimum each is a default, between the
two only once it has happened often enough in a rolling year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Protocol

from sla.statistics import sample_needed, upper_bound

MISSES_BEFORE_DEFAULT = 3


class Test(StrEnum):
    """What decides an error rate."""

    RATE = "rate"  # the measured rate
    UPPER_BOUND = "upper_bound"  # the one-sided upper confidence bound of it
    ACCEPTANCE = "acceptance"  # at most c errors in a sample of n


class Basis(StrEnum):
    """What a verdict rests on."""

    FRACTION = "fraction"  # the exact fraction against the promise
    ALLOWED = "allowed"  # the table of misses allowed at low volume
    ROLLED_UP = "rolled_up"  # too few were counted: judged when the quarter ends
    COMBINED = "combined"  # with what was rolled up into it
    BOUND = "bound"  # the upper confidence bound against the limit
    ACCEPTANCE = "acceptance"  # errors accepted in a sample of at least n
    SHORT = "short"  # fewer were checked than the acceptance plan asks for
    VOLUME = "volume"  # what was delivered against what was due
    RUNNING = "running"  # less was delivered than is due, and the window still runs


class Terms(Protocol):
    """What a verdict reads of a level's version. Percentages are 0–100; of the three promises one is set."""

    expected_percent: Decimal | None
    max_error_percent: Decimal | None
    min_volume: Decimal | None
    minimum_percent: Decimal | None
    allowed_misses: list[list[int]]
    roll_up_below: int
    no_credit_below: int
    misses_before_default: int
    earn_back_percent: Decimal | None
    test: str
    test_confidence_percent: Decimal | None
    accepted_sample: int | None
    accepted_errors: int | None
    severity_weights: dict[str, str]


@dataclass(frozen=True, slots=True)
class Counted:
    """A window's fraction and what was rolled up into it: the kept ones of those counted, or errors of units checked.

    Of a volume `rate` is what was delivered of what was due, exactly, and `running` says that more may come.
    `rate`: the error rate where severities or strata weigh, so that it is not numerator ÷ denominator; `sample` then says how many
    equally weighted units would say as much.
    """

    numerator: int
    denominator: int
    carried_numerator: int = 0
    carried_denominator: int = 0
    rate: Fraction | None = None
    sample: int | None = None
    running: bool = False

    @property
    def fraction(self) -> Fraction | None:
        if self.rate is not None:
            return self.rate
        whole = self.denominator + self.carried_denominator
        return Fraction(self.numerator + self.carried_numerator, whole) if whole else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`met` None: nothing was measured, or it is judged later. `allowed` is the number of misses that low volume allowed."""

    met: bool | None
    basis: Basis = Basis.FRACTION
    allowed: int | None = None
    below_minimum: bool = False


def judge(terms: Terms, counted: Counted, *, quarter_ends: bool) -> Verdict:
    """The verdict on one window. `quarter_ends`: whether its end is that of a quarter, where what was rolled up is judged."""
    share = counted.fraction
    if share is None:
        return Verdict(None)
    if terms.min_volume is not None:
        return Verdict(None, Basis.RUNNING) if share < 1 and counted.running else Verdict(share >= 1, Basis.VOLUME)
    if counted.denominator < terms.roll_up_below and not quarter_ends:
        return Verdict(None, Basis.ROLLED_UP)
    if terms.test == Test.UPPER_BOUND:
        return Verdict(bound_stays_under(terms, counted), Basis.BOUND)
    if terms.test == Test.ACCEPTANCE:
        return _accepted(terms, counted)
    basis = Basis.COMBINED if counted.carried_denominator else Basis.FRACTION
    below = terms.minimum_percent is not None and share < Fraction(terms.minimum_percent) / 100
    whole = counted.denominator + counted.carried_denominator
    allowed = misses_allowed(terms.allowed_misses, whole)
    if allowed is not None:
        kept = counted.numerator + counted.carried_numerator
        misses = kept if terms.max_error_percent is not None else whole - kept
        met = misses <= allowed
        return Verdict(met, Basis.ALLOWED, allowed, below_minimum=below and not met)
    return Verdict(reaches(terms, share), basis, below_minimum=below)


def in_sample(counted: Counted) -> tuple[int, int]:
    """(errors, units) a bound is reckoned from: as counted; where something weighs, of the sample that says as much, rounded up."""
    if counted.rate is None or counted.sample is None:
        return counted.numerator, counted.denominator
    return min(counted.sample, ceil(counted.rate * counted.sample)), counted.sample


def bound_of(terms: Terms, counted: Counted) -> float:
    """The exact one-sided upper bound of the error rate at the contract's confidence: the bound that is shown is the one tested."""
    return upper_bound(*in_sample(counted), confidence_of(terms))


def bound_stays_under(terms: Terms, counted: Counted) -> bool:
    errors, units = in_sample(counted)
    limit = float(Fraction(terms.max_error_percent or 0) / 100)
    return limit < 1 and units >= sample_needed(errors, limit, confidence_of(terms))


def confidence_of(terms: Terms) -> float:
    """0.95 unless the contract says otherwise."""
    return float(Fraction(terms.test_confidence_percent) / 100) if terms.test_confidence_percent is not None else 0.95


def _accepted(terms: Terms, counted: Counted) -> Verdict:
    """At most c errors in a sample of at least n. More than c are too many however few were checked."""
    share, accepted = counted.fraction or Fraction(0), terms.accepted_errors or 0
    if share * counted.denominator > accepted:
        return Verdict(False, Basis.ACCEPTANCE, accepted)
    if counted.denominator < (terms.accepted_sample or 0):
        return Verdict(None, Basis.SHORT, accepted)
    return Verdict(True, Basis.ACCEPTANCE, accepted)


def reaches(terms: Terms, share: Fraction) -> bool:
    """The exact fraction against the promise: an error rate stays under its limit, a share reaches what is expected."""
    if terms.max_error_percent is not None:
        return share < Fraction(terms.max_error_percent) / 100
    return share >= Fraction(terms.expected_percent or 0) / 100


def misses_allowed(bands: Sequence[Sequence[int]], counted: int) -> int | None:
    """Misses allowed by the table of [up to so many counted, misses]; None above its last band."""
    return next((misses for most, misses in bands if counted <= most), None)


def earns_back(terms: Terms, counted: Counted, *, met: bool | None) -> bool:
    """Whether a window that followed a miss reaches what `terms`, those of the miss, ask of each to give its credit back.

    The bare percentage decides: misses allowed at low volume forgive, they do not earn. What is too little to cost a credit is too
    little to earn one back, and so is a window that is not judged by itself.
    """
    target, share = terms.earn_back_percent, counted.fraction
    if target is None or share is None or met is not True:
        return False
    if counted.denominator + counted.carried_denominator < terms.no_credit_below:
        return False
    exact = Fraction(target) / 100
    return share < exact if terms.max_error_percent is not None else share >= exact


@dataclass(frozen=True, slots=True)
class Default:
    """Whether a missed window earns its credit, and why or why not, in words the client reads."""

    due: bool
    why: str = ""


def default(terms: Terms, verdict: Verdict, counted: Counted, earlier_misses: int) -> Default:
    """`earlier_misses`: windows of the twelve months before that missed what was expected."""
    if verdict.met is not False:
        return Default(False)
    whole = counted.denominator + counted.carried_denominator
    if whole < terms.no_credit_below:
        return Default(False, f"No credit: {whole:,} counted, and fewer than {terms.no_credit_below:,} earn none.")
    if terms.minimum_percent is None:
        return Default(True)
    minimum = f"{terms.minimum_percent.normalize():f} %"
    if verdict.below_minimum:
        return Default(True, f"Below the minimum of {minimum}: a default at once.")
    if earlier_misses < terms.misses_before_default:
        number = f"{ordinal(earlier_misses + 1)} miss in twelve months, not below the minimum of {minimum}"
        return Default(False, f"No credit: the {number}; one is earned from the {ordinal(terms.misses_before_default + 1)} on.")
    return Default(True, f"The {ordinal(earlier_misses + 1)} miss in twelve months: a default.")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 22nd."""
    tail = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"
