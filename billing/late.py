"""Late usage and corrections: what is still to bill of a period is rate(all known now) − billed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.explanation import Explanation, Leaf, LeafKind
from billing.rating import LineKind, RatedLine
from lpo.core.money import add


@dataclass(frozen=True)
class Billed:
    """What an issued line charged under a term and period: `key` as on its `RatedLine`, `document` the invoice's number."""

    key: str
    quantity: Decimal
    amount: Decimal
    document: str


def difference(now: Sequence[RatedLine], billed: Iterable[Billed], period_name: str) -> tuple[RatedLine, ...]:
    """What is still to bill of a period: rate(all known now) − billed, key by key, naming the period it corrects.

    Lines already billed at the same amount drop out; a line that fell away comes back negative. With nothing billed yet the lines
    are returned as they are.
    """
    by_key: dict[str, list[Billed]] = {}
    for earlier in billed:
        by_key.setdefault(earlier.key, []).append(earlier)
    lines = [_corrected(line, by_key[line.key], period_name) if line.key in by_key else line for line in now]
    gone = [key for key in by_key if key not in {line.key for line in now}]
    lines += [_withdrawn(key, by_key[key], period_name) for key in gone]
    return tuple(line for line in lines if line is not None)


def _corrected(line: RatedLine, billed: Sequence[Billed], period_name: str) -> RatedLine | None:
    amount = add(line.amount, *(-earlier.amount for earlier in billed))
    if not amount:
        return None
    quantity = add(line.quantity, *(-earlier.quantity for earlier in billed))
    # Where the price itself changed, quantity × price no longer explains the amount: the line is then one adjustment.
    unit, plural, price = line.unit, line.unit_plural, line.unit_price
    if abs(quantity * price - amount) > 2 * _last_digit(amount):
        quantity, unit, plural, price = Decimal(1), "adjustment", "", amount
    parts = (Explanation("Rated now", line.explanation.parts), Explanation("Already billed", _billed_leaves(billed)))
    description = f"{line.description}, correction for {period_name}"
    explanation = Explanation(description, parts)
    return RatedLine(line.key, LineKind.CORRECTION, description, quantity, unit, price, amount, explanation, line.detail, plural)


def _withdrawn(key: str, billed: Sequence[Billed], period_name: str) -> RatedLine | None:
    amount = add(*(-earlier.amount for earlier in billed))
    if not amount:
        return None
    documents = ", ".join(sorted({earlier.document for earlier in billed}))
    description = f"Correction for {period_name}: withdrawn from {documents}"
    explanation = Explanation(description, _billed_leaves(billed))
    return RatedLine(key, LineKind.CORRECTION, description, Decimal(1), "adjustment", amount, amount, explanation)


def _billed_leaves(billed: Sequence[Billed]) -> tuple[Leaf, ...]:
    ordered = sorted(billed, key=lambda earlier: (earlier.document, earlier.amount))
    return tuple(Leaf(LeafKind.BILLED, f"billed on {item.document}", -item.amount, item.document, -item.quantity) for item in ordered)


def billed_lines(lines: Iterable[RatedLine], document: str) -> tuple[Billed, ...]:
    """`lines` as issued on `document`, for the next `difference`."""
    return tuple(Billed(line.key, line.quantity, line.amount, document) for line in lines)


def _last_digit(amount: Decimal) -> Decimal:
    """One unit of the last digit `amount` is written with: a rounded amount carries its currency's."""
    return Decimal(1).scaleb(int(amount.as_tuple().exponent))
