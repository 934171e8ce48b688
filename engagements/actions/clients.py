"""Clients, engagements with their contract, matters and workstreams: create, change, close, reopen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Required, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.utils import timezone

from engagements.actions.checks import Duplicate, build, change, draw, known_currency, known_zone, one_by_one, plain
from engagements.actions.contracts import ContractTerms, terms_of, write_contract
from engagements.actions.names import index_client, index_matter
from engagements.actions.parties import set_parties
from engagements.actions.supervision import note_supervision
from engagements.models import Client, Engagement, LegalEntity, Matter, Workstream
from engagements.models.clients import Status
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission, Role
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import current_organization_id


class ClientFields(TypedDict, total=False):
    code: Required[str]
    name: Required[str]
    legal_name: Required[str]
    billing_address: Required[str]
    country: Required[str]
    tax_id: str
    tax_category: str
    tax_rate: Decimal
    currency: Required[str]
    time_zone: Required[str]
    accounts_payable: str
    accounts_payable_email: str
    billing_cycle: str


class EngagementFields(TypedDict, total=False):
    legal_entity: Required[LegalEntity]
    title: Required[str]
    delivery_model: str
    location: str
    starts_on: Required[date]
    ends_on: date | None
    renewal: str
    renewal_months: int
    notice_days: int
    notice_given_on: date | None
    manager: Membership | None


class MatterFields(TypedDict, total=False):
    title: Required[str]
    client_matter_id: str
    own_matter_id: str
    jurisdiction: str
    end_client: str
    bill_to: str
    supervising_attorney: Membership | None


class WorkstreamFields(TypedDict, total=False):
    kind: Required[str]
    title: Required[str]
    unit: Required[str]
    item_prefix: Required[str]


Closable = Client | Matter | Workstream


def _open(obj: Closable | Engagement, noun: str) -> None:
    if obj.status != Status.OPEN:
        raise Refused(f"This {noun} is closed. Reopen it first.")


def _check_places(fields: Any) -> None:
    if "time_zone" in fields:
        known_zone(fields["time_zone"])
    if "currency" in fields:
        known_currency(fields["currency"])


def _staff(member: Membership | None, field: str) -> None:
    """People named on the work belong to the provider's side of this organization."""
    if member is None:
        return
    if member.organization_id != current_organization_id() or not member.is_active or member.role == Role.CLIENT_VIEWER:
        raise Refused("Choose an active member of staff.", field)


@transaction.atomic
def create_client(*, by: Actor, **fields: Unpack[ClientFields]) -> Client:
    """Raises `Refused` naming the field, `Duplicate` when the code is taken."""
    by.need(Permission.EDIT_WORK)
    _check_places(fields)
    one_by_one("client", fields["code"])
    if (existing := Client.objects.filter(code=fields["code"]).first()) is not None:
        raise Duplicate(f"{existing.code} is the code of {existing.name}.", existing, "code")
    client = build(Client, fields)
    client.save()
    index_client(client)
    record(
        by=by, action="client.create", target=client, after={name: plain(value) for name, value in fields.items()}, reference=client.code
    )
    return client


@transaction.atomic
def update_client(*, client: Client, by: Actor, version: int, **fields: Any) -> Client:
    """Change what differs. The code begins references already in use and cannot change."""
    by.need(Permission.EDIT_WORK)
    _check_places(fields)
    if fields.get("code", client.code) != client.code:
        raise Refused("The code begins references that are already in use.", "code")
    client, before, after = change(client, version, fields)
    if {"name", "legal_name"} & after.keys():
        index_client(client)
    if after:
        record(by=by, action="client.update", target=client, before=before, after=after, reference=client.code)
    return client


@transaction.atomic
def create_engagement(
    *, client: Client, by: Actor, contract: ContractTerms | None = None, **fields: Unpack[EngagementFields]
) -> Engagement:
    """Open an engagement with version 1 of its contract; the contract's zone and currency default to the client's."""
    by.need(Permission.EDIT_WORK)
    _open(client, "client")
    _staff(fields.get("manager"), "manager")
    number = draw("engagements_client", "engagement_count", client.id)  # also keeps a form sent twice from passing together
    existing = Engagement.objects.filter(client=client, title=fields["title"], status=Status.OPEN).first()
    if existing is not None:
        raise Duplicate(f"{existing.reference} has this title already.", existing, "title")
    engagement = build(Engagement, {**fields, "client": client, "reference": f"{client.code}-E{number:02d}"})
    engagement.save()
    terms: dict[str, Any] = {"effective_from": engagement.starts_on, "time_zone": client.time_zone, "currency": client.currency}
    version = write_contract(engagement, 1, {**terms, **(contract or {})})
    after = {name: plain(value) for name, value in fields.items()} | {"contract": terms_of(version)}
    record(by=by, action="engagement.create", target=engagement, after=after, reference=engagement.reference)
    return engagement


@transaction.atomic
def update_engagement(*, engagement: Engagement, by: Actor, version: int, **fields: Any) -> Engagement:
    by.need(Permission.EDIT_WORK)
    _staff(fields.get("manager"), "manager")
    if engagement.delivery_model == "pilot" and fields.get("delivery_model", "pilot") != "pilot":
        raise Refused("A pilot is converted, so that its term stays on record.", "delivery_model")
    engagement, before, after = change(engagement, version, fields)
    if after:
        record(by=by, action="engagement.update", target=engagement, before=before, after=after, reference=engagement.reference)
    return engagement


@transaction.atomic
def create_matter(
    *,
    engagement: Engagement,
    by: Actor,
    parties: Sequence[str] | None = None,
    supervised_from: datetime | None = None,
    **fields: Unpack[MatterFields],
) -> Matter:
    """The reference, such as ACME-0003, comes from the client's counter. `parties`: names besides the client's.

    `supervised_from`: since when the attorney supervises it, where that was before it was opened here.
    """
    by.need(Permission.EDIT_WORK)
    _supervised(supervised_from, fields.get("supervising_attorney"))
    _open(engagement, "engagement")
    _staff(fields.get("supervising_attorney"), "supervising_attorney")
    number = draw("engagements_client", "matter_count", engagement.client_id)
    existing = Matter.objects.filter(engagement=engagement, title=fields["title"], status=Status.OPEN).first()
    if existing is not None:
        raise Duplicate(f"{existing.reference} has this title already.", existing, "title")
    code = Client.objects.values_list("code", flat=True).get(pk=engagement.client_id)
    values = {**fields, "client_id": engagement.client_id, "engagement": engagement, "reference": f"{code}-{number:04d}"}
    matter = build(Matter, values)
    matter.save()
    _, named = set_parties(matter, parties or ())
    if named or matter.end_client:
        index_matter(matter)
    after = {n: plain(v) for n, v in fields.items()} | ({"parties": named} if named else {})
    if matter.supervising_attorney_id is not None:
        note_supervision(matter=matter, by=by, now=supervised_from)
    if supervised_from is not None:
        after["supervised_from"] = supervised_from.isoformat()
    record(by=by, action="matter.create", target=matter, after=after, reference=matter.reference)
    return matter


def _supervised(since: datetime | None, attorney: Membership | None) -> None:
    if since is None:
        return
    if attorney is None:
        raise Refused("Choose who supervises it since then.", "supervising_attorney")
    if since > timezone.now():
        raise Refused("This lies in the future.", "supervised_from")


def _count_on(matter: Matter, version: int, *, theirs: dict[str, object], yours: dict[str, object]) -> None:
    if matter.version != version:
        raise StaleVersion("Somebody else saved this in the meantime.", theirs=theirs, yours=yours, version=matter.version)
    matter.version += 1
    matter.save(update_fields=["version"])


@transaction.atomic
def update_matter(*, matter: Matter, by: Actor, version: int, parties: Sequence[str] | None = None, **fields: Any) -> Matter:
    """`parties` None leaves them as they are. Raises `StaleVersion` for them too."""
    by.need(Permission.EDIT_WORK)
    _staff(fields.get("supervising_attorney"), "supervising_attorney")
    matter, before, after = change(matter, version, fields)
    if parties is not None:
        old, new = set_parties(matter, parties)
        if old != new:
            if not after:  # nothing else did compare the version and count it on
                _count_on(matter, version, theirs={"parties": ", ".join(old)}, yours={"parties": ", ".join(new)})
            before, after = before | {"parties": old}, after | {"parties": new}
    if {"parties", "end_client"} & after.keys():
        index_matter(matter)
    if "supervising_attorney" in after:
        note_supervision(matter=matter, by=by)
    if after:
        record(by=by, action="matter.update", target=matter, before=before, after=after, reference=matter.reference)
    return matter


@transaction.atomic
def create_workstream(*, matter: Matter, by: Actor, **fields: Unpack[WorkstreamFields]) -> Workstream:
    """The item prefix is unique in the organization, so that NDA-0042 names one item."""
    by.need(Permission.EDIT_WORK)
    _open(matter, "matter")
    one_by_one("workstream", fields["item_prefix"])
    existing = Workstream.objects.filter(item_prefix=fields["item_prefix"]).first()
    if existing is not None:
        raise Duplicate(f"{existing.item_prefix} begins the items of {existing.title}.", existing, "item_prefix")
    workstream = build(Workstream, {**fields, "client_id": matter.client_id, "matter": matter})
    try:
        with transaction.atomic():
            workstream.save()
    except IntegrityError as error:  # the prefix of a matter this person does not see
        raise Refused(f"{workstream.item_prefix} is taken.", "item_prefix") from error
    reference = f"{matter.reference}/{workstream.item_prefix}"
    record(by=by, action="workstream.create", target=workstream, after=dict(fields), reference=reference)
    return workstream


@transaction.atomic
def update_workstream(*, workstream: Workstream, by: Actor, version: int, **fields: Any) -> Workstream:
    by.need(Permission.EDIT_WORK)
    if fields.get("item_prefix", workstream.item_prefix) != workstream.item_prefix and workstream.item_count:
        raise Refused("The prefix begins references that are already in use.", "item_prefix")
    workstream, before, after = change(workstream, version, fields)
    if after:
        record(by=by, action="workstream.update", target=workstream, before=before, after=after, reference=workstream.item_prefix)
    return workstream


def _reference(obj: Closable) -> str:
    if isinstance(obj, Client):
        return obj.code
    return obj.item_prefix if isinstance(obj, Workstream) else obj.reference


@transaction.atomic
def set_status(*, target: Closable, by: Actor, version: int, status: str) -> Closable:
    """Close or reopen. What is already so stays untouched. An engagement has actions of its own, which ask for reasons."""
    by.need(Permission.EDIT_WORK)
    noun = type(target).__name__.lower()
    target, before, after = change(target, version, {"status": Status(status).value})
    if after:
        verb = "close" if status == Status.CLOSED else "reopen"
        record(
            by=by,
            action=f"{noun}.{verb}",
            target=target,
            before=before,
            after=after | {"at": timezone.now().isoformat()},
            reference=_reference(target),
        )
    return target


def close(*, target: Closable, by: Actor, version: int) -> Closable:
    return set_status(target=target, by=by, version=version, status=Status.CLOSED)


def reopen(*, target: Closable, by: Actor, version: int) -> Closable:
    return set_status(target=target, by=by, version=version, status=Status.OPEN)
