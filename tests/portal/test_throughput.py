"""A week's volume as the client reads it: what was delivered, what was due and every item behind it, by the week's own address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client as Browser

from engagements.models import Client
from lpo.accounts.models import Organization
from lpo.tenancy.context import in_organization
from sla import actions as sla
from sla.models import Attainment
from tests import make
from tests.portal.test_pages import rows_of
from tests.sla import make as levels

pytestmark = pytest.mark.django_db
WEEK = datetime(2025, 10, 6, 4, 0, tzinfo=UTC)


@pytest.fixture
def told(alder: Organization, vantic: Client) -> str:
    """In the week of 6 October 1,000 of the 1,200 that were there were delivered; 40 more had been sent by mistake."""
    with in_organization(alder.id):
        engagement = make.engagement(vantic, starts_on=date(2025, 10, 1), title="Second request")
        stream = make.workstream(make.matter(engagement, title="Documents"), title="First-pass review", item_prefix="REV")
        level = levels.level(
            stream, kind="throughput", name="Weekly volume", target=None, expected_percent=None, min_volume=Decimal(1500),
            volume_offered=True, window="week", effective_from=date(2025, 10, 6),
        )  # fmt: skip
        for quantity in (600, 400, 40):
            made = levels.item(stream, "2025-10-07 10:00", delivered="2025-10-08 10:00", quantity=Decimal(quantity))
        sla.exclude_item(level=level.level, item=made, reason="Sent by mistake", by=make.system())
        levels.item(stream, "2025-10-09 10:00", quantity=Decimal(200))
        levels.counted(level)
        sla.close_window(level=level.level, window_start=WEEK, by=make.system(), publish=True)
        assert Attainment.objects.filter(state="closed").count() == 1
    return f"/alder/portal/{vantic.code.lower()}/"


def test_the_client_reads_what_was_due_and_every_item_behind_it(told: str, as_carla: Browser, read: Callable[[str], str]) -> None:
    level = read(f"{told}levels/weekly-volume/")
    assert "at least 1,500 units a week" in level
    assert "levels/weekly-volume/2025-10-06/" in level
    here = f"{told}levels/weekly-volume/2025-10-06/"
    page = read(here)
    assert "6 Oct – 12 Oct 2025" in page
    assert "1,000 of 1,200 = 83.33 % of what was due; the contract asks for at least 1,500 units a week" in page
    assert "Sent by mistake" in page and "Delivered" in page
    assert "REV-0004" in read(f"{here}?outcome=pending")
    rows = rows_of(as_carla, f"{here}rows.csv")
    assert sum(Decimal(row["counts"]) for row in rows if row["outcome"] == "met") == 1000
    assert sum(Decimal(row["counts"]) for row in rows if row["outcome"] == "pending") == 200
    assert as_carla.get(f"{told}levels/weekly-volume/2025-10/").status_code == 404
    card = read(f"{told}scorecard/?period=2025-10")
    assert "1,000 of 1,200" in card
    assert as_carla.get(f"{told}scorecard.pdf?period=2025-10").status_code == 200
