"""Rating outcomes: a fixed fee for each event, a share of its amount, or both, up to a cap for one event. Pure; rounded half up once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from billing.explanation import Explanation, Leaf, LeafKind, tidy
from billing.rating import LineKind, RatedLine, limited
from billing.terms import ZERO, Days, Term
from lpo.core.money import EXACT, add, is_money, require_decimal, round_money


@dataclass(frozen=True, slots=True)
class Event:
    """Something achieved on one local day; `amount` is what its share is taken of, in the invoice's currency."""

    reference: str
    day: date
    label: str
    amount: Decimal = ZERO

    def __post_init__(self) -> None:
        require_decimal(self.amount)
        if self.amount < 0:
            raise ValueError(f"an outcome's amount is never negative; withdraw {self.reference} and the difference is billed")


@dataclass(frozen=True)
class OutcomeRule:
    """`term.unit_price` is the fee for the event itself, `percent` the share of its amount, `event_cap` what one event comes to at most."""

    term: Term
    percent: Decimal = ZERO
    event_cap: Decimal | None = None

    def __post_init__(self) -> None:
        require_decimal(self.percent)
        if not 0 <= self.percent <= 100:
            raise ValueError("a share is from 0 to 100 percent")
        if not self.percent and not self.term.unit_price:
            raise ValueError("an outcome has a fee, a percentage or both")
        if self.event_cap is not None and (self.event_cap <= 0 or not is_money(self.event_cap, self.term.currency)):
            raise ValueError(f"the cap of one event is an amount of {self.term.currency} above zero")


def rate_outcomes(rule: OutcomeRule, events: Iterable[Event], period: Days, active: Days) -> tuple[RatedLine, ...]:
    """One line for the period's events, then discount, cap and minimum. Raises `ValueError` as the values do."""
    held = period.common(active)
    rows = sorted((row for row in events if row.day in held), key=lambda row: (row.day, row.reference, row.amount))
    lines = [_line(rule, rows)] if rows else []
    return limited(rule.term, lines, period, active)


def _line(rule: OutcomeRule, rows: list[Event]) -> RatedLine:
    term = rule.term
    with localcontext(EXACT):
        leaves = [leaf for row in rows for leaf in _leaves(rule, row)]
        exact = add(*(leaf.amount for leaf in leaves))
        amount = round_money(exact, term.currency)
        if amount != exact:
            leaves.append(Leaf(LeafKind.ROUNDING, f"Rounded half up to {term.currency}", tidy(amount - exact)))
    count = Decimal(len(rows))
    plain = not rule.percent and exact == count * term.unit_price
    quantity, unit, price = (count, term.unit, term.unit_price) if plain else (Decimal(1), "", amount)
    plural = term.unit_plural if plain else ""
    detail = "" if plain else term.counted(count)
    return RatedLine(
        "usage",
        LineKind.CHARGE,
        term.description,
        quantity,
        unit,
        price,
        amount,
        Explanation(term.description, tuple(leaves)),
        detail,
        plural,
    )


def _leaves(rule: OutcomeRule, row: Event) -> Iterator[Leaf]:
    """What the event comes to, and what its cap takes off."""
    parts, fee = [], rule.term.unit_price
    share = row.amount * rule.percent / 100
    if fee:
        parts.append(f"{tidy(fee):,f}")
    if rule.percent:
        parts.append(f"{tidy(rule.percent):f} % of {tidy(row.amount):,f}")
    worth = fee + share
    yield Leaf(LeafKind.ROW, f"{row.day.day} {row.day:%b %Y}, {row.label}: {' + '.join(parts)}", tidy(worth), row.reference)
    if rule.event_cap is not None and worth > rule.event_cap:
        text = f"{row.label}: cap of {tidy(rule.event_cap):,f} for one {rule.term.unit or 'event'}"
        yield Leaf(LeafKind.CAP, text, tidy(rule.event_cap - worth), row.reference)
