"""Charge terms and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from billing.actions.staff_terms import BY_PERSON, check_hourly, check_not_invoiced, check_staff
from billing.metering import outcome_rule
from billing.models import ChargeTerm, ChargeTermVersion, InvoiceLine, InvoiceState
from billing.queries import currency_of, pure_term
from billing.terms import Model
from billing.volume import UNITS
from engagements.actions.item_types import named_types
from engagements.models import Engagement
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused


@transaction.atomic
def create_term(*, engagement: Engagement, name: str, model: str, version: Mapping[str, Any], by: Actor, position: int = 1) -> ChargeTerm:
    """A new term with its first version. Raises `Refused` naming the field when it cannot be rated."""
    by.need(Permission.EDIT_TERMS)
    if ChargeTerm.objects.filter(engagement=engagement, name=name).exists():
        raise Refused(f"{engagement.reference} already has a term called {name}.", "name")
    if model in BY_PERSON:
        check_not_invoiced(engagement, model, version["effective_from"], "effective_from")
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
    if term.model in BY_PERSON:
        check_not_invoiced(term.engagement, term.model, last_day + timedelta(days=1), "last_day")
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
        _rateable(row, currency_of(engagement))
    except ValueError as error:
        raise Refused(str(error)[:1].upper() + str(error)[1:] + ".") from error
    return row


def _rateable(row: ChargeTermVersion, currency: str) -> None:
    """Raise `ValueError` where the rating core would."""
    term = pure_term(row, currency)
    if term.model is Model.DATA_VOLUME and row.unit not in UNITS:
        raise ValueError(f"a volume is priced in one of {', '.join(UNITS)}, not in {row.unit}")
    if term.model is Model.OUTCOME:
        outcome_rule(row, term)


def _clean(row: ChargeTermVersion) -> None:
    """Values in their column's own type and range. Raises `Refused` for the first that is not."""
    try:
        row.clean_fields(exclude=["organization", "term", "workstream", "placement", "timekeeper"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise Refused(messages[0], field) from error


def _check_feed(term: ChargeTerm, row: ChargeTermVersion, engagement: Engagement) -> None:
    if row.workstream is not None and row.workstream.matter.engagement_id != engagement.id:
        raise Refused(f"{row.workstream.title} belongs to another engagement.", "workstream")
    if term.model == "unit" and row.workstream is None:
        raise Refused("Say which workstream's items are charged.", "workstream")
    if row.workstream_id is not None and term.model not in {"unit", "hourly"}:
        raise Refused("Only a unit price and an hourly rate are fed by a workstream.", "workstream")
    if row.item_types and term.model != "unit":
        raise Refused("Only a unit price is limited to types of item.", "item_types")
    row.item_types = named_types(row.workstream.pk, row.item_types) if row.item_types and row.workstream is not None else {}
    if term.model == "hourly":
        check_hourly(term, row, engagement)
    elif row.timekeeper_id is not None or row.role:
        raise Refused("Only an hourly rate names a person or a role.", "timekeeper")
    if term.model == "staff":
        check_staff(term, row, engagement)
    elif row.placement_id is not None or row.staff_level:
        raise Refused("Only a rate for people names a person or a level.", "placement")
