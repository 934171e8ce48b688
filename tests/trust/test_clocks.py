"""Two beats, a database clock that jumps, both nights of daylight saving: no slot is taken twice, none is left out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from lpo.accounts.models import Organization
from lpo.jobs import beat
from lpo.jobs.beat import tick
from lpo.jobs.registry import Schedule
from lpo.tenancy.context import in_organization
from tests.trust.conftest import Figure
from tests.trust.house import House
from tests.trust.sizes import sizes

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OURS = [Schedule("trust.minute", 1, "Every minute"), Schedule("trust.day", 24 * 60, "Every day")]
# From a little before to a little after the change, New York: 2026-03-08 07:00 UTC and 2026-11-01 06:00 UTC.
NIGHTS = (datetime(2026, 3, 8, 7, tzinfo=UTC), datetime(2026, 11, 1, 6, tzinfo=UTC))


@pytest.fixture
def clock(house: House) -> Iterator[House]:
    """A now() before PostgreSQL's own on the search path, which tells what the test says."""
    house.sql(
        "CREATE SCHEMA clock; GRANT USAGE ON SCHEMA clock TO PUBLIC; CREATE TABLE clock.hand (at timestamptz);"
        " INSERT INTO clock.hand VALUES (pg_catalog.now()); GRANT SELECT ON clock.hand TO PUBLIC;"
        " CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM clock.hand'"
    )
    house.sql(f'ALTER DATABASE "{house.database}" SET search_path = clock, pg_catalog, public')
    house.sql(f"ALTER DATABASE \"{house.database}\" SET timezone = 'America/New_York'")
    connection.close()
    yield house


def two_beats() -> list[str]:
    """Both pulse at the same moment, each on a connection of its own."""
    barrier, taken = threading.Barrier(2), list[str]()

    def pulse() -> None:
        try:
            barrier.wait(10)
            taken.extend(tick())
        finally:
            connection.close()

    beats = [threading.Thread(target=pulse) for _ in range(2)]
    for one in beats:
        one.start()
    for one in beats:
        one.join()
    return taken


def walk(steps: int, leap: timedelta) -> list[datetime]:
    """What the clock shows: both nights minute by minute, with a leap of an hour forward and one back in the middle of each."""
    shown = []
    for night in NIGHTS:
        now = night - steps // 2 * MINUTE
        for step in range(steps):
            now += MINUTE
            now += {steps // 3: leap, 2 * steps // 3: -leap}.get(step, timedelta())
            shown.append(now)
    return shown


@sizes("steps, leap", (9, HOUR), (360, HOUR))
def test_two_beats_and_a_leaping_clock_take_each_slot_once(
    steps: int, leap: timedelta, clock: House, alder: Organization, birch: Organization, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[tuple[int, str]] = Counter()
    monkeypatch.setattr(beat, "schedules", lambda: OURS)
    monkeypatch.setattr(beat, "_enqueue_turn", lambda organization_id, schedule: asked.update([(organization_id, schedule.kind)]))
    moments = walk(steps, leap)
    taken: Counter[str] = Counter()
    for now in moments:
        clock.sql("UPDATE clock.hand SET at = %s", now)
        taken.update(two_beats())

    minutes, days = {now.replace(second=0, microsecond=0) for now in moments}, {now.date() for now in moments}
    rightful = {"trust.minute": len(minutes), "trust.day": len(days)}
    lost = sum(max(0, rightful[kind] - taken[kind]) for kind in rightful)
    doubled = sum(max(0, taken[kind] - rightful[kind]) for kind in rightful)
    figure(
        f"two beats over {len(moments)} minutes of both clock-change nights, leaps of ± 1 h",
        f"{lost} slots lost, {doubled} doubled",
        "0 extra, lost or doubled slots",
        met=(lost, doubled) == (0, 0),
    )
    assert dict(taken) == rightful
    assert asked == {(each.id, kind): count for each in (alder, birch) for kind, count in rightful.items()}
    with in_organization(alder.id):
        assert clock.one("SELECT count(*) FROM jobs_beatslot WHERE extract(second FROM slot) <> 0") == 0
