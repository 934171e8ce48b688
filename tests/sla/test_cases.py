"""The worked cases of service levels, each read as its row: New York, Mon–Fri 9–17, business time unless said."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from lpo.core.localtime import to_epoch
from lpo.core.periods import Cycle, period_at
from sla.attain import ClockFact, percent, score
from sla.clock import Pause, Target, Unit, reproject
from sla.statistics import clopper_pearson, measured_rate, under_limit
from tests.sla.worlds import HOUR, NEW_YORK, business, clock, days, ny


def test_friday_1600_plus_two_hours_is_monday_1000_after_the_clocks_went_forward() -> None:
    result = clock("2026-03-06 16:00", business(2))
    assert result.due == to_epoch(datetime.fromisoformat("2026-03-09T14:00:00Z"))
    assert result.due - result.started == 65 * HOUR


def test_a_start_at_closing_time_counts_from_the_next_opening() -> None:
    assert clock("2026-03-06 17:00", business(1)).due == ny("2026-03-09 10:00")


def test_eight_hours_from_opening_are_due_at_closing_time_not_next_morning() -> None:
    assert clock("2026-03-09 09:00", business(8)).due == ny("2026-03-09 17:00")


def test_a_pause_over_the_weekend_moves_the_due_instant_by_its_open_hours() -> None:
    pause = Pause(ny("2026-03-06 16:30"), ny("2026-03-09 09:30"))
    result = clock("2026-03-06 16:00", business(4), pauses=(pause,), now="2026-03-09 10:00")
    assert result.due == ny("2026-03-09 13:00")
    assert result.used_seconds == HOUR


def test_overlapping_pauses_count_once() -> None:
    pauses = (Pause(ny("2026-03-09 10:00"), ny("2026-03-09 12:00")), Pause(ny("2026-03-09 11:00"), ny("2026-03-09 13:00")))
    assert clock("2026-03-09 09:00", business(40), pauses=pauses, now="2026-03-09 17:00").used_seconds == 5 * HOUR


@pytest.mark.parametrize("evaluator_ran", ["2026-03-09 09:55", "2026-03-09 10:05"])
def test_done_at_1003_when_due_at_1000_is_missed_by_180_seconds_whenever_the_evaluator_ran(evaluator_ran: str) -> None:
    result = clock("2026-03-09 09:00", business(1), stop="2026-03-09 10:03", now=evaluator_ran)
    assert (result.met, result.late_seconds) == (False, 180)


def test_a_goal_cut_from_8_to_4_hours_after_5_is_met_when_pinned_and_missed_and_flagged_when_retroactive() -> None:
    pinned = clock("2026-03-09 09:00", business(8), stop="2026-03-09 16:00")
    retroactive = reproject(pinned, clock("2026-03-09 09:00", business(4), stop="2026-03-09 16:00"), edited_at=ny("2026-03-09 14:00"))
    assert pinned.met is True
    assert (retroactive.result.met, retroactive.flagged) == (False, True)


def test_36_met_of_38_finished_and_2_due_and_open_is_36_of_40() -> None:
    march = period_at(date(2026, 3, 1), Cycle.MONTH, 0, NEW_YORK)
    due = ny("2026-03-20 12:00")
    met, late, open_ = ClockFact(due, due - HOUR), ClockFact(due, due + HOUR), ClockFact(due, None)
    excluded = ClockFact(due, due - HOUR, excluded=True)
    facts = [met] * 36 + [late] * 2 + [open_] * 2 + [excluded] * 3
    measured = score(facts, march.start, march.end, now=ny("2026-04-02 09:00"))
    assert (measured.numerator, measured.denominator, measured.excluded, measured.total) == (36, 40, 3, 43)
    assert measured.fraction == Fraction(90, 100)
    assert percent(measured.fraction) == Decimal("90.00")
    assert percent(Fraction(36, 38)) == Decimal("94.74")


def test_a_window_without_cases_is_not_measured() -> None:
    nothing = score([], 0, 1, now=2)
    assert (nothing.fraction, nothing.reaches(Fraction(95, 100))) == (None, None)


def test_due_in_november_and_done_in_december_is_novembers_miss_and_absent_from_december() -> None:
    november, december = (period_at(date(2026, 11, 1), Cycle.MONTH, k, NEW_YORK) for k in (0, 1))
    fact = ClockFact(ny("2026-11-30 16:00"), ny("2026-12-01 10:00"))
    now = ny("2026-12-05 09:00")
    assert score([fact], november.start, november.end, now).missed == 1
    assert score([fact], december.start, december.end, now).total == 0


def test_two_business_days_are_due_at_closing_time_and_receipt_after_it_counts_as_the_next_day() -> None:
    assert clock("2026-11-12 15:00", days(2)).due == ny("2026-11-16 17:00")
    assert clock("2026-11-12 17:30", days(2)).due == ny("2026-11-17 17:00")


def test_sixteen_business_hours_are_not_two_business_days() -> None:
    assert clock("2026-11-12 15:00", business(16)).due == ny("2026-11-16 15:00")


def test_elapsed_hours_ignore_the_calendar() -> None:
    assert clock("2026-03-06 16:00", Target(24 * HOUR, Unit.ELAPSED)).due == ny("2026-03-07 16:00")


def test_three_errors_in_400_meet_under_1_percent_but_do_not_show_it() -> None:
    rate, interval, strength = measured_rate(3, 400), clopper_pearson(3, 400), under_limit(3, 400, 0.01)
    assert rate is not None
    assert interval is not None
    assert rate < Fraction(1, 100)
    assert percent(rate) == Decimal("0.75")
    assert (round(interval.low * 100, 2), round(interval.high * 100, 2)) == (0.15, 2.18)
    assert (strength.shown, strength.more_clean) == (False, 373)
