"""Purchase orders: which one an amount draws on, and what is left of each. Billing says through `drawers` what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from engagements.models import PurchaseOrder

# Ids of orders → how much was drawn on each, in its own currency, before tax. Called across walls.
Drawer = Callable[[Sequence[int]], Mapping[int, Decimal]]
drawers: list[Drawer] = []


@dataclass(frozen=True)
class Balance:
    """An order with what is left of it; below zero where more was drawn than it holds."""

    order: PurchaseOrder
    drawn: Decimal

    @property
    def remaining(self) -> Decimal:
        return self.order.amount - self.drawn

    def valid_on(self, day: date) -> bool:
        return self.order.valid_from <= day and (self.order.valid_to is None or day <= self.order.valid_to)


def balances_of(orders: Sequence[PurchaseOrder]) -> list[Balance]:
    """What each order was drawn on by every room that draws, in as many calls as there are such rooms."""
    ids = [order.pk for order in orders]
    drawn = [drawer(ids) for drawer in drawers] if ids else []
    return [Balance(order, sum((found.get(order.pk, Decimal(0)) for found in drawn), Decimal(0))) for order in orders]


def chosen(balances: Sequence[Balance], day: date, currency: str, amount: Decimal) -> Balance | None:
    """The order that `amount` draws on: of those valid on the day in its currency the one that ends first and has enough left; where
    none has enough, the one with most left. None where none is valid."""
    valid = [row for row in balances if row.valid_on(day) and row.order.currency == currency]
    valid.sort(key=lambda row: (row.order.valid_to or date.max, row.order.valid_from, row.order.pk))
    enough = next((row for row in valid if row.remaining >= amount), None)
    return enough or max(valid, key=lambda row: row.remaining, default=None)
