from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction

from engagements.models import Client
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission, Role
from lpo.audit.models import Event
from lpo.audit.record import canonical, record, scope_of
from lpo.core.logs import bind
from lpo.tenancy.context import Scope


def test_an_event_says_who_did_what_to_what(in_alder: Scope, asha: Membership, vantic: Client) -> None:
    with bind(request_id="req-12345678"):
        made = record(
            by=Actor.member(asha), action="client.edit", target=vantic, before={"name": "Vantic"}, after={"name": "Vantic Software"}
        )
    event = Event.objects.get(id=made.id)
    assert (event.actor_kind, event.actor_member_id, event.actor_token_id, event.actor_label) == ("member", asha.id, None, "Asha Rao")
    assert (event.object_type, event.object_id, event.object_reference) == ("engagements.Client", vantic.id, "VAN")
    assert (event.client_id, event.matter_id) == (vantic.id, None)
    assert (event.before, event.after) == ({"name": "Vantic"}, {"name": "Vantic Software"})
    assert (event.count, event.ids_hash, event.request_id) == (1, "", "req-12345678")


def test_a_token_is_named_beside_the_member_behind_it(in_alder: Scope, asha: Membership) -> None:
    token = Actor("token", asha.organization_id, "API token intake", asha.id, 7, frozenset({Permission.TRACK_ITEMS}))
    event = record(by=token, action="item.add")
    assert (event.actor_kind, event.actor_member_id, event.actor_token_id) == ("token", asha.id, 7)


def test_a_bulk_act_is_one_event_with_count_and_hash(in_alder: Scope, asha: Membership) -> None:
    by = Actor.member(asha)
    forth, back, other = (record(by=by, action="item.import", ids=ids) for ids in ([3, 10, 2], [10, 2, 3], [3, 10, 4]))
    assert forth.count == 3
    assert forth.ids_hash == back.ids_hash == hashlib.sha256(b"2,3,10").hexdigest()
    assert other.ids_hash != forth.ids_hash


def test_values_have_one_spelling_whatever_their_type() -> None:
    berlin = datetime(2026, 3, 29, 3, 30, 0, 5, tzinfo=ZoneInfo("Europe/Berlin"))
    assert canonical(
        {
            "amount": Decimal("2500.00"),
            "at": berlin,
            "day": date(2026, 3, 29),
            "role": Role.OWNER,
            "may": {Permission.VIEW_WORK, Permission.PAUSE},
            "pair": (1, None),
            "open": True,
            "took": timedelta(minutes=1),
        }
    ) == {
        "amount": "2500.00",
        "at": "2026-03-29T01:30:00.000005Z",
        "day": "2026-03-29",
        "role": "owner",
        "may": ["pause", "view work"],
        "pair": [1, None],
        "open": True,
        "took": "60.000000s",
    }
    with pytest.raises(TypeError, match="bytes"):
        canonical({"file": b"%PDF"})


def test_client_and_matter_come_from_the_object() -> None:
    def of(label: str, **columns: object) -> tuple[int | None, int | None]:
        return scope_of(SimpleNamespace(_meta=SimpleNamespace(label=label), **columns))  # type: ignore[arg-type]

    assert of("engagements.Client", pk=3) == (3, None)
    assert of("engagements.Matter", pk=9, client_id=3) == (3, 9)
    assert of("engagements.WorkItem", pk=1, client_id=3, matter_id=9) == (3, 9)
    assert of("sla.Odd", pk=1, client_id=3, audit_scope=(5, 6)) == (5, 6)
    assert of("jobs.Job", pk=1) == (None, None)


@pytest.mark.parametrize("statement", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event CASCADE"])
def test_the_application_cannot_change_what_was_recorded(in_alder: Scope, asha: Membership, statement: str) -> None:
    record(by=Actor.member(asha), action="client.edit")
    with pytest.raises((ProgrammingError, InternalError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Event.objects.get().action == "client.edit"


def test_an_event_goes_with_the_change_it_tells_of(in_alder: Scope, asha: Membership) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record(by=Actor.member(asha), action="client.edit")
        raise ZeroDivisionError
    assert not Event.objects.exists()


def test_microseconds_survive_storage(in_alder: Scope, asha: Membership) -> None:
    event = record(by=Actor.member(asha), action="client.edit")
    assert Event.objects.get(id=event.id).at == event.at
    assert event.at.astimezone(UTC).utcoffset() == timedelta(0)
