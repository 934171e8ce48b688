"""Reported errors: notified by the first notice, as grave as the client says, corrected by delivering again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from engagements import actions
from engagements.models import ClientDecision, ErrorNotice, LateEntry, WorkItem
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def error(in_alder: Scope) -> WorkItem:
    return make.item(kind="error", severity="critical", received_at=timezone.now() - 3 * HOUR)


def test_the_first_notice_by_any_channel_is_the_notification(error: WorkItem, asha: Membership, olga: Membership) -> None:
    actions.record_error_notice(item=error, by=Actor.member(asha), channel="email")
    assert ErrorNotice.objects.get().at == error.received_at
    called = error.received_at - HOUR
    for _ in range(2):
        actions.record_error_notice(item=error, by=Actor.member(asha), channel="telephone", at=called, reporter="Dana")
    assert ErrorNotice.objects.count() == 2
    entry = LateEntry.objects.get()
    actions.approve_late(entry=entry, by=Actor.member(olga))
    error.refresh_from_db()
    assert (error.received_at, "telephone" in entry.note) == (called, True)


def test_a_later_notice_changes_nothing(error: WorkItem, asha: Membership) -> None:
    actions.record_error_notice(item=error, by=Actor.member(asha), channel="meeting", at=error.received_at + HOUR)
    assert not LateEntry.objects.exists()
    with pytest.raises(Refused, match="Only an error"):
        actions.record_error_notice(item=make.item(), by=Actor.member(asha), channel="email")


def test_a_lower_severity_needs_the_clients_agreement_on_every_way(error: WorkItem, asha: Membership, cora: Membership) -> None:
    with pytest.raises(Refused, match="agrees to a lower one"):
        actions.update_item(item=error, by=Actor.member(asha), version=error.version, severity="minor")
    with pytest.raises(Refused, match="message"):
        actions.set_severity(item=error, severity="minor", by=Actor.member(asha))
    with pytest.raises(NotPermitted):
        actions.set_severity(item=error, severity="minor", by=Actor.member(cora), message=make.message(error))
    agreed = actions.set_severity(item=error, severity="minor", by=Actor.member(asha), message=make.message(error))
    decision = ClientDecision.objects.get()
    assert (agreed.severity, decision.source, decision.note) == ("minor", "provider", "critical → minor.")


def test_a_file_does_not_lower_a_severity_either(in_alder: Scope) -> None:
    stream = make.workstream()
    row = {"external_id": "E-1", "title": "Wrong law", "kind": "error", "severity": "major", "received_at": timezone.now() - HOUR}
    by = make.system()
    assert [done.outcome for done in actions.upsert_items(by=by, workstream=stream, rows=[row])] == ["created"]
    lower, higher = ({**row, "severity": severity} for severity in ("minor", "critical"))
    assert [(done.outcome, done.field) for done in actions.upsert_items(by=by, workstream=stream, rows=[lower])] == [
        ("refused", "severity")
    ]
    assert [done.outcome for done in actions.upsert_items(by=by, workstream=stream, rows=[higher])] == ["changed"]


def test_anyone_who_tracks_items_raises_it(error: WorkItem, asha: Membership, cora: Membership) -> None:
    actions.set_severity(item=error, severity="major", by=Actor.member(asha), message=make.message(error))
    assert actions.set_severity(item=error, severity="critical", by=Actor.member(cora)).severity == "critical"


def test_a_rejected_correction_reopens_the_error_on_the_clients_word(error: WorkItem, asha: Membership, sam: Membership) -> None:
    error = actions.move_item(item=error, to="corrected", by=Actor.member(asha))
    assert error.finished
    with pytest.raises(Refused):
        actions.move_item(item=error, to="notified", by=Actor.member(asha), reason="they call")
    error = actions.move_item(item=error, to="notified", by=Actor.member(sam), reason="Still the wrong law")
    assert (error.state, error.finished) == ("notified", False)
    assert list(ClientDecision.objects.values_list("what", "source")) == [("returned", "attorney")]
