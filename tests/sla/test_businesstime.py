"""Open hours: how they are built, and what holds for every calendar."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpo.core.localtime import from_epoch
from sla.businesstime import ALWAYS, BackwardSpan, CalendarError, CalendarSpec, InvalidShift, NeverOpen, OpenHours, OutsideHorizon
from tests.sla.worlds import HOUR, NEW_YORK, NINE_TO_FIVE, OFFICE, ny

DAY = 86_400
GAP_DAY, FOLD_DAY = date(2026, 3, 8), date(2026, 11, 1)


def open_on(day: date, *shifts: tuple[int, int], zone: ZoneInfo = NEW_YORK) -> OpenHours:
    """Hours of a calendar that is open on one date only."""
    return OpenHours(CalendarSpec(zone, {}, exceptions={day: shifts}), date(2026, 1, 1), date(2026, 12, 31))


def year(hours: OpenHours) -> int:
    return hours.elapsed(ny("2026-01-01 00:00"), ny("2026-12-31 00:00"))


def test_a_shift_that_starts_in_the_spring_gap_starts_at_the_transition() -> None:
    assert year(open_on(GAP_DAY, (2 * 60 + 30, 4 * 60))) == HOUR


def test_a_shift_that_ends_in_the_spring_gap_ends_at_the_transition() -> None:
    assert year(open_on(GAP_DAY, (60, 2 * 60 + 30))) == HOUR


def test_a_shift_inside_the_spring_gap_has_no_seconds_and_makes_no_business_day() -> None:
    hours = OpenHours(CalendarSpec(NEW_YORK, NINE_TO_FIVE, exceptions={GAP_DAY: [(125, 170)]}), date(2026, 1, 1), date(2026, 12, 31))
    assert hours.elapsed(ny("2026-03-08 00:00"), ny("2026-03-09 00:00")) == 0
    assert hours.business_day_due(ny("2026-03-06 10:00"), 1) == ny("2026-03-09 17:00")


def test_a_start_in_the_autumn_fold_takes_the_first_reading_and_an_end_the_second() -> None:
    assert year(open_on(FOLD_DAY, (90, 240))) == 3 * HOUR + HOUR // 2
    assert year(open_on(FOLD_DAY, (0, 90))) == 2 * HOUR + HOUR // 2
    assert year(open_on(FOLD_DAY, (75, 90))) == HOUR + HOUR // 4


def test_an_overnight_shift_belongs_to_the_day_it_starts_on() -> None:
    night = CalendarSpec(NEW_YORK, {4: [(22 * 60, 30 * 60)]}, holidays=frozenset({date(2026, 3, 14)}))
    hours = OpenHours(night, date(2026, 3, 1), date(2026, 3, 31))
    assert hours.open_between(ny("2026-03-13 00:00"), ny("2026-03-16 00:00")) == [(ny("2026-03-13 22:00"), ny("2026-03-14 06:00"))]
    assert hours.business_day_due(ny("2026-03-07 03:00"), 1) == ny("2026-03-14 06:00")


def test_the_night_before_the_first_day_built_is_known() -> None:
    spec = CalendarSpec(NEW_YORK, {4: [(22 * 60, 30 * 60)]})
    hours = OpenHours(spec, date(2026, 3, 14), date(2026, 3, 31))
    assert hours.elapsed(ny("2026-03-14 00:00"), ny("2026-03-15 00:00")) == 6 * HOUR
    assert hours.business_day_due(ny("2026-03-14 05:00"), 1) == ny("2026-03-21 06:00")


def test_an_overnight_shift_across_the_spring_night_is_an_hour_short() -> None:
    hours = open_on(date(2026, 3, 7), (22 * 60, 30 * 60))
    assert year(hours) == 7 * HOUR


def test_a_holiday_closes_its_date_and_an_exception_overrules_the_holiday() -> None:
    holiday, half_day = date(2026, 11, 26), date(2026, 11, 27)
    hours = OpenHours(
        CalendarSpec(NEW_YORK, NINE_TO_FIVE, frozenset({holiday, half_day}), {half_day: [(9 * 60, 13 * 60)]}),
        date(2026, 11, 1),
        date(2026, 11, 30),
    )
    assert hours.elapsed(ny("2026-11-26 00:00"), ny("2026-11-28 00:00")) == 4 * HOUR
    assert hours.business_day_due(ny("2026-11-25 10:00"), 1) == ny("2026-11-27 13:00")


def test_overlapping_and_touching_shifts_count_each_second_once() -> None:
    assert year(open_on(date(2026, 3, 10), (540, 720), (600, 780), (780, 840))) == 5 * HOUR


def test_receipt_at_the_cut_off_is_still_that_day_and_a_second_later_the_next() -> None:
    at_three = ny("2026-11-12 15:00")
    assert OFFICE.business_day_due(at_three, 1, 15 * 60) == ny("2026-11-13 17:00")
    assert OFFICE.business_day_due(at_three + 1, 1, 15 * 60) == ny("2026-11-16 17:00")
    both = np.array([at_three, at_three + 1], dtype=np.int64)
    assert OFFICE.business_day_due_many(both, 1, 15 * 60).tolist() == [ny("2026-11-13 17:00"), ny("2026-11-16 17:00")]


def test_receipt_on_a_day_off_counts_as_the_next_business_day() -> None:
    assert OFFICE.business_day_due(ny("2026-11-14 12:00"), 2) == ny("2026-11-18 17:00")


def test_questions_beyond_the_built_range_widen_it_without_changing_answers() -> None:
    narrow = OpenHours(OFFICE.spec, date(2026, 6, 1), date(2026, 6, 2))
    assert narrow.due(ny("2026-06-01 09:00"), 3_000 * HOUR) == OFFICE.due(ny("2026-06-01 09:00"), 3_000 * HOUR)
    assert narrow.elapsed(ny("1999-06-01 09:00"), ny("1999-06-01 12:00")) == 3 * HOUR
    assert narrow.due_many(ny("2040-06-01 09:00"), np.array([HOUR])).tolist() == [ny("2040-06-01 10:00")]


def test_a_calendar_that_never_opens_again_says_so() -> None:
    hours = open_on(date(2026, 3, 10), (540, 600))
    assert hours.due(ny("2026-03-01 00:00"), HOUR) == ny("2026-03-10 10:00")
    with pytest.raises(NeverOpen):
        hours.due(ny("2026-03-01 00:00"), HOUR + 1)
    with pytest.raises(NeverOpen):
        hours.due_many(ny("2026-03-01 00:00"), np.array([HOUR + 1]))
    with pytest.raises(NeverOpen):
        hours.business_day_due(ny("2026-03-01 00:00"), 1)


@pytest.mark.parametrize("instant", [ny("1850-01-01 00:00"), ny("2300-01-01 00:00"), 10**15])
def test_instants_outside_the_known_centuries_are_refused(instant: int) -> None:
    with pytest.raises(OutsideHorizon):
        OpenHours(OFFICE.spec).due(instant, 1)


def test_backward_spans_and_negative_amounts_are_refused_by_every_door() -> None:
    for hours in (OFFICE, ALWAYS):
        with pytest.raises(BackwardSpan):
            hours.elapsed(1_700_000_001, 1_700_000_000)
        with pytest.raises(BackwardSpan):
            hours.due(1_700_000_000, -1)
        with pytest.raises(BackwardSpan):
            hours.elapsed_many(1_700_000_001, np.array([1_700_000_000]))
        with pytest.raises(BackwardSpan):
            hours.due_many(1_700_000_000, np.array([-1]))


def test_elapsed_time_has_no_business_days() -> None:
    with pytest.raises(CalendarError, match="need a calendar"):
        ALWAYS.business_day_due(0, 1)


@pytest.mark.parametrize("shift", [(540, 540), (540, 480), (-1, 60), (1440, 1500), (600, 2881)])
def test_a_shift_that_cannot_be_is_refused(shift: tuple[int, int]) -> None:
    with pytest.raises(InvalidShift):
        CalendarSpec(NEW_YORK, {0: [shift]})


def test_a_weekday_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidShift, match="weekday 7"):
        CalendarSpec(NEW_YORK, {7: [(540, 1020)]})


def test_round_the_clock_hours_count_every_second_through_every_clock_change() -> None:
    for name in ("America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "America/Havana", "Pacific/Apia"):
        spec = CalendarSpec(ZoneInfo(name), {weekday: [(0, 1440)] for weekday in range(7)})
        hours = OpenHours(spec, date(2009, 1, 1), date(2019, 12, 31))
        start, end = ny("2010-01-01 00:00"), ny("2019-01-01 00:00")
        assert hours.open_between(start, end) == [(start, end)]


# A handful of calendars, many instants: building a year of hours is what takes time.
SOME = [
    OpenHours(CalendarSpec(ZoneInfo(name), weekly), date(2026, 1, 1), date(2026, 12, 31))
    for name in ("America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe")
    for weekly in (NINE_TO_FIVE, {n: [(22 * 60, 30 * 60)] for n in range(7)}, {2: [(60, 110), (90, 150)], 6: [(120, 125)]})
]
INSTANTS = st.integers(ny("2026-01-01 12:00"), ny("2026-12-20 12:00"))


@given(st.sampled_from(SOME), st.tuples(INSTANTS, INSTANTS, INSTANTS).map(sorted))
def test_elapsed_is_additive_and_never_longer_than_the_wall(hours: OpenHours, instants: list[int]) -> None:
    a, b, c = instants
    assert hours.elapsed(a, b) + hours.elapsed(b, c) == hours.elapsed(a, c)
    assert 0 <= hours.elapsed(a, c) <= c - a
    assert hours.elapsed(a, c) == sum(end - start for start, end in hours.open_between(a, c))


@given(st.sampled_from(SOME), INSTANTS, st.integers(1, 400 * HOUR))
def test_due_is_the_first_instant_at_which_the_amount_has_passed(hours: OpenHours, a: int, n: int) -> None:
    due = hours.due(a, n)
    assert hours.elapsed(a, due) == n
    assert hours.elapsed(a, due - 1) == n - 1


@given(st.sampled_from(SOME), INSTANTS, st.integers(0, 100 * HOUR), st.integers(0, 100 * HOUR))
def test_amounts_may_be_spent_in_two_steps(hours: OpenHours, a: int, n: int, m: int) -> None:
    assert hours.due(hours.due(a, n), m) == hours.due(a, n + m)


@given(st.sampled_from(SOME), st.lists(st.tuples(INSTANTS, st.integers(0, 60 * DAY)), max_size=8))
def test_arrays_answer_as_single_questions_do(hours: OpenHours, pairs: list[tuple[int, int]]) -> None:
    starts = np.array([a for a, _ in pairs], dtype=np.int64)
    spans = np.array([n for _, n in pairs], dtype=np.int64)
    assert hours.elapsed_many(starts, starts + spans).tolist() == [hours.elapsed(a, a + n) for a, n in pairs]
    assert hours.due_many(starts, spans // 20).tolist() == [hours.due(a, n // 20) for a, n in pairs]
    assert hours.business_day_due_many(starts, 3, 900).tolist() == [hours.business_day_due(a, 3, 900) for a, _ in pairs]


@given(st.sampled_from(SOME), INSTANTS, st.integers(1, 10))
def test_a_business_day_target_is_due_at_a_close_and_a_day_more_is_a_later_one(hours: OpenHours, a: int, n: int) -> None:
    due = hours.business_day_due(a, n)
    assert a < due < hours.business_day_due(a, n + 1)
    assert hours.elapsed(due - 1, due) == 1


def test_a_due_instant_is_the_same_moment_for_every_viewer() -> None:
    assert from_epoch(OFFICE.due(ny("2026-03-06 16:00"), 2 * HOUR)).isoformat() == "2026-03-09T14:00:00+00:00"
