"""Ending a seat. What an invoice counted is never rewritten: the record is withdrawn and a corrected one takes its place."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from billing.models import Charge, UsageRecord
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused


@transaction.atomic
def end_seat(*, usage: UsageRecord, last_day: date, by: Actor) -> UsageRecord:
    """Say which day a seat was held last, inclusive; asking again with the same day changes nothing.

    A day inside a period that is already invoiced with this seat leaves that invoice as it is: the next one bills the difference.
    Raises `Refused` when the day lies before the first, or the record was replaced by another.
    """
    by.need(Permission.RECORD_USAGE)
    row: UsageRecord = UsageRecord.objects.select_for_update(of=("self",)).get(pk=usage.pk)
    if row.withdrawn_at is not None:
        raise Refused("This seat was corrected since; the corrected record is in the list.")
    if last_day < row.starts_on:
        raise Refused(f"The seat begins on {row.starts_on}; its last day cannot lie before it.", "last_day")
    if row.ends_on == last_day:
        return row
    before = {"subject": row.subject, "ends_on": row.ends_on}
    ended = _replace(row, last_day, by) if _counted_beyond(row, last_day) else _end(row, last_day)
    record(by=by, action="usage.end", target=ended, before=before, after={"ends_on": last_day, "replaced": ended.pk != row.pk})
    return ended


def _counted_beyond(row: UsageRecord, last_day: date) -> bool:
    """Whether an invoice, issued or on its way, counted days of the seat that the new last day would take away or add."""
    charges = Charge.objects.filter(usage=row, voided_at__isnull=True)
    return charges.filter(line__rated_period__ends_on__gt=min(last_day, row.ends_on or last_day)).exists()


def _end(row: UsageRecord, last_day: date) -> UsageRecord:
    row.ends_on = last_day
    row.save(update_fields=["ends_on"])
    return row


def _replace(row: UsageRecord, last_day: date, by: Actor) -> UsageRecord:
    row.withdrawn_at = timezone.now()
    row.save(update_fields=["withdrawn_at"])
    corrected = UsageRecord(
        client_id=row.client_id,
        term_id=row.term_id,
        source="correction",
        event_id=f"usage:{row.pk}",
        subject=row.subject,
        quantity=row.quantity,
        starts_on=row.starts_on,
        ends_on=last_day,
        payload_hash=row.payload_hash,
        by_label=by.label,
        by_member_id=by.member_id,
    )
    corrected.save()
    return corrected
