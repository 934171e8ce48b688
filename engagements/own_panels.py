"""Boxes of this room on its own pages, placed by the same slots that rooms above use."""

from __future__ import annotations

from django.utils import timezone

from engagements import orders, panels
from engagements.models import Engagement, PurchaseOrder
from engagements.panels import Panel
from lpo.accounts.access import TenantRequest
from lpo.accounts.roles import Permission as P
from lpo.tenancy.context import current_organization_id, in_organization


def register() -> None:
    """Called once the applications are loaded."""
    if orders_panel not in panels.engagement_panels:
        panels.engagement_panels.append(orders_panel)


def orders_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """Every purchase order with what is left of it."""
    may_edit = request.membership.may(P.EDIT_WORK)
    found = list(PurchaseOrder.objects.filter(engagement=engagement).order_by("id")[:100])
    if not request.membership.may(P.VIEW_MONEY) or not (found or may_edit):
        return None
    with in_organization(current_organization_id()):
        balances = orders.balances_of(found)
    today = timezone.localdate()
    rows = [(number, row, _status(row, row.valid_on(today), row.order.valid_from > today)) for number, row in enumerate(balances, 1)]
    context = {"engagement": engagement, "rows": rows, "may_edit": may_edit}
    return Panel("Purchase orders", "engagements/_orders_panel.html", context, P.VIEW_MONEY, flush=bool(rows))


def _status(row: orders.Balance, valid: bool, later: bool) -> tuple[str, str]:
    if row.remaining < 0:
        return "breach", "Overdrawn"
    if valid:
        return ("risk", "Used up") if row.remaining == 0 else ("met", "Valid")
    return ("draft", "Not yet valid") if later else ("breach", "Expired")
