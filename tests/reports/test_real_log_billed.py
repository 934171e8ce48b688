"""The real log's delivered items at a unit rate: the invoice against a few lines of Python over the raw file."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.models import Charge, InvoiceLine
from engagements import actions as work
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from tests import make
from tests.billing import make as bills
from tests.event_log import LOG, MAPPING, needed

STOCKHOLM = ZoneInfo("Europe/Stockholm")
MONTHS = [(2012, 3), (2012, 4), (2012, 5)]


def counted(year: int, month: int) -> set[str]:
    """Cases first closed in a month of Stockholm, unless cancelled after their last closing. Nothing of ours is used here."""
    events = defaultdict(list)
    with LOG.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            events[row["case_id"]].append((datetime.fromisoformat(row["timestamp"]), f"{row['status']}/{row['sub_status']}"))
    found = set()
    for case, rows in events.items():
        closed = sorted(at for at, status in rows if status == "Completed/Closed")
        gone = [at for at, status in rows if status == "Completed/Cancelled"]
        first = closed[0].astimezone(STOCKHOLM) if closed else None
        if first is not None and (first.year, first.month) == (year, month) and not (gone and max(gone) > closed[-1]):
            found.add(case)
    return found


@needed
@pytest.mark.django_db
def test_each_month_bills_exactly_the_cases_first_closed_in_it(
    alder: Organization, asha: Membership, bill: Membership, run_jobs: Callable[[], int]
) -> None:
    with in_organization(alder.id):
        entity = make.legal_entity(time_zone="Europe/Stockholm", currency="EUR", number_prefix="SE")
        stream = bills.workstream(starts_on=date(2012, 1, 1), legal_entity=entity)
        engagement = bills.engagement_of(stream)
        bills.term(engagement, "unit", "37.50", workstream=stream)
        batch = work.upload_file(workstream=stream, by=make.system(), purpose="history", content=LOG.read_bytes(), file_name=LOG.name)
        work.map_columns(batch=batch, by=make.system(), mapping=MAPPING)
    run_jobs()
    with in_organization(alder.id):
        batch.refresh_from_db()
        assert (batch.state, batch.counts["rejected"]) == ("preview", 10), "ten rows are unmatched: their status has no meaning here"
        work.confirm_import(batch=batch, by=make.system())
    run_jobs()
    with in_organization(alder.id):
        for year, month in MONTHS:
            expected = counted(year, month)
            invoice = bills.drafted(engagement, bill, month - 1, datetime(2012, 12, 1, tzinfo=UTC))
            charged = set(Charge.objects.filter(line__invoice=invoice).values_list("item__external_id", flat=True))
            assert charged == expected
            lines = InvoiceLine.objects.filter(invoice=invoice)
            assert [(line.quantity, line.amount) for line in lines] == [(Decimal(len(expected)), Decimal("37.50") * len(expected))]
            assert len(expected) > 10
