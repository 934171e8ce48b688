"""How large a sample is and how it is spread over strata. Pure.

Which items a stratum gives is not chosen here: those with the smallest MD5 of seed and item (`sla.frames`), so anybody can draw again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from sla.statistics import sample_size


class SamplingError(ValueError):
    """More is asked for than there is, or nothing."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a size follows from. Shares are 0 … 1; of `margin` and `number` one is given."""

    confidence: float = 0.95
    margin: float | None = None
    expected: float = 0.5
    number: int | None = None

    def of(self, population: int) -> int:
        """Items to draw from `population`, at most all of them. Raises `SamplingError`, `StatisticsError`."""
        if population < 1:
            raise SamplingError("there is nothing to draw from")
        if self.margin is not None:
            return sample_size(self.margin, self.confidence, population=population, rate=self.expected)
        if self.number is None or self.number < 1:
            raise SamplingError("at least one item is drawn")
        if self.number > population:
            raise SamplingError(f"{self.number:,} of {population:,} cannot be drawn")
        return self.number


def proportional(populations: Sequence[int], size: int) -> list[int]:
    """Sizes of strata in proportion to their populations by largest remainder, ties by position; they add up to `size`.

    No stratum gives more than it holds. Raises `SamplingError` where `size` exceeds them all.
    """
    whole = sum(populations)
    if not 0 <= size <= whole:
        raise SamplingError(f"{size:,} of {whole:,} cannot be drawn")
    if not whole:
        return [0] * len(populations)
    exact = [Fraction(size * count, whole) for count in populations]
    sizes = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: (sizes[place] - exact[place], place))
    for place in by_remainder[: size - sum(sizes)]:
        sizes[place] += 1
    return sizes


def each(populations: Sequence[int], size: int) -> list[int]:
    """The same number from each stratum, or all of a smaller one."""
    if size < 1:
        raise SamplingError("at least one item is drawn from each stratum")
    return [min(size, count) for count in populations]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked in one stratum: `items` of its `population`, `units` in them, and what their errors count."""

    population: int
    items: int
    units: int
    errors: Fraction


def weighted_rate(strata: Sequence[Checked]) -> Fraction | None:
    """The error rate of the whole population where each checked item stands for population ÷ items of its stratum (the ratio of
    expansion estimators; Cochran, Sampling Techniques, 3rd ed., 6.11). Strata without a check are left out. None: nothing checked."""
    errors = sum((Fraction(row.population, row.items) * row.errors for row in strata if row.items), Fraction(0))
    units = sum((Fraction(row.population, row.items) * row.units for row in strata if row.items), Fraction(0))
    return errors / units if units else None


def effective_size(strata: Sequence[Checked]) -> int:
    """Units of an equally weighted sample that says as much (Kish 1965: (Σw)² ÷ Σw²), rounded down."""
    weights = [(Fraction(row.population, row.items), row.units) for row in strata if row.items]
    squares = sum((weight * weight * units for weight, units in weights), Fraction(0))
    total = sum((weight * units for weight, units in weights), Fraction(0))
    return int(total * total / squares) if squares else 0
