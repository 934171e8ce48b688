"""Many items at once come out as each would alone, from evaluation to the stored row."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engagements import states
from lpo.core.localtime import to_epoch
from lpo.tenancy.context import Scope
from sla import store
from sla.clock import Party, Pause
from sla.clockrows import ClockRow, project
from sla.facts import Facts, ItemFacts, StoredClock, read
from sla.models import CalendarVersion, Clock, ServiceLevel, ServiceLevelVersion
from tests.sla import make
from tests.sla.conftest import WallClock

START = to_epoch(datetime(2026, 2, 20, tzinfo=UTC))
HOUR = 3600
OFFICE = CalendarVersion(
    pk=1,
    number=1,
    time_zone="America/New_York",
    weekly={str(day): [[540, 1020]] for day in range(5)},
    holidays=["2026-03-10"],
    exceptions={},
)
# As if it were stored: the open hours of a proposed version are built anew for every question.
OFFICE._state.adding = False


def version(pk: int, level: int, **fields: object) -> ServiceLevelVersion:
    plain: dict[str, object] = {
        "number": pk,
        "effective_from": date(2020, 1, 1),
        "item_kind": states.WORK,
        "unit": "elapsed",
        "target": 24 * HOUR,
        "stop_state": states.DELIVERED,
        "decides": "first",
        "pausing_parties": ["client"],
        "expected_percent": Decimal(95),
        "window": "month",
        "time_zone": "America/New_York",
    }
    return ServiceLevelVersion(pk=pk, level=ServiceLevel(pk=level, workstream_id=1, kind="turnaround"), **(plain | fields))


VERSIONS = {
    1: [version(1, 1), version(2, 1, effective_from=date(2026, 3, 1), target=8 * HOUR)],
    2: [version(3, 2, unit="business", target=4 * HOUR, calendar_version=OFFICE, time_zone="Europe/London")],
    3: [version(4, 3, unit="business_days", target=2, calendar_version=OFFICE, decides="last", window="quarter")],
    4: [version(5, 4, pausing_parties=["client", "third_party"], priority="urgent")],
    5: [version(6, 5, item_types={"mutual": "mutual NDA", "msa": "MSA"})],
}


@st.composite
def items(draw: st.DrawFn) -> ItemFacts:
    """One item with a plausible or implausible life."""
    pk = draw(st.integers(1, 10**6))
    received = START + draw(st.integers(0, 40 * 24)) * HOUR + draw(st.integers(0, 3599))
    moves, at = [(states.RECEIVED, received)], received
    for to in draw(st.lists(st.sampled_from(sorted(states.MOVES[states.WORK])), max_size=6)):
        at += draw(st.integers(0, 60 * HOUR))
        moves.append((to, at))
    pauses = []
    for _ in range(draw(st.integers(0, 3))):
        begin = received + draw(st.integers(-10 * HOUR, 90 * HOUR))
        length = draw(st.one_of(st.none(), st.integers(0, 70 * HOUR)))
        pauses.append(Pause(begin, None if length is None else begin + length, draw(st.sampled_from(list(Party))), "information"))
    priority = draw(st.sampled_from(["standard", "urgent"]))
    code = draw(st.sampled_from([None, "standard", "mutual", "msa"]))
    return ItemFacts(pk, 1, 1, 1, states.WORK, priority, "", received, tuple(moves), tuple(pauses), code)


def facts_of(found: list[ItemFacts], chance: random.Random) -> Facts:
    unique = {item.id: item for item in found}
    excluded = {(level, item) for item in unique for level in VERSIONS if chance.random() < 0.2}
    stored = {(item, 1, 1): StoredClock(item, 1, START - START % 86400) for item in unique if chance.random() < 0.3}
    closed = {(3, to_epoch(datetime(2026, 1, 1, 5, tzinfo=UTC))): START + 900 * HOUR}
    return Facts(list(unique.values()), VERSIONS, {1: list(VERSIONS)}, stored, excluded, closed)


@settings(max_examples=150, deadline=None)
@given(st.lists(items(), min_size=1, max_size=12), st.integers(0, 2**32), st.integers(0, 70 * 24))
def test_the_arrays_give_what_one_by_one_gives(found: list[ItemFacts], seed: int, hours: int) -> None:
    facts, now = facts_of(found, random.Random(seed)), START + hours * HOUR  # noqa: S311
    singly = project(facts, now, few=10**9)
    together = project(facts, now, few=0)
    assert sorted(map(key, together)) == sorted(map(key, singly))


def key(row: ClockRow) -> tuple[tuple[int, int, int], str]:
    return row.key, repr(row)


@settings(max_examples=100, deadline=None)
@given(st.lists(items(), min_size=1, max_size=4), st.integers(0, 70 * 24), st.integers(0, 30 * 24))
def test_a_finished_clock_does_not_depend_on_when_it_is_looked_at(found: list[ItemFacts], hours: int, later: int) -> None:
    facts = facts_of(found, random.Random(1))  # noqa: S311
    last = max(at for item in facts.items for _, at in item.moves)
    earlier, after = (project(facts, max(last, START + hours * HOUR) + extra * HOUR) for extra in (0, later))
    finished = {row.key: row for row in earlier if row.stopped is not None or row.cancelled}
    assert finished == {row.key: row for row in after if row.key in finished}


@pytest.mark.django_db
def test_both_ways_of_writing_store_the_same_rows(in_alder: Scope, now: WallClock) -> None:
    instant = now.is_at("2026-03-10 12:00")
    level = make.business_level(hours=8)
    made = [
        make.item(level.level.workstream, "2026-03-09 09:00", paused=[("2026-03-09 10:00", None)]),
        make.item(level.level.workstream, "2026-03-09 09:30", delivered="2026-03-10 11:00"),
        make.item(level.level.workstream, "2026-03-09 09:45"),
    ]
    singly = list(Clock.objects.order_by("item_id").values())
    facts = read([item.id for item in made])
    rows = project(facts, to_epoch(instant))
    Clock.objects.all().delete()
    for _ in range(2):
        store.replace_clocks(facts, rows, to_epoch(instant), few=0)
    together = list(Clock.objects.order_by("item_id").values())
    assert [{**row, "id": 0} for row in together] == [{**row, "id": 0} for row in singly]
