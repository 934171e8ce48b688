"""Who decides for the client: one action, each decision with its source, and nothing the provider can take back alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from engagements import actions
from engagements.models import ClientDecision, Pause, Source, Transition, WorkItem
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make

pytestmark = pytest.mark.django_db


def sources(item: WorkItem) -> list[tuple[str, str]]:
    return list(ClientDecision.objects.filter(item=item).order_by("id").values_list("what", "source"))


def test_the_attorney_accepts_by_signing_in(in_alder: Scope, sam: Membership) -> None:
    item = actions.move_item(item=make.item(state="delivered"), to="accepted", by=Actor.member(sam))
    assert (item.state, sources(item)) == ("accepted", [("accepted", "attorney")])
    assert ClientDecision.objects.get().transition == Transition.objects.filter(item=item).effective().last()


def test_the_provider_records_a_decision_only_with_the_clients_message(in_alder: Scope, asha: Membership) -> None:
    item = make.item(state="delivered")
    with pytest.raises(Refused) as refusal:
        actions.move_item(item=item, to="returned", by=Actor.member(asha), reason="they called")
    assert refusal.value.field == "message" and sources(item) == []
    message = make.message(item, "Clause 4 is missing")
    item = actions.move_item(item=item, to="returned", by=Actor.member(asha), message=message)
    assert (item.state, sources(item)) == ("returned", [("returned", "provider")])
    assert ClientDecision.objects.get().message == message


def test_a_token_is_nobodys_sign_in(in_alder: Scope, sam: Membership, asha: Membership) -> None:
    item = make.item(state="delivered")
    counsels = Actor("token", sam.organization_id, "API token", sam.id, 1, frozenset({Permission.VIEW_WORK, Permission.DECIDE_FOR_CLIENT}))
    with pytest.raises(NotPermitted):
        actions.move_item(item=item, to="accepted", by=counsels, message=make.message(item))
    managers = Actor("token", asha.organization_id, "API token", asha.id, 1, asha.permissions)
    actions.move_item(item=item, to="accepted", by=managers, message=make.message(item))
    assert sources(item) == [("accepted", "provider")]


def test_the_provider_cannot_take_back_what_the_client_decided_and_the_attorney_can(
    in_alder: Scope, asha: Membership, olga: Membership, sam: Membership
) -> None:
    item = make.item(state="delivered")
    item = actions.move_item(item=item, to="accepted", by=Actor.member(asha), message=make.message(item))
    for provider in (asha, olga):
        with pytest.raises(NotPermitted):
            actions.undo_last_move(item=item, by=Actor.member(provider), reason="by mistake")
    assert actions.undo_last_move(item=item, by=Actor.member(sam)).state == "delivered"


def test_many_at_once_decide_nothing_for_the_client(in_alder: Scope, asha: Membership) -> None:
    item = make.item(state="delivered")
    outcome = actions.move_items(ids=[item.id], to="accepted", by=Actor.member(asha))
    assert outcome.changed == [] and "with its message" in outcome.failures[0].reason


def test_a_contest_carries_its_source_and_counts_from_when_the_client_said_it(in_alder: Scope, asha: Membership) -> None:
    item = make.item(received_at=timezone.now() - timedelta(days=2))
    pause = actions.pause_item(item=item, by=Actor.member(asha), party="client", reason="access")
    assert pause is not None
    with pytest.raises(Refused) as refusal:
        actions.contest_pause(pause=pause, by=Actor.member(asha), note="They say access was open")
    assert refusal.value.field == "message"
    said = timezone.now() - timedelta(minutes=40)
    actions.contest_pause(pause=pause, by=Actor.member(asha), note="Access was open", message=make.message(item), at=said)
    assert ClientDecision.objects.get().at == said == Pause.objects.get().contested_at


def test_a_reply_resumes_the_clients_pause_and_is_kept(in_alder: Scope, asha: Membership, sam: Membership) -> None:
    for by, source in ((asha, "provider"), (sam, "attorney")):
        item = make.item()
        actions.pause_item(item=item, by=Actor.member(asha), party="client", reason="information", note="Who signs?")
        actions.pause_item(item=item, by=Actor.member(asha), party="provider", reason="internal")
        message = make.message(item, "Dana signs") if by is asha else None
        actions.resume_item(item=item, by=Actor.member(by), party="client", message=message, note="Dana signs")
        assert list(Pause.objects.filter(item=item, ended_at=None).values_list("party", flat=True)) == ["provider"]
        assert sources(item) == [("replied", source)]


def test_the_attorney_ends_the_clients_wait_and_no_other(in_alder: Scope, asha: Membership, sam: Membership) -> None:
    item = make.item()
    actions.pause_item(item=item, by=Actor.member(asha), party="third_party", reason="documents")
    assert actions.resume_item(item=item, by=Actor.member(sam)) == []
    assert Pause.objects.get(item=item).ended_at is None


def test_the_database_refuses_a_providers_word_without_a_message_and_any_change_of_a_decision(in_alder: Scope, sam: Membership) -> None:
    item = actions.move_item(item=make.item(state="delivered"), to="accepted", by=Actor.member(sam))
    row = ClientDecision.objects.get(item=item)
    for change in (lambda: ClientDecision.objects.filter(pk=row.pk).update(note="no"), lambda: row.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    row.pk, row.source, row.transition, row.message = None, Source.PROVIDER, None, None
    with pytest.raises(DatabaseError, match="clientdecision_message_kept"), transaction.atomic():
        row.save(force_insert=True)


def test_an_attorneys_permission_is_its_own() -> None:
    """No role of the provider's holds the right to decide for the client."""
    from lpo.accounts.roles import ROLE_PERMISSIONS, Role

    assert [role for role in Role if Permission.DECIDE_FOR_CLIENT in ROLE_PERMISSIONS[role]] == [Role.ATTORNEY]
