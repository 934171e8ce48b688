"""A check finds names that are like others, says why, keeps what lies behind a wall to itself, and stops work where the rule says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client as Browser

from engagements import actions, conflicts
from engagements.models import ConflictCheck, ConflictFinding, ConflictMatch, ConflictOutcome, Matter
from engagements.names import Strength, core, index_words, likeness
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


# --- names -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found", "strength", "why"),
    [
        ("Osprey", "OSPREY", Strength.SAME, "Same name"),
        ("Société d'Été, S.A.", "SOCIETE D’ETE SARL", Strength.FORM, "legal form"),
        ("Straße GmbH", "Strasse", Strength.FORM, "legal form"),
        ("Air Bus SE", "Airbus", Strength.FORM, "but for spaces"),
        ("O'Hara & Co", "OHara", Strength.FORM, "but for spaces"),
        ("Hale & Marsh LLP", "Marsh & Hale", Strength.FORM, "another order"),
        ("Vantic", "Vantic Software GmbH", Strength.PART, "part of the other: “vantic”"),
        ("Vantic Software", "Vantic Health", Strength.PART, "but for common words: “vantic”"),
        ("Jane Smith", "John Smith", Strength.WORDS, "Both have “smith”"),
    ],
)
def test_names_that_are_alike_say_why(asked: str, found: str, strength: Strength, why: str) -> None:
    for first, second in ((asked, found), (found, asked)):
        alike = likeness(first, second)
        assert alike is not None and alike.strength == strength and why in alike.why
    assert index_words(asked) & index_words(found), "an equality of one word finds it"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Redwood Capital Partners", "Osprey Capital Partners"),
        ("Meridian", "Obsidian"),
        ("Harlan Osprey Beta", "Harlan Gamma Delta Five"),
    ],
)
def test_common_words_make_nobody_alike(asked: str, found: str) -> None:
    assert likeness(asked, found) is None


def test_a_name_of_common_words_alone_is_still_a_name() -> None:
    assert core("The Group Ltd") == ("group",)
    assert likeness("The Group Ltd", "Group plc") is not None
    assert core("Inc.") == ("inc",)
    assert index_words("!!!") == frozenset()


# --- a check ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def matter(in_alder: Scope) -> Matter:
    """ACME-0001 against Osprey; another client, Osprey Holdings, and a lawsuit of a third client against Acme."""
    osprey = make.client(code="OSP", name="Osprey Holdings", legal_name="Osprey Holdings plc")
    make.matter(make.engagement(osprey), title="Own affairs")
    third = make.client(code="TRD", name="Third", legal_name="Third Inc")
    make.matter(make.engagement(third), title="Third v. Acme", parties=["ACME Corp"], end_client="Quill Estate")
    acme = make.client(code="ACME", name="Acme", legal_name="Acme, Inc.")
    return make.matter(make.engagement(acme), title="Harlan", parties=["Osprey Holdings, Inc."])


def check(matter: Matter, by: Actor | None = None, **fields: Any) -> ConflictCheck:
    return actions.run_check(client=matter.client, matter=matter, by=by or make.system(), **fields)


def rows(matter: Matter) -> list[tuple[str, str, str]]:
    """(name here, what it is like, why)."""
    matches = ConflictMatch.objects.filter(matter=matter).order_by("position")
    found = {row.match_id: row.name for row in ConflictFinding.objects.filter(match__in=matches)}
    return [(match.asked, found.get(match.pk, "restricted"), match.why) for match in matches]


def standing(matter: Matter) -> conflicts.Standing:
    return conflicts.standings([Matter.objects.select_related("client").get(pk=matter.pk)])[matter.pk]


def decide(matter: Matter, by: Membership, position: int = 1, verdict: str = "none", **fields: Any) -> ConflictOutcome:
    match = ConflictMatch.objects.get(matter=matter, position=position)
    return actions.decide_match(match=match, by=Actor.member(by), verdict=verdict, **{"note": "Another company", **fields})


def test_a_check_finds_clients_and_parties_and_leaves_the_clients_own_names_out(matter: Matter) -> None:
    assert standing(matter).status == ("risk", "Not checked")
    check(matter)
    legal = "Same name but for the legal form"
    assert rows(matter) == [("Acme", "ACME Corp", legal), ("Osprey Holdings, Inc.", "Osprey Holdings", legal)]
    assert standing(matter).status == ("risk", "2 to decide")


def test_the_same_check_again_finds_nothing_twice(matter: Matter, asha: Membership) -> None:
    first = check(matter)
    assert check(matter) == first, "a form sent twice"
    decide(matter, asha)
    again = check(matter, occasion="mid_project")
    assert (again.number, again.known_before, len(rows(matter))) == (2, 2, 2)
    assert standing(matter).undecided == 1


def test_a_new_party_makes_the_check_out_of_date_and_says_so(matter: Matter, asha: Membership) -> None:
    check(matter)
    decide(matter, asha, 1)
    decide(matter, asha, 2)
    assert standing(matter).status == ("met", "Clear")
    actions.update_matter(matter=matter, by=make.system(), version=matter.version, parties=["Osprey Holdings, Inc.", "Quill Estate"])
    assert standing(matter).status == ("risk", "Out of date")
    assert standing(matter).why == "The conflict check does not cover Quill Estate."
    check(matter, occasion="new_party")
    assert rows(matter)[2:] == [("Quill Estate", "Quill Estate", "Same name")]


def test_a_party_that_left_is_still_found(matter: Matter) -> None:
    other = Matter.objects.get(title="Third v. Acme")
    actions.update_matter(matter=other, by=make.system(), version=other.version, parties=[])
    check(matter)
    assert ConflictMatch.objects.get(matter=matter, asked="Acme").kind == "former_party"


def test_a_renamed_client_is_found_by_its_new_name(matter: Matter) -> None:
    osprey = Matter.objects.get(title="Own affairs").client
    actions.update_client(client=osprey, by=make.system(), version=osprey.version, name="Kestrel", legal_name="Kestrel plc")
    check(matter)
    assert [row[0] for row in rows(matter)] == ["Acme"]


def test_what_lies_behind_a_wall_is_found_and_not_told(matter: Matter, asha: Membership, adam: Membership, client_of: SignIn) -> None:
    other = Matter.objects.get(title="Third v. Acme")
    actions.raise_wall(matter=other, by=Actor.member(adam), insiders=[], reason="Sensitive")
    page = text(client_of(asha).post("/alder/matters/ACME-0001/conflicts/", {"occasion": "onboarding"}, follow=True))
    assert "Restricted matter" in page and "Osprey Holdings plc" not in page
    for words in ("Third v. Acme", "ACME Corp", "TRD-"):
        assert words not in page
    assert "ACME Corp" in text(client_of(adam).get("/alder/matters/ACME-0001/conflicts/"))
    searched = text(client_of(asha).get("/alder/conflicts/?q=acme+corp"))
    assert "Restricted matter" in searched and "Third v. Acme" not in searched
    position = ConflictMatch.objects.get(asked="Acme").position
    refused = client_of(asha).post(f"/alder/matters/ACME-0001/conflicts/{position}/", {"verdict": "none", "note": "It is nothing"})
    assert refused.status_code == 422 and "Somebody inside its wall decides it." in text(refused)


# --- outcomes --------------------------------------------------------------------------------------------------------------


def test_a_waiver_keeps_who_consented_to_what_and_the_message(matter: Matter, asha: Membership, client_of: SignIn) -> None:
    check(matter)
    url = "/alder/matters/ACME-0001/conflicts/1/"
    form = {"verdict": "waived", "note": "Unrelated lines of business", "consented_by": "Dana Whitfield, GC"}
    bare = client_of(asha).post(url, form)
    assert bare.status_code == 422 and "Attach or paste the message" in text(bare)
    form |= {"consent_scope": "The Harlan matter until its end", "message_text": "We consent. Dana"}
    for _ in range(2):
        assert client_of(asha).post(url, form).status_code == 302
    outcome = ConflictOutcome.objects.get()
    assert outcome.message is not None and (outcome.consented_by, outcome.by_label) == ("Dana Whitfield, GC", "Asha Rao")
    assert "Waived with consent" in text(client_of(asha).get(url))
    assert client_of(asha).get(f"{url}consent/1/").content == b"We consent. Dana"
    event = Event.objects.get(action="conflicts.decide")
    assert event.after is not None and (event.matter_id, event.after["verdict"]) == (matter.pk, "waived")


def test_outcomes_are_appended_and_the_latest_counts(matter: Matter, asha: Membership) -> None:
    check(matter)
    first = decide(matter, asha)
    decide(matter, asha, verdict="conflict", note="It is the same group after all")
    assert standing(matter).status == ("breach", "Conflict")
    for change in ({"verdict": "none"}, {"note": "-"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            ConflictOutcome.objects.filter(pk=first.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        ConflictMatch.objects.filter(matter=matter).update(why="-")
    with pytest.raises(DatabaseError, match="consent_kept"), transaction.atomic():
        ConflictOutcome.objects.create(
            client_id=matter.client_id, matter=matter, match=first.match, verdict="waived", note="x", by_label="x"
        )


def test_only_a_person_decides(matter: Matter, cora: Membership) -> None:
    check(matter)
    match = ConflictMatch.objects.filter(matter=matter).order_by("position")[0]
    for by in (make.system(), Actor.member(cora)):
        with pytest.raises(NotPermitted):
            actions.decide_match(match=match, by=by, verdict="none", note="x")


# --- what it stops ---------------------------------------------------------------------------------------------------------


def test_nothing_is_given_out_or_begun_where_the_rule_says_so(matter: Matter, asha: Membership, olga: Membership, rita: Membership) -> None:
    item = make.item(make.workstream(matter))
    by = Actor.member(asha)
    actions.assign_item(item=item, by=by, member=rita)
    actions.set_conflict_rule(by=Actor.member(olga), blocks=True, version=1)
    fresh = make.item(item.workstream)
    with pytest.raises(Refused, match="The conflict check was not run"):
        actions.assign_item(item=fresh, by=by, member=rita)
    assert [failure.reason for failure in actions.assign_items(ids=[fresh.pk], member=rita, by=by).failures] == [
        "The conflict check was not run."
    ]
    with pytest.raises(Refused, match="was not run"):
        actions.move_item(item=item, to="in_review", by=by)
    assert actions.move_items(ids=[item.pk], to="in_review", by=by).failures
    check(matter)
    with pytest.raises(Refused, match="2 matches of the conflict check are not decided"):
        actions.assign_item(item=fresh, by=by, member=rita)
    decide(matter, asha, 1)
    decide(matter, asha, 2)
    actions.move_item(item=item, to="in_review", by=by)
    assert actions.assign_item(item=fresh, by=by, member=rita).assignee == rita


def test_a_conflict_of_a_person_is_found_blocks_and_is_lifted_by_its_outcome(matter: Matter, asha: Membership, rita: Membership) -> None:
    item = make.item(make.workstream(matter))
    by = Actor.member(asha)
    actions.add_conflict(member=rita, by=by, party="OSPREY Holdings", since=date(2026, 1, 1))
    with pytest.raises(Refused, match="conflict with a party"):
        actions.assign_item(item=item, by=by, member=rita)
    check(matter)
    staff = ConflictMatch.objects.get(matter=matter, member=rita)
    actions.decide_match(match=staff, by=by, verdict="none", note="She worked for another Osprey")
    actions.assign_item(item=item, by=by, member=rita)
    actions.assign_item(item=item, by=by, member=None)
    actions.decide_match(match=staff, by=by, verdict="conflict", note="The same Osprey")
    with pytest.raises(Refused, match="as its conflict check says"):
        actions.assign_item(item=item, by=by, member=rita)


def test_a_conflict_declared_during_the_work_is_checked_at_once(matter: Matter, asha: Membership, rita: Membership) -> None:
    item = make.item(make.workstream(matter))
    actions.assign_item(item=item, by=Actor.member(asha), member=rita)
    actions.add_conflict(member=rita, by=Actor.member(asha), party="Osprey", since=date(2026, 1, 1))
    run = ConflictCheck.objects.get()
    assert (run.matter_id, run.occasion) == (matter.pk, "profile")
    assert ConflictMatch.objects.get(member=rita).why == "One name is part of the other: “osprey”"
    actions.add_conflict(member=rita, by=Actor.member(asha), party="Nobody we know", since=date(2026, 1, 1))
    assert ConflictCheck.objects.count() == 1


def test_another_organization_is_not_searched(matter: Matter, ben: Membership) -> None:
    with in_organization(ben.organization_id):
        assert conflicts.search([("Osprey Holdings", "")]) == []


def test_names_are_found_in_a_constant_number_of_statements(matter: Matter, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        make.client(name=f"Osprey {number}", legal_name=f"Osprey {number} Ltd")
    with django_assert_max_num_queries(5):
        assert len(conflicts.search([("Osprey", "")])) > 30
