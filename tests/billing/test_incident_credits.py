"""One incident under two levels, as the invoices of its month and the next have it: one credit, never two and never none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.findings import findings_of
from billing.models import Invoice, InvoiceLine
from engagements.models import WorkItem, Workstream
from lpo.accounts.models import Membership
from sla import actions
from sla.models import CreditClaim, ServiceLevelVersion
from tests import make as base
from tests.billing import make as bills
from tests.sla import make as levels
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_alder")]

OCTOBER = new_york("2026-10-01 00:00")
DECEMBER, JANUARY = datetime(2026, 12, 2, 12, tzinfo=UTC), datetime(2027, 1, 2, 12, tzinfo=UTC)


def credits_of(invoice: Invoice) -> list[Decimal]:
    return [line.amount for line in InvoiceLine.objects.filter(invoice=invoice, group="credit").order_by("position")]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    return WallClock(monkeypatch)


@pytest.fixture
def stream(now: WallClock) -> Workstream:
    """A fee of 10,000.00 a month, at most 50 % of it at risk; one NDA late under two levels of 5 % and 3 %."""
    now.is_at("2026-11-02 12:00")
    made = bills.workstream(contract={"at_risk_percent": Decimal(50)})
    bills.term(bills.engagement_of(made), "fixed", "10000")
    for name, target, percent in (("slow", 24, 5), ("fast", 48, 3)):
        levels.level(made, name=name, target=target * 3600, credit_percent=Decimal(percent))
    levels.item(made, "2026-10-05 09:00", delivered="2026-10-15 09:00")
    return made


def close(stream: Workstream, *names: str) -> list[CreditClaim]:
    for version in ServiceLevelVersion.objects.filter(level__workstream=stream, level__name__in=names or ("slow", "fast")).order_by("id"):
        levels.counted(version)
        actions.close_window(level=version.level, window_start=OCTOBER, by=base.system(), publish=True)
    return list(CreditClaim.objects.order_by("id"))


def final(at: datetime) -> None:
    actions.finalize_claims(by=base.system(), now=at)


def chosen(claim: CreditClaim, *among: CreditClaim) -> None:
    actions.choose_credit(claim=claim, among=[one.pk for one in among], by=base.system())


def test_until_the_client_has_chosen_nothing_is_credited_and_then_once(stream: Workstream, bill: Membership, bella: Membership) -> None:
    engagement = bills.engagement_of(stream)
    one, other = close(stream)
    final(new_york("2026-11-12 09:00"))
    october = bills.issued(engagement, bill, bella)
    assert credits_of(october) == []
    chosen(other, one, other)
    final(DECEMBER)
    assert credits_of(bills.issued(engagement, bill, bella, 2, DECEMBER)) == [Decimal("-300.00")]
    assert credits_of(bills.drafted(engagement, bill, 3, JANUARY)) == []


def test_silence_pays_the_larger_once(stream: Workstream, bill: Membership, bella: Membership) -> None:
    engagement = bills.engagement_of(stream)
    close(stream)
    final(DECEMBER)
    assert credits_of(bills.issued(engagement, bill, bella)) == [Decimal("-500.00")]


def test_a_credit_given_before_the_other_window_was_closed_is_charged_back_where_the_client_chooses_the_other(
    stream: Workstream, now: WallClock, bill: Membership, bella: Membership
) -> None:
    engagement = bills.engagement_of(stream)
    (one,) = close(stream, "slow")
    final(new_york("2026-11-12 09:00"))
    assert credits_of(bills.issued(engagement, bill, bella)) == [Decimal("-500.00")]
    now.is_at("2026-11-20 12:00")
    _, other = close(stream, "fast")
    chosen(other, one, other)
    # The other is not final yet: what was credited stands.
    assert credits_of(bills.drafted(engagement, bill, 2, DECEMBER)) == []
    final(DECEMBER)
    november = bills.issued(engagement, bill, bella, 2, DECEMBER)
    assert sorted(credits_of(november)) == [Decimal("-300.00"), Decimal("500.00")]
    back = InvoiceLine.objects.get(invoice=november, amount=Decimal("500.00"))
    assert back.description == "Credit charged back, slow, October 2026: one incident, another credit is paid"
    assert credits_of(bills.drafted(engagement, bill, 3, JANUARY)) == []


def test_where_the_chosen_window_is_restated_to_nothing_the_other_is_credited_in_its_place(
    stream: Workstream, now: WallClock, bill: Membership, bella: Membership
) -> None:
    engagement = bills.engagement_of(stream)
    one, other = close(stream)
    chosen(one, one, other)
    final(new_york("2026-11-12 09:00"))
    assert credits_of(bills.issued(engagement, bill, bella)) == [Decimal("-500.00")]
    now.is_at("2026-11-20 12:00")
    item = WorkItem.objects.get(workstream=stream)
    actions.exclude_item(level=one.level, item=item, reason="Outside its scope", by=base.system())
    actions.restate_window(level=one.level, window_start=OCTOBER, reason="Outside its scope", by=base.system(), publish=True)
    final(DECEMBER + timedelta(days=10))
    november = bills.issued(engagement, bill, bella, 2, DECEMBER)
    assert sorted(credits_of(november)) == [Decimal("-300.00"), Decimal("500.00")]


def test_the_preflight_says_what_waits_for_the_client(stream: Workstream, bill: Membership) -> None:
    close(stream)
    invoice = bills.drafted(bills.engagement_of(stream), bill)
    said = [finding.text for finding in findings_of([invoice])[invoice.id]]
    assert "Credits of one incident wait for the client's choice: slow, October 2026, fast, October 2026." in said
