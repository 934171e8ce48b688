"""What the general counsel reads: every figure with its rows, and only what was published."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from billing.models import InvoiceLine
from engagements import actions as work
from engagements.models import Client
from lpo.accounts.models import Membership
from lpo.audit.models import Document
from lpo.reports.actions import publish_status
from lpo.tenancy.context import in_organization
from sla import actions as sla
from sla.models import Attainment
from tests import make
from tests.billing import make as bills
from tests.portal.conftest import Published, published, worked
from tests.portal.told import alder, bella, bill, carla, shown, vantic
from tests.sla import make as levels

pytestmark = [pytest.mark.usefixtures("told_database"), pytest.mark.xdist_group("portal")]
__all__ = ["alder", "bella", "bill", "carla", "shown", "vantic"]
Read = Callable[..., str]


def rows_of(browser: Browser, url: str) -> list[dict[str, str]]:
    response = browser.get(url)
    content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content.decode())))


def credit_line(shown: Published) -> InvoiceLine:
    with in_organization(shown.invoice.organization_id):
        return InvoiceLine.objects.select_related("invoice").get(invoice__client=shown.client, claim_id__isnull=False)


class TestOverview:
    def test_the_three_facts_say_what_was_told(self, shown: Published, read: Read) -> None:
        text = read(shown.base)
        assert "1 item waits on you" in text
        assert "NDA-0011: information needed, since" in text
        assert "23 h left for NDA turnaround once you answer; its due date moves with your answer" in text
        assert "0 of 1 met" in text and "8 of 10 = 80.00 %, promised 95 % within 24 hours" in text
        assert "1 earlier invoice, 2,471.19 USD. Payments are not recorded here." in text

    def test_what_is_not_due_yet_is_what_is_owed(self, shown: Published, read: Read, bill: Membership, bella: Membership) -> None:
        with in_organization(shown.client.organization_id):
            now = datetime.now(UTC)
            invoice = bills.issued(bills.engagement_of(shown.stream), bill, bella, index=1, now=now)
        assert f"2,500.00 USD</a></dd><dd>{invoice.number}, due" in read(shown.base)

    def test_the_present_window_counts_once_it_was_told(self, shown: Published, read: Read, run_jobs: Callable[[], int]) -> None:
        with in_organization(shown.client.organization_id):
            at = datetime.now(UTC)
            make.item(shown.stream, received_at=at, state="delivered", moved_at=at)
            run_jobs()
            publish_status(matter=shown.matter, by=make.system(), note="Again")
        text = read(shown.base)
        assert "1 of 1 so far" in text
        assert "NDA turnaround 100.0 % (1 of 1), promised 95 % within 24 hours" in text

    def test_a_level_that_does_not_exist_is_not_found(self, shown: Published, as_carla: Browser) -> None:
        assert as_carla.get(shown.base, {"level": "nda-turnaround"}).status_code == 200
        assert as_carla.get(shown.base, {"level": "other"}).status_code == 404


class TestServiceLevels:
    def test_a_window_shows_formula_rows_and_an_intact_snapshot(self, shown: Published, read: Read) -> None:
        text = read(shown.window_url)
        assert "8 in time of 10 decided = 80.00 %; the contract asks for 95 %" in text
        assert "Schedule B 2.1" in text
        assert shown.attainment.snapshot_sha256 in text and "Identical to its hash" in text
        assert text.count("NDA-X") == 10
        assert "5 % of the credit base for October 2025: 8 of 10 = 80.00 % against 95 %" in text

    def test_rows_are_filtered_by_outcome(self, shown: Published, read: Read, as_carla: Browser) -> None:
        text = read(shown.window_url, outcome="missed")
        assert text.count("NDA-X") == 2 and "NDA-X0<" in text and "NDA-X1<" in text
        assert as_carla.get(shown.window_url, {"outcome": "other"}).status_code == 404

    def test_the_file_holds_every_row_and_adds_up_to_the_figure(self, shown: Published, as_carla: Browser) -> None:
        rows = rows_of(as_carla, f"{shown.window_url}rows.csv")
        assert [row["outcome"] for row in rows].count("met") == 8
        assert [row["outcome"] for row in rows].count("missed") == 2
        late = next(row for row in rows if row["external id"] == "NDA-X0")
        assert (late["used seconds"], late["late seconds"], late["due"]) == ("194400", "108000", "2025-10-03T14:00:00Z")

    def test_the_windows_file_tells_the_credit(self, shown: Published, as_carla: Browser) -> None:
        (row,) = rows_of(as_carla, f"{shown.base}levels/nda-turnaround/windows.csv")
        assert (row["window"], row["numerator"], row["denominator"], row["credit"]) == ("October 2025", "8", "10", "5 %, final")

    def test_pages_of_rows_follow_each_other_without_loss(self, shown: Published, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lpo.portal.views.levels.SIZE", 4)
        seen: list[str] = []
        query, text = "?", ""
        while query:
            text = read(shown.window_url + query)
            seen += re.findall(r"NDA-X(\d+)", text)
            query = (re.findall(r'href="(\?after=\d+)"', text) or [""])[0]
        assert list(map(int, seen)) == list(range(10))
        back = re.findall(r'href="(\?before=\d+)"', text)[0]
        assert re.findall(r"NDA-X(\d+)", read(shown.window_url + back)) == ["4", "5", "6", "7"]

    def test_two_levels_of_one_name_have_addresses_of_their_own(self, shown: Published, read: Read, run_jobs: Callable[[], int]) -> None:
        with in_organization(shown.client.organization_id):
            other = make.workstream(shown.matter, title="MSA review", item_prefix="MSA")
            version = levels.level(other)
            levels.item(other, "2025-10-06 10:00", delivered="2025-10-06 11:00")
            run_jobs()
            sla.close_window(level=version.level, window_start=datetime(2025, 10, 1, 4, tzinfo=UTC), by=make.system(), publish=True)
        assert "8 in time of 10 decided" in read(f"{shown.base}levels/nda-turnaround/2025-10/")
        assert "1 in time of 1 decided" in read(f"{shown.base}levels/nda-turnaround-2/2025-10/")

    @pytest.mark.parametrize("key", ["2025-11", "2025-13", "next", "0000-00"])
    def test_a_window_that_does_not_exist_is_not_found(self, shown: Published, as_carla: Browser, key: str) -> None:
        assert as_carla.get(f"{shown.base}levels/nda-turnaround/{key}/").status_code == 404


class TestInvoices:
    def test_an_invoice_is_verified_when_it_is_read(self, shown: Published, read: Read) -> None:
        text = read(shown.invoice_url)
        with in_organization(shown.client.organization_id):
            stored = Document.objects.get(kind="invoice_pdf", reference=shown.invoice.number)
        assert "Identical" in text and stored.sha256 in text and shown.invoice.snapshot_sha256 in text
        assert "2,471.19" in text and "differs" not in text

    def test_the_pdf_is_the_stored_file_and_is_saved_not_opened(self, shown: Published, as_carla: Browser) -> None:
        response = as_carla.get(f"{shown.invoice_url}invoice.pdf")
        assert response.content.startswith(b"%PDF-")
        with in_organization(shown.client.organization_id):
            assert hashlib.sha256(response.content).hexdigest() == Document.objects.get(reference=shown.invoice.number).sha256
        assert response.headers["Content-Disposition"] == f'attachment; filename="{shown.invoice.number}.pdf"'
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response.headers["Content-Security-Policy"]

    def test_a_line_opens_into_leaves_that_sum_to_it_and_into_its_rows(self, shown: Published, as_carla: Browser, read: Read) -> None:
        with in_organization(shown.client.organization_id):
            line = InvoiceLine.objects.get(invoice=shown.invoice, group="unit")
        text = read(f"{shown.invoice_url}lines/{line.position}/")
        assert "Its parts add up to it exactly" in text
        assert "NDA-0001" in text and "10.125" in text
        leaves = rows_of(as_carla, f"{shown.invoice_url}lines/{line.position}/rows.csv")
        assert sum(Decimal(row["amount"]) for row in leaves) == line.amount == Decimal("101.25")

    def test_a_credit_line_opens_the_window_it_was_given_for_and_back(self, shown: Published, read: Read) -> None:
        line = credit_line(shown)
        text = read(f"{shown.base}invoices/{line.invoice.number}/lines/{line.position}/")
        assert f'href="{shown.window_url}"' in text
        assert f"lines/{line.position}/" in read(shown.window_url)

    def test_the_lines_file_sums_to_the_net(self, shown: Published, as_carla: Browser) -> None:
        rows = rows_of(as_carla, f"{shown.invoice_url}lines.csv")
        assert sum(Decimal(row["amount"]) for row in rows) == shown.invoice.net

    def test_an_invoice_of_another_client_is_not_found(
        self, shown: Published, hale: Client, bill: Membership, bella: Membership, as_carla: Browser, run_jobs: Callable[[], int]
    ) -> None:
        with in_organization(hale.organization_id):
            theirs = published(worked(hale, "HNDA"), bill, bella, run_jobs)
        assert as_carla.get(f"{shown.base}invoices/{theirs.invoice.number}/").status_code == 404
        assert as_carla.get(f"{shown.base}invoices/{theirs.invoice.number}/invoice.pdf").status_code == 404
        assert as_carla.get(f"{shown.base}matters/{theirs.matter.reference}/").status_code == 404
        assert "HNDA" not in as_carla.get(f"{shown.base}levels/").content.decode()


class TestMatters:
    def test_a_matter_shows_its_updates_and_what_waits(self, shown: Published, read: Read) -> None:
        text = read(f"{shown.base}matters/{shown.matter.reference}/")
        assert "One NDA waits for your signature block." in text and "Waiting on you" in text and "LGL-77" in text

    def test_a_matter_without_an_update_is_no_matter_yet(self, shown: Published, read: Read, as_carla: Browser) -> None:
        with in_organization(shown.client.organization_id):
            hidden = make.matter(shown.matter.engagement, title="Acquisition of Orchid")
        assert "Orchid" not in read(f"{shown.base}matters/")
        assert as_carla.get(f"{shown.base}matters/{hidden.reference}/").status_code == 404
        with in_organization(shown.client.organization_id):
            work.publish_matter(matter=hidden, by=make.system())
        assert "No update yet" in read(f"{shown.base}matters/{hidden.reference}/")


def statements(browser: Browser, url: str) -> int:
    """The page's own: reads of the rooms' tables, without sign-in and tenancy."""
    with CaptureQueriesContext(connection) as captured:
        browser.get(url)
    return sum(bool(re.search(r'FROM "(engagements|sla|billing|audit)_', query["sql"])) for query in captured)


def test_pages_cost_the_same_however_much_is_published(
    shown: Published, as_carla: Browser, bill: Membership, bella: Membership, run_jobs: Callable[[], int]
) -> None:
    urls = [url for url in shown.pages if not url.endswith((".csv", ".pdf"))]
    as_carla.get(shown.base)
    before = {url: statements(as_carla, url) for url in urls}
    assert max(before.values()) <= 8, before
    with in_organization(shown.client.organization_id):
        for n in range(3):
            matter = make.matter(shown.matter.engagement)
            stream = make.workstream(matter, item_prefix=f"Q{n}A")
            version = levels.level(stream, name=f"Level {n}")
            for month in (10, 11):
                for day in range(3, 9):
                    levels.item(stream, f"2025-{month}-{day:02} 10:00", delivered=f"2025-{month}-{day:02} 11:00")
            run_jobs()
            for start in Attainment.objects.filter(level=version.level, state="open", denominator__gt=0).values_list(
                "window_start", flat=True
            ):
                sla.close_window(level=version.level, window_start=start, by=make.system(), publish=True)
            publish_status(matter=matter, by=make.system(), note="x")
        engagement = make.engagement(shown.client, starts_on=date(2025, 10, 1))
        bills.term(engagement, "fixed", "100")
        for index in range(4):
            bills.issued(engagement, bill, bella, index=index)
    assert {url: statements(as_carla, url) for url in urls} == before


class TestScorecard:
    def test_published_windows_are_told_with_what_they_rest_on_and_opened(self, shown: Published, read: Read) -> None:
        text = read(f"{shown.base}scorecard/")
        assert "Scorecard, October 2025" in text
        assert "8 of 10" in text and "95 % within 24 hours" in text
        assert f'href="{shown.window_url}"' in text

    def test_a_period_without_a_published_window_says_so(self, shown: Published, read: Read) -> None:
        assert "No window of this period was published" in read(f"{shown.base}scorecard/", period="2025-11")
        assert "Scorecard, Q4 2025" in read(f"{shown.base}scorecard/", period="2025-Q4")

    def test_the_pdf_carries_the_sellers_name_and_is_the_same_bytes_again(self, shown: Published, as_carla: Browser) -> None:
        first, again = (as_carla.get(f"{shown.base}scorecard.pdf").content for _ in range(2))
        assert first == again
        text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(first)).pages)
        with in_organization(shown.client.organization_id):
            seller = shown.invoice.legal_entity.name
        assert seller in text
        assert "8 of 10 = 80.00 %" in text
