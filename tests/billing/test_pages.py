"""The pages of money, as people open them."""

from __future__ import annotations

import csv
import hashlib
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from billing import actions
from billing.models import Charge, ChargeTerm, Invoice, InvoiceLine, UsageRecord
from billing.verify import verify
from engagements import actions as work
from engagements.models import Client, Engagement, LegalEntity, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.models import Document, Event
from lpo.jobs.models import Job
from lpo.tenancy.context import Scope
from tests import make
from tests.billing import make as bills

OCTOBER_STARTS, OCTOBER_ENDS = datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC)
Sign = Callable[[Membership], Browser]


@pytest.fixture(autouse=True)
def inside(in_alder: Scope) -> Iterator[None]:
    yield


def just_confirmed(browser: Browser) -> Browser:
    """The person typed their password a moment ago."""
    session = browser.session
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    return browser


def full(**fields: Any) -> tuple[Workstream, Engagement]:
    """5 NDAs at 45, a flat fee of 2,500, three seats at 120 and a missed level worth 5 % of the flat fee: 2,960."""
    stream = bills.workstream(**fields)
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 5)
    bills.term(engagement, "unit", "45", workstream=stream, credit_base=False)
    seats = bills.term(engagement, "per_user", "120", credit_base=False)
    bills.seats(seats, ["u1", "u2", "u3"], date(2026, 10, 1))
    bills.term(engagement, "fixed", "2500", unit="period")
    bills.claim(stream, "5", start=OCTOBER_STARTS, end=OCTOBER_ENDS, label="October 2026", name=f"Turnaround {engagement.reference}")
    return stream, engagement


def page_of(invoice: Invoice, what: str = "") -> str:
    return f"/alder/invoices/{invoice.engagement.reference}/{invoice.period.slug}/{what}"


def queries_of(browser: Browser, address: str) -> int:
    browser.get(address)  # the first request of a session also stamps when the person was last seen
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert browser.get(address).status_code == 200
    return len(asked)


# --- one invoice --------------------------------------------------------------------------------------------------------------


def test_a_draft_shows_its_lines_by_model_and_its_total(bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    page = client_of(bill).get(page_of(bills.drafted(engagement, bill))).content.decode()
    assert [word for word in ("Fixed", "Unit rate", "Per user", "Service credits") if f">{word}<" in page] == [
        "Fixed",
        "Unit rate",
        "Per user",
        "Service credits",
    ]
    assert "2,960.00" in page and "−125.00" in page and "Send for approval" in page


def test_a_line_opens_its_rule_and_its_rows_with_a_link_to_each_item(bill: Membership, client_of: Sign) -> None:
    stream, engagement = full()
    invoice = bills.drafted(engagement, bill)
    line = InvoiceLine.objects.get(invoice=invoice, group="unit")
    page = client_of(bill).get(page_of(invoice, f"?line={line.position}")).content.decode()
    assert f"45.00 USD for each NDA.</li><li>Counts what {stream.title} has delivered" in page
    references = Charge.objects.filter(line=line).values_list("reference", flat=True)
    assert all(f'href="/alder/work/{reference}/"' in page for reference in references)


def test_the_backup_csv_sums_to_the_line_exactly(bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    browser = client_of(bill)
    for line in InvoiceLine.objects.filter(invoice=invoice):
        answer = browser.get(page_of(invoice, f"lines/{line.position}.csv"))
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert sum(Decimal(row["amount"]) for row in rows) == line.amount
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_long_line_shows_a_hundred_rows_and_what_the_others_come_to(bill: Membership, client_of: Sign) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    bills.delivered(stream, 104)
    bills.term(engagement, "unit", "0.333", workstream=stream)
    page = client_of(bill).get(page_of(bills.drafted(engagement, bill), "?line=1")).content.decode()
    assert page.count(f'href="/alder/work/{stream.item_prefix}-') == 100
    assert "and 4 more, in the CSV" in page and "1.332" in page
    assert "Rounded half up to USD" in page


def test_a_credit_line_opens_to_its_level_and_formula(bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    line = InvoiceLine.objects.get(invoice=invoice, group="credit")
    page = client_of(bill).get(page_of(invoice, f"?line={line.position}")).content.decode()
    assert "was missed in October 2026: 36 of 40 were met" in page and "5 % × 2,500.00" in page


def test_the_page_asks_as_much_for_200_lines_as_for_10(bill: Membership, client_of: Sign) -> None:
    browser, found = client_of(bill), []
    for count in (10, 200):
        stream = bills.workstream()
        engagement = bills.engagement_of(stream)
        for n in range(count):
            bills.term(engagement, "fixed", "10", name=f"Fee {n}", unit="period")
        invoice = bills.drafted(engagement, bill)
        found.append(queries_of(browser, page_of(invoice)))
    assert found[0] == found[1] <= 45


def test_a_line_behind_a_wall_is_one_restricted_row_and_the_total_stays(
    bill: Membership, bella: Membership, olga: Membership, client_of: Sign
) -> None:
    stream, engagement = full()
    invoice = bills.drafted(engagement, bill)
    work.raise_wall(matter=stream.matter, insiders=[bella], by=Actor.member(olga))
    outside, inside = client_of(bill), client_of(bella)
    page = outside.get(page_of(invoice)).content.decode()
    assert "Restricted matter" in page and "2 lines behind a wall" in page and "2,960.00" in page
    assert "unit fee" not in page and "unit fee" in inside.get(page_of(invoice)).content.decode()
    line = InvoiceLine.objects.get(invoice=invoice, group="unit")
    assert outside.get(page_of(invoice, f"lines/{line.position}.csv")).status_code == 404
    assert outside.get(page_of(invoice, "preview.pdf")).status_code == 403
    assert outside.get(page_of(invoice, "lines.csv")).status_code == 403
    assert inside.get(page_of(invoice, "preview.pdf")).status_code == 200


def test_a_draft_previews_as_a_pdf_and_stores_nothing(bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    answer = client_of(bill).get(page_of(bills.drafted(engagement, bill), "preview.pdf"))
    assert answer.content.startswith(b"%PDF") and answer["Content-Disposition"].startswith("inline")
    assert "default-src 'none'" in answer["Content-Security-Policy"] and answer["X-Content-Type-Options"] == "nosniff"
    assert not Document.objects.filter(kind="invoice_pdf").exists()


def test_a_period_compares_with_the_one_before_line_by_line(bill: Membership, bella: Membership, client_of: Sign) -> None:
    stream, engagement = full()
    bills.issued(engagement, bill, bella)
    bills.delivered(stream, 2, datetime(2026, 11, 5, 15, tzinfo=UTC))
    november = bills.drafted(engagement, bill, 2, datetime(2026, 12, 2, 12, tzinfo=UTC))
    page = client_of(bill).get(page_of(november, "compare/")).content.decode()
    assert "November 2026 against October 2026" in page
    assert "225.00" in page and "90.00" in page and "−135.00" in page


# --- from draft to issued -----------------------------------------------------------------------------------------------------


def test_an_invoice_goes_from_draft_to_issued_through_two_people(
    bill: Membership, bella: Membership, client_of: Sign, run_jobs: Callable[[], int]
) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    preparer, approver = client_of(bill), client_of(bella)
    preparer.post(page_of(invoice, "submit/"), {"version": invoice.version})
    assert "You prepared this invoice" in preparer.get(page_of(invoice)).content.decode()
    preparer.post(page_of(invoice, "approve/"))
    invoice.refresh_from_db()
    assert invoice.state == "in_review"
    approver.post(page_of(invoice, "approve/"), {"version": invoice.version})
    answer = just_confirmed(preparer).post(page_of(invoice, "issue/"), {"confirmation": "ISSUE"})
    invoice.refresh_from_db()
    assert (answer.status_code, invoice.state, invoice.gross) == (302, "issued", Decimal("2960.00"))
    assert "Rendering" in preparer.get(page_of(invoice)).content.decode()
    run_jobs()
    page = preparer.get(page_of(invoice)).content.decode()
    stored = Document.objects.get(kind="invoice_pdf")
    assert stored.sha256 in page and "Rendering" not in page
    pdf = preparer.get(page_of(invoice, "invoice.pdf"))
    assert hashlib.sha256(pdf.content).hexdigest() == stored.sha256
    assert pdf["Content-Disposition"] == f'inline; filename="{invoice.number}.pdf"'
    assert preparer.get(f"/alder/invoices/{invoice.number}/")["Location"] == page_of(invoice)


def test_issuing_asks_who_it_is_once_more_and_for_the_word(bill: Membership, bella: Membership, client_of: Sign) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    actions.approve_invoice(invoice=invoice, by=Actor.member(bella))
    browser = client_of(bill)
    for answer in (browser.get(page_of(invoice, "issue/")), browser.post(page_of(invoice, "issue/"), {"confirmation": "ISSUE"})):
        assert answer["Location"].startswith("/accounts/reauthenticate/?next=")
    just_confirmed(browser)
    assert browser.post(page_of(invoice, "issue/"), {"confirmation": "yes"}).status_code == 422
    invoice.refresh_from_db()
    assert invoice.state == "approved"
    browser.post(page_of(invoice, "issue/"), {"confirmation": "2,960.00"})
    first = Invoice.objects.get(pk=invoice.pk).number
    browser.post(page_of(invoice, "issue/"), {"confirmation": "2,960.00"})
    assert first and Invoice.objects.get(pk=invoice.pk).number == first


def test_a_second_click_changes_nothing_and_a_stale_page_answers_409(bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    browser = client_of(bill)
    stale = invoice.version
    bills.term(engagement, "fixed", "100", name="Rush desk")
    actions.refresh_invoice(invoice=invoice, by=Actor.member(bill))
    assert browser.post(page_of(invoice, "submit/"), {"version": stale}).status_code == 409
    current = Invoice.objects.get(pk=invoice.pk).version
    for _ in range(2):
        assert browser.post(page_of(invoice, "submit/"), {"version": current}).status_code == 302
    assert Event.objects.filter(action="invoice.submit").count() == 1


def test_a_returned_invoice_shows_its_reason(bill: Membership, bella: Membership, client_of: Sign) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    browser = client_of(bella)
    assert browser.post(page_of(invoice, "return/"), {"reason": " "}).status_code == 422
    browser.post(page_of(invoice, "return/"), {"reason": "The seat count looks wrong"})
    assert "The seat count looks wrong" in client_of(bill).get(page_of(invoice)).content.decode()


def test_a_discarded_draft_can_be_drafted_again(bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    browser = client_of(bill)
    assert browser.get(page_of(invoice, "discard/")).status_code == 200
    browser.post(page_of(invoice, "discard/"), {"version": invoice.version})
    assert "given up" in browser.get(page_of(invoice)).content.decode()
    browser.post(page_of(invoice, "draft/"))
    assert Invoice.objects.exclude(state="discarded").get().gross == Decimal("2960.00")


# --- who may what -------------------------------------------------------------------------------------------------------------


def test_a_project_manager_sees_money_and_drafts_nothing(asha: Membership, bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    browser = client_of(asha)
    page = browser.get(page_of(invoice)).content.decode()
    assert "2,960.00" in page and "Send for approval" not in page and "Refresh" not in page
    for what in ("refresh/", "submit/", "approve/", "issue/", "discard/", "draft/"):
        assert browser.post(page_of(invoice, what)).status_code == 403
    assert browser.post("/alder/invoices/run/draft/", {"month": "2026-10"}).status_code == 403
    assert browser.post("/alder/invoices/run/bulk/", {"month": "2026-10", "do": "submit"}).status_code == 403
    assert browser.get(f"/alder/engagements/{engagement.reference}/terms/new/").status_code == 403


PAGES = [
    "invoices/",
    "invoices/run/",
    "invoices/entities/",
    "invoices/{e}/2026-10/",
    "invoices/{e}/2026-10/preview.pdf",
    "engagements/{e}/terms/",
]


def test_who_may_not_see_money_is_told_so_or_nothing(
    cora: Membership, ben: Membership, carla: Membership, bill: Membership, client_of: Sign
) -> None:
    """A coordinator 403, another organization's manager and the client's counsel 404."""
    _, engagement = full()
    bills.drafted(engagement, bill)
    for page in PAGES:
        address = "/alder/" + page.format(e=engagement.reference)
        assert [client_of(person).get(address).status_code for person in (cora, ben, carla)] == [403, 404, 404]
        assert client_of(bill).get(address).status_code == 200


def test_unknown_references_are_404(bill: Membership, client_of: Sign) -> None:
    _, engagement = full()
    browser = client_of(bill)
    e = engagement.reference
    for page in (f"invoices/{e}/2026-13/", f"invoices/{e}/2020-01/", "invoices/NO-1/2026-10/", "invoices/AL-0/", "invoices/exports/ab/",
                 f"engagements/{e}/terms/9/", f"engagements/{e}/terms/0/", f"engagements/{e}/terms/1/seats/1/end/"):  # fmt: skip
        assert browser.get(f"/alder/{page}").status_code == 404


# --- the list -----------------------------------------------------------------------------------------------------------------


def test_the_list_filters_by_state_client_and_month_and_sums_by_currency(bill: Membership, bella: Membership, client_of: Sign) -> None:
    _, first = full()
    _, second = full()
    bills.issued(first, bill, bella)
    bills.drafted(second, bill)
    browser = client_of(bill)

    def shown(query: str) -> tuple[bool, bool]:
        page = browser.get(f"/alder/invoices/?{query}").content.decode()
        return f">{first.reference}</span>" in page, f">{second.reference}</span>" in page

    assert shown("") == (True, True)
    assert shown("state=issued") == (True, False)
    assert shown(f"client={second.client.code}") == (False, True)
    assert shown("month=2026-10") == (True, True) and shown("month=2026-09") == (False, False)
    assert "5,920.00 USD" in browser.get("/alder/invoices/").content.decode()


def test_a_blocked_draft_stands_before_the_others(bill: Membership, client_of: Sign) -> None:
    blocked = bills.workstream()
    bills.delivered(blocked, 1)
    bills.drafted(bills.engagement_of(blocked), bill)
    _, fine = full()
    bills.drafted(fine, bill)
    page = client_of(bill).get("/alder/invoices/?state=draft").content.decode()
    assert page.index(bills.engagement_of(blocked).title) < page.index(fine.title)
    assert "2 blocking" in page


def test_lists_ask_as_much_for_52_invoices_as_for_5(bill: Membership, client_of: Sign) -> None:
    browser = client_of(bill)
    entity, found = make.legal_entity(), []
    for count in (5, 47):
        for _ in range(count):
            engagement = make.engagement(starts_on=date(2026, 9, 1), legal_entity=entity)
            bills.term(engagement, "fixed", "10", unit="period")
            bills.drafted(engagement, bill)
        found.append((queries_of(browser, "/alder/invoices/"), queries_of(browser, "/alder/invoices/run/?month=2026-10")))
    assert found[0] == found[1]
    assert max(found[0]) <= 45
    page = browser.get("/alder/invoices/").content.decode()
    assert page.count("data-row") == 50 and "?older=" in page


# --- a month ------------------------------------------------------------------------------------------------------------------


def post_month(browser: Browser, what: str, **fields: Any) -> Any:
    return browser.post(f"/alder/invoices/run/{what}/", {"month": "2026-10", **fields})


def test_a_month_is_drafted_and_one_that_cannot_be_rated_is_parked(bill: Membership, client_of: Sign, run_jobs: Callable[[], int]) -> None:
    _, fine = full()
    stream = bills.workstream()
    beyond = bills.engagement_of(stream)
    bills.delivered(stream, 3)
    bills.term(beyond, "unit", "5", workstream=stream, shape="volume", tiers=[["2", "5"]])
    bare = make.engagement(starts_on=date(2026, 9, 1))
    browser = client_of(bill)
    for _ in range(3):
        post_month(browser, "draft")
        run_jobs()
    assert Invoice.objects.get().engagement_id == fine.id
    assert Job.objects.filter(kind="billing.draft_month", state="done").count() == 3
    page = browser.get("/alder/invoices/run/?month=2026-10").content.decode()
    assert "Unpriced work" in page and "2,960.00" in page
    assert Job.objects.filter(kind="billing.draft_month").latest("id").result["left_out"] == [bare.reference]
    assert "No charge terms" in page and f'href="/alder/engagements/{bare.reference}/terms/">Add terms' in page


def test_who_may_not_edit_terms_is_told_and_sent_nowhere(audrey: Membership, client_of: Sign) -> None:
    make.engagement(starts_on=date(2026, 9, 1))
    page = client_of(audrey).get("/alder/invoices/run/?month=2026-10").content.decode()
    assert "No charge terms" in page and "Nothing is charged" in page and "Add terms" not in page


def test_bulk_buttons_are_offered_for_what_this_person_can_move(bill: Membership, bella: Membership, client_of: Sign) -> None:
    _, engagement = full()
    address, box = "/alder/invoices/run/?month=2026-10", f'name="selected" value="{engagement.reference}"'

    def offered(member: Membership) -> tuple[bool, bool, bool]:
        page = client_of(member).get(address).content.decode()
        return box in page, ">Send for approval<" in page, ">Approve<" in page

    assert offered(bill) == (False, False, False), "nothing is drafted yet"
    invoice = bills.drafted(engagement, bill)
    assert offered(bill) == (True, True, False)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    assert offered(bill) == (False, False, False), "what he prepared another approves"
    assert offered(bella) == (True, False, True)


def test_a_credit_leads_from_its_window_to_its_line_and_back(
    bill: Membership, bella: Membership, asha: Membership, cora: Membership, client_of: Sign
) -> None:
    stream, engagement = full()
    window = f"/alder/service-levels/{stream.item_prefix}/1/2026/10/"
    assert "Billing credits it on an invoice" in client_of(bill).get(window).content.decode()
    drafted = bills.drafted(engagement, bill)
    assert "of the draft invoice of October 2026, −125.00 USD" in client_of(bill).get(window).content.decode()
    actions.discard_invoice(invoice=drafted, by=Actor.member(bill))
    invoice = bills.issued(engagement, bill, bella)
    line = InvoiceLine.objects.get(invoice=invoice, group="credit")
    page = client_of(bill).get(window).content.decode()
    assert f'href="{page_of(invoice)}?line={line.position}#why">Line {line.position} of invoice {invoice.number}' in page
    assert f'href="{window}"' in client_of(bill).get(f"{page_of(invoice)}?line={line.position}").content.decode()
    assert invoice.number not in client_of(cora).get(window).content.decode(), "a coordinator sees no money"


def test_drafting_a_month_leaves_what_is_in_review_alone(bill: Membership, client_of: Sign, run_jobs: Callable[[], int]) -> None:
    _, engagement = full()
    invoice = bills.drafted(engagement, bill)
    actions.submit_invoice(invoice=invoice, by=Actor.member(bill))
    post_month(client_of(bill), "draft")
    run_jobs()
    assert Invoice.objects.get().state == "in_review"


def test_a_month_is_sent_approved_issued_and_exported(
    bill: Membership, bella: Membership, client_of: Sign, run_jobs: Callable[[], int]
) -> None:
    references = [full()[1].reference for _ in range(2)]
    preparer, approver = client_of(bill), client_of(bella)
    post_month(preparer, "draft")
    run_jobs()
    post_month(preparer, "bulk", do="submit", selected=references)
    assert "2 sent for approval" in preparer.get("/alder/invoices/run/?month=2026-10").content.decode()
    post_month(preparer, "bulk", do="approve", selected=references)
    page = preparer.get("/alder/invoices/run/?month=2026-10").content.decode()
    assert "0 approved, 2 not" in page and "somebody else approves it" in page
    post_month(approver, "bulk", do="approve", selected=references)

    assert post_month(approver, "issue", confirmation="ISSUE 2")["Location"].startswith("/accounts/reauthenticate/")
    just_confirmed(approver)
    assert post_month(approver, "issue", confirmation="ISSUE 3").status_code == 422
    for _ in range(2):
        assert post_month(approver, "issue", confirmation="ISSUE 2").status_code == 302
    run_jobs()
    numbers = list(Invoice.objects.filter(state="issued").order_by("number").values_list("number", flat=True))
    assert [number[-4:] for number in numbers] == ["0001", "0002"]

    post_month(preparer, "export")
    run_jobs()
    job = Job.objects.get(kind="billing.export")
    assert job.result_url in preparer.get("/alder/invoices/run/?month=2026-10").content.decode()
    archive = preparer.get(job.result_url)
    assert archive["Content-Disposition"] == 'attachment; filename="invoices-2026-10.zip"'
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        assert sorted(opened.namelist()) == sorted([*(f"{number}.pdf" for number in numbers), "lines.csv"])
    assert client_of(bella).get("/alder/invoices/exports/" + "0" * 64 + "/").status_code == 404


def test_an_export_leaves_out_what_lies_behind_a_wall(
    bill: Membership, bella: Membership, olga: Membership, client_of: Sign, run_jobs: Callable[[], int]
) -> None:
    stream, engagement = full()
    bills.issued(engagement, bill, bella)
    work.raise_wall(matter=stream.matter, insiders=[bella], by=Actor.member(olga))
    for person in (bill, bella):
        post_month(client_of(person), "export")
    run_jobs()
    left_out = {job.created_by_id: job.result["left_out"] for job in Job.objects.filter(kind="billing.export")}
    assert left_out == {bill.id: 1, bella.id: 0}
    whole = Job.objects.get(kind="billing.export", created_by=bella)
    assert client_of(bill).get(whole.result_url).status_code == 404
    assert client_of(bella).get(whole.result_url).status_code == 200


def test_a_month_that_has_not_ended_says_so(bill: Membership, client_of: Sign) -> None:
    bills.term(make.engagement(starts_on=date(2026, 9, 1)), "fixed", "2500")
    assert "Still measured" in client_of(bill).get("/alder/invoices/run/?month=2190-01").content.decode()


# --- charge terms ---------------------------------------------------------------------------------------------------------------


UNIT = {"name": "NDA", "billable_state": "delivered", "unit": "NDA", "shape": "graduated", "tiers": "100 = 45\nabove = 40",
        "effective_from": "2026-09-01", "prorate": "on", "credit_base": "on"}  # fmt: skip


def test_a_term_is_read_back_and_worked_out_before_it_is_saved(bill: Membership, client_of: Sign) -> None:
    stream = bills.workstream()
    engagement = bills.engagement_of(stream)
    address = f"/alder/engagements/{engagement.reference}/terms/new/?model=unit"
    browser = client_of(bill)
    form = {**UNIT, "workstream": stream.id}
    page = browser.post(address, {**form, "do": "preview"}).content.decode()
    assert "45.00 USD up to 100; 40.00 USD above 100" in page
    assert "Absence and handover" not in page, "a heading with nothing under it"
    # 150 is 100 at 45 and 50 at 40; 200 is 100 at each.
    assert "2,250.00" in page and "6,500.00" in page and "8,500.00" in page
    assert not ChargeTerm.objects.exists()
    assert browser.post(address, {**form, "do": "save"}).status_code == 302
    assert "45.00 USD up to 100" in browser.get(f"/alder/engagements/{engagement.reference}/terms/").content.decode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tiers": "100 : 45"}, "Line 1: write a bound"),
        ({"tiers": "100 = forty"}, "“forty” is not a price"),
        ({"tiers": ""}, "Write at least one tier"),
        ({"tiers": "100 = 45\n50 = 40"}, "Tiers rise"),
        ({"minimum": "500", "cap": "100"}, "The minimum exceeds the cap"),
        ({"minimum": "1.005"}, "amounts of USD"),
        ({"shape": "standard"}, "Write the price"),
        ({"effective_from": "2020-01-01"}, "a charge cannot begin before"),
    ],
)
def test_a_term_that_cannot_be_rated_is_refused_beside_its_field(
    bill: Membership, client_of: Sign, changed: dict[str, str], said: str
) -> None:
    stream = bills.workstream()
    address = f"/alder/engagements/{bills.engagement_of(stream).reference}/terms/new/?model=unit"
    answer = client_of(bill).post(address, {**UNIT, "workstream": stream.id, "do": "save", **changed})
    assert answer.status_code == 422 and said in answer.content.decode()
    assert not ChargeTerm.objects.exists()


def test_a_term_is_revised_from_a_day_on_and_closed(bill: Membership, client_of: Sign) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "fixed", "2500", unit="period")
    here = f"/alder/engagements/{engagement.reference}/terms/1/"
    browser = client_of(bill)
    assert browser.get(here + "revise/").status_code == 200
    form = {"price": "2,750.00", "recurring": "yes", "effective_from": "2026-11-01", "do": "save", "prorate": "on", "credit_base": "on"}
    assert browser.post(here + "revise/", form).status_code == 302
    page = browser.get(here).content.decode()
    assert "2,500.00 USD for every billing period" in page and "2,750.00 USD for every billing period" in page
    assert browser.post(here + "close/", {"last_day": "2026-10-01"}).status_code == 422
    assert browser.post(here + "close/", {"last_day": "2027-01-31"}).status_code == 302


# --- seats ----------------------------------------------------------------------------------------------------------------------


def test_a_seat_is_added_once_and_ended(bill: Membership, client_of: Sign) -> None:
    engagement = bills.engagement_of(bills.workstream())
    bills.term(engagement, "per_user", "120")
    here = f"/alder/engagements/{engagement.reference}/terms/1/"
    browser = client_of(bill)
    for _ in range(2):
        assert browser.post(here, {"subject": "u7", "starts_on": "2026-10-01"}).status_code == 302
    assert browser.post(here, {"subject": "u7", "starts_on": "2026-10-01", "ends_on": "2026-10-09"}).status_code == 422
    assert browser.post(here + "seats/1/end/", {"last_day": "2026-09-30"}).status_code == 422
    assert browser.post(here + "seats/1/end/", {"last_day": "2026-10-15"}).status_code == 302
    assert UsageRecord.objects.get().ends_on == date(2026, 10, 15)
    assert Event.objects.filter(action="usage.end").count() == 1


def test_a_seat_that_ended_in_an_invoiced_month_is_billed_as_a_difference_and_the_invoice_still_verifies(
    bill: Membership, bella: Membership, run_jobs: Callable[[], int]
) -> None:
    """31 days at 124 make 124.00; 15 of them 60.00, so the next invoice takes 64.00 back beside its own months."""
    engagement = bills.engagement_of(bills.workstream())
    term = bills.term(engagement, "per_user", "124")
    bills.seats(term, ["u1"], date(2026, 10, 1))
    bills.issued(engagement, bill, bella)
    for _ in range(2):
        usage = UsageRecord.objects.filter(withdrawn_at__isnull=True).get()
        actions.end_seat(usage=usage, last_day=date(2026, 10, 15), by=Actor.member(bill))
    bills.delivered(bills.workstream(), 1)
    november = bills.drafted(engagement, bill, 2, datetime(2026, 12, 2, 12, tzinfo=UTC))
    assert [(line.amount, line.rated_period.label) for line in InvoiceLine.objects.filter(invoice=november) if line.rated_period] == [
        (Decimal("-64.00"), "October 2026")
    ]
    run_jobs()
    assert all(verdict.identical for verdict in verify())
    assert UsageRecord.objects.count() == 2


def test_the_page_of_a_term_asks_as_much_for_200_seats_as_for_10(bill: Membership, client_of: Sign) -> None:
    browser, found = client_of(bill), []
    for count in (10, 200):
        engagement = bills.engagement_of(bills.workstream())
        bills.seats(bills.term(engagement, "per_user", "120"), [f"u{n}" for n in range(count)], date(2026, 10, 1))
        found.append(queries_of(browser, f"/alder/engagements/{engagement.reference}/terms/1/"))
    assert found[0] == found[1]


# --- legal entities, panels -----------------------------------------------------------------------------------------------------


ENTITY = {
    "name": "Alder UK Ltd",
    "number_prefix": "ALUK",
    "address": "1 Cheapside",
    "country": "GB",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "remittance": "Bank: Harbor",
    "query_contact": "billing@alder.example",
    "colour": "#0b57d0",
    "version": "1",
}


def test_a_legal_entity_is_added_and_changed_by_who_manages_the_organization(adam: Membership, bill: Membership, client_of: Sign) -> None:
    browser = client_of(adam)
    assert client_of(bill).post("/alder/invoices/entities/new/", ENTITY).status_code == 403
    assert browser.post("/alder/invoices/entities/new/", {**ENTITY, "number_prefix": "al-uk"}).status_code == 422
    assert browser.post("/alder/invoices/entities/new/", ENTITY).status_code == 302
    here = "/alder/invoices/entities/ALUK/edit/"
    assert browser.post(here, {**ENTITY, "name": "Alder United Kingdom Ltd"}).status_code == 302
    entity = LegalEntity.objects.get(number_prefix="ALUK")
    assert (entity.name, entity.version) == ("Alder United Kingdom Ltd", 2)
    assert browser.post(here, {**ENTITY, "name": "Another"}).status_code == 409
    assert "Alder United Kingdom Ltd" in client_of(bill).get("/alder/invoices/entities/").content.decode()


def test_an_engagements_page_shows_its_terms_and_invoices_to_who_sees_money(
    bill: Membership, cora: Membership, client_of: Sign, vantic: Client
) -> None:
    _, engagement = full()
    bills.drafted(engagement, bill)
    address = f"/alder/engagements/{engagement.reference}/"
    page = client_of(bill).get(address).content.decode()
    assert "Charge terms" in page and "2,500.00 USD for every billing period" in page and "October 2026" in page
    hidden = client_of(cora).get(address).content.decode()
    assert "Charge terms" not in hidden and "2,500.00" not in hidden
