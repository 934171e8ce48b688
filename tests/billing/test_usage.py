"""Volumes, expenses and outcomes as they are reported, billed, corrected and checked."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from billing import actions
from billing.findings import findings
from billing.models import Charge, ChargeTerm, InvoiceLine, UsageRecord
from billing.usage import as_reported
from billing.verify import verify
from engagements.models import Engagement
from lpo.accounts import actions as accounts
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.models import Document, Event
from lpo.core.errors import Conflicting, Refused
from lpo.tenancy.context import Scope
from tests import make
from tests.billing import make as bills
from tests.billing.test_pages import page_of, queries_of

Sign = Callable[[Membership], Browser]
DECEMBER = datetime(2026, 12, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def inside(in_alder: Scope, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime(2026, 12, 5, 12, tzinfo=UTC))
    yield


def hosting(price: str = "2", **version: Any) -> ChargeTerm:
    engagement = bills.engagement_of(bills.workstream())
    return bills.term(engagement, "data_volume", price, **({"unit": "GB", "measure": "average", "direction": "hosted"} | version))


def read(term: ChargeTerm, day: date, quantity: str, **more: Any) -> UsageRecord:
    said = {"unit": "GB", "direction": "hosted", "subject": "main", "event_id": f"{term.pk}-{day}-{quantity}", "source": "platform"} | more
    return actions.record_usage(term=term, starts_on=day, quantity=D(quantity), by=make.system(), **said)[0]


def spent(term: ChargeTerm, day: date, amount: str, by: Actor | None = None, **more: Any) -> UsageRecord:
    said = {"subject": "Courier", "code": "E107", "currency": "USD", "source": "books", "event_id": f"{term.pk}-{day}-{amount}"} | more
    return actions.record_usage(term=term, starts_on=day, amount=D(amount), by=by or make.system(), **said)[0]


def lines_of(engagement: Engagement, by: Membership, index: int = 1, now: datetime = bills.NOVEMBER) -> list[InvoiceLine]:
    return list(InvoiceLine.objects.filter(invoice=bills.drafted(engagement, by, index, now)).order_by("position"))


def here(term: ChargeTerm, what: str = "") -> str:
    return f"/alder/engagements/{term.engagement.reference}/terms/1/{what}"


# --- from record to invoice ---------------------------------------------------------------------------------------------------


def test_a_hosted_average_is_drafted_with_its_conversion_and_issued_as_it_stands(
    bill: Membership, bella: Membership, run_jobs: Callable[[], int], client_of: Sign
) -> None:
    term = hosting()
    read(term, date(2026, 10, 1), "100")
    read(term, date(2026, 10, 31), "100", unit="GiB")
    invoice = bills.issued(term.engagement, bill, bella)
    line = InvoiceLine.objects.get(invoice=invoice)
    # (100 + 107.3741824) / 2 × 2
    assert (line.amount, line.group, line.unit, line.detail) == (D("207.37"), "data_volume", "GB", "average of 2 days measured")
    browser = client_of(bill)
    page = browser.get(page_of(invoice, "?line=1")).content.decode()
    assert "100 GiB, which is 107.374182 GB" in page and "1 GiB is 1,073,741,824 bytes" in page and "Data volume" in page
    rows = list(csv.DictReader(io.StringIO(browser.get(page_of(invoice, "lines/1.csv")).content.decode())))
    assert sum(D(row["amount"]) for row in rows) == line.amount
    assert [row["step"] for row in rows] == ["row", "row", "conversion", "measure", "rounding"]
    run_jobs()
    assert all(verdict.identical for verdict in verify())


def test_late_volume_is_billed_as_a_difference_on_the_next_invoice_and_a_withdrawal_takes_it_back(
    bill: Membership, bella: Membership, run_jobs: Callable[[], int]
) -> None:
    """CASES: price 10, billed 5; later period 1 is found to be 7: +2 = 20 correcting period 1; +3 = 30."""
    term = hosting("10", measure="sum", direction="")
    first = read(term, date(2026, 10, 3), "5", direction="in")
    bills.issued(term.engagement, bill, bella)
    read(term, date(2026, 10, 30), "2", direction="in")
    read(term, date(2026, 11, 2), "3", direction="in")
    invoice = bills.issued(term.engagement, bill, bella, 2, DECEMBER)
    rows = InvoiceLine.objects.filter(invoice=invoice).order_by("position")
    assert [(line.amount, line.rated_period.label) for line in rows if line.rated_period] == [
        (D("30.00"), "November 2026"),
        (D("20.00"), "October 2026"),
    ]
    actions.withdraw_usage(usage=first, by=make.system(), reason="test data")
    bills.delivered(bills.workstream(), 1)
    january = lines_of(term.engagement, bill, 3, datetime(2027, 1, 2, 12, tzinfo=UTC))
    assert [(line.amount, "October 2026" in line.description) for line in january] == [(D("-50.00"), True)]
    run_jobs()
    assert all(verdict.identical for verdict in verify())


def test_an_expense_is_billed_once_somebody_else_approved_it(bill: Membership, bella: Membership, run_jobs: Callable[[], int]) -> None:
    engagement = bills.engagement_of(bills.workstream())
    term = bills.term(engagement, "expense", "0", markup_percent=D(10))
    bills.term(engagement, "fixed", "100", unit="period")
    mine, other = spent(term, date(2026, 10, 5), "40", Actor.member(bill)), spent(term, date(2026, 10, 6), "2.55", Actor.member(bill))
    with pytest.raises(Refused, match="somebody else approves"):
        actions.approve_expense(usage=mine, by=Actor.member(bill))
    for _ in range(2):
        actions.approve_expense(usage=mine, by=Actor.member(bella))
    draft = bills.drafted(engagement, bill)
    assert [(line.group, line.amount, line.description) for line in InvoiceLine.objects.filter(invoice=draft).order_by("position")] == [
        ("fixed", D("100.00"), "fixed fee"),
        ("expense", D("44.00"), "expense fee: Couriers (E107)"),
    ]
    assert "1 expense waits for approval and is not on this invoice: 2.55 USD." in [finding.text for finding in findings(draft)]
    bills.issued(engagement, bill, bella)
    actions.approve_expense(usage=other, by=Actor.member(bella))
    late = [line for line in lines_of(engagement, bill, 2, DECEMBER) if line.group == "expense"]
    assert [(line.amount, line.rated_period.label) for line in late if line.rated_period] == [(D("2.81"), "October 2026")]
    run_jobs()
    assert all(verdict.identical for verdict in verify())


def test_outcomes_come_to_a_share_and_a_fee_up_to_their_caps(bill: Membership, bella: Membership, run_jobs: Callable[[], int]) -> None:
    engagement = bills.engagement_of(bills.workstream())
    term = bills.term(engagement, "outcome", "500", unit="settlement", percent=D(2), event_cap=D(5000), cap=D(7000))
    for number, amount in enumerate(("100000", "400000"), start=1):
        spent(term, date(2026, 10, number), amount, subject=f"Settlement {number}", code="")
    bills.issued(engagement, bill, bella)
    assert [line.amount for line in InvoiceLine.objects.order_by("position")] == [D("7500.00"), D("-500.00")]
    run_jobs()
    assert all(verdict.identical for verdict in verify())


def test_days_that_were_not_measured_are_said_before_the_invoice_is_issued(bill: Membership) -> None:
    term = hosting()
    read(term, date(2026, 10, 1), "100")
    found = [finding.text for finding in findings(bills.drafted(term.engagement, bill))]
    assert "data_volume fee was not measured on 30 days of October 2026." in found
    summed = hosting(measure="sum")
    read(summed, date(2026, 10, 1), "100")
    assert not any("measured" in finding.text for finding in findings(bills.drafted(summed.engagement, bill)))


def test_refreshing_finds_what_was_reported_since(bill: Membership) -> None:
    term = hosting(measure="sum")
    read(term, date(2026, 10, 1), "100")
    draft = bills.drafted(term.engagement, bill)
    assert actions.refresh_invoice(invoice=draft, by=Actor.member(bill)).version == draft.version
    read(term, date(2026, 10, 2), "1")
    refreshed = actions.refresh_invoice(invoice=draft, by=Actor.member(bill))
    assert (refreshed.version, refreshed.net) == (draft.version + 1, D("202.00"))
    assert set(Charge.objects.values_list("reference", flat=True)) == {"1 Oct 2026, main (GB)", "2 Oct 2026, main (GB)"}


# --- once, corrected, refused ---------------------------------------------------------------------------------------------------


def test_an_event_sent_three_times_is_one_and_another_payload_is_refused_naming_what_differs() -> None:
    """CASES: usage event sent three times, then with another payload: counted once; then 409."""
    term = hosting()
    rows = {read(term, date(2026, 10, 1), "3", event_id="e1").pk for _ in range(3)}
    assert len(rows) == UsageRecord.objects.count() == 1
    with pytest.raises(Conflicting, match=r"e1 of platform was reported before with other values: quantity 3, now 4\.$"):
        read(term, date(2026, 10, 1), "4", event_id="e1")
    with pytest.raises(Conflicting, match="day 2026-10-01, now 2026-10-02; unit GB, now GiB"):
        read(term, date(2026, 10, 2), "3", event_id="e1", unit="GiB")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"day": date(2026, 12, 6)}, "day"),
        ({"day": date(2026, 8, 31)}, "day"),
        ({"direction": "in"}, "direction"),
        ({"ends_on": date(2026, 10, 9)}, "ends_on"),
    ],
)
def test_what_a_term_never_charges_is_refused(change: dict[str, Any], field: str) -> None:
    said = {"day": date(2026, 10, 1)} | change
    with pytest.raises(Refused) as refused:
        read(hosting(), said.pop("day"), "3", **said)
    assert refused.value.field == field


def test_an_expense_in_another_currency_or_finer_than_a_cent_is_refused() -> None:
    term = bills.term(bills.engagement_of(bills.workstream()), "expense", "0")
    elsewhere: dict[str, Any] = {"currency": "EUR"}
    cases: list[tuple[dict[str, Any], str, str]] = [(elsewhere, "4", "currency"), ({}, "4.005", "amount"), ({}, "0", "amount")]
    for more, amount, field in cases:
        with pytest.raises(Refused) as refused:
            spent(term, date(2026, 10, 1), amount, **more)
        assert refused.value.field == field


def test_what_is_hosted_is_read_once_a_day_and_a_corrected_reading_takes_the_others_place(bill: Membership) -> None:
    term = hosting()
    row = read(term, date(2026, 10, 1), "100")
    with pytest.raises(Refused, match="main was read on 2026-10-01 already"):
        read(term, date(2026, 10, 1), "90", event_id="again")
    corrected = actions.correct_usage(usage=row, values=replace(as_reported(row), quantity=D(90)), by=Actor.member(bill))
    assert (corrected.quantity, corrected.source) == (D(90), "correction")
    with pytest.raises(Refused, match="withdrawn or corrected"):
        actions.withdraw_usage(usage=row, by=Actor.member(bill), reason="x")
    assert [line.amount for line in lines_of(term.engagement, bill)] == [D("180.00")]


# --- pages ----------------------------------------------------------------------------------------------------------------------


def test_a_record_is_entered_once_corrected_and_withdrawn_on_pages(bill: Membership, client_of: Sign) -> None:
    term, browser = hosting(), client_of(bill)
    assert '<option value="hosted" selected>' in browser.get(here(term)).content.decode()
    said = {"day": "2026-10-01", "subject": "main", "quantity": "1,200.5", "unit": "GB", "direction": "hosted", "token": "a" * 32}
    for _ in range(2):
        assert browser.post(here(term), said).status_code == 302
    assert UsageRecord.objects.get().quantity == D("1200.5")
    again = browser.post(here(term), said | {"token": "b" * 32})
    assert again.status_code == 422 and "was read on 2026-10-01 already" in again.content.decode()
    assert "1,200.5 GB" in browser.get(here(term)).content.decode()
    assert browser.post(here(term, "usage/1/"), said | {"quantity": "1300", "do": "correct"}).status_code == 302
    assert browser.post(here(term, "usage/2/"), {"do": "withdraw", "reason": " "}).status_code == 422
    assert browser.post(here(term, "usage/2/"), {"do": "withdraw", "reason": "A test"}).status_code == 302
    assert not UsageRecord.objects.filter(withdrawn_at__isnull=True).exists()
    assert browser.get(here(term, "usage/9/")).status_code == 404
    assert [e.action for e in Event.objects.filter(action__startswith="usage").order_by("id")] == [
        "usage.record",
        "usage.correct",
        "usage.withdraw",
    ]


def test_an_expense_with_its_receipt_is_approved_on_its_page(bill: Membership, bella: Membership, client_of: Sign) -> None:
    term = bills.term(bills.engagement_of(bills.workstream()), "expense", "0")
    receipt = SimpleUploadedFile("receipt.txt", b"Paid 42.50", content_type="text/plain")
    said = {"day": "2026-10-01", "subject": "Courier", "code": "E107", "amount": "42.50", "token": "a" * 32, "file": receipt}
    assert client_of(bill).post(here(term), said).status_code == 302
    assert client_of(bill).get(here(term, "usage/1/receipt/")).content == b"Paid 42.50"
    assert Document.objects.get(kind="receipt").published is False
    client_of(bill).post(here(term, "usage/1/approve/"))
    assert UsageRecord.objects.get().approved_at is None
    assert "Approve" in client_of(bella).get(here(term, "usage/1/")).content.decode()
    client_of(bella).post(here(term, "usage/1/approve/"))
    assert UsageRecord.objects.get().approved_by_id == bella.id


FILE = """event id,day,what,quantity,unit,direction
e1,2026-10-01,main,100,GB,hosted
e2,2026-10-02T03:30:00Z,main,110,GB,hosted
e3,2026-10-02,main,110,GB,hosted
e4,2026-13-01,main,1,GB,hosted
e5,2026-10-05,main,lots,GB,hosted
e6,2026-10-06,main,5,gigs,hosted
,2026-10-07,main,5,GB,hosted
e1,2026-10-01,main,101,GB,hosted
"""


def upload(text: str) -> dict[str, Any]:
    return {"source": "platform", "file": SimpleUploadedFile("usage.csv", text.encode(), content_type="text/csv")}


def test_a_file_is_looked_over_row_by_row_and_recorded_once(bill: Membership, client_of: Sign) -> None:
    """An instant counts on its day in the legal entity's zone: 03:30 in London is the evening before in New York."""
    term, browser = hosting(), client_of(bill)
    page = browser.post(here(term, "usage/import/"), upload(FILE)).content.decode()
    assert not UsageRecord.objects.exists()
    for said in (
        "main was read on 2026-10-01 already",
        "“2026-13-01” is no day",
        "“lots” is no number",
        "“gigs” is not one of MB, GB",
        "1 to 120 characters",
        "this event id twice, with other values",
    ):
        assert said in page, said
    confirmed = {"source": "platform", "text": FILE}
    rejected = browser.post(here(term, "usage/import/"), confirmed | {"do": "rejected"}).content.decode()
    assert rejected.count("\r\n") == 7 and "why it is rejected" in rejected
    for _ in range(2):
        assert browser.post(here(term, "usage/import/"), confirmed | {"do": "record"}).status_code == 302
    assert list(UsageRecord.objects.order_by("id").values_list("event_id", "starts_on", "quantity")) == [
        ("e1", date(2026, 10, 1), D(100)),
        ("e3", date(2026, 10, 2), D(110)),
    ]
    assert Event.objects.get(action="usage.import").count == 2
    changed = browser.post(here(term, "usage/import/"), upload(FILE.replace("main,100,", "main,99,"))).content.decode()
    assert "was reported before with other values: quantity 100, now 99." in changed


def test_a_file_that_cannot_be_read_is_refused_whole(bill: Membership, client_of: Sign) -> None:
    term, browser = hosting(), client_of(bill)
    for text, why in (
        ("", "is empty"),
        ("event id,day\ne1,2026-10-01\n", "The column “what” is missing"),
        ("event id,day,what,quantity,unit,colour\ne1,2026-10-01,main,1,GB,red\n", "The column “colour” is not read here"),
        ("event id,day,what,quantity,unit\n" + "e,2026-10-01,main,1,GB\n" * 5_001, "5,001 rows"),
    ):
        answer = browser.post(here(term, "usage/import/"), upload(text))
        assert answer.status_code == 422 and why in answer.content.decode(), why


def test_seats_come_by_file_too(bill: Membership, client_of: Sign) -> None:
    term = bills.term(bills.engagement_of(bills.workstream()), "per_user", "120")
    text = "event_id,what,day,last_day\ns1,u1,2026-10-01,\ns2,u2,2026-10-01,2026-10-15\n"
    assert client_of(bill).post(here(term, "usage/import/"), {"source": "hr", "text": text, "do": "record"}).status_code == 302
    assert [line.quantity for line in lines_of(term.engagement, bill)] == [D("1.4839")]


@pytest.mark.parametrize(
    ("model", "said", "words"),
    [
        (
            "data_volume",
            {"unit": "GiB", "measure": "peak", "direction": "hosted", "shape": "graduated", "tiers": "100 = 10\nabove = 8"},
            ["what is hosted on its highest day", "One GiB is 1,073,741,824 bytes", "peak of 31 days measured: 60 GiB", "600.00"],
        ),
        (
            "outcome",
            {"unit": "settlement", "price": "500", "percent": "2", "event_cap": "600"},
            ["500.00 USD and 2 % of its amount for each settlement", "At most 600.00 USD for one settlement", "600.00", "1,800.00"],
        ),
        ("expense", {"markup_percent": "10"}, ["Expenses with 10 % added, in USD", "46.75", "3 expenses of couriers"]),
    ],
)
def test_a_term_is_read_back_in_words_with_three_worked_months_and_saved(
    model: str, said: dict[str, str], words: list[str], bill: Membership, client_of: Sign
) -> None:
    engagement, browser = bills.engagement_of(bills.workstream()), client_of(bill)
    address = f"/alder/engagements/{engagement.reference}/terms/new/?model={model}"
    form = {"name": "A fee", "effective_from": "2026-10-01", "prorate": "on", **said}
    shown = browser.post(address, form | {"do": "preview"})
    page = shown.content.decode()
    assert shown.status_code == 200, page
    assert [word for word in words if word not in page] == []
    assert browser.post(address, form | {"do": "save"}).status_code == 302
    assert browser.get(f"/alder/engagements/{engagement.reference}/terms/1/").status_code == 200
    assert browser.get(f"/alder/engagements/{engagement.reference}/terms/1/revise/").status_code == 200


def test_the_page_of_a_term_asks_as_much_for_120_readings_as_for_10(bill: Membership, client_of: Sign) -> None:
    browser, found = client_of(bill), []
    for count in (10, 120):
        term = hosting(measure="sum", direction="")
        for n in range(count):
            read(term, date(2026, 10, 1), "1", direction="", event_id=f"{term.pk}-{n}")
        found.append(queries_of(browser, here(term)))
    assert found[0] == found[1]


# --- API -----------------------------------------------------------------------------------------------------------------------


def program(by: Membership, *scopes: str) -> Browser:
    _, raw = accounts.create_token(name="platform", scopes=list(scopes), days=30, by=Actor.member(by))
    return Browser(headers={"Authorization": f"Bearer {raw}"})


def test_usage_is_reported_by_the_api_once(olga: Membership) -> None:
    term = hosting()
    api = program(olga, "usage:write", "billing:read")
    body = {
        "engagement": term.engagement.reference, "term": term.name, "source": "relativity", "event_id": "e1", "subject": "main",
        "day": "2026-10-01T03:30:00+00:00", "quantity": "12.5", "unit": "GiB", "direction": "hosted",
    }  # fmt: skip

    def post(**more: Any) -> Any:
        return api.post("/api/v1/usage/", body | more, content_type="application/json")

    first = post()
    assert (first.status_code, first.json()["day"], first.json()["quantity"]) == (201, "2026-09-30", "12.500000")
    assert post().status_code == 200
    other = post(quantity="13")
    assert other.status_code == 409 and "quantity 12.5, now 13" in other.json()["detail"]
    for more, field in (({"unit": "page"}, "unit"), ({"day": "soon"}, "day"), ({"amount": "3"}, "amount"), ({"term": "x"}, "term")):
        refused = post(event_id="e2", **more)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert post(colour="red").status_code == 422
    assert [row["event_id"] for row in api.get("/api/v1/usage/", {"source": "relativity"}).json()["results"]] == ["e1"]
    assert api.get("/api/v1/usage/", {"term": "x"}).json()["results"] == []
    assert program(olga, "billing:read").post("/api/v1/usage/", body, content_type="application/json").status_code == 403
