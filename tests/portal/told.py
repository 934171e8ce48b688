"""Alder after Vantic was told of October: made once, read by every test that imports these fixtures, each within its own transaction."""

from __future__ import annotations

import pytest

from billing.models import Invoice
from engagements.models import Client, Workstream
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla.models import Attainment
from tests.portal.conftest import OCTOBER, Published

__all__ = ["alder", "bella", "bill", "carla", "shown", "vantic"]


@pytest.fixture
def alder(told_database: None, db: None) -> Organization:
    return Organization.objects.get(slug="alder")


def _member(name: str) -> Membership:
    return Membership.objects.select_related("user", "organization").get(user__email=f"{name}@alder.example")


@pytest.fixture
def bill(alder: Organization) -> Membership:
    return _member("bill")


@pytest.fixture
def bella(alder: Organization) -> Membership:
    return _member("bella")


@pytest.fixture
def carla(alder: Organization) -> Membership:
    return _member("carla")


@pytest.fixture
def vantic(alder: Organization) -> Client:
    with in_organization(alder.id):
        return Client.objects.get(code="VAN")


@pytest.fixture
def shown(alder: Organization, vantic: Client) -> Published:
    with in_organization(alder.id):
        stream = Workstream.objects.select_related("matter__engagement__client").get(matter__engagement__client=vantic)
        attainment = Attainment.objects.get(level__workstream=stream, window_start=OCTOBER)
        invoice = Invoice.objects.get(engagement=stream.matter.engagement)
        return Published(vantic, stream.matter, stream, attainment, invoice, "/alder/portal/van/")
