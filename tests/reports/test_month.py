"""A month from measured work to issued invoices, and the same month again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing.actions.documents import pdf_of
from billing.models import Invoice
from engagements.models import Workstream
from lpo.accounts.models import Membership, Organization
from lpo.core.errors import Refused
from lpo.core.localtime import to_epoch
from lpo.jobs.models import Job
from lpo.reports.month import JobFailed, ended_windows, last_whole_month, run_month
from lpo.reports.verification import verify
from lpo.reports.waiting import TooLong, Waiter, bar
from lpo.tenancy.context import in_organization
from sla.actions import exclude_item
from sla.models import Attainment, Clock
from tests import make
from tests.billing import make as bills
from tests.sla import make as levels

OCTOBER = date(2025, 10, 1)


@pytest.fixture
def stream(alder: Organization) -> Iterator[Workstream]:
    """Ten NDAs in October 2025, two of them late; a flat fee and a unit price."""
    with in_organization(alder.id):
        stream = bills.workstream(starts_on=date(2025, 10, 1))
        levels.level(stream)
        engagement = bills.engagement_of(stream)
        bills.term(engagement, "fixed", "2500")
        bills.term(engagement, "unit", "45", workstream=stream)
        for n in range(10):
            late = 2 if n < 2 else 0
            levels.item(stream, f"2025-10-{n + 2:02} 10:00", delivered=f"2025-10-{n + 2 + late:02} 16:00")
    yield stream


def test_a_month_is_closed_published_drafted_approved_issued_and_rendered(
    alder: Organization, stream: Workstream, asha: Membership, bill: Membership, bella: Membership, run_jobs: Callable[[], int]
) -> None:
    done = run_month(alder, OCTOBER, wait=run_jobs)
    (closed,) = done.closed
    assert (closed.figure.numerator, closed.figure.denominator, closed.existed) == (8, 10, False)
    assert closed.claim is not None and closed.claim.state == "provisional"
    (invoice,) = done.invoices
    assert (invoice.gross, invoice.state, done.existed, done.refused) == (Decimal("2950.00"), "issued", set(), [])
    assert {invoice.prepared_by_id, invoice.approved_by_id} == {bill.id, bella.id}
    with in_organization(alder.id):
        assert pdf_of(invoice) is not None
        assert Attainment.objects.get(state="closed").published_at is not None
        findings = list(verify())
    assert len(findings) == 2 and all(finding.identical for finding in findings)


def test_the_same_month_again_changes_nothing_and_says_so(
    alder: Organization, stream: Workstream, bill: Membership, bella: Membership, run_jobs: Callable[[], int]
) -> None:
    first = run_month(alder, OCTOBER, wait=run_jobs)
    again = run_month(alder, OCTOBER, wait=run_jobs)
    assert [row.number for row in again.invoices] == [row.number for row in first.invoices]
    assert again.existed == {row.number for row in first.invoices}
    assert [row.existed for row in again.closed] == [True]
    with in_organization(alder.id):
        assert Invoice.objects.count() == Attainment.objects.filter(state="closed").count() == 1


def test_a_month_needs_two_people_who_may_bill(
    alder: Organization, stream: Workstream, bill: Membership, run_jobs: Callable[[], int]
) -> None:
    with pytest.raises(Refused, match="Alder Legal has 1 active people who may bill"):
        run_month(alder, OCTOBER, wait=run_jobs)


def test_what_cannot_be_billed_is_named_and_stops_nobody_else(
    alder: Organization, stream: Workstream, bill: Membership, bella: Membership, run_jobs: Callable[[], int]
) -> None:
    with in_organization(alder.id):
        bare = make.engagement(starts_on=date(2025, 9, 1))
    done = run_month(alder, OCTOBER, wait=run_jobs)
    assert len(done.invoices) == 1
    assert (done.refused, done.left_out) == ([], [bare.reference])


def test_work_that_no_price_covers_is_refused_by_name(
    alder: Organization, stream: Workstream, bill: Membership, bella: Membership, run_jobs: Callable[[], int]
) -> None:
    with in_organization(alder.id):
        other = bills.workstream(starts_on=date(2025, 10, 1))
        beyond = bills.engagement_of(other)
        levels.item(other, "2025-10-02 10:00", delivered="2025-10-02 16:00", quantity=Decimal(3))
        bills.term(beyond, "unit", "5", workstream=other, shape="volume", tiers=[["2", "5"]])
    done = run_month(alder, OCTOBER, wait=run_jobs)
    assert len(done.invoices) == 1
    assert done.refused == [f"{beyond.reference}: Unpriced work: unit fee v1: 3 NDAs, beyond the last tier."]


def test_a_job_that_was_given_up_ends_the_month(alder: Organization, stream: Workstream, bill: Membership, bella: Membership) -> None:
    def give_up() -> None:
        with in_organization(alder.id):
            Job.objects.filter(state="queued").update(state="dead", error="Traceback\nValueError: no paper")

    with pytest.raises(JobFailed, match="no paper"):
        run_month(alder, OCTOBER, wait=give_up)


def test_a_quarter_ends_with_its_last_month_only(in_alder: object) -> None:
    stream = make.workstream()
    levels.level(stream, name="By month")
    levels.level(stream, name="By quarter", window="quarter")
    names = {month: sorted(level.name for level, _ in ended_windows(date(2025, month, 1))) for month in (8, 9)}
    assert names == {8: ["By month"], 9: ["By month", "By quarter"]}


def test_a_level_that_was_promised_later_has_no_window_yet(in_alder: object) -> None:
    levels.level(effective_from=date(2025, 11, 1))
    assert list(ended_windows(OCTOBER)) == []
    assert len(list(ended_windows(date(2025, 11, 1)))) == 1


def test_the_last_whole_month_is_reckoned_where_the_organization_is(alder: Organization) -> None:
    assert last_whole_month(alder, to_epoch(datetime.fromisoformat("2025-12-01T04:59:00+00:00"))) == date(2025, 10, 1)
    assert last_whole_month(alder, to_epoch(datetime.fromisoformat("2025-12-01T05:00:00+00:00"))) == date(2025, 11, 1)


class TestOnce:
    @pytest.fixture
    def once(self, alder: Organization, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run_jobs: Callable[[], int]) -> Callable[[], str]:
        monkeypatch.setenv("LPO_OUTPUT", str(tmp_path))
        monkeypatch.setattr("lpo.reports.management.commands.once.Waiter", lambda *args: run_jobs)
        monkeypatch.setattr("lpo.reports.management.commands.once.last_whole_month", lambda *args: OCTOBER)

        def run() -> str:
            out = StringIO()
            call_command("once", stdout=out)
            return out.getvalue()

        return run

    def test_it_prints_levels_and_invoices_writes_the_pdfs_and_says_identical(
        self, once: Callable[[], str], stream: Workstream, bill: Membership, bella: Membership, tmp_path: Path
    ) -> None:
        said = once()
        (path,) = tmp_path.iterdir()
        assert path.read_bytes().startswith(b"%PDF-")
        assert "95 % within 24 hours" in said and "80.0 %" in said and "8 / 10" in said and "5 %, provisional" in said
        assert "2,950.00 USD" in said and str(path) in said
        assert "windows closed now 1, before 0" in said and "issued now 1, before 0" in said
        assert "Verified 2 closed windows and issued invoices: identical." in said
        with in_organization(stream.organization_id):
            bare = make.engagement(starts_on=date(2025, 9, 1))
        said = once()
        assert f"Left out, without charge terms: {bare.reference}." in said, "and it is no failure"
        assert "windows closed now 0, before 1" in said and "issued now 0, before 1" in said

    def test_what_was_tampered_with_ends_in_an_error(
        self, once: Callable[[], str], stream: Workstream, bill: Membership, bella: Membership, alder: Organization
    ) -> None:
        once()
        with in_organization(alder.id):
            late = Clock.objects.filter(late_seconds__gt=0).select_related("item", "level").order_by("id")[0]
            exclude_item(level=late.level, item=late.item, reason="Agreed afterwards", by=make.system())
        with pytest.raises(CommandError, match="1 of what was verified differ"):
            once()


class TestWaiting:
    def test_it_returns_at_once_when_nothing_is_to_be_done(self, alder: Organization) -> None:
        out = StringIO()
        Waiter(alder.id, out)()
        assert out.getvalue() == ""

    def test_it_gives_up_after_its_limit_and_names_the_job(self, alder: Organization, stream: Workstream) -> None:
        with pytest.raises(TooLong, match="Count service levels"):
            Waiter(alder.id, StringIO(), limit_seconds=0)()

    @pytest.mark.parametrize(("done", "total", "filled"), [(0, 0, 0), (0, 10, 0), (5, 10, 12), (10, 10, 24), (11, 10, 24)])
    def test_the_bar_is_as_full_as_the_work_is_done(self, done: int, total: int, filled: int) -> None:
        assert bar(done, total) == f"[{'#' * filled}{'·' * (24 - filled)}]"
