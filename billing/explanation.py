"""Why a line is what it is: a tree whose leaves sum to the line exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any

from lpo.core.exports import Cell, plain
from lpo.core.money import EXACT, add

# A share that does not terminate (a third of a month) is cut here; the rounding leaf takes the rest, so the sum stays exact.
_LEAF_DIGITS = Decimal("1E-12")


class LeafKind(StrEnum):
    """What a leaf stands for. `ROW` is a source row; every other kind is a step of the computation."""

    ROW = "row"
    FEE = "fee"
    PRORATION = "proration"
    AWAY = "away"
    HANDOVER = "handover"
    INCREMENT = "increment"
    CONVERSION = "conversion"
    MEASURE = "measure"
    MARKUP = "markup"
    FREE_UNITS = "free_units"
    PACKAGE = "package"
    DISCOUNT = "discount"
    CAP = "cap"
    MINIMUM = "minimum"
    CREDIT = "credit"
    EXCESS = "excess"
    SUBTOTAL = "subtotal"
    BILLED = "billed"
    ROUNDING = "rounding"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One addend. `source` is the reference of the row, line or document it comes from."""

    kind: LeafKind
    label: str
    amount: Decimal
    source: str = ""
    quantity: Decimal | None = None
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A named group of leaves and of further groups."""

    label: str
    parts: tuple[Leaf | Explanation, ...]

    def leaves(self) -> Iterator[Leaf]:
        """Every leaf below, in order."""
        for part in self.parts:
            if isinstance(part, Leaf):
                yield part
            else:
                yield from part.leaves()

    def total(self) -> Decimal:
        """The exact sum of the leaves."""
        return add(*(leaf.amount for leaf in self.leaves()))

    def to_data(self) -> dict[str, Any]:
        """Plain JSON values, Decimals as digits; `from_data` restores an equal tree."""
        return {
            "label": self.label,
            "parts": [part.to_data() if isinstance(part, Explanation) else _leaf_data(part) for part in self.parts],
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Explanation:
        return cls(data["label"], tuple(cls.from_data(part) if "parts" in part else _leaf(part) for part in data["parts"]))


CSV_HEADER = ("step", "source", "description", "quantity", "unit price", "amount")


def csv_rows(explanation: Explanation) -> Iterator[tuple[Cell, ...]]:
    """The leaves as rows under `CSV_HEADER`; the amount column sums to the line exactly."""
    for leaf in explanation.leaves():
        yield leaf.kind.value, leaf.source, leaf.label, leaf.quantity, leaf.unit_price, leaf.amount


def leaf_amount(value: Decimal) -> Decimal:
    """`value` cut to twelve decimals where it has more."""
    if int(value.as_tuple().exponent) >= -12:
        return value
    return tidy(value.quantize(_LEAF_DIGITS, ROUND_HALF_EVEN, context=EXACT))


def tidy(value: Decimal) -> Decimal:
    """`value` without trailing zeros after the point, never in exponent form: 1.500 is 1.5, 1E+3 is 1000."""
    shorter = value.normalize(EXACT)
    return shorter.quantize(Decimal(1), context=EXACT) if shorter.as_tuple().exponent > 0 else shorter  # type: ignore[operator]


def _leaf_data(leaf: Leaf) -> dict[str, Any]:
    return {
        "kind": leaf.kind.value,
        "label": leaf.label,
        "amount": plain(leaf.amount),
        "source": leaf.source,
        "quantity": None if leaf.quantity is None else plain(leaf.quantity),
        "unit_price": None if leaf.unit_price is None else plain(leaf.unit_price),
    }


def _leaf(data: dict[str, Any]) -> Leaf:
    def number(name: str) -> Decimal | None:
        return None if data[name] is None else Decimal(data[name])

    return Leaf(LeafKind(data["kind"]), data["label"], Decimal(data["amount"]), data["source"], number("quantity"), number("unit_price"))
