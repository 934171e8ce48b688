"""How figures and times read. Expected texts are written with ordinary spaces; the filters use no-break ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpo.core.templatetags import formats


def plain(text: str) -> str:
    return text.replace(formats.NBSP, " ")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (Decimal("2960"), "USD", "2,960.00"),
        (Decimal("-1000"), "USD", "−1,000.00"),
        (Decimal("1234567.5"), "JPY", "1,234,568"),
        (Decimal("0.125"), "", "0.13"),
        (Decimal("1.0005"), "KWD", "1.001"),
        (Decimal("-0.001"), "EUR", "0.00"),
        (None, "EUR", "—"),
    ],
)
def test_money_has_its_currencys_decimals(amount: Decimal | None, currency: str, text: str) -> None:
    assert formats.money(amount, currency) == text


def test_a_float_never_becomes_money() -> None:
    with pytest.raises(TypeError, match="float"):
        formats.money(0.1, "USD")  # type: ignore[arg-type]


@pytest.mark.parametrize(("rate", "text"), [("0.11", "0.11"), ("0.1125", "0.1125"), ("95", "95.00"), ("1E+2", "100.00"), ("-0.5", "−0.50")])
def test_a_unit_price_keeps_its_digits(rate: str, text: str) -> None:
    assert formats.price(Decimal(rate), "USD") == text


@pytest.mark.parametrize(
    ("share", "target", "text"),
    [
        (Fraction(73, 77), Fraction(95, 100), "94.8 %"),
        (Fraction(11, 12), Fraction(95, 100), "91.7 %"),
        (Decimal("0.94996"), Decimal("0.95"), "94.9 %"),
        (Decimal("0.95"), Decimal("0.95"), "95.0 %"),
        (Fraction(99999, 100000), None, "99.9 %"),
        (Fraction(1), None, "100.0 %"),
        (Fraction(1, 100000), None, "0.1 %"),
        (Fraction(0), None, "0.0 %"),
        (Decimal("0.99949"), Decimal("0.9995"), "99.9 %"),
        (None, Decimal("0.95"), "—"),
    ],
)
def test_a_share_short_of_its_target_never_reads_as_the_target(
    share: Fraction | Decimal | None, target: Fraction | Decimal | None, text: str
) -> None:
    assert plain(formats.percent(share, target)) == text


def test_an_error_rate_over_its_limit_never_reads_as_the_limit() -> None:
    assert plain(formats.error_percent(Decimal("0.01004"), Decimal("0.01"))) == "1.1 %"
    assert plain(formats.error_percent(Decimal("0.0075"), Decimal("0.01"))) == "0.8 %"


@given(st.fractions(min_value=0, max_value=1), st.integers(1, 1000).map(lambda tenths: Fraction(tenths, 1000)))
def test_the_written_percentage_passes_exactly_when_the_share_does(share: Fraction, target: Fraction) -> None:
    written = Fraction(formats.percent_number(share, target)) / 100
    assert (written >= target) == (share >= target)
    assert abs(written - share) < Fraction(1, 1000)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (24, "24 s"),
        (42 * 60, "42 min"),
        (23_040, "6 h 24 min"),
        (97_200, "1 d 3 h"),
        (7200, "2 h"),
        (0, "0 s"),
        (-120, "−2 min"),
        (59, "59 s"),
        (None, "—"),
    ],
)
def test_a_duration_is_cut_to_two_units(seconds: int | None, text: str) -> None:
    assert plain(formats.duration(seconds)) == text


@pytest.mark.parametrize(
    ("left", "text"),
    [(23_040, "6 h 24 min left"), (-2520, "Breached by 42 min"), (0, "Due now"), (timedelta(microseconds=-5), "Breached by 1 s")],
)
def test_time_left_says_in_words_which_side_of_due_it_is(left: int | timedelta, text: str) -> None:
    assert plain(formats.time_left(left)) == text


def test_an_instant_of_this_week_needs_no_date_and_another_gets_one() -> None:
    now = datetime.now(UTC)
    local = plain(formats.instant(now, "America/New_York"))
    assert local.split()[0] == now.astimezone(formats._zone("America/New_York")).strftime("%a")
    assert local.split()[2] in {"EST", "EDT"}
    assert plain(formats.instant(datetime(2024, 11, 22, 19, 10, tzinfo=UTC), "America/New_York")) == "22 Nov 2024, 14:10 EST"


def test_a_zone_without_a_name_is_written_as_its_offset() -> None:
    assert plain(formats.instant(datetime(2024, 1, 5, 12, tzinfo=UTC), "Asia/Dubai")) == "5 Jan 2024, 16:00 UTC+04"


def test_dates_read_alike_and_a_pattern_still_works() -> None:
    assert plain(formats.day(date(2026, 11, 5))) == "5 Nov 2026"
    assert formats.day(date(2026, 11, 5), "Y") == "2026"
    assert formats.day(None) == "—"


@pytest.mark.parametrize(
    ("value", "text"), [(Decimal("12480"), "12,480"), (Decimal("13.50"), "13.5"), (Decimal("0"), "0"), (Decimal("1E+3"), "1,000")]
)
def test_a_quantity_has_no_empty_decimals(value: Decimal, text: str) -> None:
    assert formats.quantity(value) == text


def test_counts_stop_at_their_cap() -> None:
    assert formats.count_capped(1000) == "1,000"
    assert formats.count_capped(1001) == "1,000+"


def test_initials_take_the_first_and_last_word() -> None:
    assert [formats.initials(name) for name in ("Alder Legal", "Rita O'Brien", "Cher", "")] == ["AL", "RO", "CH", "?"]


def test_a_session_is_named_by_browser_and_system() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
    assert formats.browser(agent) == "Chrome on Linux"
    assert formats.browser("") == "Unknown browser"
