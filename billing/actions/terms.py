"""Charge terms and usage from outside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from billing.actions.staff_terms import check_not_invoiced, check_staff
from billing.models import ChargeTerm, ChargeTermVersion, InvoiceLine, InvoiceState, UsageRecord
from billing.queries import currency_of, pure_term
from engagements.actions.item_types import named_types
from engagements.models import Engagement
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused


class Conflicting(Refused):
    """The same event was reported before with another payload."""


@transaction.atomic
def create_term(*, engagement: Engagement, name: str, model: str, version: Mapping[str, Any], by: Actor, position: int = 1) -> ChargeTerm:
    """A new term with its first version. Raises `Refused` naming the field when it cannot be rated."""
    by.need(Permission.EDIT_TERMS)
    if ChargeTerm.objects.filter(engagement=engagement, name=name).exists():
        raise Refused(f"{engagement.reference} already has a term called {name}.", "name")
    if model == "staff":
        check_not_invoiced(engagement, version["effective_from"], "effective_from")
    term = ChargeTerm(client_id=engagement.client_id, engagement=engagement, name=name, model=model, position=position)
    term.save()
    _add_version(term, 1, version, engagement)
    record(by=by, action="term.create", target=term, after={"name": name, "model": model, **version})
    return term


@transaction.atomic
def revise_term(*, term: ChargeTerm, version: Mapping[str, Any], by: Actor) -> ChargeTermVersion:
    """A new version from a date on. Days already invoiced keep their price: the date must lie after the last issued period."""
    by.need(Permission.EDIT_TERMS)
    term = ChargeTerm.objects.select_for_update(of=("self",)).get(pk=term.pk)
    latest = ChargeTermVersion.objects.filter(term=term).order_by("-number")[0]
    starts = version["effective_from"]
    if starts <= latest.effective_from:
        raise Refused(f"The present version begins on {latest.effective_from}; a new one begins later.", "effective_from")
    billed = InvoiceLine.objects.filter(term=term, invoice__state=InvoiceState.ISSUED).order_by("-rated_period__ends_on").first()
    if billed is not None and billed.rated_period is not None and starts <= billed.rated_period.ends_on:
        raise Refused(
            f"{billed.rated_period.label} is already invoiced; choose a date after {billed.rated_period.ends_on}.", "effective_from"
        )
    row = _add_version(term, latest.number + 1, version, term.engagement)
    record(by=by, action="term.revise", target=term, before={"number": latest.number}, after=dict(version))
    return row


@transaction.atomic
def close_term(*, term: ChargeTerm, last_day: date, by: Actor) -> ChargeTermVersion:
    """Charge nothing after `last_day`: a closing version that ends the present one."""
    by.need(Permission.EDIT_TERMS)
    latest = ChargeTermVersion.objects.filter(term=term).order_by("-number")[0]
    if last_day < latest.effective_from:
        raise Refused(f"The present version begins on {latest.effective_from}; the last day cannot lie before it.", "last_day")
    if term.model == "staff":
        check_not_invoiced(term.engagement, last_day + timedelta(days=1), "last_day")
    fields = [f.name for f in ChargeTermVersion._meta.local_fields if f.name not in {"id", "organization", "client_id", "term", "number"}]
    values = {name: getattr(latest, name) for name in fields if name != "created_at"}
    values |= {"effective_from": last_day, "effective_to": last_day}
    if last_day == latest.effective_from:
        raise Refused("A term that charges a single day has no day left to close on.", "last_day")
    row = _add_version(term, latest.number + 1, values, term.engagement)
    record(by=by, action="term.close", target=term, after={"last_day": last_day})
    return row


def _add_version(term: ChargeTerm, number: int, values: Mapping[str, Any], engagement: Engagement) -> ChargeTermVersion:
    row = proposed(term, number, values, engagement)
    row.save()
    return row


def proposed(term: ChargeTerm, number: int, values: Mapping[str, Any], engagement: Engagement) -> ChargeTermVersion:
    """A version checked and not saved. Raises `Refused` naming the field when it cannot be rated."""
    row = ChargeTermVersion(client_id=term.client_id, term=term, number=number, **values)
    _clean(row)
    if row.effective_from < engagement.starts_on:
        raise Refused(f"The engagement begins on {engagement.starts_on}; a charge cannot begin before.", "effective_from")
    if row.effective_to is not None and row.effective_to < row.effective_from:
        raise Refused("The last day lies before the first.", "effective_to")
    _check_feed(term, row, engagement)
    try:
        pure_term(row, currency_of(engagement))
    except ValueError as error:
        raise Refused(str(error)[:1].upper() + str(error)[1:] + ".") from error
    return row


def _clean(row: ChargeTermVersion) -> None:
    """Values in their column's own type and range. Raises `Refused` for the first that is not."""
    try:
        row.clean_fields(exclude=["organization", "term", "workstream", "placement"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(messages[0], field) from error


def _check_feed(term: ChargeTerm, row: ChargeTermVersion, engagement: Engagement) -> None:
    if term.model == "unit":
        if row.workstream is None:
            raise Refused("Say which workstream's items are charged.", "workstream")
        if row.workstream.matter.engagement_id != engagement.id:
            raise Refused(f"{row.workstream.title} belongs to another engagement.", "workstream")
        row.item_types = named_types(row.workstream.pk, row.item_types)
    elif row.workstream_id is not None:
        raise Refused("Only a unit price is fed by a workstream.", "workstream")
    elif row.item_types:
        raise Refused("Only a unit price is limited to types of item.", "item_types")
    if term.model == "staff":
        check_staff(term, row, engagement)
    elif row.placement_id is not None or row.staff_level:
        raise Refused("Only a rate for people names a person or a level.", "placement")


@transaction.atomic
def record_usage(
    *,
    term: ChargeTerm,
    source: str,
    event_id: str,
    subject: str,
    starts_on: date,
    by: Actor,
    ends_on: date | None = None,
    quantity: Decimal = Decimal(1),
) -> tuple[UsageRecord, bool]:
    """A user's seat, once per (source, event id); returns the record and whether it is new.

    Raises `Conflicting` when the same event was reported with another payload.
    """
    by.need(Permission.EDIT_TERMS)
    if term.model != "per_user":
        raise Refused(f"{term.name} is not charged by user.", "term")
    if ends_on is not None and ends_on < starts_on:
        raise Refused("The last day lies before the first.", "ends_on")
    if quantity <= 0:
        raise Refused("The quantity is above zero.", "quantity")
    said: dict[str, Any] = {"subject": subject, "quantity": quantity, "starts_on": starts_on, "ends_on": ends_on}
    quantity_text = f"{quantity.normalize():f}"
    payload = {"term": term.id, **said, "starts_on": str(starts_on), "ends_on": str(ends_on or ""), "quantity": quantity_text}
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    own = {"client_id": term.client_id, "term": term, "source": source, "event_id": event_id}
    row = UsageRecord(**own, **said, payload_hash=digest, by_label=by.label)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        known = UsageRecord.objects.filter(source=source, event_id=event_id).first()
        if known is None:
            raise
        if known.payload_hash != digest:
            raise Conflicting(f"Event {event_id} of {source} was reported before with other values.", "event_id") from None
        return known, False
    record(by=by, action="usage.record", target=row, after=payload)
    return row, True
