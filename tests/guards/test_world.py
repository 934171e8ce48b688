"""The world the guards walk in holds what they look for."""

from __future__ import annotations

import pytest

from billing.actions.documents import pdf_of
from billing.models import Invoice
from lpo.jobs.models import Job
from lpo.tenancy.context import in_organization
from sla.models import Attainment, CreditClaim
from tests.guards.world import World

pytestmark = pytest.mark.django_db


def test_both_organizations_have_measured_billed_and_published_work(world: World) -> None:
    for place in (world.alder, world.birch):
        with in_organization(place.organization.id):
            assert sorted(Invoice.objects.values_list("state", flat=True)) == ["draft", "draft", "issued", "issued"]
            assert pdf_of(Invoice.objects.get(pk=place.refs.invoice.pk)) is not None
            assert Attainment.objects.filter(published_at__isnull=False).count() >= 4
            assert CreditClaim.objects.count() >= 2
            assert not Job.objects.exclude(state="done").exists()
