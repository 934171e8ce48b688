"""Placed people from timesheet to invoice: each day once, the client's approval before issue, corrections as differences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from billing import actions
from billing.actions import documents
from billing.findings import findings
from billing.freeze import attached_files
from billing.models import Charge, Invoice, InvoiceLine
from billing.snapshot import Invoice as Snapshot
from billing.verify import verify
from engagements import actions as work
from engagements.actions import Entered
from engagements.models import Placement
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make
from tests.billing import make as bills
from tests.billing import people
from tests.billing.people import NOVEMBER

D = Decimal
OCT, NOV = date(2026, 10, 1), date(2026, 11, 1)
DECEMBER = datetime(2026, 12, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def inside(in_alder: Scope) -> Iterator[None]:
    yield


def lines(invoice: Invoice) -> list[tuple[str, str]]:
    rows = InvoiceLine.objects.filter(invoice=invoice).order_by("position")
    return [(row.description, f"{row.amount:.2f}") for row in rows]


def blocks(invoice: Invoice) -> list[str]:
    return [finding.text for finding in findings(invoice) if finding.severity == "block"]


def october(n: int) -> date:
    return date(2026, 10, n)


def test_a_month_with_an_absence_and_a_replacement(asha: Membership, bill: Membership, bella: Membership) -> None:
    """Dana leaves on the 16th and hands over from the 12th; two days of sickness are not charged; the month adds up to its days."""
    matter = people.matter()
    dana = people.placed(matter, "Dana Núñez-O'Brien")
    work.record_away(placement=dana, by=make.system(), starts_on=october(7), ends_on=october(8), kind="sickness")
    dana.refresh_from_db()
    noor = work.replace_person(
        placement=dana, by=make.system(), version=dana.version, name="Noor Haddad", starts_on=october(12), last_day=october(16),
        notice_given_on=october(1), reason="Leaves us",
    )  # fmt: skip
    term = people.staff_term(matter.engagement, month_basis="working", clause="Exhibit D 2")
    for placement in (dana, noor):
        people.approved(Placement.objects.get(pk=placement.pk), OCT, asha)
    invoice = bills.issued(matter.engagement, bill, bella)

    # 22 working days: Dana's twelve less two, Noor's fifteen less five of handover.
    assert lines(invoice) == [("Paralegal: Dana Núñez-O'Brien", "2909.09"), ("Paralegal: Noor Haddad", "2909.09")]
    first = InvoiceLine.objects.filter(invoice=invoice).order_by("position")[0]
    details = list(InvoiceLine.objects.filter(invoice=invoice).order_by("position").values_list("detail", flat=True))
    assert details == [
        "1 Oct – 16 Oct 2026, 10 of 22 working days, 2 absent and not charged",
        "12 Oct – 31 Oct 2026, 10 of 22 working days, 5 of handover not charged",
    ]
    days = list(Charge.objects.filter(line=first).order_by("id").values_list("reference", "quantity"))
    assert days[0] == ("Dana Núñez-O'Brien, Thu 1 Oct 2026", D(8)) and len(days) == 16
    assert first.term == term and first.matter_id == matter.pk
    assert [verdict.differences for verdict in verify()] == [("its PDF is not stored yet",)]


def test_the_approved_timesheet_is_attached_and_the_backup_sums_to_the_line(asha: Membership, bill: Membership, bella: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter)
    people.staff_term(matter.engagement, "65", rate_per="hour", overtime=D("1.5"))
    people.approved(dana, OCT, asha, {october(5): Entered(D(11))})
    invoice = bills.issued(matter.engagement, bill, bella)
    assert lines(invoice) == [("Paralegal: Dana Núñez-O'Brien", "11440.00"), ("Paralegal: Dana Núñez-O'Brien, overtime", "292.50")]
    files = documents.attached(invoice)
    frozen = Snapshot.from_json(invoice.snapshot)
    assert {file.filename for file in frozen.attachments} == set(files)
    (name,) = [name for name in files if name.startswith("timesheet")]
    text = files[name].decode()
    assert "Dana Núñez-O'Brien" in text and "2026-10-05,11" in text and "Recorded by provider" in text
    assert "Asha" not in text, "names of the provider's staff stay with the provider"
    # Approved anew after the issue, the invoice keeps the sheet it was issued with.
    people.corrected(people.latest(dana, OCT), asha, {october(5): Entered(D(8))})
    assert attached_files(Invoice.objects.get(pk=invoice.pk)) == files


@pytest.mark.parametrize("unapproved", ["block", "warn"])
def test_a_timesheet_the_client_has_not_approved_is_found_as_the_term_says(bill: Membership, unapproved: str) -> None:
    matter = people.matter()
    dana = people.placed(matter)
    people.staff_term(matter.engagement, unapproved=unapproved)
    people.submitted(dana, date(2026, 9, 1))

    invoice = bills.drafted(matter.engagement, bill)
    expected = f"No timesheet of {dana.name} for 1 Oct to 31 Oct 2026: nothing is charged for these days."
    assert expected in [finding.text for finding in findings(invoice) if finding.severity == unapproved]
    assert lines(invoice) == []

    people.submitted(dana, OCT)
    invoice = bills.drafted(matter.engagement, bill)
    assert lines(invoice) == [(f"Paralegal: {dana.name}", "6400.00")]
    found = [finding.text for finding in findings(invoice) if finding.severity == unapproved and "timesheet" in finding.text]
    assert found == [f"The client has not approved {dana.name}’s timesheet, October 2026."]


def test_a_person_nobody_priced_blocks(asha: Membership, bill: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter, level="Senior")
    people.staff_term(matter.engagement, staff_level="Junior")
    people.approved(dana, OCT, asha)
    invoice = bills.drafted(matter.engagement, bill)
    assert any(text.startswith(f"No rate for {dana.name}, Senior paralegal") for text in blocks(invoice))


def test_ones_own_rate_goes_before_that_of_the_level_and_that_before_everybodys(asha: Membership, bill: Membership) -> None:
    matter = people.matter()
    dana, noor, omar = (people.placed(matter, name, level=level) for name, level in (("Dana", "Senior"), ("Noor", "Senior"), ("Omar", "")))
    people.staff_term(matter.engagement, "5000", "Everybody")
    people.staff_term(matter.engagement, "6000", "Seniors", staff_level="Senior")
    people.staff_term(matter.engagement, "7000", "Dana's own", placement=dana)
    for placement in (dana, noor, omar):
        people.approved(placement, OCT, asha)
    invoice = bills.drafted(matter.engagement, bill)
    assert lines(invoice) == [("Everybody: Omar", "5000.00"), ("Seniors: Noor", "6000.00"), ("Dana's own: Dana", "7000.00")]
    with pytest.raises(Refused, match="Seniors prices the same people"):
        people.staff_term(matter.engagement, "6100", "Seniors again", staff_level="Senior")


def test_a_rate_changed_within_the_month_makes_two_lines_that_price_each_day_once(asha: Membership, bill: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter)
    term = people.staff_term(matter.engagement)
    version = {"effective_from": october(16), "price": D("6800"), "unit": "month"}
    actions.revise_term(term=term, version=version, by=make.system())
    people.approved(dana, OCT, asha)
    invoice = bills.drafted(matter.engagement, bill)
    assert [amount for _, amount in lines(invoice)] == ["3096.77", "3509.68"]
    assert Charge.objects.filter(line__invoice=invoice).count() == 31


def test_a_correction_after_issue_is_on_the_next_invoice_and_names_the_month(asha: Membership, bill: Membership, bella: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter)
    people.staff_term(matter.engagement, "65", rate_per="hour")
    people.approved(dana, OCT, asha)
    first = bills.issued(matter.engagement, bill, bella)
    assert first.net == D("11440.00")
    sheet = people.corrected(people.latest(dana, OCT), asha, {october(20): Entered(D(4), "sickness", D(4))})
    assert sheet.number == 2
    people.approved(dana, NOV, asha)

    second = bills.issued(matter.engagement, bill, bella, index=2, now=DECEMBER)
    assert lines(second) == [
        (f"Paralegal: {dana.name}", "10920.00"),
        (f"Paralegal: {dana.name}, correction for October 2026", "-260.00"),
    ]
    back = Charge.objects.filter(line__invoice=second, line__rated_period__label="October 2026").order_by("id")
    assert [(row.reference, row.quantity) for row in back] == [
        (f"{dana.name}, Tue 20 Oct 2026", D(4)),
        (f"{dana.name}, Tue 20 Oct 2026", D(-8)),
    ]
    # The first invoice is what it was; nothing is left to bill of October.
    assert [verdict.differences for verdict in verify()] == [("its PDF is not stored yet",)] * 2
    people.approved(dana, date(2026, 12, 1), asha)
    third = bills.drafted(matter.engagement, bill, 3, datetime(2027, 1, 2, 12, tzinfo=UTC))
    assert len(lines(third)) == 1


def test_a_day_is_charged_once_whatever_the_term(asha: Membership, bill: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter)
    people.staff_term(matter.engagement)
    people.approved(dana, OCT, asha)
    invoice = bills.drafted(matter.engagement, bill)
    charge = Charge.objects.filter(line__invoice=invoice).order_by("id")[0]
    other = people.staff_term(matter.engagement, "1", "Another", staff_level="Other")
    with pytest.raises(IntegrityError, match="charge_day_once_while_live"), transaction.atomic():
        Charge.objects.create(
            client_id=charge.client_id, line=charge.line, term=other, sheet_day_id=charge.sheet_day_id, source_key=charge.source_key,
            reference=charge.reference, quantity=charge.quantity,
        )  # fmt: skip


def test_weekly_timesheets_are_billed_by_their_days_in_each_month(asha: Membership, bill: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter, cycle="week", starts_on=date(2026, 9, 28))
    people.staff_term(matter.engagement, "65", rate_per="hour", overtime=D("1.5"))
    monday = {date(2026, 9, day): Entered(D(10)) for day in (28, 29, 30)}
    people.approved(dana, date(2026, 9, 28), asha, monday)
    invoice = bills.drafted(matter.engagement, bill)
    # Of the week from 28 September, October has Thursday and Friday: ten hours within forty, six beyond.
    assert lines(invoice) == [(f"Paralegal: {dana.name}", "650.00"), (f"Paralegal: {dana.name}, overtime", "585.00")]


def test_a_month_that_begins_within_a_week_knows_the_week(asha: Membership, bill: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter)
    people.staff_term(matter.engagement, "65", rate_per="hour", overtime=D("1.5"))
    people.approved(dana, date(2026, 9, 1), asha, {date(2026, 9, day): Entered(D(10)) for day in (28, 29, 30)})
    people.approved(dana, OCT, asha)
    invoice = bills.drafted(matter.engagement, bill)
    assert lines(invoice) == [(f"Paralegal: {dana.name}", "11050.00"), (f"Paralegal: {dana.name}, overtime", "585.00")]


def test_what_was_invoiced_keeps_its_rate(asha: Membership, bill: Membership, bella: Membership) -> None:
    matter = people.matter()
    dana = people.placed(matter)
    people.staff_term(matter.engagement)
    people.approved(dana, OCT, asha)
    bills.issued(matter.engagement, bill, bella, now=NOVEMBER)
    with pytest.raises(Refused, match="October 2026 is already invoiced"):
        people.staff_term(matter.engagement, "9000", "Dana's own", placement=dana)
