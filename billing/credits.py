"""Service credits in money: the last step of rating, as separate negative lines, capped once per period across levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from billing.explanation import Explanation, Leaf, LeafKind, tidy
from billing.rating import LineKind, RatedLine
from lpo.core.money import EXACT, add, require_decimal, round_money


@dataclass(frozen=True)
class CreditClaim:
    """What a missed level is worth: `percent` of `base` (a fee), rounded half up; or a fixed `amount` where the contract names one.

    `shares` are further percentages the contract multiplies by, such as the pool and the level's allocation: 50 % × 40 %.
    """

    reference: str
    description: str
    base: Decimal = Decimal(0)
    percent: Decimal = Decimal(100)
    shares: tuple[Decimal, ...] = ()
    amount: Decimal | None = None

    def worth(self, currency: str) -> Decimal:
        """The credit before the cap, as a positive amount."""
        require_decimal(self.base, self.percent, *self.shares)
        if self.amount is not None:
            return round_money(self.amount, currency)
        with localcontext(EXACT):
            value = self.base * self.percent / 100
            for share in self.shares:
                value = value * share / 100
            return round_money(value, currency)

    def formula(self) -> str:
        """The computation in figures, as the invoice prints it."""
        if self.amount is not None:
            return f"{self.amount:,f} as agreed"
        factors = [f"{tidy(share):f} %" for share in (*self.shares, self.percent) if share != 100]
        return " × ".join([*factors, f"{self.base:,f}"])


@dataclass(frozen=True)
class Credited:
    """Credit lines in order of the claims, what they would have been, and the excess that the cap took."""

    lines: tuple[RatedLine, ...]
    before_cap: Decimal
    excess: Decimal

    @property
    def amount(self) -> Decimal:
        """What is credited, as a negative amount."""
        return add(*(line.amount for line in self.lines))


def credit_lines(claims: Sequence[CreditClaim], cap: Decimal | None, currency: str) -> Credited:
    """Negative lines for `claims` of one period. The cap is used up in the order given; an excess is a leaf of the line it falls on."""
    room = cap
    lines: list[RatedLine] = []
    for claim in claims:
        worth = claim.worth(currency)
        if worth < 0:
            raise ValueError(f"{claim.reference}: a claim is worth zero or more")
        granted = worth if room is None else min(worth, room)
        room = None if room is None else room - granted
        lines.append(_credit_line(claim, worth, round_money(granted, currency), cap))
    before = add(*(claim.worth(currency) for claim in claims))
    return Credited(tuple(lines), before, add(before, *(line.amount for line in lines)))


def _credit_line(claim: CreditClaim, worth: Decimal, granted: Decimal, cap: Decimal | None) -> RatedLine:
    leaves = [Leaf(LeafKind.CREDIT, claim.formula(), -worth, claim.reference)]
    detail = claim.formula()
    if cap is not None and granted != worth:
        leaves.append(Leaf(LeafKind.EXCESS, f"Above the cap of {cap:,f}", worth - granted, claim.reference))
        detail = f"{detail}, capped at {cap:,f} a period: {worth - granted:,f} above it"
    amount = -granted if granted else granted
    explanation = Explanation(claim.description, tuple(leaves))
    key = f"credit-{claim.reference}"
    return RatedLine(key, LineKind.CREDIT, claim.description, Decimal(1), "", amount, amount, explanation, detail)
