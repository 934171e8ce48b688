"""What is written down more than 15 minutes late counts once a second person has approved it, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from engagements import actions, events
from engagements.models import ClientDecision, LateEntry, Pause, Transition, WorkItem
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def item(in_alder: Scope) -> WorkItem:
    return make.item(received_at=timezone.now() - 5 * HOUR)


def the_entry() -> LateEntry:
    entry: LateEntry = LateEntry.objects.get()
    return entry


def test_a_late_move_changes_nothing_until_somebody_else_approves_it(
    item: WorkItem, asha: Membership, olga: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[events.Changed] = []
    monkeypatch.setattr(events, "subscribers", [heard.append])
    at = timezone.now() - 2 * HOUR
    for _ in range(2):
        item = actions.move_item(item=item, to="delivered", by=Actor.member(asha), at=at, reason="the tracker was down")
    assert (item.state, Transition.objects.filter(item=item).count(), heard) == ("received", 1, [])
    with pytest.raises(Refused, match="Somebody else"):
        actions.approve_late(entry=the_entry(), by=Actor.member(asha))
    entry = actions.approve_late(entry=the_entry(), by=Actor.member(olga))
    item.refresh_from_db()
    assert (item.state, item.first_delivered_at) == ("delivered", at)
    assert [change.item_ids for change in heard] == [[item.id]]
    row = entry.transition
    assert row is not None and (row.at, row.by_label, row.recorded_at) == (at, "Asha Rao", entry.recorded_at)
    actions.approve_late(entry=entry, by=Actor.member(olga))
    assert Transition.objects.filter(item=item).count() == 2


def test_within_a_quarter_of_an_hour_one_person_suffices(item: WorkItem, asha: Membership) -> None:
    at = timezone.now() - timedelta(minutes=14)
    assert actions.move_item(item=item, to="delivered", by=Actor.member(asha), at=at).first_delivered_at == at


def test_a_late_pause_needs_a_note_and_a_second_person(item: WorkItem, cora: Membership, asha: Membership) -> None:
    at = timezone.now() - 2 * HOUR
    with pytest.raises(Refused) as refusal:
        actions.pause_item(item=item, by=Actor.member(cora), party="client", reason="documents", at=at)
    assert refusal.value.field == "note"
    by = Actor.member(cora)
    assert actions.pause_item(item=item, by=by, party="client", reason="documents", note="asked by phone", at=at) is None
    assert not Pause.objects.exists()
    with pytest.raises(NotPermitted):
        actions.approve_late(entry=the_entry(), by=Actor.member(cora))
    actions.approve_late(entry=the_entry(), by=Actor.member(asha))
    pause = Pause.objects.get()
    assert (pause.started_at, pause.by_label, WorkItem.objects.get().paused) == (at, "Cora Núñez", True)
    assert pause.contest_by is not None and pause.recorded_at == the_entry().recorded_at


def test_a_wait_that_ended_earlier_ends_now_and_earlier_once_approved(item: WorkItem, asha: Membership, olga: Membership) -> None:
    began = timezone.now() - 4 * HOUR
    actions.pause_item(item=item, by=make.system(), party="client", reason="access", note="asked", at=began)
    earlier = timezone.now() - HOUR
    actions.resume_item(item=item, by=Actor.member(asha), at=earlier)
    ended = Pause.objects.get().ended_at
    assert ended is not None and ended > earlier and not WorkItem.objects.get().paused
    actions.approve_late(entry=the_entry(), by=Actor.member(olga))
    assert Pause.objects.get().ended_at == earlier


def test_another_time_of_receipt_is_late_too(item: WorkItem, asha: Membership, olga: Membership) -> None:
    received, later = item.received_at, timezone.now() - HOUR
    item = actions.update_item(item=item, by=Actor.member(asha), version=item.version, received_at=later, reason="the mail came later")
    assert item.received_at == received
    actions.approve_late(entry=the_entry(), by=Actor.member(olga))
    item.refresh_from_db()
    assert item.received_at == later


def test_a_refused_entry_never_counts_and_says_why(item: WorkItem, asha: Membership, olga: Membership) -> None:
    actions.move_item(item=item, to="delivered", by=Actor.member(asha), at=timezone.now() - HOUR, reason="forgot")
    with pytest.raises(Refused) as refusal:
        actions.refuse_late(entry=the_entry(), by=Actor.member(olga), note=" ")
    assert refusal.value.field == "note"
    actions.refuse_late(entry=the_entry(), by=Actor.member(olga), note="The log says otherwise")
    with pytest.raises(Refused, match="refused already"):
        actions.approve_late(entry=the_entry(), by=Actor.member(olga))
    item.refresh_from_db()
    assert (item.state, the_entry().decision_note) == ("received", "The log says otherwise")


def test_what_no_longer_fits_is_not_approved(item: WorkItem, asha: Membership, olga: Membership) -> None:
    actions.move_item(item=item, to="in_review", by=Actor.member(asha), at=timezone.now() - HOUR, reason="forgot")
    actions.move_item(item=item, to="delivered", by=Actor.member(asha))
    with pytest.raises(Refused, match="refuse this entry"):
        actions.approve_late(entry=the_entry(), by=Actor.member(olga))


def test_a_late_decision_of_the_client_keeps_its_message_until_it_counts(item: WorkItem, asha: Membership, olga: Membership) -> None:
    actions.move_item(item=item, to="delivered", by=make.system(), at=timezone.now() - 3 * HOUR, reason="as recorded")
    message = make.message(item)
    actions.move_item(item=item, to="accepted", by=Actor.member(asha), at=timezone.now() - HOUR, message=message)
    assert not ClientDecision.objects.exists()
    actions.approve_late(entry=the_entry(), by=Actor.member(olga))
    decision = ClientDecision.objects.get()
    assert (decision.source, decision.message, decision.by_label) == ("provider", message, "Asha Rao")


def test_the_attorneys_own_word_waits_for_nobody_of_the_provider(item: WorkItem, sam: Membership) -> None:
    actions.move_item(item=item, to="delivered", by=make.system(), at=timezone.now() - 3 * HOUR, reason="as recorded")
    item = actions.move_item(item=item, to="returned", by=Actor.member(sam), at=timezone.now() - HOUR, reason="Clause 4")
    assert item.state == "returned"


def test_many_at_once_are_not_backdated(item: WorkItem, asha: Membership) -> None:
    outcome = actions.move_items(ids=[item.id], to="delivered", by=Actor.member(asha), at=timezone.now() - HOUR, reason="forgot")
    assert outcome.changed == [] and "second person" in outcome.failures[0].reason


def test_the_database_knows_the_second_person_and_leaves_decided_entries_alone(item: WorkItem, asha: Membership, olga: Membership) -> None:
    actions.move_item(item=item, to="delivered", by=Actor.member(asha), at=timezone.now() - HOUR, reason="forgot")
    own = {"state": "approved", "decided_at": timezone.now(), "decided_by_id": asha.id}
    with pytest.raises(DatabaseError, match="lateentry_second_person"), transaction.atomic():
        LateEntry.objects.update(**own)
    actions.refuse_late(entry=the_entry(), by=Actor.member(olga), note="no")
    with pytest.raises(DatabaseError, match="is decided"), transaction.atomic():
        LateEntry.objects.update(decision_note="yes")
