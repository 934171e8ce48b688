"""Purchase orders of an engagement."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Required, TypedDict, Unpack

from django.db import transaction

from engagements import orders
from engagements.actions.checks import Duplicate, build, change, known_currency, locked, plain
from engagements.models import Engagement, PurchaseOrder
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.money import is_money
from lpo.tenancy.context import in_organization


class OrderFields(TypedDict, total=False):
    number: Required[str]
    amount: Required[Decimal]
    currency: Required[str]
    valid_from: Required[date]
    valid_to: date | None
    note: str


def _checked(amount: Decimal, currency: str) -> None:
    known_currency(currency)
    if not is_money(amount, currency):
        raise Refused(f"This is not an amount of {currency}.", "amount")


@transaction.atomic
def add_order(*, engagement: Engagement, by: Actor, **fields: Unpack[OrderFields]) -> PurchaseOrder:
    """Raises `Refused` naming the field, `Duplicate` when the engagement has an order of this number."""
    by.need(Permission.EDIT_WORK)
    locked(engagement)
    _checked(fields["amount"], fields["currency"])
    existing = PurchaseOrder.objects.filter(engagement=engagement, number=fields["number"]).first()
    if existing is not None:
        raise Duplicate(f"{engagement.reference} has an order {existing.number} already.", existing, "number")
    order = build(PurchaseOrder, {**fields, "client_id": engagement.client_id, "engagement": engagement})
    order.save()
    record(by=by, action="order.add", target=order, after={n: plain(v) for n, v in fields.items()}, reference=_named(order))
    return order


@transaction.atomic
def change_order(*, order: PurchaseOrder, by: Actor, version: int, **fields: Any) -> PurchaseOrder:
    """Change what the client changed. What was invoiced stands: number and currency stay, and the amount covers what was drawn."""
    by.need(Permission.EDIT_WORK)
    order = locked(order)
    _checked(fields.get("amount", order.amount), fields.get("currency", order.currency))
    with in_organization(by.organization_id):
        drawn = orders.balances_of([order])[0].drawn
    if drawn:
        for name in ("number", "currency"):
            if fields.get(name, getattr(order, name)) != getattr(order, name):
                raise Refused("It stands on an issued invoice and cannot change.", name)
        if fields.get("amount", order.amount) < drawn:
            raise Refused(f"{drawn.normalize():,f} {order.currency} is invoiced under it already.", "amount")
    number = fields.get("number", order.number)
    if PurchaseOrder.objects.filter(engagement_id=order.engagement_id, number=number).exclude(pk=order.pk).exists():
        raise Refused(f"The engagement has an order {number} already.", "number")
    order, before, after = change(order, version, fields)
    if after:
        record(by=by, action="order.change", target=order, before=before, after=after, reference=_named(order))
    return order


def _named(order: PurchaseOrder) -> str:
    return f"{Engagement.objects.values_list('reference', flat=True).get(pk=order.engagement_id)}, order {order.number}"
