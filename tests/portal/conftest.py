"""What Alder published to Vantic and to Hale: a missed month, the invoice that credits it, an update."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client as Browser
from django.utils import timezone

from billing.models import Invoice
from engagements.models import Client, Matter, Workstream
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Role
from lpo.jobs import queue
from lpo.jobs.runner import run_due
from lpo.reports.actions import publish_status
from lpo.tenancy.context import in_organization
from sla import actions as sla
from sla.models import Attainment
from tests import database, make
from tests.billing import make as bills
from tests.conftest import person, vantic_of_alder
from tests.guards import kept
from tests.sla import make as levels

OCTOBER = datetime(2025, 10, 1, 4, 0, tzinfo=UTC)


@dataclass
class Published:
    """What one client can see."""

    client: Client
    matter: Matter
    stream: Workstream
    attainment: Attainment
    invoice: Invoice
    base: str

    @property
    def window_url(self) -> str:
        return f"{self.base}levels/nda-turnaround/2025-10/"

    @property
    def invoice_url(self) -> str:
        return f"{self.base}invoices/{self.invoice.number}/"

    @property
    def pages(self) -> list[str]:
        """Every address of the client's portal."""
        return [
            self.base,
            f"{self.base}matters/",
            f"{self.base}matters/{self.matter.reference}/",
            f"{self.base}levels/",
            f"{self.base}levels/nda-turnaround/",
            f"{self.base}levels/nda-turnaround/windows.csv",
            self.window_url,
            f"{self.window_url}rows.csv",
            f"{self.base}contest-ledger/",
            f"{self.base}contest-ledger/entries.csv",
            f"{self.base}scorecard/",
            f"{self.base}scorecard.pdf",
            f"{self.base}invoices/",
            self.invoice_url,
            f"{self.invoice_url}invoice.pdf",
            f"{self.invoice_url}lines.csv",
            f"{self.invoice_url}lines/1/",
            f"{self.invoice_url}lines/1/rows.csv",
        ]


def worked(client: Client, prefix: str) -> Workstream:
    """October 2025: 8 of 10 NDAs in time against 95 %; one since then waits on the client."""
    engagement = make.engagement(client, starts_on=date(2025, 10, 1), title="Commercial contracts")
    matter = make.matter(engagement, title="Standard NDAs", client_matter_id="LGL-77")
    stream = make.workstream(matter, title="NDA review", item_prefix=prefix)
    levels.level(stream, clause="Schedule B 2.1")
    bills.term(engagement, "fixed", "2500", name="NDA desk")
    bills.term(engagement, "unit", "10.125", name="NDAs over the desk", workstream=stream)
    for n in range(10):
        late = 2 if n < 2 else 0
        levels.item(stream, f"2025-10-{n + 2:02} 10:00", delivered=f"2025-10-{n + 2 + late:02} 16:00", external_id=f"{prefix}-X{n}")
    levels.item(stream, "2026-01-05 09:00", paused=[("2026-01-05 10:00", None)], title=f"{prefix} secret counterparty")
    return stream


def published(stream: Workstream, by: Membership, approver: Membership, run_jobs: Callable[[], int]) -> Published:
    run_jobs()
    engagement = bills.engagement_of(stream)
    level = Attainment.objects.filter(level__workstream=stream).select_related("level")[0].level
    attainment = sla.close_window(level=level, window_start=OCTOBER, by=make.system(), publish=True)
    sla.finalize_claims(by=make.system(), now=timezone.now() + timedelta(days=90))
    bills.issued(engagement, by, approver, index=0, now=datetime(2025, 11, 3, 12, 0, tzinfo=UTC))
    invoice = Invoice.objects.get(engagement=engagement)
    run_jobs()
    publish_status(matter=stream.matter, by=make.system(), note="One NDA waits for your signature block.")
    matter = Matter.objects.get(pk=stream.matter_id)
    return Published(engagement.client, matter, stream, attainment, invoice, f"/alder/portal/{engagement.client.code.lower()}/")


@pytest.fixture
def hale(alder: Organization) -> Client:
    """Another client of Alder."""
    with in_organization(alder.id):
        return make.client(code="HALE", name="Hale & Marsh")


@pytest.fixture
def hugo(alder: Organization, hale: Client) -> Membership:
    """General counsel of Hale."""
    return person(alder, "Hugo Marsh", Role.CLIENT_VIEWER, hale.id)


@pytest.fixture
def shown(alder: Organization, vantic: Client, bill: Membership, bella: Membership, run_jobs: Callable[[], int]) -> Published:
    """What Vantic can see."""
    with in_organization(alder.id):
        return published(worked(vantic, "NDA"), bill, bella, run_jobs)


@pytest.fixture(scope="session")
def _told_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    name = f"{connections['default'].settings_dict['NAME']}_told"
    with django_db_blocker.unblock():
        database.recreate(name)
        with kept.connected_to(name), pytest.MonkeyPatch.context() as patch:
            patch.setattr(queue, "publish", lambda organization_id, job_id: True)
            alder = Organization.objects.create(slug="alder", name="Alder Legal", time_zone="America/New_York")
            by, approver = person(alder, "Bill Tanaka", Role.BILLING), person(alder, "Bella Costa", Role.BILLING)
            with in_organization(alder.id):
                vantic = vantic_of_alder()
                person(alder, "Carla Mendes", Role.CLIENT_VIEWER, vantic.id)
                published(worked(vantic, "NDA"), by, approver, lambda: run_due(alder.id))
    yield name
    with django_db_blocker.unblock():
        database.drop(name)


@pytest.fixture(scope="module")
def told_database(_told_database: str) -> Iterator[None]:
    """The module's tests run where Vantic was told of October (`tests.portal.told`)."""
    with kept.connected_to(_told_database):
        yield


@pytest.fixture
def as_carla(carla: Membership, client_of: Callable[[Membership], Browser]) -> Browser:
    return client_of(carla)


@pytest.fixture
def read(as_carla: Browser) -> Callable[[str], str]:
    """The text of a page as Carla reads it."""

    def get(url: str, **query: Any) -> str:
        response = as_carla.get(url, query)
        assert response.status_code == 200, (url, response.status_code)
        return " ".join(response.content.decode().replace("\N{NO-BREAK SPACE}", " ").split())

    return get
