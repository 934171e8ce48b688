"""A credit that later windows earn back, as the invoices have it: charged back in its own line, or never given at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.models import Invoice, InvoiceLine
from engagements.models import Workstream
from lpo.accounts.models import Membership
from sla import actions
from sla.models import ServiceLevelVersion
from tests import make as base
from tests.billing import make as bills
from tests.sla import make as levels
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_alder")]

DECEMBER, JANUARY = datetime(2026, 12, 2, 12, tzinfo=UTC), datetime(2027, 1, 2, 12, tzinfo=UTC)


def credits_of(invoice: Invoice) -> list[Decimal]:
    return [line.amount for line in InvoiceLine.objects.filter(invoice=invoice, group="credit").order_by("position")]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)


@pytest.fixture
def stream(now: WallClock) -> Workstream:
    """A fee of 10,000.00 a month. October missed for a credit of 5 %, which a November at 98 % earns back; November without a miss."""
    now.is_at("2026-11-02 12:00")
    made = bills.workstream(contract={"at_risk_percent": Decimal(50)})
    bills.term(bills.engagement_of(made), "fixed", "10000")
    levels.level(made, earn_back_percent=Decimal(98), earn_back_windows=1)
    levels.item(made, "2026-10-05 09:00", delivered="2026-10-15 09:00")
    close(made, "2026-10")
    return made


def close(stream: Workstream, month: str) -> None:
    version = ServiceLevelVersion.objects.get(level__workstream=stream)
    levels.counted(version)
    actions.close_window(level=version.level, window_start=new_york(f"{month}-01 00:00"), by=base.system(), publish=True)


def november(stream: Workstream, now: WallClock) -> None:
    now.is_at("2026-12-01 12:00")
    levels.item(stream, "2026-11-05 09:00", delivered="2026-11-05 15:00")
    close(stream, "2026-11")


def final(at: datetime) -> None:
    actions.finalize_claims(by=base.system(), now=at)


def test_what_was_credited_is_charged_back_in_a_line_that_names_both_windows(
    stream: Workstream, now: WallClock, bill: Membership, bella: Membership
) -> None:
    engagement = bills.engagement_of(stream)
    final(new_york("2026-11-20 09:00"))
    assert credits_of(bills.issued(engagement, bill, bella)) == [Decimal("-500.00")]
    november(stream, now)
    # It can still be contested: nothing is charged back yet.
    assert credits_of(bills.drafted(engagement, bill, 2, DECEMBER)) == []
    final(JANUARY)
    invoice = bills.issued(engagement, bill, bella, 2, DECEMBER)
    assert credits_of(invoice) == [Decimal("500.00")]
    line = InvoiceLine.objects.get(invoice=invoice, group="credit")
    assert line.description == "Credit charged back, NDA turnaround, October 2026: earned back by November 2026"
    assert credits_of(bills.drafted(engagement, bill, 3, JANUARY)) == []


def test_what_was_earned_back_before_it_was_final_is_never_billed(
    stream: Workstream, now: WallClock, bill: Membership, bella: Membership
) -> None:
    engagement = bills.engagement_of(stream)
    november(stream, now)
    final(JANUARY)
    assert credits_of(bills.issued(engagement, bill, bella)) == []
    assert credits_of(bills.drafted(engagement, bill, 2, DECEMBER)) == []
