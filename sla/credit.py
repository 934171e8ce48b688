"""Credit claims: what missing a service level costs, as exact shares before any rounding.

A claim names the level, window and incident and a formula in shares of the fee base and of the at-risk amount; it carries no currency.
Given a fee base, `settle` caps the claims of one period once, across levels, and shows the excess. Rounding to a currency is left to
whoever makes the charge. All figures are exact fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

Number = int | Decimal | Fraction


class CreditError(ValueError):
    """A share outside 0 … 1, a negative amount or count, or claims that do not belong together."""


class CreditBase(StrEnum):
    """What a credit is a share of."""

    FEE = "fee"
    AT_RISK = "at_risk"
    AMOUNT = "amount"


class Default(StrEnum):
    """How far a measured window fell short."""

    NONE = "none"
    SHORTFALL = "shortfall"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class CreditTerm:
    """A contract's credit for one level: `share` of the fee, of the at-risk amount, or (AMOUNT) `share` as an amount of money.

    Build it with `percent_of_fee`, `pool_allocation` or `fixed_amount`.
    """

    base: CreditBase
    share: Fraction
    formula: str


@dataclass(frozen=True, slots=True)
class CreditClaim:
    """One level's claim for one window. `count` is 1 for a missed attainment, or the misses where each one is credited."""

    level: str
    window: str
    term: CreditTerm
    count: int = 1
    incident: str = ""

    def __post_init__(self) -> None:
        if self.count < 0:
            raise CreditError(f"{self.count} misses")

    @property
    def formula(self) -> str:
        return self.term.formula if self.count == 1 else f"{self.count} × {self.term.formula}"

    def amount(self, fee: Number, at_risk_share: Number) -> Fraction:
        """What the claim comes to, before the cap and unrounded, in the fee's currency."""
        share = self.term.share * self.count
        if self.term.base is CreditBase.FEE:
            return share * Fraction(fee)
        return share * Fraction(fee) * Fraction(at_risk_share) if self.term.base is CreditBase.AT_RISK else share


@dataclass(frozen=True, slots=True)
class Settlement:
    """The claims of one period against one fee base. `credit` = min(`claimed`, `cap`); `excess` is what the cap cut off."""

    fee: Fraction
    at_risk_share: Fraction
    amounts: tuple[tuple[CreditClaim, Fraction], ...]

    @property
    def claimed(self) -> Fraction:
        return sum((amount for _, amount in self.amounts), Fraction(0))

    @property
    def cap(self) -> Fraction:
        """The at-risk amount: the most that all credits of the period may come to."""
        return self.fee * self.at_risk_share

    @property
    def credit(self) -> Fraction:
        return min(self.claimed, self.cap)

    @property
    def excess(self) -> Fraction:
        return self.claimed - self.credit

    @property
    def formula(self) -> str:
        """The whole computation as a client can check it by hand."""
        fee, cap = plain(self.fee), plain(self.cap)
        claims = " + ".join(f"{claim.formula} = {plain(amount)}" for claim, amount in self.amounts) or "no claims"
        ceiling = f"cap {plain(self.at_risk_share * 100)} % × {fee} = {cap}"
        return f"fee {fee}; {claims}; {ceiling}; credit {plain(self.credit)}, excess {plain(self.excess)}"

    @property
    def inputs(self) -> dict[str, str]:
        """The frozen inputs as text, exact."""
        counts = {f"count {claim.level} {claim.window}": str(claim.count) for claim, _ in self.amounts}
        return {"fee": plain(self.fee), "at_risk_share": plain(self.at_risk_share), **counts}


def percent_of_fee(percent: Number) -> CreditTerm:
    """`percent` (5 for 5 %) of the fee base, for each miss or for a missed attainment."""
    share = _share(percent)
    return CreditTerm(CreditBase.FEE, share, f"{plain(share * 100)} % of the fee")


def pool_allocation(pool_percent: Number, allocation_percent: Number) -> CreditTerm:
    """Pool % × the level's allocation % × the at-risk amount."""
    pool, allocation = _share(pool_percent), _share(allocation_percent)
    return CreditTerm(CreditBase.AT_RISK, pool * allocation, f"{plain(pool * 100)} % × {plain(allocation * 100)} % of the at-risk amount")


def fixed_amount(amount: Number) -> CreditTerm:
    """A sum the contract names outright. Raises `CreditError` when negative."""
    exact = Fraction(amount)
    if exact < 0:
        raise CreditError(f"a credit of {plain(exact)} is not a credit")
    return CreditTerm(CreditBase.AMOUNT, exact, plain(exact))


def settle(claims: Iterable[CreditClaim], fee: Number, at_risk_percent: Number) -> Settlement:
    """Cap the claims of one period once. `at_risk_percent`: 10 for 10 %. Raises `CreditError`."""
    base, at_risk = Fraction(fee), _share(at_risk_percent)
    if base < 0:
        raise CreditError(f"a fee base of {plain(base)} is negative")
    return Settlement(base, at_risk, tuple((claim, claim.amount(base, at_risk)) for claim in claims))


def restatement(earlier: Settlement, later: Settlement) -> Fraction:
    """credit(n + 1) − credit(n) of a restated window: above 0 more is credited, below 0 it is billed back."""
    return later.credit - earlier.credit


def one_per_incident(
    claims: Sequence[CreditClaim], chosen: Mapping[str, str] | None = None, *, fee: Number, at_risk_percent: Number
) -> tuple[CreditClaim, ...]:
    """Of several levels missed in one incident keep one claim: the client's choice (`chosen`: incident → level), else the largest.

    Claims without an incident all stay; order is kept. Raises `CreditError` when the chosen level has no claim for the incident.
    """
    at_risk = _share(at_risk_percent)
    kept: dict[str, CreditClaim] = {}
    for claim in claims:
        wanted = (chosen or {}).get(claim.incident)
        best = kept.get(claim.incident)
        if wanted is not None and claim.level != wanted:
            continue
        if best is None or claim.amount(fee, at_risk) > best.amount(fee, at_risk):
            kept[claim.incident] = claim
    missing = {claim.incident for claim in claims if claim.incident} - kept.keys()
    if missing:
        raise CreditError(f"the level chosen for {', '.join(sorted(missing))} has no claim there")
    return tuple(claim for claim in claims if not claim.incident or kept[claim.incident] is claim)


def default_of(measured: Fraction | None, expected: Number, minimum: Number, earlier_shortfalls: int) -> Default:
    """Below the minimum is a default; between minimum and expected from the fourth time in a rolling 12 months.

    `earlier_shortfalls`: windows of the 12 months before this one that fell between minimum and expected. Not measured is no default.
    """
    if measured is None or measured >= Fraction(expected):
        return Default.NONE
    if measured < Fraction(minimum) or earlier_shortfalls >= 3:
        return Default.DEFAULT
    return Default.SHORTFALL


def plain(value: Fraction) -> str:
    """An exact number as people write it: 922.5, 18450; a quotient where decimals do not end."""
    twos_and_fives = value.denominator
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
    if twos_and_fives != 1:
        return f"{value.numerator}/{value.denominator}"
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    return f"{Decimal(int(value * 10**places)).scaleb(-places):f}"


def _share(percent: Number) -> Fraction:
    share = Fraction(percent) / 100
    if not 0 <= share <= 1:
        raise CreditError(f"{plain(share * 100)} % is not within 0 … 100 %")
    return share
