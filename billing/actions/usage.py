"""Usage from outside: recorded once for each event, corrected without rewriting what an invoice counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.models import ChargeTerm, UsageRecord
from billing.usage import Event, Reported, as_reported, conflict, differing, digest_of, judge, payload, rules_of
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Conflicting, Refused


@transaction.atomic
def record_usage(
    *,
    term: ChargeTerm,
    source: str,
    event_id: str,
    subject: str,
    starts_on: date,
    by: Actor,
    receipt: Document | None = None,
    **more: Any,
) -> tuple[UsageRecord, bool]:
    """One seat, volume, expense or outcome, once per (source, event id); returns the record and whether it is new.

    `more`: the further fields of `Reported`. Raises `Conflicting` when the same event was reported with another payload.
    """
    by.need(Permission.RECORD_USAGE)
    values = Reported(subject=subject, starts_on=starts_on, **more)
    row, new = _recorded(term, source, Event(event_id, values), by, receipt)
    if new:
        record(by=by, action="usage.record", target=row, after=payload(term, values))
    return row, new


@transaction.atomic
def record_all(*, term: ChargeTerm, source: str, events: Sequence[Event], by: Actor) -> int:
    """Several events of one file, all or none; returns how many are new. Raises `Refused` naming the event."""
    by.need(Permission.RECORD_USAGE)
    judged = judge(term, source, events)
    if refused := next((row for row in judged if row.reason), None):
        raise Refused(f"{refused.event.event_id}: {refused.reason}")
    rows = [_row(term, source, row.event, by, None) for row in judged if row.new]
    try:
        with transaction.atomic():
            UsageRecord.objects.bulk_create(rows, batch_size=1_000)
    except IntegrityError as error:
        raise Refused("Some of these were reported at the same moment. Read the file again.") from error
    if rows:
        ids = [row.pk for row in rows]
        record(by=by, action="usage.import", target=term, after={"source": source, "records": len(ids)}, ids=ids)
    return len(rows)


@transaction.atomic
def withdraw_usage(*, usage: UsageRecord, by: Actor, reason: str) -> UsageRecord:
    """Count a record no longer. An invoice that counted it stays; the next one takes the difference back."""
    by.need(Permission.RECORD_USAGE)
    if not reason.strip():
        raise Refused("Say why it no longer counts.", "reason")
    row = _standing(usage)
    _withdraw(row)
    record(by=by, action="usage.withdraw", target=row, before=payload(row.term, as_reported(row)), after={"reason": reason})
    return row


@transaction.atomic
def correct_usage(*, usage: UsageRecord, values: Reported, by: Actor) -> UsageRecord:
    """Put a corrected record in the place of one, which is withdrawn. The same values again change nothing."""
    by.need(Permission.RECORD_USAGE)
    row = _standing(usage)
    if not differing(row, row.term, values):
        return row
    _withdraw(row)
    corrected, _ = _recorded(row.term, "correction", Event(f"usage:{row.pk}", values), by, row.receipt)
    before, after = payload(row.term, as_reported(row)), payload(row.term, values)
    record(by=by, action="usage.correct", target=corrected, before=before, after=after)
    return corrected


@transaction.atomic
def approve_expense(*, usage: UsageRecord, by: Actor) -> UsageRecord:
    """Let an expense be billed. Raises `Refused` for who entered it; approving again changes nothing."""
    by.need(Permission.APPROVE_INVOICES)
    row = _standing(usage)
    if row.term.model != "expense":
        raise Refused("Only expenses are approved.")
    if by.member_id is None:
        raise Refused("An expense is approved by a person.")
    if row.by_member_id == by.member_id:
        raise Refused("You entered this expense; somebody else approves it.")
    if row.approved_at is None:
        row.approved_at, row.approved_by_id = timezone.now(), by.member_id
        row.save(update_fields=["approved_at", "approved_by"])
        record(by=by, action="usage.approve", target=row, after={"amount": row.amount, "currency": row.currency})
    return row


def _standing(usage: UsageRecord) -> UsageRecord:
    row: UsageRecord = UsageRecord.objects.select_for_update(of=("self",)).select_related("term__engagement__client").get(pk=usage.pk)
    if row.withdrawn_at is not None:
        raise Refused("This record was withdrawn or corrected since; what stands is in the list.")
    return row


def _withdraw(row: UsageRecord) -> None:
    row.withdrawn_at = timezone.now()
    row.save(update_fields=["withdrawn_at"])


def _recorded(term: ChargeTerm, source: str, event: Event, by: Actor, receipt: Document | None) -> tuple[UsageRecord, bool]:
    values = event.values
    known = _known(source, event.event_id)
    if known is None:
        rules_of(term).check(values)
        try:
            with transaction.atomic():
                return _new(term, source, event, by, receipt), True
        except IntegrityError as error:
            # Sent twice at once: the other one was first.
            known = _known(source, event.event_id)
            if known is None:
                raise _second_reading(error, values) from error
    if said := conflict(known, term, event):
        raise Conflicting(said, "event_id")
    return known, False


def _known(source: str, event_id: str) -> UsageRecord | None:
    return UsageRecord.objects.filter(source=source, event_id=event_id).select_related("term").first()


def _second_reading(error: IntegrityError, values: Reported) -> Exception:
    if "usagerecord_hosted_once_a_day" not in str(error):
        return error
    return Refused(f"{values.subject} was read on {values.starts_on} already; withdraw or correct that record.", "day")


def _new(term: ChargeTerm, source: str, event: Event, by: Actor, receipt: Document | None) -> UsageRecord:
    row = _row(term, source, event, by, receipt)
    row.save()
    return row


def _row(term: ChargeTerm, source: str, event: Event, by: Actor, receipt: Document | None) -> UsageRecord:
    said = {name: getattr(event.values, name) for name in Reported.__dataclass_fields__}
    return UsageRecord(
        organization_id=by.organization_id,
        client_id=term.client_id,
        term=term,
        source=source,
        event_id=event.event_id,
        receipt=receipt,
        payload_hash=digest_of(term, event.values),
        by_label=by.label,
        by_member_id=by.member_id,
        **said,
    )
