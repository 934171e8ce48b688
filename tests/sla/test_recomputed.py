"""Clocks computed anew column by column are those that the general projection gives, item by item."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engagements import actions
from engagements.models import WorkItem, Workstream
from engagements.queries import types_of
from lpo.core.errors import Refused
from lpo.core.localtime import to_epoch
from lpo.tenancy.context import Scope
from sla import fresh, projection, recomputed
from sla.actions import close_window, exclude_item
from sla.models import Clock, ServiceLevel, ServiceLevelVersion
from tests import make as work
from tests.sla import make
from tests.sla.conftest import WallClock

pytestmark = pytest.mark.django_db
START = datetime(2026, 2, 25, 3, tzinfo=UTC)
MOVES = ["assigned", "in_review", "quality_check", "delivered", "returned", "accepted", "cancelled"]


def stored(level: ServiceLevel) -> list[dict[str, Any]]:
    return [{**row, "id": 0, "computed_at": None} for row in Clock.objects.filter(level=level).order_by("item_id", "cycle").values()]


def lives(stream: Workstream, chance: random.Random, count: int) -> list[int]:
    """Items of several types that went back and forth, waited, were taken back, excluded or cancelled."""
    ids = []
    if not types_of(stream.pk):
        work.item_types(stream, standard="standard NDA", mutual="mutual NDA", msa="MSA")
    for _ in range(count):
        at = START + timedelta(seconds=chance.randrange(9 * 86400))
        code = chance.choice([None, "standard", "mutual", "msa"])
        item = work.item(stream, received_at=at, priority=chance.choice(["standard", "urgent"]), type=code)
        for _ in range(chance.randrange(6)):
            at += timedelta(seconds=chance.randrange(20 * 3600))
            to = chance.choice(MOVES if chance.random() < 0.4 else ["delivered", "returned"])
            try:
                item = actions.move_item(item=item, to=to, by=work.system(), at=at, reason="as recorded")
            except Refused:
                continue
        if chance.random() < 0.4 and not item.finished:
            party = chance.choice(["client", "third_party", "provider"])
            begun = at + timedelta(seconds=chance.randrange(7200))
            actions.pause_item(item=item, by=work.system(), party=party, reason="other", note="asked", at=begun)
            item.refresh_from_db()
            if chance.random() < 0.7:
                actions.resume_item(item=item, by=work.system(), at=begun + timedelta(hours=chance.randrange(1, 30)))
        ids.append(item.id)
    return ids


def both_ways(level: ServiceLevel, ids: list[int], *, repin: bool) -> tuple[list[dict[str, Any]], int]:
    """What the general projection stores, after asserting that the columns store the same over whatever stood. And how many they left."""
    before = list(Clock.objects.filter(level=level).values())
    versions = fresh.versions_of({level.workstream_id})[level.pk]
    left, windows = recomputed.write_clocks(level, versions, ids, NOW, repin=repin)
    projection.refresh(left, repin=repin, level_ids=[level.pk])
    together = stored(level)
    assert windows <= set(fresh_windows(level)) | {(level.pk, to_epoch(row["window_start"])) for row in before}
    Clock.objects.filter(level=level).delete()
    Clock.objects.bulk_create([Clock(**row) for row in before])
    projection.refresh(ids, repin=repin, level_ids=[level.pk])
    assert together == stored(level)
    return together, len(left)


def fresh_windows(level: ServiceLevel) -> list[tuple[int, int]]:
    return [(level.pk, to_epoch(start)) for start in Clock.objects.filter(level=level).values_list("window_start", flat=True)]


NOW = to_epoch(datetime(2026, 3, 10, 16, tzinfo=UTC))


@pytest.mark.parametrize("seed", range(3))
def test_any_lives_give_the_clocks_that_each_alone_gives(in_alder: Scope, now: WallClock, seed: int) -> None:
    now.is_at("2026-03-10 12:00")
    chance, stream = random.Random(seed), work.workstream()  # noqa: S311
    work.item_types(stream, standard="standard NDA", mutual="mutual NDA", msa="MSA")
    versions = [
        make.level(stream, name="First"),
        make.level(stream, name="Urgent", priority="urgent", target=3600),
        make.level(stream, name="Mutual and MSA", item_types=["mutual", "msa"], target=5400),
        make.business_level(stream, name="Office", hours=30, decides="last"),
        make.level(stream, name="Begun", kind="response", item_kind="work", stop_state="in_review", target=7200),
        make.level(stream, name="Anybody", pausing_parties=["client", "third_party"], target=20 * 3600),
    ]
    ids = lives(stream, chance, 30)
    for item in WorkItem.objects.filter(id__in=ids[::7]):
        exclude_item(level=versions[0].level, item=item, reason="Agreed with the client", by=work.system())
    for version in versions:
        whole, left = both_ways(version.level, ids, repin=False)
        assert 0 < left < len(ids)
        assert any(row["stopped_at"] is None for row in whole) and any(row["stopped_at"] for row in whole)
        Clock.objects.filter(level=version.level).delete()
        assert both_ways(version.level, ids, repin=False)[0] == whole
    assert Clock.objects.filter(cycle__gte=2).exists() and Clock.objects.filter(paused_seconds__gt=0).exists()


@pytest.mark.parametrize("repin", [False, True])
@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("decides", ["first", "last"])
def test_a_new_version_takes_what_it_may(in_alder: Scope, now: WallClock, repin: bool, active: bool, decides: str) -> None:
    now.is_at("2026-03-10 12:00")
    chance, stream = random.Random(7), work.workstream()  # noqa: S311
    first = make.level(stream, decides=decides)
    ids = lives(stream, chance, 24)
    Clock.objects.filter(item_id__in=ids[::6]).delete()
    later = {**{field.attname: getattr(first, field.attname) for field in first._meta.concrete_fields}, "id": None, "number": 2}
    ServiceLevelVersion.objects.create(**later | {"effective_from": date(2026, 3, 1), "target": 3600})
    ServiceLevel.objects.update(active=active)
    level = ServiceLevel.objects.get()
    whole, _ = both_ways(level, ids, repin=repin)
    assert len({row["level_version_id"] for row in whole}) == (2 if repin or active else 1)


def test_a_closed_window_keeps_the_clocks_it_counted(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-10 12:00")
    stream = work.workstream()
    version = make.level(stream, decides="last")
    level, ids = version.level, lives(stream, random.Random(3), 24)  # noqa: S311
    make.counted(version)
    february = Clock.objects.filter(window_start=datetime(2026, 2, 1, 5, tzinfo=UTC))
    assert february.exists()
    close_window(level=level, window_start=datetime(2026, 2, 1, 5, tzinfo=UTC), by=work.system())
    kept = set(february.values_list("item_id", "cycle"))
    # Facts that would count them elsewhere.
    WorkItem.objects.filter(id__in=ids).update(received_at=datetime(2026, 3, 5, tzinfo=UTC))
    both_ways(level, ids, repin=False)
    assert set(february.values_list("item_id", "cycle")) == kept


def test_a_level_whose_clock_starts_later_is_left_to_the_general_projection(in_alder: Scope) -> None:
    assert not recomputed.able([make.level(start_state="assigned")])
    assert not recomputed.able([])
