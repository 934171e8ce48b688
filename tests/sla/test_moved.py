"""Items that one action moves have the clocks that the general projection gives each of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engagements import actions, transitions
from engagements.models import WorkItem
from lpo.tenancy.context import Scope
from sla import moved, projection
from sla.models import Clock, DirtyWindow
from tests import make as work
from tests.sla import make
from tests.sla.conftest import WallClock

pytestmark = pytest.mark.django_db
START = datetime(2026, 2, 25, 3, tzinfo=UTC)


def stored() -> list[dict[str, Any]]:
    return [{**row, "computed_at": None} for row in Clock.objects.order_by("item_id", "level_id", "cycle").values()]


@pytest.mark.parametrize("to", ["in_review", "delivered", "cancelled"])
@pytest.mark.parametrize("few", [0, 64])
def test_moving_many_gives_the_clocks_that_moving_each_gives(
    in_alder: Scope, now: WallClock, monkeypatch: pytest.MonkeyPatch, to: str, few: int
) -> None:
    now.is_at("2026-03-10 11:30")
    monkeypatch.setattr(projection, "FEW", few)
    chance, stream = random.Random(to), work.workstream()  # noqa: S311
    make.level(stream)
    work.item_types(stream, standard="standard NDA", mutual="mutual NDA")
    make.level(stream, name="Urgent", priority="urgent", target=3600)
    make.level(stream, name="Mutual", item_types=["mutual"], target=5400)
    make.business_level(stream, name="Office", hours=30, decides="last")
    make.level(stream, name="Begun", kind="response", item_kind="work", stop_state="in_review", target=7200)
    made = []
    for _ in range(24):
        received = START + timedelta(seconds=chance.randrange(13 * 86400))
        code = chance.choice([None, "standard", "mutual"])
        item = work.item(stream, received_at=received, priority=chance.choice(["standard", "urgent"]), type=code)
        if chance.random() < 0.3:
            actions.pause_item(item=item, by=work.system(), party="client", reason="information", note="asked")
            item.refresh_from_db()
            if chance.random() < 0.5:
                actions.resume_item(item=item, by=work.system())
        elif chance.random() < 0.3:
            item = actions.move_item(item=item, to="delivered", by=work.system())
            actions.move_item(item=item, to="returned", by=work.system())
        made.append(item.id)
    now.is_at("2026-03-10 12:00")
    DirtyWindow.objects.all().delete()
    outcome = actions.move_items(ids=made, to=to, by=work.system())
    assert len(outcome.changed) > 18
    dirty = set(DirtyWindow.objects.values_list("level_id", "window_start"))
    together = stored()
    now.is_at("2026-03-10 12:00")
    projection.refresh(made)
    assert stored() == together
    ended = Clock.objects.filter(item_id__in=outcome.changed, stopped_at__isnull=False)
    assert dirty >= set(ended.values_list("level_id", "window_start"))
    states = WorkItem.objects.filter(id__in=outcome.changed).order_by("id").values("state", "paused", "finished", "first_delivered_at")
    told = list(states)
    transitions.project(outcome.changed)
    assert list(states.all()) == told


def test_plain_items_are_told_from_those_that_need_a_closer_look(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 12:00")
    stream = work.workstream()
    make.level(stream)
    plain, paused, delivered, cancelled = (make.item(stream, "2026-03-09 09:00", title=f"Item {n}") for n in range(4))
    actions.pause_item(item=paused, by=work.system(), party="provider", reason="internal", note="", at=None)
    actions.move_item(item=delivered, to="delivered", by=work.system())
    actions.move_item(item=cancelled, to="cancelled", by=work.system())
    ids = [plain.id, paused.id, delivered.id, cancelled.id]
    instant = int(now.is_at("2026-03-09 13:00").timestamp())
    left, windows = moved.write_clocks(ids, "delivered", instant, instant)
    assert left == ids[1:]
    assert len(windows) == 1
    clock = make.clock(plain)
    assert (clock.used_seconds, clock.late_seconds) == (4 * 3600, 0)
    make.accuracy_level(stream)
    assert moved.write_clocks(ids, "accepted", instant, instant) == (ids, set()), "checks are counted by deliveries"


def test_items_without_levels_need_no_look(in_alder: Scope, now: WallClock) -> None:
    now.is_at("2026-03-09 12:00")
    item = make.item(work.workstream(), "2026-03-09 09:00")
    assert moved.write_clocks([item.id], "delivered", 0, 0) == ([], set())
