"""Invoices for the search of the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.urls import reverse

from billing.models import InvoiceState
from engagements.panels import Hit
from lpo.accounts.roles import Permission
from lpo.tenancy.context import current_organization_id

if TYPE_CHECKING:
    from lpo.accounts.access import TenantRequest

# Row-level security narrows it further. An issued invoice is its number, an earlier one its engagement and month.
_INVOICES = """
SELECT i.number, i.state, e.reference, e.title, p.label, to_char(p.starts_on, 'YYYY-MM')
FROM billing_invoice i
JOIN engagements_engagement e ON e.organization_id = i.organization_id AND e.id = i.engagement_id
JOIN engagements_client c ON c.organization_id = i.organization_id AND c.id = i.client_id
JOIN billing_billingperiod p ON p.organization_id = i.organization_id AND p.id = i.period_id
WHERE i.organization_id = %(organization)s AND i.state <> 'discarded'
  AND (i.number ^@ %(upper)s OR (e.reference || ' ' || to_char(p.starts_on, 'YYYY-MM')) ^@ %(upper)s
       OR strpos(lower(e.title), %(lower)s) > 0 OR strpos(lower(c.name), %(lower)s) > 0)
ORDER BY i.number ^@ %(upper)s AND i.number <> '' DESC, p.starts_on DESC, i.id DESC
LIMIT %(most)s
"""


def invoices(request: TenantRequest, text: str, most: int) -> list[Hit]:
    """The newest invoices whose number, engagement or client `text` names; none for who may not see money. One statement."""
    if not request.membership.may(Permission.VIEW_MONEY):
        return []
    values: dict[str, int | str] = {"organization": current_organization_id(), "upper": text.upper(), "lower": text.lower(), "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_INVOICES, values)
        rows = cursor.fetchall()
    slug = request.organization.slug
    return [
        Hit(
            number or f"{reference} {month}",
            f"{label}, {title}" + ("" if state == InvoiceState.ISSUED else f" ({InvoiceState(state).label.lower()})"),
            reverse("billing:invoice", args=[slug, reference, month]),
        )
        for number, state, reference, title, label, month in rows
    ]
