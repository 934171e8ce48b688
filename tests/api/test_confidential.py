"""Parties, conflict checks, legal holds and supervision through the API; nothing from behind a wall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engagements import actions
from engagements.models import LegalHold, Matter, MatterParty, SupervisionTerm
from lpo.accounts.models import Membership
from lpo.accounts.roles import Role
from lpo.tenancy.context import Scope
from tests import make
from tests.conftest import person

Ask = Callable[..., Any]


@pytest.fixture
def matter(in_alder: Scope) -> Matter:
    return make.matter()


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"] if row["removed_at"] is None]


def test_parties_are_named_as_a_whole_and_those_that_left_keep_their_row(ask: Ask, matter: Matter) -> None:
    here = f"matters/{matter.reference}/parties/"
    said = ask("PUT", here, {"parties": ["Zenith  Ltd", "Ärzte & Söhne"], "version": matter.version})
    assert (said.status_code, said.json()["parties"]) == (200, ["Zenith Ltd", "Ärzte & Söhne"])
    left = ask("PUT", here, {"parties": ["Zenith Ltd"]})
    assert left.json()["parties"] == ["Zenith Ltd"]
    assert names(ask("GET", here)) == ["Zenith Ltd"]
    assert MatterParty.objects.filter(removed_at__isnull=False).count() == 1
    assert ask("PUT", here, {"parties": ["Z" * 201]}).status_code == 422
    assert ask("PUT", here, {}).status_code == 422


def test_a_list_of_parties_that_is_out_of_date_is_409(ask: Ask, matter: Matter) -> None:
    actions.update_matter(matter=matter, by=make.system(), version=matter.version, title="Another title", parties=["Zenith"])
    answer = ask("PUT", f"matters/{matter.reference}/parties/", {"parties": ["Other"], "version": matter.version})
    assert answer.status_code == 409
    assert names(ask("GET", f"matters/{matter.reference}/parties/")) == ["Zenith"]


def test_a_check_finds_a_name_and_a_person_decides_it(ask: Ask, matter: Matter) -> None:
    other = make.matter(make.engagement(make.client(code="HAZ", name="Hazel Mining", legal_name="Hazel Mining")))
    actions.update_matter(matter=matter, by=make.system(), version=matter.version, parties=["Hazel Mining Ltd"])
    body = {"client": matter.client.code, "matter": matter.reference, "occasion": "new_party", "note": "They wrote"}
    made, again = ask("POST", "conflict-checks/", body), ask("POST", "conflict-checks/", body)
    assert (made.status_code, again.json()) == (201, made.json())
    assert (made.json()["new_matches"], made.json()["names"][-1]) == (1, "Hazel Mining Ltd")
    listed = ask("GET", "conflict-checks/", {"matter": matter.reference}).json()["results"]
    assert listed == [made.json()]
    found = ask("GET", "conflict-matches/", {"client": matter.client.code, "undecided": "true"}).json()["results"]
    assert [(row["name"], row["restricted"], row["verdict"]) for row in found] == [("Hazel Mining", False, None)]
    assert "HAZ" in found[0]["place"]
    wrong = ask("POST", "conflict-checks/", {**body, "client": other.client.code})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "matter")


def test_what_was_found_behind_a_wall_is_restricted_to_who_stands_outside(
    ask: Ask, matter: Matter, asha: Membership, program_of: Callable[[Membership], Ask]
) -> None:
    insider = person(matter.organization, "Inga Holm", Role.OWNER)
    hidden = make.matter(make.engagement(make.client(code="HAZ", name="Birnam", legal_name="Birnam")), title="Rowan acquisition")
    for row, parties in ((hidden, ["Rowan Target"]), (matter, ["Rowan Target GmbH"])):
        actions.update_matter(matter=row, by=make.system(), version=row.version, parties=parties)
    actions.raise_wall(matter=hidden, by=make.system(), insiders=[asha, insider])
    answer = ask("POST", "conflict-checks/", {"client": matter.client.code, "matter": matter.reference, "occasion": "onboarding"})
    assert answer.json()["new_matches"] == 1
    outside = ask("GET", "conflict-matches/")
    row = outside.json()["results"][0]
    assert (row["restricted"], row["name"], row["place"], row["kind"]) == (True, None, None, None)
    assert "acquisition" not in outside.content.decode()
    assert hidden.reference not in outside.content.decode()
    inside = program_of(insider)("GET", "conflict-matches/").json()["results"][0]
    assert (inside["restricted"], inside["name"]) == (False, "Rowan Target")


def test_a_hold_is_placed_once_and_released_on_somebodys_word(ask: Ask, matter: Matter) -> None:
    code = matter.client.code
    body = {"client": code, "matter": matter.reference, "reason": "Claim 7", "ordered_by": "High Court"}
    first, again = ask("POST", "legal-holds/", body), ask("POST", "legal-holds/", body)
    assert (first.status_code, again.json()) == (201, first.json())
    whole = ask("POST", "legal-holds/", {**body, "matter": None}).json()
    assert (whole["matter"], whole["number"]) == (None, 1)
    release = {"client": code, "matter": matter.reference, "number": 1, "reason": "Settled", "ordered_by": "General counsel"}
    refused = ask("POST", "legal-holds/release/", {**release, "ordered_by": ""})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "ordered_by")
    released = ask("POST", "legal-holds/release/", release)
    assert released.json()["release_reason"] == "Settled"
    assert ask("POST", "legal-holds/release/", release).json() == released.json()
    assert ask("POST", "legal-holds/release/", {**release, "number": 9}).status_code == 422
    listed = ask("GET", "legal-holds/", {"client": code}).json()["results"]
    assert [(row["matter"], row["released_at"] is None) for row in listed] == [(None, True), (matter.reference, False)]
    assert LegalHold.objects.count() == 2


def test_supervision_is_read_an_admission_stated_once_and_the_record_frozen(ask: Ask, matter: Matter, sam: Membership) -> None:
    here = f"matters/{matter.reference}/supervision/"
    assert "no supervising attorney" in ask("POST", f"{here}admission/", {"admission": "New York 1"}).json()["detail"]
    actions.update_matter(matter=matter, by=make.system(), version=matter.version, supervising_attorney=sam)
    assert ask("POST", f"{here}admission/", {"admission": "New York 4410982"}).json()["name"] == sam.display_name
    assert ask("POST", f"{here}admission/", {"admission": "Texas 1"}).status_code == 422
    found = ask("GET", here).json()
    assert [(row["admission"], row["ends_at"]) for row in found["attorneys"]] == [("New York 4410982", None)]
    assert [row["what"] for row in found["entries"]] == [f"{sam.display_name} began to supervise"]
    first, again = ask("POST", f"{here}publication/"), ask("POST", f"{here}publication/")
    assert (first.json()["number"], again.json()["number"]) == (1, 1)
    assert SupervisionTerm.objects.count() == 1


def test_a_sample_is_drawn_of_what_was_delivered_and_of_nothing_else(ask: Ask, matter: Matter) -> None:
    stream = make.workstream(matter)
    here = f"matters/{matter.reference}/supervision/samples/"
    days = {"from_day": "2026-01-01", "to_day": "2026-12-31"}
    none = ask("POST", here, {**days, "size": 1, "workstream": stream.item_prefix})
    assert (none.status_code, none.json()["errors"][0]["field"]) == (422, "size")
    assert ask("POST", here, {**days, "to_day": "9999-12-31", "size": 1}).status_code == 422
    assert ask("POST", here, {"from_day": "2026-12-31", "to_day": "2026-01-01", "size": 1}).json()["errors"][0]["field"] == "to_day"
    elsewhere = make.workstream(make.matter(matter.engagement), item_prefix="OTH")
    assert ask("POST", here, {**days, "size": 1, "workstream": elsewhere.item_prefix}).json()["errors"][0]["field"] == "workstream"
