"""Hourly terms: from approved time to lines by person and task, whose minutes are counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from billing import actions
from billing.findings import findings
from billing.hours import Entry, Task, rate_hours
from billing.models import Charge, ChargeTerm, InvoiceLine
from billing.rating import RatedLine, total
from billing.snapshot import Invoice as Snapshot
from billing.terms import Days, Increment, Model, Term
from billing.verify import verify
from engagements.models import Engagement, TimeEntry, Workstream
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make
from tests.billing import make as bills
from tests.billing.test_pages import page_of

Sign = Callable[[Membership], Browser]
OCTOBER = Days(date(2026, 10, 1), date(2026, 11, 1))
DECEMBER = datetime(2026, 12, 2, 12, tzinfo=UTC)
REVIEW = Task("Rita Diaz", "t1", "m1", "L653", "A121", "first-pass review")


def entries(*minutes: str, task: Task = REVIEW) -> list[Entry]:
    return [Entry(f"e{n}", date(2026, 10, 1 + n), D(many), "x", task) for n, many in enumerate(minutes)]


def rated(rows: list[Entry], increment: Increment = Increment.PER_ENTRY, **fields: Any) -> tuple[RatedLine, ...]:
    values = {"unit": "hour", "unit_price": D(250), "increment": increment, **fields}
    return rate_hours(Term("T v1", "Counsel", Model.HOURLY, "USD", **values), rows, OCTOBER, OCTOBER)


# --- the core ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("increment", "worth", "hours"),
    [(Increment.PER_ENTRY, "375.00", "1.5"), (Increment.ON_TOTAL, "325.00", "1.3"), (Increment.EXACT, "312.50", "1.25")],
)
def test_250_an_hour_in_six_minute_units(increment: Increment, worth: str, hours: str) -> None:
    """CASES: 250 an hour, six-minute units, entries of 1, 6, 7, 61 minutes: 375.00; 325.00; 312.50."""
    (line,) = rated(entries("1", "6", "7", "61"), increment)
    assert (line.amount, line.quantity, line.unit) == (D(worth), D(hours), "hour")
    assert line.description == "Counsel: Rita Diaz, first-pass review"


def test_a_line_for_each_person_and_task_and_the_cap_over_them_all() -> None:
    other = Task("Asha Rao", "t2", "m1", "L690", "A127", "project management")
    lines = rated([*entries("60"), *entries("120", task=other)], cap=D(700))
    assert [(line.key, line.amount) for line in lines] == [
        ("t2-m1-L690-A127:usage", D(500)),
        ("t1-m1-L653-A121:usage", D(250)),
        ("cap", D(-50)),
    ]


minutes = st.lists(st.decimals("0.01", 600, places=2), min_size=1, max_size=8)


@given(minutes, st.sampled_from(list(Increment)))
def test_leaves_sum_and_rounding_never_takes_a_minute_away(many: list[D], increment: Increment) -> None:
    rows = entries(*map(str, many))
    lines = rated(rows, increment)
    assert all(line.explanation.total() == line.amount for line in lines)
    assert total(rated(rows, Increment.EXACT)) <= total(rated(rows, Increment.ON_TOTAL)) <= total(rated(rows, Increment.PER_ENTRY))
    assert rated(rows[::-1], increment) == lines


# --- approved time -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stream(in_alder: Scope) -> Iterator[Workstream]:
    yield bills.workstream()


def hourly(stream: Workstream, price: str = "250", **version: Any) -> ChargeTerm:
    return bills.term(bills.engagement_of(stream), "hourly", price, **({"unit": "hour"} | version))


def spent(stream: Workstream, member: Membership, day: date, many: str, by: Membership | None = None, **fields: Any) -> TimeEntry:
    """An entry as it stands after approval; without `by` one that still waits."""
    plain: dict[str, Any] = {"task_code": "L653", "activity_code": "A121"}
    if by is not None:
        plain |= {"status": "approved", "decided_by": by, "decided_at": datetime(2026, 10, 31, tzinfo=UTC)}
    number = TimeEntry.objects.filter(member=member).count() + 1
    keys = {"client_id": stream.client_id, "matter_id": stream.matter_id, "workstream": stream, "member": member, "number": number}
    row: TimeEntry = TimeEntry.objects.create(**keys, day=day, minutes=D(many), **(plain | fields))
    return row


def lines_of(engagement: Engagement, by: Membership, index: int = 1, now: datetime = bills.NOVEMBER) -> list[InvoiceLine]:
    return list(InvoiceLine.objects.filter(invoice=bills.drafted(engagement, by, index, now)).order_by("position"))


def test_approved_billable_time_is_a_line_for_each_person_and_task_with_its_codes(
    stream: Workstream,
    bill: Membership,
    bella: Membership,
    rita: Membership,
    asha: Membership,
    run_jobs: Callable[[], int],
    client_of: Sign,
) -> None:
    hourly(stream)
    for day, many in enumerate(("1", "6", "7", "61"), start=1):
        spent(stream, rita, date(2026, 10, day), many, asha)
    spent(stream, asha, date(2026, 10, 9), "90", rita, task_code="L690", activity_code="A127")
    spent(stream, rita, date(2026, 10, 10), "600", asha, billable=False)
    invoice = bills.issued(bills.engagement_of(stream), bill, bella)
    found = {line.description: line for line in InvoiceLine.objects.filter(invoice=invoice)}
    mine = found[f"hourly fee: {rita.display_name}, first-pass review"]
    assert (mine.amount, mine.quantity, mine.matter_id) == (D(375), D("1.5"), stream.matter_id)
    assert (mine.task_code, mine.activity_code, mine.group) == ("L653", "A121", "hourly")
    assert found[f"hourly fee: {asha.display_name}, project management"].amount == D(375)
    frozen = Snapshot.from_json(invoice.snapshot)
    assert {(line.task_code, line.activity_code) for line in frozen.lines} == {("L653", "A121"), ("L690", "A127")}
    assert set(Charge.objects.filter(line=mine).values_list("quantity", flat=True)) == {D(1), D(6), D(7), D(61)}
    page = client_of(bill).get(page_of(invoice, f"?line={mine.position}")).content.decode()
    assert "1 minutes counted as 6" in page and "250.00 USD an hour for everybody" in page and ">Time<" in page
    run_jobs()
    assert all(verdict.identical for verdict in verify())


def test_a_persons_own_rate_goes_before_that_of_a_role_and_of_everybody(
    stream: Workstream, bill: Membership, rita: Membership, asha: Membership
) -> None:
    hourly(stream, "100", name="Everybody")
    hourly(stream, "150", name="Managers", role="project_manager")
    hourly(stream, "200", name="Rita", timekeeper=rita)
    for member, by in ((rita, asha), (asha, rita), (bill, asha)):
        spent(stream, member, date(2026, 10, 5), "60", by)
    assert sorted(line.amount for line in lines_of(bills.engagement_of(stream), bill)) == [D(100), D(150), D(200)]
    with pytest.raises(Refused, match="prices the same people"):
        hourly(stream, "1", name="Again", role="project_manager")


def test_a_new_rate_holds_from_its_day(stream: Workstream, bill: Membership, rita: Membership, asha: Membership) -> None:
    term = hourly(stream)
    version = {"effective_from": date(2026, 10, 16), "price": D(300), "unit": "hour"}
    actions.revise_term(term=term, version=version, by=make.system())
    for day in (15, 16):
        spent(stream, rita, date(2026, 10, day), "60", asha)
    assert [line.amount for line in lines_of(bills.engagement_of(stream), bill)] == [D(250), D(300)]


def test_time_approved_late_is_billed_as_a_difference_once(
    stream: Workstream, bill: Membership, bella: Membership, rita: Membership, asha: Membership, run_jobs: Callable[[], int]
) -> None:
    hourly(stream, increment="on_total")
    spent(stream, rita, date(2026, 10, 5), "31", asha)
    late = spent(stream, rita, date(2026, 10, 6), "5")
    engagement = bills.engagement_of(stream)
    draft = bills.drafted(engagement, bill)
    text = f"1 entry of 0.08 h of {rita.display_name} in October 2026 is not approved and not on this invoice."
    assert [(finding.severity, finding.text) for finding in findings(draft) if "approved" in finding.text] == [("block", text)]
    TimeEntry.objects.filter(pk=late.pk).update(billable=False)
    bills.issued(engagement, bill, bella)
    TimeEntry.objects.filter(pk=late.pk).update(billable=True, status="approved", decided_by=asha, decided_at=bills.NOVEMBER)
    spent(stream, rita, date(2026, 11, 5), "60", asha)
    bills.issued(engagement, bill, bella, 2, DECEMBER)
    # 31 minutes are 36, 36 minutes too: the late five were paid for already and are a row of no line's difference.
    rows = InvoiceLine.objects.filter(invoice__period__index=2).order_by("position")
    assert [(line.amount, line.rated_period.label) for line in rows if line.rated_period] == [(D(250), "November 2026")]
    run_jobs()
    assert all(verdict.identical for verdict in verify())


def test_more_time_of_an_invoiced_month_names_that_month(
    stream: Workstream, bill: Membership, bella: Membership, rita: Membership, asha: Membership
) -> None:
    hourly(stream)
    spent(stream, rita, date(2026, 10, 5), "60", asha)
    engagement = bills.engagement_of(stream)
    bills.issued(engagement, bill, bella)
    spent(stream, rita, date(2026, 10, 6), "30", asha)
    (line,) = lines_of(engagement, bill, 2, DECEMBER)
    assert (line.amount, line.quantity, line.task_code) == (D(125), D("0.5"), "L653")
    assert "correction for October 2026" in line.description
    assert Charge.objects.get(line=line).quantity == D(30)


def test_the_database_charges_an_entry_once_whatever_the_term(
    stream: Workstream, bill: Membership, rita: Membership, asha: Membership
) -> None:
    hourly(stream)
    spent(stream, rita, date(2026, 10, 5), "60", asha)
    (line,) = lines_of(bills.engagement_of(stream), bill)
    charge = Charge.objects.get(line=line)
    charge.pk, charge.term_id = None, None
    with pytest.raises(IntegrityError), transaction.atomic():
        charge.save(force_insert=True)


def test_time_that_no_rate_covers_blocks_the_invoice(stream: Workstream, bill: Membership, rita: Membership, asha: Membership) -> None:
    hourly(stream, role="project_manager")
    spent(stream, rita, date(2026, 10, 5), "60", asha)
    spent(stream, asha, date(2026, 10, 5), "60", rita)
    found = [finding.text for finding in findings(bills.drafted(bills.engagement_of(stream), bill)) if finding.severity == "block"]
    assert found == [f"No rate for {rita.display_name}: nobody said what 1 entry of 1.00 h in October 2026 cost."]


def test_an_hourly_term_is_read_back_in_words_and_saved(stream: Workstream, bill: Membership, rita: Membership, client_of: Sign) -> None:
    engagement, browser = bills.engagement_of(stream), client_of(bill)
    address = f"/alder/engagements/{engagement.reference}/terms/new/?model=hourly"
    form = {
        "name": "Counsel", "effective_from": "2026-10-01", "price": "250", "increment": "on_total", "increment_minutes": "6",
        "unapproved": "warn", "timekeeper": str(rita.pk),
    }  # fmt: skip
    page = browser.post(address, form | {"do": "preview"}).content.decode()
    words = ("250.00 USD an hour for Rita", "total is rounded up to whole units of 6 minutes", "325.00", "is a warning")
    assert [word for word in words if word not in page] == []
    assert browser.post(address, form | {"do": "save"}).status_code == 302
    assert browser.post(address, form | {"do": "save", "name": "Two", "role": "reviewer"}).status_code == 422
    assert "250.00 USD an hour" in browser.get(f"/alder/engagements/{engagement.reference}/terms/1/").content.decode()
    assert browser.get(f"/alder/engagements/{engagement.reference}/terms/1/revise/").status_code == 200
