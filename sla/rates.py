"""What an error rate is measured from: errors by stratum, weighed where the contract or the sample weighs them. Pure.

Nothing weighs: the rate is errors ÷ units. Severities weigh: each error counts what its severity does. Strata drawn out of proportion
weigh: a plan's rate is that of its whole population (`sampling.weighted_rate`), and plans come together by the units checked in each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from sla.sampling import Checked, effective_size, weighted_rate


@dataclass(frozen=True, slots=True)
class Part:
    """Checks of one stratum, "" for those that stand for themselves; else "plan/place", of a stratum of `population` items."""

    stratum: str
    population: int
    items: int
    units: int
    errors: int
    weighted: Fraction


@dataclass(frozen=True, slots=True)
class Rate:
    """`share` is what is compared; `sample` the units of an equally weighted sample that says as much. `strata`: those that weigh."""

    errors: int
    units: int
    share: Fraction | None
    sample: int
    strata: tuple[Part, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the share is nothing but errors ÷ units."""
        return self.share is None or (not self.strata and self.share == Fraction(self.errors, self.units))

    @property
    def errors_in_sample(self) -> int:
        """The share as errors of `sample`, rounded up: what a bound is reckoned from, never more favourable than what was measured."""
        return 0 if self.share is None else min(self.sample, ceil(self.share * self.sample))

    def as_json(self) -> dict[str, Any]:
        """{} where nothing weighs."""
        if self.plain or self.share is None:
            return {}
        strata = [
            {
                "stratum": part.stratum,
                "population": part.population,
                "items": part.items,
                "units": part.units,
                "errors": part.errors,
                "weighted": f"{part.weighted}",
            }
            for part in self.strata
        ]
        return {"rate": f"{self.share}", "sample": self.sample, "strata": strata}


def rate_of(parts: Iterable[Part]) -> Rate:
    """The rate of all checks of a window."""
    known = list(parts)
    units, errors = sum(part.units for part in known), sum(part.errors for part in known)
    alone = [part for part in known if not part.stratum]
    plans: dict[str, list[Part]] = {}
    for part in sorted(known, key=lambda part: part.stratum):
        if part.stratum:
            plans.setdefault(part.stratum.partition("/")[0], []).append(part)
    counted, sample = sum((part.weighted for part in alone), Fraction(0)), sum(part.units for part in alone)
    for strata in plans.values():
        counted += _expanded(strata) * sum(part.units for part in strata)
        sample += effective_size(_checked(strata))
    weighing = tuple(part for strata in plans.values() for part in strata)
    return Rate(errors, units, counted / units if units else None, sample, weighing)


def _checked(strata: Sequence[Part]) -> list[Checked]:
    return [Checked(part.population, part.items, part.units, part.weighted) for part in strata]


def _expanded(strata: Sequence[Part]) -> Fraction:
    return weighted_rate(_checked(strata)) or Fraction(0)


def weighed_share(measured: Mapping[str, Any]) -> Fraction | None:
    """The rate that `as_json` kept; None where nothing weighed."""
    return Fraction(measured["rate"]) if "rate" in measured else None
