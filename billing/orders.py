"""How invoices draw on purchase orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db.models import OuterRef, Subquery, Sum

from billing.models import Invoice, InvoiceState
from engagements import orders
from engagements.models import Contract, PurchaseOrder
from engagements.orders import Balance


def register() -> None:
    if drawn not in orders.drawers:
        orders.drawers.append(drawn)


def drawn(ids: Sequence[int]) -> Mapping[int, Decimal]:
    """The net of issued invoices by the order they name."""
    rows = Invoice.objects.filter(purchase_order_id__in=ids, state=InvoiceState.ISSUED).order_by().values_list("purchase_order_id")
    return dict(rows.annotate(net=Sum("net")))


def balances_by_engagement(engagement_ids: Sequence[int]) -> dict[int, list[Balance]]:
    """The orders of engagements with what is left, in one statement: here both sides are known."""
    issued = Invoice.objects.filter(purchase_order_id=OuterRef("pk"), state=InvoiceState.ISSUED).order_by().values("purchase_order_id")
    rows = PurchaseOrder.objects.filter(engagement_id__in=engagement_ids).order_by("id")
    found: dict[int, list[Balance]] = defaultdict(list)
    for order in rows.annotate(drawn=Subquery(issued.annotate(net=Sum("net")).values("net"))):
        found[order.engagement_id].append(Balance(order, order.drawn or Decimal(0)))
    return found


def order_of(invoice: Invoice, balances: Sequence[Balance]) -> Balance | None:
    """The order an invoice draws on, or would if it were issued now: one valid on the last day it bills."""
    if invoice.purchase_order_id is not None:
        return next((row for row in balances if row.order.pk == invoice.purchase_order_id), None)
    return orders.chosen(balances, invoice.period.ends_on, invoice.currency, invoice.net)


def number_of(invoice: Invoice, contract: Contract) -> str:
    """What the invoice prints as its order: the order it draws on, else the one the contract names."""
    row = order_of(invoice, balances_by_engagement([invoice.engagement_id])[invoice.engagement_id])
    return row.order.number if row is not None else contract.purchase_order
