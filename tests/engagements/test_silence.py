"""Deemed acceptance: after the contract's days, where the notice is on record, unless the client had returned it before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from engagements import actions
from engagements.models import ClientDecision, Contract, DeliveryNotice, LateEntry, Transition, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make

pytestmark = pytest.mark.django_db
# A Thursday in New York; five business days end with the Thursday after, 12 March: the clocks went forward on the 8th.
DELIVERED = datetime(2026, 3, 5, 15, tzinfo=UTC)
DEEMED = datetime(2026, 3, 13, 4, tzinfo=UTC)


@pytest.fixture
def item(in_alder: Scope) -> WorkItem:
    return make.item(received_at=DELIVERED - timedelta(hours=4), state="delivered", moved_at=DELIVERED)


def notice(item: WorkItem, **facts: Any) -> DeliveryNotice:
    told: dict[str, Any] = {"channel": "email", "recipient": "dana@vantic.example", "sent_at": DELIVERED}
    told |= {"evidence": make.message(item, "Delivered"), **facts}
    return actions.record_notice(item=item, by=make.system(), **told)


def silence(now: datetime) -> int:
    return actions.accept_silence(by=make.system(), now=now)


def test_silence_accepts_at_the_end_of_the_last_day_and_once(item: WorkItem) -> None:
    assert notice(item).deemed_at == DEEMED
    assert silence(DEEMED - timedelta(seconds=1)) == 0
    assert [silence(DEEMED + timedelta(hours=9)) for _ in range(3)] == [1, 0, 0]
    item.refresh_from_db()
    assert (item.state, item.state_at) == ("accepted", DEEMED)
    decision = ClientDecision.objects.get()
    assert decision.source == "deemed" and "within 5 business days" in decision.clause


def test_without_a_notice_silence_says_nothing(item: WorkItem) -> None:
    assert silence(DEEMED + timedelta(days=90)) == 0
    item.refresh_from_db()
    assert item.state == "delivered"


def test_days_count_from_the_notice_where_it_came_after_the_delivery(item: WorkItem) -> None:
    assert notice(item, sent_at=DELIVERED + timedelta(days=1)).deemed_at == datetime(2026, 3, 14, 4, tzinfo=UTC)


def test_a_notice_says_how_to_whom_and_what_shows_it(item: WorkItem) -> None:
    with pytest.raises(Refused) as refusal:
        notice(item, evidence=None)
    assert refusal.value.field == "message"
    with pytest.raises(Refused, match="who was told"):
        notice(item, recipient=" ")
    first = notice(item)
    assert notice(item, recipient="somebody else") == first
    with pytest.raises(Refused, match="not delivered"):
        notice(make.item())


def test_a_return_before_that_instant_wins_even_when_recorded_after_it(item: WorkItem, asha: Membership, olga: Membership) -> None:
    notice(item)
    silence(DEEMED)
    item.refresh_from_db()
    said = DEEMED - timedelta(hours=2)
    actions.move_item(item=item, to="returned", by=Actor.member(asha), at=said, message=make.message(item, "Clause 4 is wrong"))
    actions.approve_late(entry=LateEntry.objects.get(), by=Actor.member(olga))
    item.refresh_from_db()
    moves = [move.to_state for move in Transition.objects.filter(item=item).effective()]
    assert (item.state, item.state_at, moves) == ("returned", said, ["received", "delivered", "returned"])


def test_a_return_that_waits_for_approval_holds_silence_back(item: WorkItem, asha: Membership, olga: Membership) -> None:
    notice(item)
    said = DEEMED - timedelta(hours=2)
    actions.move_item(item=item, to="returned", by=Actor.member(asha), at=said, message=make.message(item, "Clause 4 is wrong"))
    assert silence(DEEMED) == 0
    actions.refuse_late(entry=LateEntry.objects.get(), by=Actor.member(olga), note="of another item")
    assert silence(DEEMED) == 1


def test_what_was_returned_and_delivered_again_needs_a_notice_of_its_own(item: WorkItem) -> None:
    notice(item)
    for to, hours in (("returned", 5), ("delivered", 9)):
        item = actions.move_item(item=item, to=to, by=make.system(), at=DELIVERED + timedelta(hours=hours), reason="as recorded")
    assert silence(DEEMED) == 0
    item.refresh_from_db()
    assert item.state == "delivered"
    assert notice(item).transition == Transition.objects.filter(item=item).effective().last()


def test_the_attorney_takes_silence_back_and_it_is_not_counted_again(item: WorkItem, sam: Membership) -> None:
    notice(item)
    silence(DEEMED)
    item.refresh_from_db()
    assert actions.undo_last_move(item=item, by=Actor.member(sam)).state == "delivered"
    assert silence(DEEMED + timedelta(days=9)) == 0


def test_no_days_agreed_no_deeming(in_alder: Scope) -> None:
    matter = make.matter()
    Contract.objects.filter(engagement=matter.engagement).update(acceptance_days=0)
    found = make.item(make.workstream(matter), received_at=DELIVERED - timedelta(hours=4), state="delivered", moved_at=DELIVERED)
    assert notice(found).deemed_at is None
    assert silence(DEEMED + timedelta(days=90)) == 0


def test_a_settled_notice_stays_as_it_is(item: WorkItem) -> None:
    notice(item)
    silence(DEEMED)
    with pytest.raises(DatabaseError, match="is settled"), transaction.atomic():
        DeliveryNotice.objects.update(recipient="nobody")


class TestOneNoticeOfMany:
    def test_one_message_is_kept_once_and_each_delivery_is_deemed_accepted(self, in_alder: Scope, asha: Membership, client_of: Any) -> None:
        stream = make.workstream()
        items = [
            make.item(stream, received_at=DELIVERED - timedelta(hours=4), state="delivered", moved_at=DELIVERED + timedelta(minutes=n))
            for n in range(3)
        ]
        waiting = make.item(stream)
        page = f"/alder/matters/{stream.matter.reference}/notices/"
        browser, chosen = client_of(asha), [item.reference for item in items]
        assert [row.reference for row in browser.get(page).context["rows"]] == chosen
        told = {"selected": [*chosen, waiting.reference], "sent_at": "2026-03-05T12:00"}
        preview = browser.post(page, {**told, "do": "preview"})
        telling = preview.context["telling"]
        assert 'value="2026-03-05T12:00"' in preview.content.decode()
        assert [one.deemed_at for one in telling.going] == [DEEMED] * 3
        assert [(failure.reference, "not delivered" in failure.reason) for failure in telling.failures] == [(waiting.reference, True)]
        assert not DeliveryNotice.objects.exists(), "a preview records nothing"
        missing = browser.post(page, {**told, "do": "record", "channel": "email", "recipient": "dana@vantic.example"})
        assert (missing.status_code, list(missing.context["form"].errors)) == (422, ["message"])
        said = {"channel": "email", "recipient": "dana@vantic.example", "message_text": "All three are delivered"}
        assert browser.post(page, {**told, "do": "record", **said}).status_code == 302
        kept = DeliveryNotice.objects.all()
        assert {row.item_id for row in kept} == {item.id for item in items} and len({row.evidence_id for row in kept}) == 1
        assert "No delivery waits" in browser.get(page).content.decode()
        assert silence(DEEMED) == 3

    def test_what_was_told_of_before_keeps_its_first_notice(self, item: WorkItem) -> None:
        first, matter = notice(item), item.workstream.matter
        told: dict[str, Any] = {"channel": "email", "recipient": "dana", "evidence": make.message(item, "Again")}
        telling = actions.record_notices(matter=matter, ids=[item.id], by=make.system(), **told)
        assert (telling.going, telling.already, DeliveryNotice.objects.get()) == ([], [item], first)

    def test_the_number_of_statements_does_not_grow(self, in_alder: Scope) -> None:
        found = []
        for n in (2, 12):
            stream = make.workstream()
            ids = [make.item(stream, state="delivered").id for _ in range(n)]
            told: dict[str, Any] = {
                "channel": "email",
                "recipient": "dana",
                "evidence": make.message(WorkItem.objects.get(pk=ids[0]), "All"),
            }
            with CaptureQueriesContext(connection) as captured:
                actions.record_notices(matter=stream.matter, ids=ids, by=make.system(), **told)
            found.append(len(captured))
        assert found[0] == found[1] <= 14
