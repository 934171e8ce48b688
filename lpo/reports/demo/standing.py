"""How far the demo got. It is made in many commits, so an interrupted start leaves half of it, told from a whole one by its last event."""

from __future__ import annotations

from enum import StrEnum

from lpo.accounts.actor import Actor
from lpo.accounts.models import Organization, User
from lpo.audit.models import Event
from lpo.audit.record import record
from lpo.reports.demo import cast
from lpo.tenancy.context import in_organization

ACTION = "demo.complete"
PEOPLE = frozenset(person.email for person in (*cast.ALDER, *cast.VIEWERS, *cast.BIRCH))


class Standing(StrEnum):
    EMPTY = "empty"
    UNFINISHED = "unfinished"  # nothing but a part of the demo: what nobody can miss
    IN_USE = "in use"  # the whole demo, or organizations of somebody else


def standing() -> Standing:
    if not Organization.objects.exists() and not User.objects.exists():
        return Standing.EMPTY
    if Organization.objects.filter(is_demo=False).exists() or User.objects.exclude(email__in=PEOPLE).exists():
        return Standing.IN_USE
    return Standing.IN_USE if any(map(_is_complete, Organization.objects.all())) else Standing.UNFINISHED


def _is_complete(organization: Organization) -> bool:
    with in_organization(organization.pk):
        return Event.objects.filter(action=ACTION).exists()


def mark_complete(organization: Organization) -> None:
    """The last thing that making the demo does."""
    with in_organization(organization.pk):
        record(by=Actor.system(organization.pk, "Demo"), action=ACTION, target=organization)
