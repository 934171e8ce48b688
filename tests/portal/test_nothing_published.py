"""What the general counsel reads before anything was published: why there is nothing, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.test import Client as Browser

from billing import actions as billing
from engagements.models import Client
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla import actions as sla
from sla.models import ServiceLevel
from tests import make
from tests.billing import make as bills
from tests.portal.conftest import worked

Read = Callable[..., str]


def test_a_client_that_was_told_nothing_reads_why(vantic: Client, read: Read) -> None:
    text = read("/alder/portal/van/")
    assert "Nothing was published to you yet" in text and "No window was published yet" in text
    for page, why in (
        ("matters", "No matter was published yet"),
        ("levels", "No service level was published yet"),
        ("invoices", "No invoice was issued yet"),
    ):
        assert why in read(f"/alder/portal/van/{page}/")


class TestUnpublished:
    @pytest.fixture
    def stream(self, alder: Organization, vantic: Client, run_jobs: Callable[[], int]) -> Iterator[object]:
        """Worked, closed and drafted, but nothing of it published."""
        with in_organization(alder.id):
            stream = worked(vantic, "NDA")
            run_jobs()
            level = ServiceLevel.objects.get(workstream=stream)
            sla.close_window(level=level, window_start=datetime(2025, 10, 1, 4, tzinfo=UTC), by=make.system())
            yield stream

    def test_nothing_of_it_is_visible(self, stream: object, bill: Membership, as_carla: Browser, alder: Organization) -> None:
        with in_organization(alder.id):
            bills.drafted(bills.engagement_of(stream), bill, index=0)  # type: ignore[arg-type]
        for page in ("", "matters/", "levels/", "invoices/"):
            text = as_carla.get(f"/alder/portal/van/{page}").content.decode()
            assert "NDA" not in text and "2,5" not in text, page
        assert as_carla.get("/alder/portal/van/levels/nda-turnaround/").status_code == 404
        assert as_carla.get("/alder/portal/van/levels/nda-turnaround/2025-10/").status_code == 404

    def test_an_approved_invoice_is_a_draft_still(
        self, stream: object, bill: Membership, bella: Membership, as_carla: Browser, alder: Organization
    ) -> None:
        with in_organization(alder.id):
            invoice = bills.drafted(bills.engagement_of(stream), bill, index=0)  # type: ignore[arg-type]
            billing.submit_invoice(invoice=invoice, by=Actor.member(bill))
            billing.approve_invoice(invoice=invoice, by=Actor.member(bella))
        assert "No invoice was issued yet" in as_carla.get("/alder/portal/van/invoices/").content.decode()
