"""The people and companies of the demo. Everything here is invented."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password

from lpo.accounts import actions as accounts
from lpo.accounts.models import Membership, Organization, User
from lpo.accounts.roles import Role

PASSWORD = "demo-evidence-chain"  # noqa: S105 -- printed by the command that makes the demo; refused in production


@dataclass(frozen=True)
class Person:
    """One sign-in. `client` is the code of the client a viewer belongs to."""

    name: str
    email: str
    role: Role
    shows: str
    client: str = ""


ALDER = (
    Person("Olga Brandt", "olga@alder.example", Role.OWNER, "owner: everything"),
    Person("Adam Lis", "adam@alder.example", Role.ADMINISTRATOR, "administrator: people, settings, audit"),
    Person("Asha Rao", "asha@alder.example", Role.PROJECT_MANAGER, "project manager: Today, engagements, service levels"),
    Person("Cora Núñez", "cora@alder.example", Role.COORDINATOR, "coordinator: trackers and schedules, no prices"),
    Person("Rita O'Brien", "rita@alder.example", Role.REVIEWER, "reviewer: the work queue"),
    Person("Rashid Amari", "rashid@alder.example", Role.REVIEWER, ""),
    Person("Ren Sato", "ren@alder.example", Role.REVIEWER, ""),
    Person("Bill Tanaka", "bill@alder.example", Role.BILLING, "billing: drafts and issues invoices"),
    Person("Bella Costa", "bella@alder.example", Role.BILLING, "billing: approves what Bill prepared"),
    Person("Sam Pell", "sam@alder.example", Role.ATTORNEY, "supervising attorney: outside counsel, own matters only"),
    Person("Audrey Kim", "audrey@alder.example", Role.AUDITOR, "auditor: reads, writes nothing"),
)
VIEWERS = (
    Person("Carla Mendes", "carla@vantic.example", Role.CLIENT_VIEWER, "general counsel of Vantic Software: the portal", "VAN"),
    Person("Hugo Marsh", "hugo@halemarsh.example", Role.CLIENT_VIEWER, "", "HM"),
    Person("Maya Ortiz", "maya@meridian.example", Role.CLIENT_VIEWER, "", "MER"),
)
BIRCH = (
    Person("Beth Osei", "beth@birch.example", Role.OWNER, ""),
    Person("Ben Whitlock", "ben@birch.example", Role.PROJECT_MANAGER, "project manager of the other organization"),
    Person("Bryn Hughes", "bryn@birch.example", Role.BILLING, ""),
    Person("Bea Lindqvist", "bea@birch.example", Role.BILLING, ""),
)

ALDER_ENTITY: dict[str, Any] = {
    "name": "Alder Legal LLC",
    "address": "20 Exchange Place, Floor 19\nNew York, NY 10005",
    "country": "US",
    "tax_id": "13-2655998",
    "time_zone": "America/New_York",
    "currency": "USD",
    "number_prefix": "AL",
    "remittance": "Bank: First Harbor Bank\nRouting number: 021000021\nAccount: 4471 0098 22",
    "query_contact": "Alder Billing, billing@alder.example",
    "colour": "#0f4c5c",
}
BIRCH_ENTITY: dict[str, Any] = {
    "name": "Birch Legal Support Ltd",
    "address": "4 Wharf Road\nLeeds LS1 4AP",
    "country": "GB",
    "tax_id": "GB 927 4417 06",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "number_prefix": "BLS",
    "remittance": "Bank: Aire & Calder Bank\nSort code: 20-00-00\nAccount: 5577 9911",
    "query_contact": "Birch Accounts, accounts@birch.example",
    "colour": "#6b3fa0",
}

VANTIC: dict[str, Any] = {
    "code": "VAN",
    "name": "Vantic Software",
    "legal_name": "Vantic Software GmbH",
    "billing_address": "Torstraße 140\n10119 Berlin",
    "country": "DE",
    "tax_id": "DE 811 128 135",
    "currency": "USD",
    "time_zone": "Europe/Berlin",
    "accounts_payable": "Jonas Weber",
    "accounts_payable_email": "ap@vantic.example",
}
HALE: dict[str, Any] = {
    "code": "HM",
    "name": "Hale & Marsh LLP",
    "legal_name": "Hale & Marsh LLP",
    "billing_address": "55 Beacon Street\nBoston, MA 02108",
    "country": "US",
    "tax_id": "04-3318882",
    "currency": "USD",
    "time_zone": "America/New_York",
    "accounts_payable": "Dana Whitfield",
    "accounts_payable_email": "payables@halemarsh.example",
}
MERIDIAN: dict[str, Any] = {
    "code": "MER",
    "name": "Meridian PIP Group",
    "legal_name": "Meridian PIP Group, Inc.",
    "billing_address": "900 Biscayne Boulevard\nMiami, FL 33132",
    "country": "US",
    "tax_id": "65-1182207",
    "currency": "USD",
    "time_zone": "America/New_York",
    "accounts_payable": "Luis Ferrer",
    "accounts_payable_email": "invoices@meridian.example",
}
COPPERFIELD: dict[str, Any] = {
    "code": "COP",
    "name": "Copperfield Homes",
    "legal_name": "Copperfield Homes plc",
    "billing_address": "12 St James's Square\nManchester M2 6DN",
    "country": "GB",
    "tax_id": "GB 116 2207 83",
    "tax_category": "S",
    "tax_rate": 20,
    "currency": "GBP",
    "time_zone": "Europe/London",
    "accounts_payable": "Siân Price",
    "accounts_payable_email": "ledger@copperfield.example",
}


def found(slug: str, name: str, zone: str, people: tuple[Person, ...]) -> tuple[Organization, dict[str, Membership]]:
    """An organization with its people, the first of them the owner; by first name in lower case."""
    owner = _user(people[0])
    organization, membership = accounts.create_organization(
        slug=slug, name=name, time_zone=zone, owner=owner, require_mfa=False, is_demo=True
    )
    members = {key_of(people[0]): membership}
    for person in people[1:]:
        members[key_of(person)] = join(organization, person)
    return organization, members


def join(organization: Organization, person: Person, client_id: int | None = None) -> Membership:
    """The demo's people come with a password in place of an invitation."""
    return Membership.objects.create(organization=organization, user=_user(person), role=person.role, client_id=client_id)


def _user(person: Person) -> User:
    user = accounts.create_person(email=person.email, name=person.name)
    user.password = _hashed()
    user.save(update_fields=["password"])
    return user


@cache
def _hashed() -> str:
    """Slow on purpose, and known to everybody: once is enough."""
    return make_password(PASSWORD)


def key_of(person: Person) -> str:
    return person.email.partition("@")[0]
