"""The rows behind a figure as files: every one of them, typed, none run by a spreadsheet, and none held in memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.test import Client as Browser

from lpo.accounts.models import Membership, Organization
from lpo.core import sheets
from lpo.core.exports import Cell
from lpo.core.sheets import Sheet, whole
from lpo.tenancy.context import in_organization
from sla import actions, rows
from tests import make as base
from tests.sla import make
from tests.sla.conftest import WallClock
from tests.sla.make import new_york

SignIn = Callable[[Membership], Browser]


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def values(content: bytes, sheet: int = 0) -> list[tuple[Any, ...]]:
    return [tuple(cell.value for cell in row) for row in opened(content).worksheets[sheet].rows]


def october(alder: Organization, now: WallClock) -> Any:
    now.is_at("2026-11-02 09:00")
    with in_organization(alder.id):
        level = make.level(base.workstream(item_prefix="NDA"))
        stream = level.level.workstream
        for day in ("05", "06", "07"):
            make.item(stream, f"2026-10-{day} 09:00", delivered=f"2026-10-{day} 15:00")
        make.item(stream, "2026-10-08 09:00", delivered="2026-10-10 15:00", external_id="=1+1")
        make.counted(level)
    return level


@pytest.mark.django_db
@pytest.mark.parametrize("closed", [False, True])
def test_the_workbook_of_a_window_holds_every_row_with_real_numbers_and_dates(
    alder: Organization, asha: Membership, client_of: SignIn, now: WallClock, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    monkeypatch.setattr(rows, "BATCH", 3)
    level = october(alder, now)
    if closed:
        with in_organization(alder.id):
            actions.close_window(level=level.level, window_start=new_york("2026-10-01 00:00"), by=base.system())
    answer = client_of(asha).get("/alder/service-levels/NDA/1/2026/10/rows.xlsx")
    assert answer.streaming
    head, *found = values(answer.getvalue())
    assert head[:5] == ("reference", "external_id", "outcome", "started_at (UTC)", "due_at (UTC)")
    assert [row[2] for row in found] == ["met", "met", "met", "missed"]
    missed = found[-1]
    assert missed[1] == "=1+1"
    assert missed[3] == datetime(2026, 10, 8, 13)  # noqa: DTZ001 -- Excel knows no zones
    assert missed[head.index("late_seconds")] == 30 * 3600
    csv = client_of(asha).get("/alder/service-levels/NDA/1/2026/10/rows.csv").getvalue().decode().splitlines()
    assert len(csv) == len(found) + 1
    assert "'=1+1" in csv[4]


def test_a_cell_that_looks_like_a_formula_is_a_text() -> None:
    (cell,) = opened(whole([Sheet("A", ["a"], [["=SUM(A1)"]])])).active[2]
    assert (cell.data_type, cell.value) == ("s", "=SUM(A1)")


def test_cells_are_what_they_were() -> None:
    row: list[Cell] = ["<a & b>", 7, Decimal("0.10"), date(2026, 2, 28), datetime(2026, 3, 8, 7, 0, 1, tzinfo=UTC), None, True]
    content = whole([Sheet("A", list("abcdefg"), [row])])
    assert values(content)[1] == ("<a & b>", 7, 0.1, datetime(2026, 2, 28), datetime(2026, 3, 8, 7, 0, 1), None, True)  # noqa: DTZ001
    assert content == whole([Sheet("A", list("abcdefg"), [row])])


def test_more_rows_than_a_sheet_holds_go_on_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_ROWS", 3)
    book = opened(whole([Sheet("Rows", ["n"], [[n] for n in range(5)])]))
    assert book.sheetnames == ["Rows", "Rows 2", "Rows 3"]
    assert [cell.value for sheet in book for (cell,) in sheet.iter_rows(min_row=2)] == [0, 1, 2, 3, 4]


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 2 cells under a header of 1"):
        whole([Sheet("A", ["a"], [[1, 2]])])


def test_a_workbook_comes_in_pieces() -> None:
    pieces = list(sheets.workbook([Sheet("A", ["a", "b"], ((n, f"text {n}") for n in range(20_000)))]))
    assert len(pieces) > 5
    assert len(values(b"".join(pieces))) == 20_001
