"""The clock engine against a second-by-second oracle, over zones, both clock-change nights, holidays, pauses and overnight shifts."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sla.businesstime import CalendarSpec, OpenHours
from sla.clock import ClockRule, Decides, ItemEvents, Party, Pause, Target, Unit, cycles, evaluate
from sla.clock_arrays import NONE, PauseArrays, evaluate_many
from tests.sla.oracle import DAY, Oracle, OracleAnswer, answer

# A first day shortly before a clock change, for each zone both nights; São Paulo and its midnight changes are history.
NIGHTS = [
    ("America/New_York", date(2026, 3, 2)),
    ("America/New_York", date(2026, 10, 26)),
    ("Europe/London", date(2026, 3, 23)),
    ("Europe/London", date(2026, 10, 19)),
    ("Asia/Kolkata", date(2026, 3, 2)),
    ("Australia/Lord_Howe", date(2026, 3, 30)),
    ("Australia/Lord_Howe", date(2026, 9, 28)),
    ("America/Sao_Paulo", date(2018, 10, 29)),
    ("America/Sao_Paulo", date(2018, 2, 12)),
]
DAYS = 34
# A calendar open half an hour a day needs two months for the longest target.
ORACLE_DAYS = 75
PROOF = os.environ.get("LPO_PROOF") == "1"


@dataclass(frozen=True)
class Case:
    """One item under one target, with what both sides need to answer."""

    events: ItemEvents
    target: Target
    stopping: frozenset[Party]
    decides: Decides
    now: int


def a_shift(chance: random.Random) -> tuple[int, int]:
    start = chance.choice([0, 60, 90, 120, 135, 150, 180, 480, 540, 780, 1320, 1380]) + chance.choice([0, 0, 7])
    return start, start + chance.choice([30, 45, 60, 240, 480, 600, 1440])


def a_calendar(chance: random.Random, zone: ZoneInfo, first: date) -> CalendarSpec:
    weekly = {
        weekday: [a_shift(chance) for _ in range(chance.choice([1, 1, 2]))] for weekday in range(7) if weekday < 5 or chance.random() < 0.6
    }
    dates = [first + timedelta(days=i) for i in range(DAYS)]
    holidays = frozenset(chance.sample(dates, 2))
    exceptions = {day: [a_shift(chance)] if chance.random() < 0.7 else [] for day in chance.sample(dates, 2)}
    return CalendarSpec(zone, weekly, holidays, exceptions)


def a_case(chance: random.Random, near: int) -> Case:
    """An item received within the first ten days, so that every due instant lies inside the oracle's days."""

    def instant() -> int:
        return near + chance.randrange(10 * DAY)

    started = instant()
    pauses = []
    for _ in range(chance.choice([0, 1, 2, 3])):
        begin = started + chance.randrange(-DAY, 4 * DAY)
        end = None if chance.random() < 0.15 else begin + chance.choice([0, 60, 3_600, chance.randrange(2 * DAY)])
        pauses.append(Pause(begin, end, chance.choice(list(Party))))
    stops = tuple(started + chance.randrange(5 * DAY) for _ in range(chance.choice([0, 1, 1, 2])))
    returns = tuple(started + chance.randrange(5 * DAY) for _ in range(chance.choice([0, 0, 1])))
    unit = chance.choice(list(Unit))
    amount = (
        chance.choice([1, 2, 3]) if unit is Unit.BUSINESS_DAYS else chance.choice([1, 1_800, 14_400, 28_800, chance.randrange(1, 100_000)])
    )
    cutoff = chance.choice([None, None, 900, 1_020, 1_500]) if unit is Unit.BUSINESS_DAYS else None
    stopping = chance.choice([frozenset({Party.CLIENT}), frozenset(Party)])
    return Case(
        ItemEvents(started, tuple(pauses), stops, returns),
        Target(amount, unit, cutoff),
        stopping,
        chance.choice(list(Decides)),
        started + chance.randrange(6 * DAY),
    )


def by_oracle(oracle: Oracle, case: Case) -> list[OracleAnswer]:
    """One answer per cycle. Splitting into cycles has tests of its own; here its cycles only tell what to walk."""
    answers = []
    for cycle in cycles(case.events, case.decides):
        elapsed = case.target.unit is Unit.ELAPSED
        counts = np.ones(oracle.length, dtype=np.bool_) if elapsed else oracle.open
        budget = case.target.amount
        if case.target.unit is Unit.BUSINESS_DAYS:
            close = oracle.business_day_close(cycle.started, case.target.amount, case.target.cutoff_minute)
            budget = int(np.count_nonzero(counts[cycle.started - oracle.origin : close - oracle.origin]))
        stopping = [(p.start, p.end) for p in case.events.pauses if p.party in case.stopping] + [(p.start, p.end) for p in cycle.holds]
        answers.append(answer(counts, oracle.origin, cycle.started, cycle.stopped, stopping, budget, case.now))
    return answers


def worlds(seed: int, count: int) -> Iterator[tuple[random.Random, CalendarSpec, OpenHours, Oracle]]:
    for i in range(count):
        chance = random.Random(seed * 10_000 + i)  # noqa: S311 -- repeatable cases, no secrets
        name, first = NIGHTS[i % len(NIGHTS)]
        spec = a_calendar(chance, ZoneInfo(name), first)
        # Narrow on purpose, so that the horizon widens on its own under test.
        hours = OpenHours(spec, first + timedelta(days=5), first + timedelta(days=8))
        yield chance, spec, hours, Oracle(spec.zone, spec.weekly, spec.holidays, spec.exceptions, first, ORACLE_DAYS)


def compare(seed: int, calendars: int, cases_each: int) -> int:
    compared = 0
    for chance, spec, hours, oracle in worlds(seed, calendars):
        for number in range(cases_each):
            case = a_case(chance, oracle.origin + 4 * DAY)
            rule = ClockRule(case.target, hours, case.stopping, case.decides)
            found = evaluate(case.events, rule, case.now, explain=False)
            got = [OracleAnswer(r.due, r.used_seconds, r.paused_seconds, r.breached_at, r.met) for r in found]
            assert got == by_oracle(oracle, case), f"seed {seed}, {spec}, case {number}: {case}"
            compared += 1
    return compared


def test_a_thousand_random_clocks_equal_the_oracle() -> None:
    assert compare(seed=1, calendars=36, cases_each=28) == 1_008


@pytest.mark.proof
@pytest.mark.skipif(not PROOF, reason="full-sized run, set LPO_PROOF=1")
def test_a_hundred_thousand_random_clocks_equal_the_oracle(record_property: Callable[[str, object], None]) -> None:
    compared = sum(compare(seed, calendars=90, cases_each=112) for seed in range(2, 12))
    assert compared == 100_800
    name = f"clocks of {compared:,} random cases against a second-by-second oracle: zones with both clock-change nights, holidays, pauses"
    record_property("figure", {"name": name, "measured": "0 differ", "goal": "equal", "met": True})


def test_arrays_equal_the_scalar_clock_row_by_row() -> None:
    for chance, _, hours, oracle in worlds(seed=50, count=18):
        cases = [a_case(chance, oracle.origin + 4 * DAY) for _ in range(60)]
        for target in (Target(20_000, Unit.ELAPSED), Target(20_000, Unit.BUSINESS), Target(2, Unit.BUSINESS_DAYS, 900)):
            compare_arrays(target, hours, cases, now=cases[0].now)


def compare_arrays(target: Target, hours: OpenHours, cases: list[Case], now: int) -> None:
    rows = [(case, cycle) for case in cases for cycle in cycles(case.events, case.decides)]
    got = evaluate_many(
        target=target,
        hours=hours,
        started=np.array([cycle.started for _, cycle in rows], dtype=np.int64),
        stopped=np.array([NONE if cycle.stopped is None else cycle.stopped for _, cycle in rows], dtype=np.int64),
        pauses=PauseArrays.of([[*cycle.holds, *(p for p in case.events.pauses if p.party in case.stopping)] for case, cycle in rows]),
        now=now,
    )
    expected = [
        result
        for case in cases
        for result in evaluate(case.events, ClockRule(target, hours, case.stopping, case.decides), now, explain=False)
    ]
    assert got.budget.tolist() == [r.budget_seconds for r in expected]
    assert got.due.tolist() == [NONE if r.due is None else r.due for r in expected]
    assert got.used.tolist() == [r.used_seconds for r in expected]
    assert got.paused.tolist() == [r.paused_seconds for r in expected]
    assert got.remaining.tolist() == [r.remaining_seconds for r in expected]
    assert got.breached_at.tolist() == [NONE if r.breached_at is None else r.breached_at for r in expected]
    assert got.late.tolist() == [r.late_seconds for r in expected]
    assert got.late_open.tolist() == [r.late_open_seconds for r in expected]
    assert got.met.tolist() == [-1 if r.met is None else int(r.met) for r in expected]
    assert got.on_hold.tolist() == [r.on_hold for r in expected]
