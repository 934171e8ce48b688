"""The provider's legal entities: who signs, invoices and is paid."""

from __future__ import annotations

import re
from typing import Required, TypedDict, Unpack

from django.db import transaction

from engagements.actions.checks import build, change, known_currency, known_zone, one_by_one
from engagements.models import LegalEntity
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused

_PREFIX = re.compile(r"[A-Z][A-Z0-9]{0,11}")


class EntityFields(TypedDict, total=False):
    name: Required[str]
    address: Required[str]
    country: Required[str]
    tax_id: str
    registration_number: str
    time_zone: Required[str]
    currency: Required[str]
    remittance: Required[str]
    query_contact: Required[str]
    colour: str


@transaction.atomic
def create_legal_entity(*, number_prefix: str, by: Actor, **fields: Unpack[EntityFields]) -> LegalEntity:
    """A company of the provider. Its prefix begins every invoice number and never changes."""
    by.need(Permission.MANAGE_ORGANIZATION)
    if not _PREFIX.fullmatch(number_prefix):
        raise Refused("Use up to 12 capital letters and digits, beginning with a letter.", "number_prefix")
    _known(fields)
    one_by_one("entity")
    for name, value in (("name", fields["name"]), ("number_prefix", number_prefix)):
        if LegalEntity.objects.filter(**{name: value}).exists():
            raise Refused(f"{value} is taken by another legal entity.", name)
    entity = build(LegalEntity, {"number_prefix": number_prefix, **fields})
    entity.save()
    record(by=by, action="entity.create", target=entity, after={"number_prefix": number_prefix, **fields}, reference=number_prefix)
    return entity


@transaction.atomic
def update_legal_entity(*, entity: LegalEntity, version: int, by: Actor, **fields: Unpack[EntityFields]) -> LegalEntity:
    """Change what stands on the next invoices; issued ones keep what they said. Raises `StaleVersion`."""
    by.need(Permission.MANAGE_ORGANIZATION)
    _known(fields)
    name = fields.get("name", entity.name)
    if LegalEntity.objects.filter(name=name).exclude(pk=entity.pk).exists():
        raise Refused(f"{name} is taken by another legal entity.", "name")
    row, before, after = change(entity, version, fields)
    if after:
        record(by=by, action="entity.update", target=row, before=before, after=after, reference=row.number_prefix)
    return row


def _known(fields: EntityFields) -> None:
    if "time_zone" in fields:
        known_zone(fields["time_zone"])
    if "currency" in fields:
        known_currency(fields["currency"])
