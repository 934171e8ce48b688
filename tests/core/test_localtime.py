"""Wall-clock readings on the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpo.core.localtime import NaiveInstant, from_epoch, local_date, local_midnight, to_epoch, wall_instant

NEW_YORK = ZoneInfo("America/New_York")


def utc(text: str) -> int:
    return to_epoch(datetime.fromisoformat(text))


def test_a_reading_in_a_spring_gap_is_the_transition_instant() -> None:
    half_past_two = wall_instant(date(2026, 3, 8), 150, NEW_YORK)
    assert half_past_two == utc("2026-03-08T07:00:00Z")


def test_a_reading_in_an_autumn_fold_is_the_first_or_the_second_as_asked() -> None:
    assert wall_instant(date(2026, 11, 1), 90, NEW_YORK) == utc("2026-11-01T05:30:00Z")
    assert wall_instant(date(2026, 11, 1), 90, NEW_YORK, second_reading=True) == utc("2026-11-01T06:30:00Z")


def test_half_an_hour_of_lord_howe_is_skipped_and_repeated() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    assert wall_instant(date(2026, 10, 4), 135, zone) == utc("2026-10-03T15:30:00Z")
    assert wall_instant(date(2026, 4, 5), 105, zone, second_reading=True) - wall_instant(date(2026, 4, 5), 105, zone) == 1_800


def test_a_midnight_that_does_not_exist_is_the_first_moment_of_its_day() -> None:
    sao_paulo = ZoneInfo("America/Sao_Paulo")
    begins = local_midnight(date(2018, 11, 4), sao_paulo)
    assert begins == utc("2018-11-04T03:00:00Z")
    assert from_epoch(begins).astimezone(sao_paulo).isoformat() == "2018-11-04T01:00:00-02:00"


def test_a_whole_day_that_was_skipped_is_empty() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert local_midnight(date(2011, 12, 30), apia) == local_midnight(date(2011, 12, 31), apia)


def test_minutes_past_1440_reach_into_the_next_day() -> None:
    assert wall_instant(date(2026, 3, 7), 1440 + 180, NEW_YORK) == wall_instant(date(2026, 3, 8), 180, NEW_YORK)


def test_a_fraction_of_a_second_is_dropped_and_a_naive_time_refused() -> None:
    assert to_epoch(datetime(1969, 12, 31, 23, 59, 59, 900_000, tzinfo=UTC)) == -1
    with pytest.raises(NaiveInstant):
        to_epoch(datetime(2026, 1, 1))  # noqa: DTZ001 -- the mistake under test


zones = st.sampled_from(["America/New_York", "Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"])


@given(st.dates(date(1985, 1, 1), date(2030, 12, 31)), zones)
def test_a_day_begins_with_its_own_date_and_the_second_before_with_another(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    begins = local_midnight(day, zone)
    assert local_date(begins - 1, zone) < day
    if begins < local_midnight(day + timedelta(days=1), zone):
        assert local_date(begins, zone) == day
