"""References, contract versions, closing, and saves that come too late."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from engagements import actions
from engagements.models import Client, Contract, Matter, ReviewerProfile, SpokenLanguage, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.core.errors import Refused, StaleVersion
from lpo.tenancy.context import Scope, in_organization
from tests import make

pytestmark = pytest.mark.django_db


def test_references_count_up_per_client(in_alder: Scope) -> None:
    acme, other = make.client(code="ACME"), make.client(code="OTHER")
    engagement = make.engagement(acme)
    assert engagement.reference == "ACME-E01"
    assert [make.matter(engagement).reference for _ in range(3)] == ["ACME-0001", "ACME-0002", "ACME-0003"]
    assert make.matter(make.engagement(other)).reference == "OTHER-0001"


def test_an_engagement_begins_with_version_one_of_its_contract(in_alder: Scope) -> None:
    engagement = make.engagement(make.client(time_zone="Europe/London", currency="GBP"))
    contract = Contract.objects.get(engagement=engagement)
    assert (contract.number, contract.time_zone, contract.currency, contract.effective_from) == (
        1,
        "Europe/London",
        "GBP",
        date(2024, 1, 1),
    )


def test_a_changed_term_becomes_the_next_version_and_equal_terms_change_nothing(in_alder: Scope) -> None:
    engagement = make.engagement()
    same = actions.amend_contract(engagement=engagement, by=make.system(), number=1, payment_days=30)
    assert same.number == 1
    second = actions.amend_contract(engagement=engagement, by=make.system(), number=1, payment_days=45, effective_from=date(2024, 7, 1))
    assert (second.number, second.payment_days, second.contest_days) == (2, 45, 5)
    with pytest.raises(StaleVersion) as stale:
        actions.amend_contract(engagement=engagement, by=make.system(), number=1, payment_days=60)
    assert (stale.value.theirs, stale.value.yours) == ({"payment_days": 45}, {"payment_days": 60})


def test_a_late_save_is_refused_with_both_values_and_the_same_save_twice_is_none(in_alder: Scope) -> None:
    client = make.client(name="Vantic")
    actions.update_client(client=client, by=make.system(), version=1, name="Vantic Software")
    actions.update_client(client=client, by=make.system(), version=1, name="Vantic Software")
    with pytest.raises(StaleVersion) as stale:
        actions.update_client(client=client, by=make.system(), version=1, name="Vantic, Inc.")
    assert (stale.value.theirs, stale.value.yours) == ({"name": "Vantic Software"}, {"name": "Vantic, Inc."})
    client.refresh_from_db()
    assert (client.name, client.version) == ("Vantic Software", 2)
    assert Event.objects.filter(action="client.update").count() == 1


def test_accents_and_apostrophes_are_kept(in_alder: Scope) -> None:
    client = make.client(name="Société d'Études São João", code="SEJ")
    client.refresh_from_db()
    assert client.name == "Société d'Études São João"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"code": "acme"}, "code"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"currency": "XXY"}, "currency"),
        ({"tax_category": "S", "tax_rate": Decimal("-1")}, "tax_rate"),
        ({"name": ""}, "name"),
    ],
)
def test_what_cannot_be_is_refused_by_field(in_alder: Scope, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        make.client(**fields)
    assert refusal.value.field == field


def test_the_same_form_twice_makes_one_matter_and_names_it(in_alder: Scope) -> None:
    engagement = make.engagement()
    first = make.matter(engagement, title="Lease programme")
    with pytest.raises(actions.Duplicate) as twice:
        make.matter(engagement, title="Lease programme")
    assert twice.value.existing == first
    assert Matter.objects.count() == 1


def test_a_prefix_names_one_workstream_of_the_organization(in_alder: Scope) -> None:
    make.workstream(item_prefix="NDA")
    with pytest.raises(actions.Duplicate):
        make.workstream(item_prefix="NDA")


def test_nothing_is_added_to_what_is_closed_until_it_is_reopened(in_alder: Scope) -> None:
    workstream = make.workstream()
    actions.close(target=workstream, by=make.system(), version=1)
    workstream.refresh_from_db()
    with pytest.raises(Refused, match="closed"):
        make.item(workstream)
    actions.reopen(target=workstream, by=make.system(), version=2)
    workstream.refresh_from_db()
    assert make.item(workstream).reference.startswith(workstream.item_prefix)


def test_who_may_not_edit_work_is_refused_whatever_the_edge(in_alder: Scope, cora: Membership, rita: Membership, bill: Membership) -> None:
    for person in (cora, rita, bill):
        with pytest.raises(NotPermitted):
            make.client(by=Actor.member(person))


def test_an_update_freezes_the_figures_of_its_moment(in_alder: Scope) -> None:
    matter = make.matter()
    workstream = make.workstream(matter, title="NDA review")
    item = make.item(workstream)
    make.item(workstream)
    update = actions.publish_update(matter=matter, by=make.system(), note="Two NDAs in hand.", figures={"sla": []})
    again = actions.publish_update(matter=matter, by=make.system(), note="Two NDAs in hand.")
    assert again == update
    actions.move_item(item=item, to="delivered", by=make.system())
    update.refresh_from_db()
    (figures,) = update.figures["workstreams"]
    assert (figures["items"], figures["open"], update.figures["sla"]) == (2, 2, [])
    matter.refresh_from_db()
    assert matter.published_at is not None


@pytest.mark.django_db(transaction=True)
def test_what_is_sent_twice_at_the_same_moment_is_made_once(asha: Membership) -> None:
    with in_organization(asha.organization_id):
        matter = make.matter()
        make.legal_entity()
    profile: dict[str, Any] = {"version": 1, "location": "onshore", "capacity": Decimal(40), "capacity_unit": "hours"}

    def at_once(make_it: Callable[[], object], model: type[Any], **which: Any) -> int:
        start = Barrier(2)

        def send(_: int) -> object:
            try:
                with in_organization(asha.organization_id):
                    start.wait()
                    return make_it()
            except Refused as refused:
                return refused
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, range(2)))
        with in_organization(asha.organization_id):
            return int(model.objects.filter(**which).count())

    by = Actor.member(asha)
    assert at_once(lambda: make.client(code="TWICE"), Client, code="TWICE") == 1
    assert at_once(lambda: make.workstream(matter, item_prefix="TW"), Workstream, item_prefix="TW") == 1
    assert at_once(lambda: actions.add_language(member=asha, by=by, language="de", level="fluent"), SpokenLanguage) == 1
    assert at_once(lambda: actions.update_profile(member=asha, by=by, **profile), ReviewerProfile) == 1
