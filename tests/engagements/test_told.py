"""Whoever is told that facts of an item changed reads them while nobody else can change them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from engagements import actions, events
from engagements.actions import history_imports, history_loading
from engagements.models import LateEntry, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make

HOUR = timedelta(hours=1)


@contextmanager
def a_neighbour(organization_id: int) -> Iterator[Callable[[Sequence[int]], list[int]]]:
    """A second connection of the application: which of these items it could take hold of now."""
    second = connection.copy()
    with closing(second), second.cursor() as cursor:
        cursor.execute("SELECT set_config('lpo.organization_id', %s, false)", [str(organization_id)])

        def free(ids: Sequence[int]) -> list[int]:
            cursor.execute("SELECT id FROM engagements_workitem WHERE id = ANY (%s) FOR UPDATE SKIP LOCKED", [list(ids)])
            return [row[0] for row in cursor.fetchall()]

        yield free


def load_log(stream: Workstream, *lines: str) -> None:
    content = "\n".join(["case,when,status", *lines, ""]).encode()
    statuses = {"Open": "received", "Active": "in_review", "Done": "delivered"}
    mapping = {"columns": {"item": "case", "at": "when", "status": "status"}, "statuses": statuses, "zone": "UTC", "dates": "iso"}
    batch = actions.upload_file(workstream=stream, by=make.system(), purpose="history", content=content, file_name="log.csv")
    batch = actions.map_columns(batch=batch, by=make.system(), mapping=mapping)
    list(history_imports.check_history(batch))
    batch = actions.confirm_import(batch=batch, by=make.system())
    list(history_loading.load_history(batch, {}, make.system()))


@pytest.mark.django_db(transaction=True)
def test_items_are_held_while_their_changes_are_told(
    asha: Membership, olga: Membership, rita: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, alder = Actor.member(asha), asha.organization_id
    told: list[int] = []
    loose: list[str] = []

    def act(name: str, do: Callable[[], Any]) -> Any:
        """In a transaction of its own, as a request has it."""
        with in_organization(alder), a_neighbour(alder) as free:

            def listen(changed: events.Changed) -> None:
                told.extend(changed.item_ids)
                loose.extend(name for _ in free(changed.item_ids))

            monkeypatch.setattr(events, "subscribers", [listen])
            count = len(told)
            result = do()
            monkeypatch.setattr(events, "subscribers", [])
            assert len(told) > count, f"{name} told nobody"
        return result

    monkeypatch.setattr(events, "subscribers", [])
    with in_organization(alder):
        stream = make.workstream()
    item = act("create", lambda: make.item(stream, received_at=timezone.now() - 5 * HOUR, source="log", external_id="A"))
    with in_organization(alder):
        ids = [item.pk, make.item(stream).pk]

    def current() -> WorkItem:
        row: WorkItem = WorkItem.objects.get(pk=item.pk)
        return row

    act("update", lambda: actions.update_item(item=current(), by=by, version=current().version, title="Renamed"))
    act("assign", lambda: actions.assign_item(item=current(), by=by, member=rita))
    act("move", lambda: actions.move_item(item=current(), to="in_review", by=by))
    act("undo", lambda: actions.undo_last_move(item=current(), by=by))
    pause = act("pause", lambda: actions.pause_item(item=current(), by=by, party="client", reason="documents"))
    act("resume", lambda: actions.resume_item(item=current(), by=by))
    act("withdraw", lambda: actions.withdraw_pause(pause=pause, by=by, note="by mistake"))
    with in_organization(alder):
        reason: dict[str, Any] = {"note": "asked by phone", "reason": "documents", "party": "client"}
        actions.pause_item(item=current(), by=by, at=timezone.now() - HOUR, **reason)
        late = LateEntry.objects.get()
    act("late", lambda: actions.approve_late(entry=late, by=Actor.member(olga)))
    act("resume late", lambda: actions.resume_item(item=current(), by=by))
    act("assign many", lambda: actions.assign_items(ids=ids, member=None, by=by))
    bulk = act("bulk", lambda: actions.run_bulk(ids=ids, change=actions.Change("priority", priority="urgent"), by=by))
    act("undo bulk", lambda: actions.undo_bulk(bulk=bulk, by=by))
    plan: dict[str, Any] = {"ids": ids, "members": [rita], "by": by}
    with in_organization(alder):
        digest = actions.plan_distribution(**plan).digest
    act("distribute", lambda: actions.distribute_items(**plan, digest=digest))
    rows: list[dict[str, Any]] = [
        {"external_id": "A", "title": "Anew", "assignee": ""},
        {"external_id": "B", "title": "New", "received_at": timezone.now()},
    ]
    act("by API", lambda: actions.upsert_items(by=by, workstream=stream, rows=rows, source="log"))
    with in_organization(alder):
        other = make.workstream(stream.matter)
    act("log", lambda: load_log(other, "I-1,2026-01-01T10:00:00Z,Open"))
    act("fuller log", lambda: load_log(other, "I-1,2026-01-01T10:00:00Z,Open", "I-1,2026-01-02T10:00:00Z,Active"))
    assert loose == []
