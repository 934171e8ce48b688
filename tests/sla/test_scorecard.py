"""The scorecard: every level of a period with what its figure rests on, as page, PDF and workbook, and never more than is known."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from pypdf import PdfReader

from engagements import actions as work
from engagements.models import WorkItem
from lpo.accounts.models import Membership, Organization
from lpo.tenancy.context import in_organization
from sla import actions
from sla.models import Attainment
from sla.spans import NoPeriod, Span, span_named
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york
from tests.sla.test_pages import words
from tests.sla.test_rows import values

SignIn = Callable[[Membership], Browser]


@pytest.mark.parametrize(
    ("text", "key", "label"),
    [("", "2026-10", "October 2026"), ("2026-02", "2026-02", "February 2026"), ("2026-q4", "2026-Q4", "Q4 2026")],
)
def test_a_period_is_a_month_or_a_quarter(text: str, key: str, label: str) -> None:
    span = span_named(text, date(2026, 11, 20))
    assert (span.key, span.label) == (key, label)
    assert span.moved(1).moved(-1) == span


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-Q5", "soon", "1800-01", "2026-10\n"])
def test_what_names_no_period_is_refused(text: str) -> None:
    with pytest.raises(NoPeriod, match="is no period"):
        span_named(text, date(2026, 11, 20))


def test_a_quarter_window_lies_in_each_of_its_months_and_a_month_in_no_other() -> None:
    november = Span(date(2026, 11, 1), 1)
    assert november.overlaps(date(2026, 10, 1), date(2027, 1, 1))
    assert not november.overlaps(date(2026, 10, 1), date(2026, 11, 1))


def autumn(alder: Organization, now: WallClock) -> Any:
    """September met and closed; October missed, 3 of 4, with one excluded; November has begun. Beside it 3 errors in 400 checked."""
    now.is_at("2026-11-02 09:00")
    with in_organization(alder.id):
        level = make.level(base.workstream(item_prefix="NDA"))
        stream = level.level.workstream
        accuracy = make.accuracy_level(stream)
        make.item(stream, "2026-09-01 09:00", delivered="2026-09-01 15:00")
        for day in ("05", "06", "07"):
            made = make.item(stream, f"2026-10-{day} 09:00", delivered=f"2026-10-{day} 15:00")
        actions.record_quality_check(item=made, units=400, errors=3, by=base.system(), checked_at=new_york("2026-10-20 10:00"))
        make.item(stream, "2026-10-08 09:00", delivered="2026-10-10 15:00", external_id="T-77")
        excluded = make.item(stream, "2026-10-09 09:00", delivered="2026-10-12 15:00")
        actions.exclude_item(level=level.level, item=excluded, reason="Sent twice", by=base.system())
        make.item(stream, "2026-10-31 10:00")
        make.counted(level)
        make.counted(accuracy)
        actions.close_window(level=level.level, window_start=new_york("2026-09-01 00:00"), by=base.system())
    return level


def close(alder: Organization, level: Any, month: str, *, publish: bool = False) -> Attainment:
    with in_organization(alder.id):
        return actions.close_window(level=level.level, window_start=new_york(f"{month}-01 00:00"), by=base.system(), publish=publish)


def addresses(alder: Organization, level: Any) -> tuple[str, str]:
    with in_organization(alder.id):
        engagement = level.level.workstream.matter.engagement
        return f"/alder/engagements/{engagement.reference}/scorecard", f"/alder/clients/{engagement.client.code}/scorecard"


@pytest.mark.django_db
def test_every_level_of_the_month_says_what_its_figure_rests_on(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = autumn(alder, now)
    for path in addresses(alder, level):
        page = words(client_of(asha).get(f"{path}/?period=2026-10").content)
        assert "Scorecard, October 2026" in page
        assert "75.0 % 3 of 4 0 pending, 1 excluded 6 h 90 %: 1 d 15 h Below target so far" in page
        assert "0.8 % exact 95 % interval 0.15–2.18 % 3 of 400" in page
        assert "1 open: 1 up to 3 days; 1 past due (2 Nov 2026, 09:00 EST)" in page
        assert "373 more without an error would show it" in page
        assert "Provisional" in page
        assert "90.00 %" not in page


@pytest.mark.django_db
def test_closing_makes_the_figure_final_and_its_claim_is_told_with_its_formula(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = autumn(alder, now)
    close(alder, level, "2026-10")
    page = words(client_of(asha).get(f"{addresses(alder, level)[0]}/?period=2026-10").content)
    assert "5 % of the credit base for October 2026: 3 of 4 = 75.00 % against 95 %. Provisional until" in page
    assert "Missed 5 %, provisional" in page
    assert "1 missed" in page


@pytest.mark.django_db
def test_a_quarter_shows_each_of_its_months_and_a_level_without_a_figure_says_so(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = autumn(alder, now)
    page = words(client_of(asha).get(f"{addresses(alder, level)[0]}/?period=2026-Q3").content)
    assert "September 2026 Closed" in page
    assert "October 2026" not in page.partition("At a glance")[2].partition("Show as a table")[0]
    december = words(client_of(asha).get(f"{addresses(alder, level)[0]}/?period=2026-12").content)
    assert "Not measured" in december
    assert client_of(asha).get(f"{addresses(alder, level)[0]}/?period=soon").status_code == 404


@pytest.mark.django_db
def test_a_restated_window_says_so_with_its_reason(alder: Organization, asha: Membership, client_of: SignIn, now: WallClock) -> None:
    level = autumn(alder, now)
    close(alder, level, "2026-10")
    with in_organization(alder.id):
        late = Attainment.objects.get(label="October 2026", level=level.level)
        item = WorkItem.objects.get(external_id="T-77")
        actions.exclude_item(level=level.level, item=item, reason="The client's own error", by=base.system())
        actions.restate_window(level=level.level, window_start=late.window_start, reason="Agreed with counsel", by=base.system())
    page = words(client_of(asha).get(f"{addresses(alder, level)[0]}/?period=2026-10").content)
    assert "Restated, revision 2: Agreed with counsel" in page
    assert "No credit for October 2026 any more" in page


@pytest.mark.django_db
def test_the_pdf_is_tagged_titled_and_the_same_bytes_again(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = autumn(alder, now)
    close(alder, level, "2026-10")
    path = f"{addresses(alder, level)[0]}.pdf?period=2026-10"
    first, again = (client_of(asha).get(path).content for _ in range(2))
    assert first == again
    document = PdfReader(io.BytesIO(first))
    catalog: Any = document.trailer["/Root"]
    assert catalog["/Lang"] == "en"
    assert catalog["/MarkInfo"]["/Marked"]
    assert document.metadata is not None
    assert str(document.metadata.title).startswith("Service level scorecard October 2026")
    text = " ".join(" ".join(page.extract_text() for page in document.pages).split())
    assert "3 of 4 = 75.00 %" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "0.15–2.18 %" in text
    assert "Provisional" in text


@pytest.mark.django_db
def test_the_workbook_holds_figures_and_the_rows_that_add_up_to_them(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = autumn(alder, now)
    close(alder, level, "2026-10")
    content = client_of(asha).get(f"{addresses(alder, level)[1]}.xlsx?period=2026-10").getvalue()
    head, *figures = values(content)
    by_name = [dict(zip(head, row, strict=True)) for row in figures]
    turnaround, accuracy = by_name
    assert (turnaround["numerator"], turnaround["denominator"], turnaround["actual %"]) == (3, 4, 75)
    assert turnaround["credit %"] == Decimal(5)
    assert accuracy["interval high %"] == pytest.approx(2.18, abs=0.01)
    names, *rows = values(content, 1)
    of_level = [row for row in rows if row[0] == turnaround["level"]]
    assert sum(row[names.index("outcome")] == "met" for row in of_level) == 3
    assert {row[2] for row in rows} == {"October 2026"}


@pytest.mark.django_db
def test_a_walled_matter_is_in_no_ones_scorecard_outside(
    alder: Organization, olga: Membership, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    level = autumn(alder, now)
    path = addresses(alder, level)[1]
    with in_organization(alder.id):
        work.raise_wall(matter=level.level.workstream.matter, by=base.system(), insiders=[olga], reason="Conflict")
    page = words(client_of(asha).get(f"{path}/?period=2026-10").content)
    assert "No service level has a window in this period" in page


@pytest.mark.django_db
def test_levels_beyond_those_on_the_page_are_counted_there_and_are_all_in_the_workbook(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = autumn(alder, now)
    monkeypatch.setattr("sla.views.scorecards.MOST_LEVELS", 1)
    with in_organization(alder.id):
        for number in range(4):
            make.level(level.level.workstream, name=f"Further {number}")
    path = addresses(alder, level)[1]
    page = words(client_of(asha).get(f"{path}/?period=2026-10").content)
    assert "5 further levels have windows in this period" in page
    _, *figures = values(client_of(asha).get(f"{path}.xlsx?period=2026-10").getvalue())
    assert len(figures) == 6


@pytest.mark.django_db
def test_what_is_at_stake_follows_the_minimum_and_the_number_below_which_no_credit_is_due(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock
) -> None:
    now.is_at("2026-11-20 09:00")
    with in_organization(alder.id):
        stream = base.workstream(item_prefix="NDA")
        level = make.level(stream, minimum_percent=Decimal(50), misses_before_default=1)
        few = make.level(stream, name="Few", no_credit_below=10)
        for month in ("10", "11"):
            make.item(stream, f"2026-{month}-05 09:00", delivered=f"2026-{month}-05 15:00")
            make.item(stream, f"2026-{month}-05 09:00", delivered=f"2026-{month}-08 15:00")
        make.counted(level)
        make.counted(few)
    path = addresses(alder, level)[0]
    first = words(client_of(asha).get(f"{path}/?period=2026-11").content)
    assert "1st miss in twelve months, not below the minimum of 50 %" in first
    assert "if it stays so" not in first
    assert "2 counted, and fewer than 10 earn none" in first
    close(alder, level, "2026-10")
    second = words(client_of(asha).get(f"{path}/?period=2026-11").content)
    assert "5 % of the credit base, if it stays so" in second
    asked = words(client_of(asha).get("/alder/service-levels/NDA/2/2026/10/close/").content)
    assert "No credit: 2 counted, and fewer than 10 earn none." in asked
    assert "claim is made" not in asked
