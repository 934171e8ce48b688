"""How strong a measured rate is: intervals, sample sizes, and how much clean work would show a limit.

Floats: nothing here is money. Formulas: Wilson (1927); Clopper and Pearson (1934) as quantiles of the beta distribution; the regularised
incomplete beta function by Lentz's continued fraction (Numerical Recipes, 3rd ed., 6.4). The contract's own result is decided elsewhere, on
the measured rate unless the contract says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, exp, isclose, lgamma, log, log1p, sqrt
from statistics import NormalDist

_TINY = 1e-300
_BISECTIONS = 200


class StatisticsError(ValueError):
    """Counts or probabilities from which nothing can be computed."""


@dataclass(frozen=True, slots=True)
class RateInterval:
    """Bounds of a rate, 0 … 1, at a confidence."""

    low: float
    high: float
    confidence: float

    @property
    def text(self) -> str:
        """0.26–2.18 %."""
        return f"{self.low * 100:.2f}–{self.high * 100:.2f}\N{NO-BREAK SPACE}%"


@dataclass(frozen=True, slots=True)
class LimitStatement:
    """Whether "rate under `limit`" is shown at a confidence. The bound shown is the bound tested.

    `sample_needed`: the sample in which the errors found so far would show it; `more_clean`: further checks without an error until then.
    """

    shown: bool
    upper_bound: float
    sample_needed: int
    more_clean: int


def wilson(errors: int, checked: int, confidence: float = 0.95) -> RateInterval | None:
    """Wilson score interval, for display; None when nothing was checked."""
    _require_counts(errors, checked)
    if checked == 0:
        return None
    z = z_value(confidence)
    rate, spread = errors / checked, z * z / checked
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(rate * (1 - rate) / checked + spread / (4 * checked))
    low = 0.0 if errors == 0 else max(0.0, centre - half)
    high = 1.0 if errors == checked else min(1.0, centre + half)
    return RateInterval(low, high, confidence)


def clopper_pearson(errors: int, checked: int, confidence: float = 0.95) -> RateInterval | None:
    """Exact two-sided interval: each tail holds half of 1 − confidence; None when nothing was checked."""
    if checked == 0:
        _require_counts(errors, checked)
        return None
    one_sided = 1 - (1 - confidence) / 2
    return RateInterval(lower_bound(errors, checked, one_sided), upper_bound(errors, checked, one_sided), confidence)


def upper_bound(errors: int, checked: int, confidence: float = 0.95) -> float:
    """Exact one-sided upper confidence bound of a rate: the p at which `errors` or fewer have probability 1 − confidence."""
    _require_counts(errors, checked)
    _require_probability(confidence)
    if errors == checked:
        return 1.0
    return _solve(lambda p: binomial_cdf(errors, checked, p), 1 - confidence)


def lower_bound(errors: int, checked: int, confidence: float = 0.95) -> float:
    """Exact one-sided lower confidence bound of a rate: the p at which `errors` or more have probability 1 − confidence."""
    _require_counts(errors, checked)
    _require_probability(confidence)
    if errors == 0:
        return 0.0
    return _solve(lambda p: binomial_cdf(errors - 1, checked, p), confidence)


def under_limit(errors: int, checked: int, limit: float, confidence: float = 0.95, *, two_sided: bool = False) -> LimitStatement:
    """Whether the upper bound lies under `limit`, and how many more checks without an error would put it there.

    One-sided at `confidence`, or the upper end of the two-sided interval. Raises `StatisticsError`.
    """
    needed = sample_needed(errors, limit, confidence, two_sided=two_sided)
    one_sided = 1 - (1 - confidence) / 2 if two_sided else confidence
    bound = upper_bound(errors, checked, one_sided)
    return LimitStatement(checked >= needed, bound, needed, max(0, needed - checked))


def sample_needed(errors: int, limit: float, confidence: float = 0.95, *, two_sided: bool = False) -> int:
    """Smallest sample in which `errors` errors put the exact upper bound under `limit`."""
    if errors < 0 or not 0 < limit < 1:
        raise StatisticsError(f"{errors} errors under a limit of {limit}")
    _require_probability(confidence)
    alpha = (1 - confidence) / (2 if two_sided else 1)
    low, high = errors, max(2 * errors, 1)
    while binomial_cdf(errors, high, limit) >= alpha:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if binomial_cdf(errors, middle, limit) < alpha:
            high = middle
        else:
            low = middle
    return high


def sample_size(margin: float, confidence: float = 0.95, *, population: int | None = None, rate: float = 0.5) -> int:
    """n₀ = z²p(1−p)/e², and for a finite population N n = n₀ / (1 + (n₀−1)/N); rounded up, at most N.

    `margin` and `rate` as shares, 0.05 for ±5 %. Raises `StatisticsError`.
    """
    if not 0 < margin < 1 or not 0 <= rate <= 1 or (population is not None and population < 0):
        raise StatisticsError(f"margin {margin}, rate {rate}, population {population}")
    if population == 0:
        return 0
    unlimited = z_value(confidence) ** 2 * rate * (1 - rate) / margin**2
    size = unlimited if population is None else unlimited / (1 + (unlimited - 1) / population)
    # Float noise just above a whole number is not another unit to check.
    wanted = round(size) if isclose(size, round(size), rel_tol=1e-12) else ceil(size)
    return max(1, wanted if population is None else min(wanted, population))


def measured_rate(errors: int, checked: int) -> Fraction | None:
    """Errors ÷ checked, exact; None: not measured."""
    _require_counts(errors, checked)
    return Fraction(errors, checked) if checked else None


def z_value(confidence: float) -> float:
    """Two-sided standard normal quantile: 1.95996… for 0.95."""
    _require_probability(confidence)
    return NormalDist().inv_cdf(1 - (1 - confidence) / 2)


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X ≤ k) for X binomial(n, p) = I(1−p; n−k, k+1). Also what an acceptance plan (n, c = k) accepts at error rate p."""
    if k < 0:
        return 0.0
    if k >= n or p <= 0:
        return 1.0
    return 0.0 if p >= 1 else regularised_beta(1 - p, n - k, k + 1)


def regularised_beta(x: float, a: float, b: float) -> float:
    """I(x; a, b), the regularised incomplete beta function for a, b > 0 and 0 ≤ x ≤ 1."""
    if not 0 <= x <= 1 or a <= 0 or b <= 0:
        raise StatisticsError(f"I({x}; {a}, {b}) is not defined")
    if x in (0.0, 1.0):
        return x
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    # The fraction converges fast on the near side of the mean, so the far side is taken from its complement.
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 100_000):
        for step in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 / _nonzero(1 + step * d)
            c = _nonzero(1 + step / c)
            value *= c * d
        if abs(c * d - 1) < 1e-15:
            return value
    raise StatisticsError(f"I({x}; {a}, {b}) does not converge")


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _solve(falling: Callable[[float], float], level: float) -> float:
    """The p in 0 … 1 at which a falling function passes a level, by bisection to the last float."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if falling(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _require_counts(errors: int, checked: int) -> None:
    if not 0 <= errors <= checked:
        raise StatisticsError(f"{errors} errors among {checked} checked")


def _require_probability(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise StatisticsError(f"confidence {confidence} is not between 0 and 1")
