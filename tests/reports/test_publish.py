"""Publishing an update: what the preview shows is what is frozen, and no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.test import Client as Browser

from engagements import actions
from engagements.models import StatusUpdate, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership, Organization
from lpo.reports.actions import publish_status
from lpo.reports.queries import decided_for_client, waiting_on_client
from lpo.tenancy.context import in_organization
from tests import make
from tests.sla import make as levels

ClientOf = Callable[[Membership], Browser]


@pytest.fixture
def stream(alder: Organization) -> Iterator[Workstream]:
    with in_organization(alder.id):
        stream = make.workstream(item_prefix="NDA", title="NDA review")
        levels.level(stream)
        levels.item(stream, "2026-01-05 09:00", paused=[("2026-01-05 10:00", None)], title="Orchid acquisition")
    yield stream


def publish_url(stream: Workstream) -> str:
    return f"/alder/matters/{stream.matter.reference}/publish/"


def test_what_waits_on_the_client_says_since_when_and_what_the_answer_does(stream: Workstream, alder: Organization) -> None:
    with in_organization(alder.id):
        (row,) = waiting_on_client(stream.matter, datetime.now(UTC))
    assert (row["reference"], row["since"], row["effect"], row["left_seconds"]) == (
        "NDA-0001", "2026-01-05T15:00:00+00:00", "stopped", 23 * 3600,
    )  # fmt: skip


def test_a_level_that_does_not_pause_for_the_client_keeps_running(alder: Organization) -> None:
    with in_organization(alder.id):
        stream = make.workstream()
        levels.level(stream, pausing_parties=["third_party"])
        levels.item(stream, "2026-01-05 09:00", paused=[("2026-01-05 10:00", None)])
        (row,) = waiting_on_client(stream.matter, datetime.now(UTC))
    assert (row["effect"], row["due_at"]) == ("running", "2026-01-06T14:00:00+00:00")


def test_an_item_under_no_level_waits_without_effect(alder: Organization) -> None:
    with in_organization(alder.id):
        stream = make.workstream()
        levels.item(stream, "2026-01-05 09:00", paused=[("2026-01-05 10:00", None)])
        levels.item(stream, "2026-01-05 09:00", paused=[("2026-01-05 10:00", "2026-01-05 11:00")])
        (row,) = waiting_on_client(stream.matter, datetime.now(UTC))
    assert row["effect"] == "none"


def test_an_update_holds_work_levels_and_what_waits_and_nothing_of_the_house(
    stream: Workstream, alder: Organization, asha: Membership
) -> None:
    with in_organization(alder.id):
        update = publish_status(matter=stream.matter, by=Actor.member(asha), note="  Steady.  ")
    assert update.note == "Steady."
    assert set(update.figures) == {"workstreams", "levels", "waiting", "decisions"}
    assert update.figures["levels"][0]["promise"] == "95 % within 24 hours"
    text = json.dumps(update.figures)
    assert "Orchid" not in text and "asked" not in text and "Asha" not in text


def test_only_those_who_edit_work_publish(stream: Workstream, alder: Organization, cora: Membership, client_of: ClientOf) -> None:
    assert client_of(cora).get(publish_url(stream)).status_code == 403
    assert client_of(cora).post(publish_url(stream), {"note": "x"}).status_code == 403
    with in_organization(alder.id), pytest.raises(NotPermitted):
        publish_status(matter=stream.matter, by=Actor.member(cora))


def test_the_preview_publishes_nothing_and_the_button_does(
    stream: Workstream, alder: Organization, asha: Membership, client_of: ClientOf
) -> None:
    browser = client_of(asha)
    page = browser.get(publish_url(stream)).content.decode()
    assert "The client sees this matter for the first time with this update." in page
    assert "NDA-0001" in page and "23\N{NO-BREAK SPACE}h left for NDA turnaround once you answer" in page
    with in_organization(alder.id):
        assert not StatusUpdate.objects.exists()
    answer = browser.post(publish_url(stream), {"note": "One waits for you."})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/alder/matters/{stream.matter.reference}/")
    with in_organization(alder.id):
        assert StatusUpdate.objects.get().note == "One waits for you."


def test_a_note_too_long_is_refused_beside_its_field(stream: Workstream, asha: Membership, client_of: ClientOf) -> None:
    answer = client_of(asha).post(publish_url(stream), {"note": "x" * 4001})
    assert answer.status_code == 422 and "4000 characters" in answer.content.decode()


def test_a_walled_matter_has_no_such_page_for_those_outside(
    stream: Workstream, alder: Organization, asha: Membership, olga: Membership, client_of: ClientOf
) -> None:
    from engagements import actions as work

    with in_organization(alder.id):
        work.raise_wall(matter=stream.matter, by=Actor.member(olga))
    assert client_of(asha).get(publish_url(stream)).status_code == 404
    assert client_of(olga).get(publish_url(stream)).status_code == 200


def test_what_was_recorded_as_the_clients_decision_is_told_with_its_source(alder: Organization, asha: Membership) -> None:
    with in_organization(alder.id):
        item = levels.item(make.workstream(item_prefix="NDA"), "2026-01-05 09:00", delivered="2026-01-05 12:00")
        message = make.message(item, "the privileged words themselves")
        actions.move_item(item=item, to="accepted", by=Actor.member(asha), message=message)
        matter = item.workstream.matter
        update = publish_status(matter=matter, by=Actor.member(asha))
        (told,) = update.figures["decisions"]
        assert (told["reference"], told["what"], told["source"], told["late"]) == ("NDA-0001", "Accepted", "Recorded by provider", False)
        assert "privileged" not in json.dumps(update.figures)
        actions.undo_last_move(item=item, by=Actor.system(alder.id))
        assert decided_for_client(matter, datetime.now(UTC)) == []
