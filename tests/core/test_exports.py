"""A spreadsheet that opens our files runs nothing, and numbers stay numbers."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpo.core.exports import cell, write_csv


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_looks_like_a_formula_becomes_text(start: str) -> None:
    assert cell(f"{start}HYPERLINK(1)") == f"'{start}HYPERLINK(1)"


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal("-1000.00"), "-1000.00"), (-3, "-3"), (Decimal("1E+3"), "1000"), (Decimal("0.0125"), "0.0125")]
)
def test_real_numbers_stay_numeric(value: Decimal | int, text: str) -> None:
    assert cell(value) == text


def test_instants_are_written_in_utc_and_days_as_days() -> None:
    assert cell(datetime(2026, 11, 30, 23, 30, tzinfo=timezone(timedelta(hours=-5)))) == "2026-12-01T04:30:00Z"
    assert cell(date(2026, 11, 30)) == "2026-11-30"
    with pytest.raises(ValueError, match="zone"):
        cell(datetime(2026, 11, 30, 23, 30))  # noqa: DTZ001


def test_nothing_that_has_no_cell_is_written() -> None:
    with pytest.raises(TypeError, match="float"):
        cell(1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="finite"):
        cell(Decimal("NaN"))


def test_the_bytes_are_rfc_4180() -> None:
    assert write_csv(["a", "b"], [["São", Decimal("-1.50")], ['say "hi", O\'Brien', None]]) == (
        b'a,b\r\nS\xc3\xa3o,-1.50\r\n"say ""hi"", O\'Brien",\r\n'
    )
    assert write_csv(["a"], [], byte_order_mark=True) == b"\xef\xbb\xbfa\r\n"


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="3 cells under a header of 2"):
        write_csv(["a", "b"], [[1, 2, 3]])


@settings(deadline=None)
@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1))
def test_no_text_starts_a_formula_after_a_round_trip(text: str) -> None:
    data = write_csv(["x", "y"], [[text, datetime(2026, 1, 1, tzinfo=UTC)]]).decode()
    read = list(csv.reader(io.StringIO(data, newline="")))[1][0]
    assert read[0] not in "=+-@\t\r\n"
    assert read.removeprefix("'") == text.removeprefix("'")
