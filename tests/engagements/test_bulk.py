"""Many items at once: preview, refusals item by item, one audit event, and the whole taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engagements import actions
from engagements.actions import Change
from engagements.models import Assignment, BulkAction, BulkRow, Pause, Transition, WorkItem, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.audit.record import ids_digest
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope, in_organization
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]
HOLD: dict[str, Any] = {"party": "client", "reason": "information", "note": "Which form?"}


@contextmanager
def statements() -> Iterator[list[int]]:
    found: list[int] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found.append(len(captured))


def ids_of(*items: WorkItem) -> list[int]:
    return [item.id for item in items]


def fresh(*items: WorkItem) -> list[WorkItem]:
    return [WorkItem.objects.get(pk=item.pk) for item in items]


def test_a_preview_says_what_would_change_and_changes_nothing(in_alder: Scope, asha: Membership) -> None:
    stream = make.workstream()
    one, two, done = make.item(stream), make.item(stream, kind="enquiry"), make.item(stream, state="delivered")
    by = Actor.member(asha)
    preview = actions.preview_bulk(ids=ids_of(one, two, done), change=Change("move", to="delivered"), by=by)
    assert ([item.id for item in preview.going], preview.already) == ([one.id], 1)
    assert [(f.reference, f.reason) for f in preview.failures] == [(two.reference, "Received enquiry cannot become delivered.")]
    assert [item.state for item in fresh(one, two)] == ["received", "received"] and not BulkAction.objects.exists()


def test_what_is_done_is_kept_item_by_item_with_one_event(in_alder: Scope, asha: Membership) -> None:
    stream = make.workstream()
    one, two, other = make.item(stream), make.item(stream), make.item(stream, kind="enquiry")
    ids = ids_of(one, two, other)
    change, by = Change("move", to="in_review"), Actor.member(asha)
    digest = actions.preview_bulk(ids=ids, change=change, by=by).digest
    row = actions.run_bulk(ids=ids, change=change, by=by, digest=digest)
    assert (row.number, row.changed, row.refused, row.words) == (1, 2, 1, "Move to in review")
    kept = {each.item_id: each for each in BulkRow.objects.filter(bulk=row)}
    assert kept[other.id].refused and kept[one.id].transition == Transition.objects.filter(item=one).latest("id")
    event = Event.objects.get(action="item.move_many")
    assert (event.count, event.ids_hash) == (2, ids_digest([one.id, two.id]))
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        BulkRow.objects.update(before="")


def test_what_moved_on_since_the_preview_is_previewed_anew(in_alder: Scope, asha: Membership) -> None:
    item, by = make.item(), Actor.member(asha)
    change = Change("move", to="in_review")
    digest = actions.preview_bulk(ids=[item.id], change=change, by=by).digest
    actions.move_item(item=item, to="delivered", by=by)
    with pytest.raises(StaleVersion, match="moved on since the preview"):
        actions.run_bulk(ids=[item.id], change=change, by=by, digest=digest)


def test_whom_somebody_else_gave_it_to_meanwhile_is_not_overwritten(
    in_alder: Scope, asha: Membership, rita: Membership, cora: Membership
) -> None:
    item, by, change = make.item(), Actor.member(asha), Change("assign", member=rita)
    digest = actions.preview_bulk(ids=[item.id], change=change, by=by).digest
    actions.assign_item(item=item, by=by, member=cora)
    with pytest.raises(StaleVersion, match="moved on since the preview"):
        actions.run_bulk(ids=[item.id], change=change, by=by, digest=digest)
    item.refresh_from_db()
    assert item.assignee == cora


def test_moves_are_taken_back_but_not_of_what_moved_on(in_alder: Scope, asha: Membership) -> None:
    stream, by = make.workstream(), Actor.member(asha)
    one, two = make.item(stream), make.item(stream)
    row = actions.run_bulk(ids=ids_of(one, two), change=Change("move", to="cancelled"), by=by)
    assert [item.finished for item in fresh(one, two)] == [True, True]
    actions.move_item(item=fresh(two)[0], to="received", by=by)
    undo = actions.undo_bulk(bulk=row, by=by)
    assert (undo.changed, undo.refused, undo.words) == (1, 1, "Undo: Cancel work")
    assert BulkRow.objects.get(bulk=undo, item=two).refused == "It moved on since."
    assert [(item.state, item.finished) for item in fresh(one, two)] == [("received", False)] * 2
    assert Transition.objects.filter(item=one, reverses__isnull=False).count() == 1
    assert actions.undo_bulk(bulk=row, by=by) == undo
    with pytest.raises(Refused, match="not undone"):
        actions.undo_bulk(bulk=undo, by=by)


def test_a_wait_that_the_move_ended_goes_on_when_it_is_taken_back(in_alder: Scope, asha: Membership) -> None:
    item, by = make.item(), Actor.member(asha)
    actions.pause_item(item=item, by=by, **HOLD)
    row = actions.run_bulk(ids=[item.id], change=Change("move", to="cancelled"), by=by)
    assert not fresh(item)[0].paused
    actions.undo_bulk(bulk=row, by=by)
    assert fresh(item)[0].paused
    first, again = Pause.objects.filter(item=item).order_by("id")
    assert first.ended_at == again.started_at


def test_the_filter_by_assignee_is_not_whom_it_is_given_to(asha: Membership, rita: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        stream = make.workstream()
        make.item(stream)
        hers = make.item(stream)
        actions.assign_item(item=hers, by=make.system(), member=rita)
    data = {"do": "move", "to": "in_review", "all_matching": "1", "assignee": str(rita.pk), "give_to": "nobody"}
    preview = client_of(asha).post("/alder/work/bulk/", data).context["preview"]
    assert [item.pk for item in preview.going] == [hers.pk]


def test_the_filter_by_priority_is_not_the_one_that_is_set(asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        item = make.item(make.workstream(item_prefix="NDA"), priority="urgent")
    browser = client_of(asha)
    chosen = {"selected": [item.reference], "do": "priority", "priority": "urgent"}
    assert b'name="new_priority"' in browser.post("/alder/work/bulk/", chosen).content, "it is asked first"
    digest = browser.post("/alder/work/bulk/", {**chosen, "new_priority": "low"}).context["preview"].digest
    assert browser.post("/alder/work/bulk/", {**chosen, "new_priority": "low", "digest": digest}).status_code == 302
    with in_organization(asha.organization_id):
        assert fresh(item)[0].priority == "low"


def test_assignments_go_back_to_whom_they_were_with(in_alder: Scope, asha: Membership, rita: Membership, cora: Membership) -> None:
    stream, by = make.workstream(), Actor.member(asha)
    nobodys, ritas, stays = (make.item(stream) for _ in range(3))
    for item in (ritas, stays):
        actions.assign_item(item=item, by=by, member=rita)
    row = actions.run_bulk(ids=ids_of(nobodys, ritas, stays), change=Change("assign", member=cora), by=by)
    assert [item.assignee_id for item in fresh(nobodys, ritas)] == [cora.id] * 2
    rita.is_active = False
    rita.save(update_fields=["is_active"])
    undo = actions.undo_bulk(bulk=row, by=by)
    assert (undo.changed, undo.refused) == (1, 2)  # Rita has left: what was hers is not given back
    (item,) = fresh(nobodys)
    assert (item.assignee_id, item.state) == (None, "received")
    assert Assignment.objects.filter(item=nobodys).latest("id").member_id is None


def test_holds_are_withdrawn_and_waits_go_on(in_alder: Scope, asha: Membership) -> None:
    stream, by = make.workstream(), Actor.member(asha)
    one, two, done = make.item(stream), make.item(stream), make.item(stream, state="delivered")
    actions.pause_item(item=two, by=by, **HOLD)
    row = actions.run_bulk(ids=ids_of(one, two, done), change=Change("hold", **HOLD), by=by)
    assert (row.changed, row.already, row.refused) == (1, 1, 1)
    pause = Pause.objects.get(item=one)
    assert (pause.note, pause.contest_by is not None, fresh(one)[0].paused) == ("Which form?", True, True)
    actions.undo_bulk(bulk=row, by=by)
    assert not fresh(one)[0].paused and fresh(two)[0].paused
    resumed = actions.run_bulk(ids=ids_of(one, two), change=Change("resume"), by=by)
    assert (resumed.changed, resumed.already) == (1, 1)
    assert not fresh(two)[0].paused
    actions.undo_bulk(bulk=resumed, by=by)
    first, again = Pause.objects.filter(item=two).order_by("id")
    assert (first.ended_at, again.ended_at, fresh(two)[0].paused) == (again.started_at, None, True)


def test_priorities_are_set_and_set_back(in_alder: Scope, asha: Membership) -> None:
    stream, by = make.workstream(), Actor.member(asha)
    one, two = make.item(stream), make.item(stream, priority="urgent")
    row = actions.run_bulk(ids=ids_of(one, two), change=Change("priority", priority="urgent"), by=by)
    assert (row.changed, row.already) == (1, 1)
    actions.undo_bulk(bulk=row, by=by)
    assert [item.priority for item in fresh(one, two)] == ["standard", "urgent"]


def test_who_did_it_takes_it_back_and_resuming_only_within_minutes(in_alder: Scope, asha: Membership, olga: Membership) -> None:
    item, by = make.item(), Actor.member(asha)
    actions.pause_item(item=item, by=by, **HOLD)
    row = actions.run_bulk(ids=[item.id], change=Change("resume"), by=by)
    with pytest.raises(Refused, match="Who did it"):
        actions.undo_bulk(bulk=row, by=Actor.member(olga))
    row.at = timezone.now() - timedelta(minutes=20)
    with pytest.raises(Refused, match="more than 15 minutes"):
        actions.undo_bulk(bulk=row, by=by)


def test_roles(in_alder: Scope, rita: Membership, cora: Membership, bill: Membership) -> None:
    item = make.item()
    for who, change in ((rita, Change("assign")), (rita, Change("hold", **HOLD)), (bill, Change("move", to="delivered"))):
        with pytest.raises(NotPermitted):
            actions.run_bulk(ids=[item.id], change=change, by=Actor.member(who))
    preview = actions.preview_bulk(ids=[item.id], change=Change("move", to="delivered"), by=Actor.member(cora))
    assert [failure.reason for failure in preview.failures] == ["You may not record this."]


@pytest.mark.parametrize("kind", ["move", "assign", "hold", "priority"])
def test_three_hundred_take_as_many_statements_as_a_hundred(in_alder: Scope, asha: Membership, rita: Membership, kind: str) -> None:
    stream, by = make.workstream(), Actor.member(asha)
    change = {
        "move": Change("move", to="in_review"),
        "assign": Change("assign", member=rita),
        "hold": Change("hold", **HOLD),
        "priority": Change("priority", priority="urgent"),
    }[kind]
    first = make.item(stream)
    spent: list[tuple[int, int]] = []
    # The clocks of up to `sla.store.FEW` items are read and written in one statement each: ten take no more, and may take fewer.
    for start, count in ((0, 100), (100, 300), (400, 10)):
        ids = _copies(stream, first, start, count)
        with statements() as doing:
            row = actions.run_bulk(ids=ids, change=change, by=by)
        with statements() as undoing:
            actions.undo_bulk(bulk=row, by=by)
        assert row.changed == count
        spent.append((doing[0], undoing[0]))
    hundred, three_hundred, ten = spent
    assert hundred == three_hundred
    assert ten[0] <= hundred[0] and ten[1] <= hundred[1]


def _copies(stream: Workstream, item: WorkItem, start: int, count: int) -> list[int]:
    """Items with their first transition, made by the database."""
    columns = ", ".join(str(f.column) for f in WorkItem._meta.local_concrete_fields if f.column not in {"id", "reference", "title"})
    moves = ", ".join(str(f.column) for f in Transition._meta.local_concrete_fields if f.column not in {"id", "item_id"})
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO engagements_workitem (reference, title, {columns}) SELECT 'C-' || g, 'Copy ' || g, {columns}"
            " FROM engagements_workitem, generate_series(%s, %s) g WHERE id = %s RETURNING id",
            [start, start + count - 1, item.id],
        )
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            f"INSERT INTO engagements_transition (item_id, {moves}) SELECT n, {moves} FROM engagements_transition, unnest(%s) n"
            " WHERE item_id = %s",
            [ids, item.id],
        )
    return ids


def test_it_is_previewed_done_read_and_undone_in_the_browser(cora: Membership, client_of: SignIn) -> None:
    with in_organization(cora.organization_id):
        stream = make.workstream()
        one, done = make.item(stream, title="NDA of l'Été"), make.item(stream, kind="enquiry")
    browser, url = client_of(cora), "/alder/work/bulk/"
    data: dict[str, Any] = {"do": "hold", "selected": [one.reference, done.reference]}
    asked = browser.post(url, data)
    assert asked.status_code == 200 and "Waiting for" in asked.content.decode()
    wrong = browser.post(url, data | {"party": "moon", "reason": "information"})
    assert wrong.status_code == 422 and "Choose one." in wrong.content.decode()
    preview = browser.post(url, data | HOLD)
    assert "Put on hold for the client: 2 items" in preview.content.decode()
    assert browser.post(url, data | HOLD | {"digest": preview.context["preview"].digest}).status_code == 302
    page = browser.get("/alder/work/").content.decode()
    assert "Put on hold for the client: 2 changed." in page and f"{url}1/undo/" in page
    assert "Left alone" in browser.get(f"{url}1/").content.decode()
    assert browser.get(f"{url}1/report.csv").content.decode().splitlines()[1].startswith(one.reference)
    for _ in range(2):
        assert browser.post(f"{url}1/undo/").status_code == 302
    assert "Taken back" in browser.get(f"{url}1/").content.decode()
    assert browser.get(url).content.decode().count("Put on hold for the client") == 2
    late = browser.post(url, data | HOLD | {"digest": "0" * 64})
    assert late.status_code == 422 and "moved on since the preview" in late.content.decode()


def test_anothers_bulk_action_is_not_found(asha: Membership, cora: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        actions.run_bulk(ids=[make.item().id], change=Change("priority", priority="urgent"), by=Actor.member(asha))
    assert client_of(asha).get("/alder/work/bulk/1/").status_code == 200
    assert client_of(cora).get("/alder/work/bulk/1/").status_code == 404
