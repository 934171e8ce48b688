"""Moves, pauses, assignments and their undoing; the database's projection agrees with the history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engagements import actions, events, states
from engagements.actions.timing import business_days_after
from engagements.models import Assignment, Matter, Pause, Transition, WorkItem
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope, scoped
from tests import make

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[events.Changed]:
    found: list[events.Changed] = []
    monkeypatch.setattr(events, "subscribers", [found.append])
    return found


def history(item: WorkItem) -> list[tuple[str, str]]:
    return [(t.from_state, t.to_state) for t in Transition.objects.filter(item=item).effective()]


def test_an_item_begins_received_and_is_referenced_by_its_prefix(in_alder: Scope, heard: list[events.Changed]) -> None:
    workstream = make.workstream(item_prefix="NDA")
    first, second = make.item(workstream), make.item(workstream)
    assert (first.reference, second.reference) == ("NDA-0001", "NDA-0002")
    assert (first.state, history(first)) == (states.RECEIVED, [("", "received")])
    assert [change.item_ids for change in heard] == [[first.id], [second.id]]


def test_delivering_is_remembered_the_first_time_and_finishes_the_item(in_alder: Scope) -> None:
    item = make.item(received_at=timezone.now() - 5 * HOUR)
    item = actions.move_item(item=item, to="in_review", by=make.system(), at=timezone.now() - 4 * HOUR, reason="tracker was down")
    item = actions.move_item(item=item, to="delivered", by=make.system())
    first = item.first_delivered_at
    assert item.finished and first is not None
    item = actions.move_item(item=item, to="returned", by=make.system(), reason="wrong template")
    assert not item.finished
    item = actions.move_item(item=item, to="delivered", by=make.system())
    assert item.first_delivered_at == first
    assert [to for _, to in history(item)] == ["received", "in_review", "delivered", "returned", "delivered"]


def test_a_double_click_moves_once(in_alder: Scope) -> None:
    item = make.item()
    version = item.version
    for _ in range(2):
        actions.move_item(item=item, to="delivered", by=make.system(), version=version)
    assert len(history(item)) == 2


def test_a_move_from_a_page_that_is_out_of_date_is_refused(in_alder: Scope) -> None:
    item = make.item()
    actions.move_item(item=item, to="in_review", by=make.system())
    with pytest.raises(StaleVersion) as stale:
        actions.move_item(item=item, to="cancelled", by=make.system(), version=1)
    assert (stale.value.theirs, stale.value.yours) == ({"state": "in_review"}, {"state": "cancelled"})


def test_the_table_alone_says_where_an_item_can_go(in_alder: Scope) -> None:
    item = make.item()
    with pytest.raises(Refused, match="Received work cannot become accepted"):
        actions.move_item(item=item, to="accepted", by=make.system())


def test_when_it_happened_is_not_the_future_nor_before_what_preceded_it_and_explained_when_late(in_alder: Scope) -> None:
    now = timezone.now()
    item = make.item(received_at=now - 3 * HOUR)
    for at, reason, field in [(now + HOUR, "", "at"), (now - 4 * HOUR, "late", "at"), (now - HOUR, "", "reason")]:
        with pytest.raises(Refused) as refusal:
            actions.move_item(item=item, to="delivered", by=make.system(), at=at, reason=reason)
        assert refusal.value.field == field
    item = actions.move_item(item=item, to="delivered", by=make.system(), at=now - HOUR, reason="entered in the morning")
    assert item.first_delivered_at == now - HOUR


def test_undo_appends_a_row_and_the_projection_forgets_both(in_alder: Scope) -> None:
    item = make.item()
    item = actions.move_item(item=item, to="delivered", by=make.system())
    item = actions.undo_last_move(item=item, by=make.system(), reason="wrong item")
    assert (item.state, item.finished, item.first_delivered_at) == ("received", False, None)
    assert Transition.objects.filter(item=item).count() == 3
    assert history(item) == [("", "received")]
    with pytest.raises(Refused, match="no move"):
        actions.undo_last_move(item=item, by=make.system())
    item = actions.move_item(item=item, to="in_review", by=make.system())
    assert history(item) == [("", "received"), ("received", "in_review")]


def test_assigning_received_work_makes_it_assigned_and_taking_it_back_received(in_alder: Scope, rita: Membership) -> None:
    item = actions.assign_item(item=make.item(), by=make.system(), member=rita)
    assert (item.state, item.assignee_id) == ("assigned", rita.id)
    item = actions.move_item(item=item, to="received", by=make.system())
    assert (item.state, item.assignee_id) == ("received", None)
    assert list(Assignment.objects.filter(item=item).order_by("id").values_list("member_id", flat=True)) == [rita.id, None]


def test_nobody_outside_gets_work(in_alder: Scope, ben: Membership, carla: Membership, rita: Membership) -> None:
    rita.is_active = False
    rita.save()
    for person in (ben, carla, rita):
        with pytest.raises(Refused, match="active member of staff"):
            actions.assign_item(item=make.item(), by=make.system(), member=person)


def test_a_wall_keeps_people_out_of_assignments_and_hides_the_matter(in_alder: Scope, asha: Membership, rita: Membership) -> None:
    item = make.item()
    matter = Matter.objects.get(pk=item.matter_id)
    actions.raise_wall(matter=matter, by=Actor.member(asha))
    with pytest.raises(Refused, match="outside the wall"):
        actions.assign_item(item=item, by=make.system(), member=rita)
    assert actions.assign_item(item=item, by=make.system(), member=asha).assignee_id == asha.id
    with scoped(Scope(in_alder.organization_id, hidden_matters=(matter.id,))):
        assert not WorkItem.objects.exists()


def test_a_pause_holds_until_resumed_and_twice_is_once(in_alder: Scope, heard: list[events.Changed]) -> None:
    item = make.item()
    heard.clear()
    for _ in range(2):
        actions.pause_item(item=item, by=make.system(), party="client", reason="information", note="Who signs?")
    item.refresh_from_db()
    assert item.paused
    assert Pause.objects.count() == 1
    assert len(actions.resume_item(item=item, by=make.system())) == 1
    assert actions.resume_item(item=item, by=make.system()) == []
    item.refresh_from_db()
    assert len(heard) == 2
    assert not WorkItem.objects.get(pk=item.pk).paused


def test_delivery_ends_the_pause_at_its_instant(in_alder: Scope) -> None:
    item = make.item()
    pause = actions.pause_item(item=item, by=make.system(), party="client", reason="signature")
    assert pause is not None
    item = actions.move_item(item=item, to="delivered", by=make.system())
    pause.refresh_from_db()
    assert pause.ended_at == item.first_delivered_at and not item.paused


def test_a_contest_is_dropped_by_the_client_or_the_pause_withdrawn(in_alder: Scope, asha: Membership, sam: Membership) -> None:
    pauses = []
    for _ in range(2):
        pause = actions.pause_item(item=make.item(), by=Actor.member(asha), party="client", reason="access")
        assert pause is not None and pause.contest_by is not None
        actions.contest_pause(pause=pause, by=Actor.member(sam), note="Access was open")
        pauses.append(pause)
    with pytest.raises(Refused) as refusal:
        actions.resolve_contest(pause=pauses[0], by=Actor.member(asha), upheld=True, note="log shows 403")
    assert refusal.value.field == "message"
    stands = actions.resolve_contest(pause=pauses[0], by=Actor.member(sam), upheld=True, note="log shows 403")
    falls = actions.resolve_contest(pause=pauses[1], by=Actor.member(asha), upheld=False, note="agreed")
    assert (stands.contested_at, stands.contest_by, stands.withdrawn_at) == (None, None, None)
    assert stands.contest_note == "Access was open Upheld: log shows 403"
    assert falls.withdrawn_at is not None
    assert not WorkItem.objects.get(pk=falls.item_id).paused
    assert WorkItem.objects.get(pk=stands.item_id).paused


def test_contest_days_skip_weekends() -> None:
    assert business_days_after(date(2026, 11, 20), 1) == date(2026, 11, 23)
    assert business_days_after(date(2026, 11, 20), 5) == date(2026, 11, 27)


def test_a_coordinator_schedules_but_does_not_deliver_and_billing_does_neither(in_alder: Scope, cora: Membership, bill: Membership) -> None:
    item = make.item(by=Actor.member(cora))
    with pytest.raises(NotPermitted):
        actions.move_item(item=item, to="delivered", by=Actor.member(cora))
    assert actions.move_item(item=item, to="cancelled", by=Actor.member(cora)).state == "cancelled"
    with pytest.raises(NotPermitted):
        actions.move_item(item=item, to="received", by=Actor.member(bill))


def test_a_reviewer_does_not_record_what_the_client_decided(in_alder: Scope, rita: Membership, sam: Membership) -> None:
    item = make.item(state="delivered")
    with pytest.raises(NotPermitted):
        actions.move_item(item=item, to="accepted", by=Actor.member(rita))
    assert actions.move_item(item=item, to="accepted", by=Actor.member(sam)).state == "accepted"


def test_another_time_of_receipt_restates_the_beginning_with_a_reason(in_alder: Scope) -> None:
    received = datetime(2026, 3, 2, 15, tzinfo=UTC)
    item = make.item(received_at=received)
    item = actions.move_item(item=item, to="delivered", by=make.system(), at=received + HOUR, reason="as recorded")
    with pytest.raises(Refused) as refusal:
        actions.update_item(item=item, by=make.system(), version=item.version, received_at=received - HOUR)
    assert refusal.value.field == "reason"
    with pytest.raises(Refused, match="before this"):
        actions.update_item(item=item, by=make.system(), version=item.version, received_at=received + 2 * HOUR, reason="typo")
    item = actions.update_item(
        item=item, by=make.system(), version=item.version, received_at=received - HOUR, reason="mail came earlier", quantity=Decimal(3)
    )
    assert (item.received_at, item.state, item.quantity) == (received - HOUR, "delivered", Decimal(3))
    first = Transition.objects.filter(item=item).effective()[0]
    assert (first.from_state, first.at) == ("", received - HOUR)


def test_bulk_moves_do_what_can_be_done_and_report_the_rest(in_alder: Scope, heard: list[events.Changed]) -> None:
    workstream = make.workstream()
    fresh, done, cancelled = make.item(workstream), make.item(workstream, state="delivered"), make.item(workstream, state="cancelled")
    heard.clear()
    outcome = actions.move_items(ids=[fresh.id, done.id, cancelled.id], to="delivered", by=make.system())
    assert (outcome.changed, outcome.already) == ([fresh.id], 1)
    assert [(f.reference, f.reason) for f in outcome.failures] == [(cancelled.reference, "Cancelled work cannot become delivered.")]
    assert [list(change.item_ids) for change in heard] == [[fresh.id]]
    event = Event.objects.get(action="item.move_many")
    assert (event.count, len(event.ids_hash)) == (1, 64)
    again = actions.move_items(ids=[fresh.id, done.id], to="delivered", by=make.system())
    assert (again.changed, again.already) == ([], 2)


def test_bulk_assignment_costs_the_same_for_any_number(in_alder: Scope, rita: Membership, django_assert_max_num_queries: object) -> None:
    costs = []
    for n in (2, 40):
        workstream = make.workstream()
        ids = [make.item(workstream).id for _ in range(n)]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            outcome = actions.assign_items(ids=ids, member=rita, by=make.system())
        costs.append(len(queries))
        assert len(outcome.changed) == n
        assert set(WorkItem.objects.filter(id__in=ids).values_list("state", flat=True)) == {"assigned"}
    assert costs[0] == costs[1]


def test_no_row_of_another_organization_is_touched(in_alder: Scope, ben: Membership) -> None:
    item = make.item()
    with scoped(Scope(ben.organization_id)):
        outcome = actions.move_items(ids=[item.id], to="delivered", by=Actor.member(ben))
    assert (outcome.changed, outcome.already, outcome.failures) == ([], 0, [])


def test_the_form_shows_a_quantity_as_people_write_it(
    in_alder: Scope, asha: Membership, client_of: Callable[[Membership], Browser]
) -> None:
    for quantity, shown in (("1", "1"), ("2.500", "2.5"), ("1200", "1200")):
        item = make.item(quantity=Decimal(quantity))
        text = client_of(asha).get(f"/alder/work/{item.reference}/edit/").content.decode()
        assert f'name="quantity" value="{shown}"' in text


@pytest.mark.parametrize("kind", states.KINDS)
def test_an_open_state_is_one_that_finishes_no_kind(kind: str) -> None:
    """The queue of one workstream counts by state what its list shows by whether it is finished."""
    assert {state for state in states.MOVES[kind] if state not in states.FINISHED[kind]} == states.MOVES[kind].keys() & states.OPEN
