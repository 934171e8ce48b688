"""CASES: three misses at 5 % of 18,450 under a cap of 10 %; one of the three withdrawn by restatement, two withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.models import Invoice, InvoiceLine
from lpo.accounts.models import Membership
from sla.models import CreditClaim
from tests.billing import make as bills

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_alder")]

OCT_START, OCT_END = datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, 12, tzinfo=UTC)


def credit_lines(invoice: Invoice) -> list[Decimal]:
    return [line.amount for line in InvoiceLine.objects.filter(invoice=invoice, group="credit").order_by("position")]


@pytest.mark.parametrize(("withdrawn", "charged_back"), [(0, []), (1, ["0.00"]), (2, ["922.50"]), (3, ["1845.00"])])
def test_what_a_restatement_withdraws_is_charged_back_as_far_as_the_cap_had_let_it_through(
    bill: Membership, bella: Membership, withdrawn: int, charged_back: list[str]
) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.term(engagement, "fixed", "18450")
    claims = [
        bills.claim(stream, "5", start=OCT_START, end=OCT_END, label="October 2026", name=name) for name in ("First", "Second", "Third")
    ]
    october = bills.issued(engagement, bill, bella)
    assert sum(credit_lines(october)) == Decimal("-1845.00")
    CreditClaim.objects.filter(pk__in=[claim.pk for claim in claims[:withdrawn]]).update(state="withdrawn")

    november = bills.issued(engagement, bill, bella, 2, DECEMBER)

    assert [Decimal(amount) for amount in charged_back] == (
        [sum(credit_lines(november), Decimal(0))] if withdrawn else credit_lines(november)
    )
    # Charged back once: the month after has nothing left to say of October.
    assert credit_lines(bills.drafted(engagement, bill, 3, datetime(2027, 1, 2, 12, tzinfo=UTC))) == []
