"""The first clocks of many new items, by columns, are those the general projection makes of each."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from engagements.events import Changed
from engagements.models import WorkItem, Workstream
from lpo.core.localtime import to_epoch
from lpo.tenancy.context import Scope
from sla import fresh, projection
from sla.models import Clock, DirtyWindow
from tests import make as work
from tests.sla import make
from tests.sla.conftest import WallClock

pytestmark = pytest.mark.django_db


def stored() -> list[dict[str, Any]]:
    return [{**row, "id": 0} for row in Clock.objects.order_by("item_id", "level_id").values()]


def new_items(stream: Workstream, chance: random.Random, count: int = 40) -> list[int]:
    start = datetime(2025, 12, 20, 3, tzinfo=UTC)
    made = []
    for _ in range(count):
        fields: dict[str, Any] = {"priority": chance.choice(["standard", "urgent"]), "type": chance.choice([None, "standard", "mutual"])}
        fields |= chance.choice([{}, {"kind": "enquiry"}, {"kind": "error", "severity": chance.choice(["critical", "minor"])}])
        received = start + timedelta(seconds=chance.randrange(60 * 86400), microseconds=chance.randrange(10**6))
        made.append(work.item(stream, received_at=received, **fields).id)
    return made


def test_columns_give_the_clocks_that_one_by_one_gives(in_alder: Scope, now: WallClock) -> None:
    instant = now.is_at("2026-03-10 12:00")
    stream = work.workstream()
    work.item_types(stream, standard="standard NDA", mutual="mutual NDA")
    office = make.calendar()
    make.level(stream, effective_from=date(2026, 1, 1))
    make.level(stream, name="Urgent", priority="urgent", target=3600)
    make.level(stream, name="Mutual", item_types=["mutual"], target=5400)
    make.business_level(stream, name="Office", hours=6, calendar_version=office, decides="last")
    make.business_level(stream, name="Days", days=2, calendar_version=office, window="quarter")
    make.level(stream, name="Answers", kind="response", item_kind="enquiry", stop_state="answered", target=7200)
    make.level(stream, name="Errors", kind="error_resolution", item_kind="error", severity="critical", stop_state="corrected")
    ids = new_items(stream, random.Random(7))  # noqa: S311
    singly, dirty = stored(), set(DirtyWindow.objects.values_list("level_id", "window_start"))
    assert len({row["level_id"] for row in singly}) == 7
    Clock.objects.all().delete()
    windows = fresh.write_clocks(ids, to_epoch(instant))
    assert stored() == singly
    assert windows is not None
    assert windows == {(level, to_epoch(start)) for level, start in dirty}


def test_a_level_that_stops_at_the_beginning_is_left_to_the_general_projection(in_alder: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = work.workstream()
    version = make.level(stream)
    item = work.item(stream)
    Clock.objects.all().delete()
    version.stop_state = "assigned"  # no action writes one; a version of an older release could hold it
    monkeypatch.setattr(fresh, "versions_of", lambda streams: {version.level_id: [version]})
    assert fresh.write_clocks([item.id], to_epoch(item.created_at)) is None
    assert not Clock.objects.exists()


def test_a_level_that_was_switched_off_takes_no_new_clocks(in_alder: Scope) -> None:
    stream = work.workstream()
    level = make.level(stream).level
    level.active = False
    level.save(update_fields=["active"])
    item = work.item(stream)
    assert not Clock.objects.exists()
    assert fresh.write_clocks([item.id], to_epoch(item.created_at)) == set()
    assert WorkItem.objects.count() == 1
    assert not Clock.objects.exists()


def test_few_new_items_go_the_general_way(in_alder: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = work.workstream()
    make.level(stream)
    item = work.item(stream)
    Clock.objects.all().delete()
    monkeypatch.setattr(fresh, "write_clocks", lambda *_: pytest.fail("a handful needs no arrays"))
    projection.on_changed(Changed(stream.organization_id, [item.id], fresh=True))
    assert Clock.objects.count() == 1
