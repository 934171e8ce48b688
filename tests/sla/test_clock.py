"""Clocks: holds, cycles, explanations, and what holds for every history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.businesstime import ALWAYS, CalendarSpec, OpenHours
from sla.clock import (
    WITH_CLIENT,
    ClockError,
    ClockRule,
    Decides,
    ItemEvents,
    Party,
    Pause,
    SegmentKind,
    Target,
    Unit,
    cycles,
    evaluate,
    instant_of_use,
)
from sla.clock_arrays import NONE, PauseArrays, evaluate_many
from tests.sla.worlds import HOUR, NEW_YORK, OFFICE, business, clock, days, ny


def test_an_open_pause_holds_the_clock_with_its_remaining_time_frozen() -> None:
    pause = Pause(ny("2026-03-09 11:00"), None, reason="waiting for the annex")
    for now in ("2026-03-09 15:00", "2026-06-01 10:00"):
        held = clock("2026-03-09 09:00", business(4), pauses=(pause,), now=now)
        assert (held.on_hold, held.due, held.met, held.breached_at) == (True, None, None, None)
        assert (held.used_seconds, held.remaining_seconds) == (2 * HOUR, 2 * HOUR)
    assert held.projected_due == ny("2026-06-01 12:00")


def test_an_open_pause_that_began_after_the_target_ran_out_hides_nothing() -> None:
    pause = Pause(ny("2026-03-09 14:00"), None)
    late = clock("2026-03-09 09:00", business(4), pauses=(pause,), now="2026-03-09 15:00")
    assert (late.due, late.breached_at, late.met, late.on_hold) == (ny("2026-03-09 13:00"), ny("2026-03-09 13:00"), False, True)
    assert (late.late_seconds, late.late_open_seconds) == (2 * HOUR, HOUR)


def test_delivering_while_a_pause_is_still_open_ends_both() -> None:
    done = clock("2026-03-09 09:00", business(4), pauses=(Pause(ny("2026-03-09 11:00"), None),), stop="2026-03-11 10:00")
    assert (done.met, done.used_seconds, done.on_hold) == (True, 2 * HOUR, False)
    assert done.due == ny("2026-03-11 12:00")


def test_only_the_clients_pauses_stop_the_clock_unless_the_contract_says_more() -> None:
    pauses = tuple(
        Pause(ny(f"2026-03-09 {h}:00"), ny(f"2026-03-09 {h + 1}:00"), party) for h, party in zip((10, 11, 12), Party, strict=True)
    )
    events = ItemEvents(ny("2026-03-09 09:00"), pauses)
    used = [
        evaluate(events, ClockRule(business(40), OFFICE, stopping), ny("2026-03-09 17:00"))[0].used_seconds // HOUR
        for stopping in (frozenset({Party.CLIENT}), frozenset({Party.CLIENT, Party.THIRD_PARTY}), frozenset[Party]())
    ]
    assert used == [7, 6, 8]


def test_done_in_the_evening_of_the_due_day_is_late_by_the_wall_though_not_by_open_time() -> None:
    late = clock("2026-03-09 09:00", business(8), stop="2026-03-09 20:00")
    assert (late.met, late.late_seconds, late.late_open_seconds) == (False, 3 * HOUR, 0)


def test_done_exactly_when_due_is_met() -> None:
    assert clock("2026-03-09 09:00", business(8), stop="2026-03-09 17:00").met is True


def test_at_the_due_instant_an_open_clock_is_undecided_and_a_second_later_missed() -> None:
    events, rule, due = ItemEvents(ny("2026-03-09 09:00")), ClockRule(business(1), OFFICE), ny("2026-03-09 10:00")
    assert evaluate(events, rule, due)[0].met is None
    assert evaluate(events, rule, due + 1)[0].met is False


def test_work_received_in_the_future_has_used_nothing() -> None:
    early = clock("2026-03-09 09:00", business(2), now="2026-03-01 09:00")
    assert (early.used_seconds, early.due, early.intervals) == (0, ny("2026-03-09 11:00"), ())


def test_a_business_day_target_is_extended_by_the_open_seconds_of_a_pause() -> None:
    pause = Pause(ny("2026-11-13 10:00"), ny("2026-11-16 10:00"))
    assert clock("2026-11-12 15:00", days(2), pauses=(pause,)).due == ny("2026-11-17 17:00")


RETURNED = ItemEvents(ny("2026-03-09 09:00"), (), (ny("2026-03-09 12:00"), ny("2026-03-10 12:00")), (ny("2026-03-10 10:00"),))


def test_where_the_first_delivery_decides_a_return_starts_a_second_cycle_shown_as_rework() -> None:
    first, second = evaluate(RETURNED, ClockRule(business(4), OFFICE), ny("2026-03-20 09:00"))
    assert (first.cycle, first.used_seconds, first.met, first.rework) == (1, 3 * HOUR, True, False)
    assert (second.cycle, second.used_seconds, second.met, second.rework) == (2, 2 * HOUR, True, True)
    assert second.due == ny("2026-03-10 14:00")


def test_where_the_last_delivery_decides_the_clock_resumes_without_the_clients_holding() -> None:
    (only,) = evaluate(RETURNED, ClockRule(business(4), OFFICE, decides=Decides.LAST), ny("2026-03-20 09:00"))
    assert (only.used_seconds, only.met, only.stopped) == (5 * HOUR, False, ny("2026-03-10 12:00"))
    assert only.due == ny("2026-03-10 11:00")
    assert [p.reason for s in only.intervals if s.kind is SegmentKind.PAUSED for p in s.pauses] == [WITH_CLIENT, WITH_CLIENT]


def test_a_return_after_its_window_closed_no_longer_reopens_the_clock() -> None:
    rule = ClockRule(business(4), OFFICE, decides=Decides.LAST, closed_at=ny("2026-03-10 09:00"))
    first, second = evaluate(RETURNED, rule, ny("2026-03-20 09:00"))
    assert (first.met, first.used_seconds, second.started) == (True, 3 * HOUR, ny("2026-03-10 10:00"))


@pytest.mark.parametrize(
    ("stops", "returns", "expected"),
    [
        ((), (), [(0, None)]),
        ((5, 6), (), [(0, 5)]),
        ((), (5,), [(0, None)]),
        ((5,), (3, 7), [(0, 5), (7, None)]),
        ((5, 6, 9), (7, 8), [(0, 5), (7, 9)]),
        ((5,), (5,), [(0, 5), (5, None)]),
        ((5, 10), (10,), [(0, 5), (10, 10)]),
        ((-3, 4), (), [(0, 4)]),
    ],
)
def test_deliveries_and_returns_alternate(stops: tuple[int, ...], returns: tuple[int, ...], expected: list[tuple[int, int | None]]) -> None:
    assert [(c.started, c.stopped) for c in cycles(ItemEvents(0, (), stops, returns))] == expected


def test_the_explanation_names_every_stretch_and_why_it_counted() -> None:
    client = Pause(ny("2026-03-06 16:30"), ny("2026-03-09 09:30"), reason="client's answer")
    ours = Pause(ny("2026-03-09 10:00"), ny("2026-03-09 10:15"), Party.PROVIDER, "our system was down")
    result = clock("2026-03-06 16:00", business(4), pauses=(client, ours), now="2026-03-09 11:00")
    told = [(s.kind.value, s.seconds // 60, [p.reason for p in s.pauses]) for s in result.intervals]
    assert told == [
        ("running", 30, []),
        ("paused", 30, ["client's answer"]),
        ("closed", 63 * 60, ["client's answer"]),
        ("paused", 30, ["client's answer"]),
        ("running", 30, []),
        ("running", 15, ["our system was down"]),
        ("running", 45, []),
    ]
    assert result.share_used == Fraction(2, 4)


def test_three_quarters_of_a_target_are_reached_at_an_instant_of_their_own() -> None:
    pause = Pause(ny("2026-03-09 10:00"), ny("2026-03-09 11:00"))
    assert instant_of_use(OFFICE, ny("2026-03-09 09:00"), [pause], 3 * HOUR) == ny("2026-03-09 13:00")
    assert instant_of_use(OFFICE, ny("2026-03-09 09:00"), [Pause(pause.start, None)], 3 * HOUR) is None


def test_impossible_facts_are_refused() -> None:
    with pytest.raises(ClockError, match="cannot be met"):
        Target(0, Unit.ELAPSED)
    with pytest.raises(ClockError, match="before its start"):
        Pause(10, 9)
    row = np.array([10], dtype=np.int64)
    wrong = PauseArrays(row, row - 1, np.array([0, 1]))
    for stopped, pauses in ((row - 1, PauseArrays.none(1)), (row, wrong), (row, PauseArrays.none(2))):
        with pytest.raises(ClockError):
            evaluate_many(target=business(1), hours=OFFICE, started=row, stopped=stopped, pauses=pauses, now=20)


def test_no_rows_are_no_clocks() -> None:
    none = np.zeros(0, dtype=np.int64)
    for target in (business(1), days(1)):
        found = evaluate_many(target=target, hours=OFFICE, started=none, stopped=none, pauses=PauseArrays.none(0), now=0)
        assert len(found.due) == len(found.met) == 0


START = ny("2026-03-04 00:00")
OFFSETS = st.integers(0, 12 * 24 * 60).map(lambda minutes: minutes * 60)
PAUSES = st.lists(
    st.builds(lambda a, n, party: Pause(START + a, START + a + n, party), OFFSETS, OFFSETS, st.sampled_from(list(Party))), max_size=4
).map(tuple)
NIGHTS = OpenHours(CalendarSpec(NEW_YORK, {n: [(20 * 60, 29 * 60)] for n in range(7)}), date(2026, 1, 1), date(2026, 12, 31))
RULES = st.builds(
    ClockRule,
    st.one_of(
        st.builds(Target, st.integers(1, 200_000), st.sampled_from([Unit.ELAPSED, Unit.BUSINESS])),
        st.builds(Target, st.integers(1, 5), st.just(Unit.BUSINESS_DAYS), st.sampled_from([None, 900])),
    ),
    st.sampled_from([OFFICE, NIGHTS]),
    st.sampled_from([frozenset({Party.CLIENT}), frozenset(Party)]),
    st.sampled_from(list(Decides)),
)
HISTORIES = st.builds(
    lambda a, pauses, stops, returns: ItemEvents(START + a, pauses, tuple(START + s for s in stops), tuple(START + r for r in returns)),
    OFFSETS,
    PAUSES,
    st.lists(OFFSETS, max_size=2),
    st.lists(OFFSETS, max_size=1),
)
NOWS = OFFSETS.map(lambda offset: START + offset + 600)


@given(HISTORIES, RULES, NOWS)
def test_the_explanation_adds_up_to_the_figures(events: ItemEvents, rule: ClockRule, now: int) -> None:
    for result in evaluate(events, rule, now):
        ends = [s.end for s in result.intervals]
        assert [s.start for s in result.intervals] == [result.started, *ends][: len(ends)]
        assert sum(s.seconds for s in result.intervals if s.kind is SegmentKind.RUNNING) == result.used_seconds
        assert sum(s.seconds for s in result.intervals if s.kind is SegmentKind.PAUSED) == result.paused_seconds
        if result.stopped is not None:
            assert sum(s.seconds for s in result.intervals) == result.stopped - result.started


@given(HISTORIES, RULES, NOWS, NOWS)
def test_a_finished_cycle_never_depends_on_when_it_is_evaluated(events: ItemEvents, rule: ClockRule, now: int, later: int) -> None:
    for one, other in zip(evaluate(events, rule, now), evaluate(events, rule, later), strict=True):
        if one.stopped is not None:
            assert one == other
        else:
            assert (one.due, one.budget_seconds) == (other.due, other.budget_seconds)


@given(HISTORIES, RULES, NOWS)
def test_repeating_splitting_and_reordering_pauses_changes_nothing(events: ItemEvents, rule: ClockRule, now: int) -> None:
    pieces = []
    for pause in events.pauses:
        assert pause.end is not None
        middle = (pause.start + pause.end) // 2
        pieces += [replace(pause, start=middle), replace(pause, end=middle)]
    same = replace(events, pauses=(*reversed(pieces), *events.pauses))
    assert evaluate(same, rule, now, explain=False) == evaluate(events, rule, now, explain=False)


@given(HISTORIES, NOWS, st.integers(1, 200_000), st.integers(0, 11), st.integers(0, 15 * HOUR), st.integers(1, 15 * HOUR))
def test_a_pause_outside_hours_changes_nothing(events: ItemEvents, now: int, amount: int, day: int, after: int, length: int) -> None:
    closing, opening = ny(f"2026-03-{day + 4:02} 17:00"), ny(f"2026-03-{day + 5:02} 09:00")
    night = Pause(min(closing + after, opening), min(closing + after + length, opening))
    rule = ClockRule(Target(amount, Unit.BUSINESS), OFFICE)
    paused = replace(events, pauses=(*events.pauses, night))
    # That it is on hold at the instant asked about is told all the same.
    figures = [replace(result, on_hold=False) for result in evaluate(paused, rule, now, explain=False)]
    assert figures == [replace(result, on_hold=False) for result in evaluate(events, rule, now, explain=False)]


@given(HISTORIES, RULES, NOWS)
def test_the_due_instant_is_where_the_used_seconds_reach_the_target(events: ItemEvents, rule: ClockRule, now: int) -> None:
    for result in evaluate(events, rule, now, explain=False):
        if result.due is not None and result.stopped is None:
            at_due = evaluate(events, rule, result.due, explain=False)[result.cycle - 1]
            just_before = evaluate(events, rule, result.due - 1, explain=False)[result.cycle - 1]
            assert (at_due.used_seconds, just_before.used_seconds) == (result.budget_seconds, result.budget_seconds - 1)
        if result.stopped is not None:
            assert result.due is not None
            assert result.met is (result.stopped <= result.due)


@given(st.lists(HISTORIES, max_size=6), RULES, NOWS)
def test_arrays_equal_single_clocks(histories: list[ItemEvents], rule: ClockRule, now: int) -> None:
    rows = [(events, cycle) for events in histories for cycle in cycles(events, rule.decides)]
    found = evaluate_many(
        target=rule.target,
        hours=rule.hours,
        started=np.array([c.started for _, c in rows], dtype=np.int64),
        stopped=np.array([NONE if c.stopped is None else c.stopped for _, c in rows], dtype=np.int64),
        pauses=PauseArrays.of([[*c.holds, *(p for p in e.pauses if p.party in rule.stopping)] for e, c in rows]),
        now=now,
    )
    singles = [result for events in histories for result in evaluate(events, rule, now, explain=False)]
    assert found.due.tolist() == [NONE if r.due is None else r.due for r in singles]
    assert found.used.tolist() == [r.used_seconds for r in singles]
    assert found.met.tolist() == [-1 if r.met is None else int(r.met) for r in singles]


def test_each_row_may_have_an_amount_of_its_own() -> None:
    start = np.full(2, ny("2026-03-09 09:00"), dtype=np.int64)
    open_ = np.full(2, NONE, dtype=np.int64)
    amounts = np.array([HOUR, 2 * HOUR], dtype=np.int64)
    found = evaluate_many(
        target=business(8), hours=OFFICE, started=start, stopped=open_, pauses=PauseArrays.none(2), now=int(start[0]), amounts=amounts
    )
    assert found.due.tolist() == [ny("2026-03-09 10:00"), ny("2026-03-09 11:00")]


def test_a_pause_holds_from_its_first_second_up_to_but_without_its_end() -> None:
    start, pause_start, pause_end = ny("2026-03-09 09:00"), ny("2026-03-09 10:00"), ny("2026-03-09 11:00")
    events, rule = ItemEvents(start, (Pause(pause_start, pause_end),)), ClockRule(business(4), OFFICE)
    row, open_ = np.array([start], dtype=np.int64), np.array([NONE], dtype=np.int64)
    pauses = PauseArrays.of([events.pauses])
    for now, held in ((pause_start - 1, False), (pause_start, True), (pause_end - 1, True), (pause_end, False)):
        many = evaluate_many(target=rule.target, hours=OFFICE, started=row, stopped=open_, pauses=pauses, now=now)
        assert evaluate(events, rule, now)[0].on_hold is held
        assert many.on_hold.tolist() == [held]


def test_elapsed_targets_need_no_calendar() -> None:
    assert ClockRule(Target(1, Unit.ELAPSED), OFFICE).running_hours is ALWAYS
