"""Issuing: number, freeze and hand over to rendering, all in one transaction."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from billing.actions.drafts import WrongState, refuse_blocked
from billing.freeze import freeze
from billing.models import Charge, Invoice, InvoiceState
from billing.orders import balances_by_engagement, order_of
from engagements.models import LegalEntity, PurchaseOrder
from engagements.queries import contract_on
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.jobs.queue import enqueue
from lpo.tenancy.context import in_organization

# A locked counter row: gapless and single even when fifty issue at once; the row stays locked until the transaction ends.
_NEXT_NUMBER = """
INSERT INTO billing_numberseries (organization_id, legal_entity_id, year, last_number) VALUES (%s, %s, %s, 1)
ON CONFLICT (organization_id, legal_entity_id, year) DO UPDATE SET last_number = billing_numberseries.last_number + 1
RETURNING last_number
"""


@transaction.atomic
def issue_invoice(*, invoice: Invoice, by: Actor, now: datetime | None = None) -> Invoice:
    """Number, freeze and queue one approved invoice. Issuing it again returns it as it is.

    Raises `WrongState` unless it is approved, `Refused` when a pre-flight finding blocks it or the work changed meanwhile.
    """
    by.need(Permission.ISSUE_INVOICES)
    now = now or timezone.now()
    with in_organization(by.organization_id):
        locked: Invoice = (
            Invoice.objects.select_for_update(of=("self",))
            .select_related("period", "client", "engagement", "legal_entity")
            .get(pk=invoice.pk)
        )
        if locked.state == InvoiceState.ISSUED:
            return locked
        if locked.state != InvoiceState.APPROVED:
            raise WrongState(f"This invoice is {locked.get_state_display().lower()}; only an approved one is issued.")
        # Two invoices that draw on one order are issued one after the other, each seeing what the other left.
        list(PurchaseOrder.objects.select_for_update().filter(engagement_id=locked.engagement_id).order_by("id"))
        refuse_blocked(locked)
        _freeze(locked, by, now)
        _release_returned(locked, now)
        enqueue("billing.render", {"invoice": locked.id}, by=by, key=f"render:{locked.id}", title=f"PDF of {locked.number}")
        record(
            by=by,
            action="invoice.issue",
            target=locked,
            after={"number": locked.number, "gross": locked.gross, "sha256": locked.snapshot_sha256},
        )
    return locked


def _freeze(invoice: Invoice, by: Actor, now: datetime) -> None:
    contract = contract_on(invoice.engagement, invoice.period.starts_on)
    if contract is None:
        raise Refused(f"{invoice.engagement.reference} has no contract.")
    issue_date = now.astimezone(ZoneInfo(invoice.legal_entity.time_zone)).date()
    due_date = issue_date + timedelta(days=contract.payment_days)
    order = order_of(invoice, balances_by_engagement([invoice.engagement_id])[invoice.engagement_id])
    number = _draw(invoice.legal_entity, issue_date.year)
    frozen, _ = freeze(invoice, contract, number=number, issued_at=now, issue_date=issue_date, due_date=due_date)
    if (frozen.net, frozen.tax, frozen.gross) != (invoice.net, invoice.tax, invoice.gross):
        raise Refused("The lines no longer come to the invoice's total; refresh the draft and have it approved again.")
    text = frozen.to_json()
    invoice.purchase_order_id = order.order.pk if order is not None else None
    invoice.number, invoice.issue_date, invoice.due_date = number, issue_date, due_date
    invoice.snapshot, invoice.snapshot_sha256 = text.decode(), hashlib.sha256(text).hexdigest()
    invoice.state, invoice.issued_at, invoice.issued_by_id = InvoiceState.ISSUED, now, by.member_id
    invoice.version += 1
    invoice.save()


def _draw(entity: LegalEntity, year: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_NUMBER, [entity.organization_id, entity.id, year])
        return f"{entity.number_prefix}-{year}-{cursor.fetchone()[0]:04d}"


def _release_returned(invoice: Invoice, now: datetime) -> None:
    """Charges that this invoice takes back no longer stand for their rows."""
    keys = Charge.objects.filter(line__invoice=invoice, source_key__startswith="return:").values_list("source_key", flat=True)
    ids = [int(key.removeprefix("return:")) for key in keys]
    Charge.objects.filter(id__in=ids, voided_at__isnull=True).update(voided_at=now)
