"""Periods between local midnights."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.periods import Cycle, bounds, number_year, period_at, period_containing, start_day

NEW_YORK, LONDON = ZoneInfo("America/New_York"), ZoneInfo("Europe/London")


def utc(text: str) -> int:
    return to_epoch(datetime.fromisoformat(text))


def test_an_anchor_on_31_january_starts_monthly_periods_clamped_and_never_drifting() -> None:
    starts = [from_epoch(bounds(date(2026, 1, 31), Cycle.MONTH, k, NEW_YORK)[0]) for k in range(4)]
    assert [f"{start:%m-%dT%H:%MZ}" for start in starts] == ["01-31T05:00Z", "02-28T05:00Z", "03-31T04:00Z", "04-30T04:00Z"]


def test_an_event_on_31_march_at_2330_utc_is_april_in_london_and_march_in_new_york() -> None:
    event, anchor = utc("2026-03-31T23:30:00Z"), date(2026, 1, 1)
    assert period_containing(event, anchor, Cycle.MONTH, LONDON).label == "April 2026"
    assert period_containing(event, anchor, Cycle.MONTH, NEW_YORK).label == "March 2026"


def test_what_new_york_finalises_on_1_january_0300_utc_is_numbered_in_the_old_year() -> None:
    assert number_year(utc("2027-01-01T03:00:00Z"), NEW_YORK) == 2026


@pytest.mark.parametrize(
    ("anchor", "starts"),
    [
        (date(2026, 1, 1), ["01-01", "01-16", "02-01", "02-16", "03-01"]),
        (date(2026, 1, 16), ["01-16", "02-01", "02-16", "03-01", "03-16"]),
        (date(2026, 1, 15), ["01-15", "01-30", "02-15", "02-28", "03-15"]),
        (date(2026, 1, 31), ["01-31", "02-16", "02-28", "03-16", "03-31"]),
    ],
)
def test_a_month_has_two_semi_monthly_periods(anchor: date, starts: list[str]) -> None:
    assert [f"{start_day(anchor, Cycle.SEMI_MONTH, k):%m-%d}" for k in range(5)] == starts


@pytest.mark.parametrize(
    ("anchor", "cycle", "label"),
    [
        (date(2026, 2, 1), Cycle.MONTH, "February 2026"),
        (date(2026, 4, 1), Cycle.QUARTER, "Q2 2026"),
        (date(2026, 1, 1), Cycle.YEAR, "2026"),
        (date(2026, 3, 16), Cycle.MONTH, "16 Mar – 15 Apr 2026"),
        (date(2026, 12, 28), Cycle.WEEK, "28 Dec 2026 – 3 Jan 2027"),
        (date(2026, 2, 1), Cycle.QUARTER, "1 Feb – 30 Apr 2026"),
    ],
)
def test_a_period_is_called_what_people_call_it(anchor: date, cycle: Cycle, label: str) -> None:
    assert period_at(anchor, cycle, 0, NEW_YORK).label == label


def test_a_period_counts_local_days_although_a_night_is_an_hour_short() -> None:
    march = period_at(date(2026, 3, 1), Cycle.MONTH, 0, NEW_YORK)
    assert (march.days, march.end - march.start) == (31, 31 * 86_400 - 3_600)
    assert march.start in march
    assert march.end not in march


anchors = st.dates(date(2000, 1, 1), date(2030, 12, 31))
# St John's set its clocks back across midnight until 2011, Apia skipped a day: dates there do not simply follow one another.
zones = st.sampled_from(["America/New_York", "Europe/London", "America/Sao_Paulo", "America/St_Johns", "Pacific/Apia", "Asia/Kolkata"])


@given(anchors, st.sampled_from(list(Cycle)), zones, st.integers(0, 2_000_000_000))
def test_every_instant_lies_in_exactly_one_period(anchor: date, cycle: Cycle, name: str, instant: int) -> None:
    zone = ZoneInfo(name)
    period = period_containing(instant, anchor, cycle, zone)
    assert instant in period
    assert (period.start, period.end) == bounds(anchor, cycle, period.index, zone)
    assert bounds(anchor, cycle, period.index + 1, zone)[0] == period.end
    assert instant not in period_at(anchor, cycle, period.index - 1, zone)


@given(anchors, st.sampled_from(list(Cycle)), zones, st.integers(-40, 40))
def test_a_period_begins_with_its_first_second_and_ends_before_the_next_ones(anchor: date, cycle: Cycle, name: str, index: int) -> None:
    zone = ZoneInfo(name)
    start, end = bounds(anchor, cycle, index, zone)
    assert period_containing(start, anchor, cycle, zone).index == index
    assert period_containing(end - 1, anchor, cycle, zone).index == index
