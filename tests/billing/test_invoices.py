"""From measured work to an issued invoice: every billable thing once, exact, frozen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from billing import actions
from billing.actions import documents
from billing.actions.drafts import CannotBill, WrongState
from billing.exports import archive, lines_csv
from billing.findings import findings
from billing.models import Charge, Invoice, InvoiceLine
from billing.verify import verify
from engagements import actions as work
from engagements.models import Client
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership, Organization
from lpo.audit.documents import content_of
from lpo.audit.models import Document, Event
from lpo.core.errors import Conflicting, Refused, StaleVersion
from lpo.tenancy.context import Scope, in_organization, scoped
from tests import make
from tests.billing import make as bills

DECEMBER = datetime(2026, 12, 2, 12, 0, tzinfo=UTC)
OCT_START, OCT_END = datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def inside(in_alder: Scope) -> Iterator[None]:
    yield


def lines(invoice: Invoice) -> list[tuple[str, Decimal]]:
    return [(line.group, line.amount) for line in InvoiceLine.objects.filter(invoice=invoice).order_by("position")]


def test_five_ndas_three_seats_a_flat_fee_and_a_credit_make_2960(bill: Membership) -> None:
    """CASES: 225.00 + 360.00 + 2,500.00 − 125.00 = 2,960.00; the credit is 5 % of the flat fee."""
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 5)
    bills.term(engagement, "unit", "45", workstream=stream, credit_base=False)
    seats = bills.term(engagement, "per_user", "120", credit_base=False)
    bills.seats(seats, ["u1", "u2", "u3"], date(2026, 10, 1))
    bills.term(engagement, "fixed", "2500")
    bills.claim(stream, "5", start=OCT_START, end=OCT_END, label="October 2026")

    invoice = bills.drafted(engagement, bill)

    assert sorted(amount for _, amount in lines(invoice)) == [Decimal(-125), Decimal(225), Decimal(360), Decimal(2500)]
    assert (invoice.net, invoice.tax, invoice.gross) == (Decimal("2960.00"), Decimal(0), Decimal("2960.00"))


def test_credits_of_a_period_are_capped_once_across_levels(bill: Membership) -> None:
    """CASES: three misses at 5 % of 18,450, at risk 10 %: capped at 1,845.00."""
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.term(engagement, "fixed", "18450")
    for name in ("Turnaround", "Response", "Errors"):
        bills.claim(stream, "5", start=OCT_START, end=OCT_END, label="October 2026", name=name)
    invoice = bills.drafted(engagement, bill)
    assert [amount for group, amount in lines(invoice) if group == "credit"] == [Decimal("-922.50"), Decimal("-922.50"), Decimal("0.00")]


def test_a_provisional_credit_waits_and_is_shown(bill: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.term(engagement, "fixed", "2500")
    bills.claim(stream, "5", start=OCT_START, end=OCT_END, label="October 2026", state="provisional")
    invoice = bills.drafted(engagement, bill)
    assert lines(invoice) == [("fixed", Decimal(2500))]
    assert any("can still be contested" in finding.text for finding in findings(invoice))


def test_a_credit_for_an_earlier_month_reduces_the_next_invoice_once(bill: Membership, bella: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.term(engagement, "fixed", "2500")
    bills.issued(engagement, bill, bella)
    bills.claim(stream, "5", start=OCT_START, end=OCT_END, label="October 2026")
    november = bills.issued(engagement, bill, bella, 2, DECEMBER)
    assert lines(november) == [("fixed", Decimal(2500)), ("credit", Decimal(-125))]
    january = bills.drafted(engagement, bill, 3, datetime(2027, 1, 2, 12, tzinfo=UTC))
    assert lines(january) == [("fixed", Decimal(2500))]


def test_an_item_is_billed_in_the_month_it_was_delivered_in_the_entitys_zone(bill: Membership) -> None:
    """CASES: 2026-03-31T23:30Z is March for a New York entity, April for a London one."""
    at = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    for zone, month in (("America/New_York", "March 2026"), ("Europe/London", "April 2026")):
        entity = make.legal_entity(time_zone=zone)
        stream = bills.workstream(starts_on=date(2026, 3, 1), legal_entity=entity)
        engagement = bills.engagement_of(stream)
        bills.delivered(stream, 1, at)
        bills.term(engagement, "unit", "45", workstream=stream)
        billed = [bills.drafted(engagement, bill, index) for index in (0, 1)]
        assert [invoice.period.label for invoice in billed if lines(invoice)] == [month]


def test_late_work_of_an_issued_month_is_billed_as_the_difference_naming_the_month(bill: Membership, bella: Membership) -> None:
    """CASES: price 10, billed 5; later period 1 is found to be 7: +2 = 20 correcting period 1."""
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 5)
    bills.term(engagement, "unit", "10", workstream=stream)
    bills.issued(engagement, bill, bella)
    bills.delivered(stream, 2, bills.OCTOBER)
    bills.delivered(stream, 3, datetime(2026, 11, 5, 15, tzinfo=UTC))
    invoice = bills.drafted(engagement, bill, 2, DECEMBER)
    assert lines(invoice) == [("unit", Decimal(30)), ("unit", Decimal(20))]
    assert "October 2026" in InvoiceLine.objects.get(invoice=invoice, position=2).description


def test_a_billed_item_that_is_returned_becomes_a_negative_line_and_redelivery_is_billed_once(bill: Membership, bella: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    item, *_ = bills.delivered(stream, 3)
    bills.term(engagement, "unit", "45", workstream=stream)
    october = bills.issued(engagement, bill, bella)
    work.move_item(item=item, to="returned", by=make.system(), at=datetime(2026, 11, 3, 15, tzinfo=UTC), reason="wrong template")
    november = bills.issued(engagement, bill, bella, 2, DECEMBER)
    assert lines(november) == [("unit", Decimal(-45))]
    assert october.number in json.dumps(InvoiceLine.objects.get(invoice=november).explanation)

    item.refresh_from_db()
    work.move_item(item=item, to="delivered", by=make.system(), at=datetime(2026, 11, 20, 15, tzinfo=UTC), reason="redelivered")
    again = bills.issued(engagement, bill, bella, 3, datetime(2027, 1, 2, 12, tzinfo=UTC))
    assert lines(again) == [("unit", Decimal(45))]
    assert sum(line.amount for line in InvoiceLine.objects.filter(invoice__state="issued")) == Decimal(135)
    nothing_more = bills.drafted(engagement, bill, 4, datetime(2027, 2, 2, 12, tzinfo=UTC))
    assert lines(nothing_more) == []


def test_drafting_twice_gives_one_draft_with_the_same_lines(bill: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 2)
    bills.term(engagement, "unit", "45", workstream=stream)
    first, second = bills.drafted(engagement, bill), bills.drafted(engagement, bill)
    assert (first.pk, second.gross) == (second.pk, Decimal(90))
    assert Charge.objects.count() == 2


def test_a_running_month_is_not_drafted(bill: Membership) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500")
    with pytest.raises(CannotBill, match="has not ended"):
        bills.drafted(engagement, bill, 2)


def test_work_that_no_term_charges_blocks_approval(bill: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 1)
    seats = bills.term(engagement, "per_user", "120")
    bills.seats(seats, ["u1"], date(2026, 10, 1))
    invoice = bills.drafted(engagement, bill)
    with pytest.raises(Refused, match="Unpriced work"):
        actions.submit_invoice(invoice=invoice, by=Actor.member(bill))


def test_the_preparer_does_not_approve(bill: Membership, bella: Membership) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500")
    invoice = bills.drafted(engagement, bill)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    with pytest.raises(Refused, match="somebody else approves"):
        actions.approve_invoice(invoice=invoice, by=Actor.member(bill))
    with pytest.raises(DatabaseError), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(approved_by=bill)
    assert actions.approve_invoice(invoice=invoice, by=Actor.member(bella)).state == "approved"


def test_refreshing_takes_the_approval_back_and_a_stale_page_is_refused(bill: Membership, bella: Membership) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500")
    invoice = bills.drafted(engagement, bill)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    approved = actions.approve_invoice(invoice=invoice, by=Actor.member(bella))
    bills.term(engagement, "fixed", "100", name="Rush desk")
    with pytest.raises(StaleVersion):
        actions.refresh_invoice(invoice=invoice, by=Actor.member(bill), version=1)
    refreshed = actions.refresh_invoice(invoice=invoice, by=Actor.member(bill), version=approved.version)
    assert (refreshed.state, refreshed.approved_by_id) == ("draft", None)
    with pytest.raises(WrongState):
        actions.issue_invoice(invoice=invoice, by=Actor.member(bill))


def test_refreshing_what_has_not_changed_changes_nothing(bill: Membership, bella: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 3)
    bills.term(engagement, "unit", "45.125", workstream=stream, discount_percent=Decimal("3.5"))
    bills.seats(bills.term(engagement, "per_user", "120"), ["u1", "u2"], date(2026, 10, 7))
    bills.term(engagement, "fixed", "2500")
    bills.claim(stream, "5", start=datetime(2026, 10, 1, 4, tzinfo=UTC), end=datetime(2026, 11, 1, 4, tzinfo=UTC), label="October 2026")
    invoice = bills.drafted(engagement, bill)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    approved = actions.approve_invoice(invoice=invoice, by=Actor.member(bella))
    lines = set(InvoiceLine.objects.filter(invoice=invoice).values_list("id", flat=True))
    events = Event.objects.count()
    later = bills.NOVEMBER + timedelta(days=1)
    again = actions.refresh_invoice(invoice=invoice, by=Actor.member(bella), now=later)
    for same in (again, bills.drafted(engagement, bella, now=later)):
        assert (same.version, same.state, same.prepared_by_id, same.approved_by_id) == (approved.version, "approved", bill.id, bella.id)
    assert set(InvoiceLine.objects.filter(invoice=invoice).values_list("id", flat=True)) == lines
    assert Event.objects.count() == events
    assert Invoice.objects.get(pk=invoice.pk).computed_at == later, "when it was last looked at is new"


def test_one_more_item_is_a_change(bill: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.term(engagement, "unit", "0", workstream=stream)
    bills.delivered(stream, 1)
    invoice = bills.drafted(engagement, bill)
    bills.delivered(stream, 1)
    refreshed = actions.refresh_invoice(invoice=invoice, by=Actor.member(bill))
    assert (refreshed.version, refreshed.gross) == (invoice.version + 1, invoice.gross), "at a price of nothing, too"
    assert Charge.objects.filter(line__invoice=invoice).count() == 2


def test_numbers_are_gapless_per_entity_and_year_of_the_entitys_zone(bill: Membership, bella: Membership) -> None:
    """CASES: finalised 2027-01-01T03:00Z by a New York entity belongs to number year 2026."""
    entity = make.legal_entity(number_prefix="AL")
    numbers = []
    for now in (bills.NOVEMBER, datetime(2027, 1, 1, 3, tzinfo=UTC), datetime(2027, 1, 1, 6, tzinfo=UTC)):
        engagement = bills.engagement_of(bills.workstream(legal_entity=entity))
        bills.term(engagement, "fixed", "2500")
        numbers.append(bills.issued(engagement, bill, bella, now=now).number)
    assert numbers == ["AL-2026-0001", "AL-2026-0002", "AL-2027-0001"]


def test_issuing_twice_gives_the_same_invoice(bill: Membership, bella: Membership) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500")
    invoice = bills.issued(engagement, bill, bella)
    assert actions.issue_invoice(invoice=invoice, by=Actor.member(bella)).number == invoice.number
    assert Event.objects.filter(action="invoice.issue").count() == 1


def test_an_issued_invoice_is_frozen_by_the_database(bill: Membership, bella: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 1)
    bills.term(engagement, "unit", "45", workstream=stream)
    bills.issued(engagement, bill, bella)
    for statement in (
        "UPDATE billing_invoice SET gross = gross + 1, net = net + 1",
        "DELETE FROM billing_invoiceline",
        "UPDATE billing_invoiceline SET amount = 1",
        "UPDATE billing_charge SET quantity = 9",
        "DELETE FROM billing_charge",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_editing_the_client_afterwards_leaves_the_issued_bytes_identical(bill: Membership, bella: Membership, run_jobs: object) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 3)
    bills.term(engagement, "unit", "45", workstream=stream)
    invoice = bills.issued(engagement, bill, bella)
    run_jobs()  # type: ignore[operator]
    before = documents.pdf_of(invoice)
    assert before is not None and content_of(Document.objects.get(pk=before.pk)).startswith(b"%PDF-")
    Client.objects.filter(pk=engagement.client_id).update(legal_name="Renamed, Inc.", tax_category="S", tax_rate=20)
    assert [(verdict.name, verdict.differences) for verdict in verify()] == [(invoice.number, ())]
    after = documents.pdf_of(invoice)
    assert after is not None and after.sha256 == before.sha256


def test_the_months_export_holds_every_pdf_and_lines_that_sum_to_the_invoices(
    bill: Membership, bella: Membership, run_jobs: object
) -> None:
    made = []
    for price in ("2500", "1250.50"):
        engagement = bills.engagement_of(bills.workstream())
        bills.term(engagement, "fixed", price)
        made.append(bills.issued(engagement, bill, bella))
    run_jobs()  # type: ignore[operator]
    rows = lines_csv(made).decode().splitlines()
    assert len(rows) == 3
    assert archive(made) == archive(made), "the same invoices give the same bytes"


def test_what_is_returned_to_a_draft_needs_a_reason(bill: Membership, bella: Membership) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500")
    invoice = bills.drafted(engagement, bill)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    with pytest.raises(Refused) as caught:
        actions.return_to_draft(invoice=invoice, by=Actor.member(bella), reason=" ")
    assert caught.value.field == "reason"


def test_a_discarded_draft_releases_its_work(bill: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 2)
    bills.term(engagement, "unit", "45", workstream=stream)
    actions.discard_invoice(invoice=bills.drafted(engagement, bill), by=Actor.member(bill))
    assert Charge.objects.count() == 0
    assert bills.drafted(engagement, bill).gross == Decimal(90)


def test_the_same_usage_event_counts_once_and_another_payload_is_refused(bill: Membership) -> None:
    """CASES: usage event sent three times, then with another payload: counted once; then 409."""
    engagement = bills.engagement_of(bills.workstream())
    term = bills.term(engagement, "per_user", "120")
    send = {"term": term, "source": "platform", "event_id": "e1", "subject": "u1", "starts_on": date(2026, 10, 1), "by": make.system()}
    assert [actions.record_usage(**send)[1] for _ in range(3)] == [True, False, False]  # type: ignore[arg-type]
    with pytest.raises(Conflicting):
        actions.record_usage(**(send | {"starts_on": date(2026, 10, 2)}))  # type: ignore[arg-type]


def test_prices_of_invoiced_days_cannot_be_revised(bill: Membership, bella: Membership) -> None:
    engagement = bills.engagement_of(bills.workstream())
    term = bills.term(engagement, "fixed", "2500")
    bills.issued(engagement, bill, bella)
    with pytest.raises(Refused, match="already invoiced"):
        actions.revise_term(term=term, version={"effective_from": date(2026, 10, 15), "price": Decimal(3000)}, by=Actor.member(bill))
    actions.revise_term(term=term, version={"effective_from": date(2026, 11, 16), "price": Decimal(3000)}, by=Actor.member(bill))
    november = bills.drafted(engagement, bill, 2, DECEMBER)
    assert lines(november) == [("fixed", Decimal(1250)), ("fixed", Decimal(1500))]


def test_project_managers_draft_nothing(asha: Membership) -> None:
    engagement = bills.engagement_of(bills.workstream())
    with pytest.raises(NotPermitted):
        bills.drafted(engagement, asha)


def test_totals_never_vary_by_who_is_inside_a_wall(bill: Membership, asha: Membership) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 4)
    bills.term(engagement, "unit", "45", workstream=stream)
    hidden = Scope(engagement.organization_id, hidden_matters=(stream.matter_id,))
    with scoped(hidden):
        invoice = bills.drafted(engagement, bill)
        assert InvoiceLine.objects.filter(invoice=invoice).count() == 0, "the line is of a matter this person may not see"
    assert invoice.gross == Decimal(180)


def test_another_organization_sees_no_invoice(bill: Membership, birch: Organization) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500")
    bills.drafted(engagement, bill)
    with in_organization(birch.id):
        assert Invoice.objects.count() == 0
