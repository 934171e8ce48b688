"""While a legal hold is in force nothing of its matter or client is deleted, whoever asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client as Browser

from engagements import actions, holds
from engagements.models import Contract, ItemTag, LegalHold, Matter, TimeEntry
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]
SAID: Any = {"reason": "Claim No. 7 of the O'Hara estate", "ordered_by": "High Court, Señor Núñez"}


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def matter(in_alder: Scope) -> Matter:
    return make.matter(make.engagement(make.client(code="ACME")), title="Harlan")


def test_a_hold_is_set_once_shown_and_released_with_a_reason(matter: Matter, asha: Membership, client_of: SignIn) -> None:
    browser, here = client_of(asha), "/alder/matters/ACME-0001/hold/"
    assert browser.post(here, {"reason": "x"}).status_code == 422
    for _ in range(2):
        assert browser.post(here, SAID).status_code == 302
    hold = LegalHold.objects.get()
    assert "Legal hold" in text(browser.get("/alder/matters/ACME-0001/")).split("Deliverables")[0]
    assert "Señor Núñez" in text(browser.get(here))
    assert browser.post(here, {"do": "release", "number": 1, "reason": "", "ordered_by": "Court"}).status_code == 422
    assert browser.post(here, {"do": "release", "number": 9, **SAID}).status_code == 404
    for _ in range(2):
        assert browser.post(here, {"do": "release", "number": 1, "reason": "Settled", "ordered_by": "Court"}).status_code == 302
    hold.refresh_from_db()
    assert (hold.release_reason, hold.released_by_label) == ("Settled", "Asha Rao")
    assert [event.action for event in Event.objects.filter(action__startswith="hold.").order_by("id")] == ["hold.set", "hold.release"]
    with pytest.raises(DatabaseError, match="is released"), transaction.atomic():
        LegalHold.objects.update(release_reason="-")


@pytest.mark.parametrize("whole_client", [False, True], ids=["matter", "client"])
def test_nothing_held_is_deleted_by_any_way(matter: Matter, rita: Membership, asha: Membership, whole_client: bool) -> None:
    item = make.item(make.workstream(matter))
    by = Actor.member(rita)
    entry = actions.add_time(by=by, workstream=item.workstream, item=item, day=date(2026, 1, 5), minutes=Decimal(30), narrative="Read it")
    actions.add_tag(item=item, by=by, name="urgent")
    contract = Contract.objects.get(engagement=matter.engagement)
    clause = actions.add_clause(contract=contract, by=make.system(), number="1", title="Scope")
    hold = actions.set_hold(client=matter.client, matter=None if whole_client else matter, by=Actor.member(asha), **SAID)
    tries: list[Callable[[], Any]] = [
        lambda: actions.remove_time(entry=entry, by=by),
        lambda: actions.remove_tag(item=item, by=by, name="urgent"),
        lambda: actions.remove_clause(clause=clause, by=make.system()),
    ]
    for attempt in tries:
        with pytest.raises(Refused, match="A legal hold"), transaction.atomic():
            attempt()
    for rows in (ItemTag.objects.filter(item=item), TimeEntry.objects.filter(pk=entry.pk)):
        with pytest.raises(DatabaseError, match="under a legal hold"), transaction.atomic():
            rows.delete()
    actions.release_hold(hold=hold, by=Actor.member(asha), reason="Settled", ordered_by="Court")
    for attempt in tries:
        attempt()
    assert not ItemTag.objects.exists() and not TimeEntry.objects.exists()


def test_a_hold_of_one_matter_leaves_others_alone(matter: Matter, rita: Membership) -> None:
    other = make.item(make.workstream(make.matter(matter.engagement)))
    actions.add_tag(item=other, by=Actor.member(rita), name="urgent")
    actions.set_hold(client=matter.client, matter=matter, by=make.system(), **SAID)
    actions.remove_tag(item=other, by=Actor.member(rita), name="urgent")
    assert not holds.in_force(matter.client_id, other.matter_id).exists()
    assert not holds.in_force(matter.client_id, None).exists()


def test_the_page_says_why_an_entry_stays(matter: Matter, rita: Membership, client_of: SignIn) -> None:
    stream = make.workstream(matter)
    actions.add_time(by=Actor.member(rita), workstream=stream, day=date(2026, 1, 5), minutes=Decimal(30), narrative="Read it")
    actions.set_hold(client=matter.client, by=make.system(), **SAID)
    answer = client_of(rita).post("/alder/time/1/remove/", follow=True)
    assert "A legal hold on this client is in force" in text(answer)
    assert TimeEntry.objects.count() == 1


def test_closing_tells_of_a_hold_and_who_may_not_set_one(matter: Matter, asha: Membership, rita: Membership, client_of: SignIn) -> None:
    actions.set_hold(client=matter.client, matter=matter, by=make.system(), **SAID)
    assert "1 legal hold in force" in text(client_of(asha).get(f"/alder/engagements/{matter.engagement.reference}/close/"))
    with pytest.raises(NotPermitted):
        actions.set_hold(client=matter.client, by=Actor.member(rita), **SAID)
