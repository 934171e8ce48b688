"""A matter found by any of its numbers and by who is party to it; protocols that count once the attorney has signed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions, queries
from engagements.models import Matter, MatterParty, ProtocolVersion, Workstream
from engagements.names import name_key
from engagements.views.search import find
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


def found(words: str) -> list[str]:
    return [hit.title for name, hits in find(words, "alder") for hit in hits if name == "Matters"]


# --- ids and parties ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", ["LEG-22/31", "leg-22", "LEG", "PRX 7", "prx 77", "ACME-0001", "acme-0001", "Osprey Holdings", "SOCIETE D", "harlan"]
)
def test_a_matter_is_found_by_any_number_exactly_or_by_its_beginning(in_alder: Scope, asked: str) -> None:
    engagement = make.engagement(make.client(code="ACME"))
    parties = ["Osprey Holdings plc", "Société d'Été"]
    make.matter(engagement, title="Harlan", client_matter_id="LEG-22/31", own_matter_id="PRX 77", parties=parties)
    make.matter(engagement, title="Another", client_matter_id="XLEG-1", own_matter_id="9", parties=["Vantic"])
    assert found(asked) == ["Harlan"]


def test_names_are_compared_without_case_accents_and_punctuation() -> None:
    assert name_key("  Société   d'Été, S.A. ") == "societe d ete s a" == name_key("SOCIETE D’ETE S.A.")
    assert name_key("Straße GmbH") == name_key("STRASSE GMBH")
    assert name_key("!!!") == ""


def test_a_party_that_leaves_keeps_its_row(in_alder: Scope) -> None:
    matter = make.matter(parties=["Osprey", "Harlan", "osprey "])
    assert queries.parties_of(matter) == ["Harlan", "osprey"]
    actions.update_matter(matter=matter, by=make.system(), version=1, parties=["Vantic", "HARLAN"])
    assert queries.parties_of(matter) == ["Harlan", "Vantic"]
    gone = MatterParty.objects.get(name_key="osprey")
    assert gone.removed_at is not None
    event = Event.objects.get(action="matter.update")
    assert (event.before, event.after) == ({"parties": ["Harlan", "osprey"]}, {"parties": ["Harlan", "Vantic"]})
    actions.update_matter(matter=matter, by=make.system(), version=1, parties=["Vantic", "Harlan"])
    assert Event.objects.filter(action="matter.update").count() == 1


def test_a_party_of_a_walled_matter_leads_nobody_to_it(in_alder: Scope, asha: Membership, adam: Membership, client_of: SignIn) -> None:
    matter = make.matter(title="Merger", parties=["Rowan Industries"])
    actions.raise_wall(matter=matter, by=Actor.member(asha), insiders=[])
    assert "Merger" in text(client_of(asha).get("/alder/search/?q=rowan"))
    assert "Merger" not in text(client_of(adam).get("/alder/search/?q=rowan"))


def test_a_matter_is_filled_in_and_shown_in_the_browser(asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        make.matter(make.engagement(make.client(code="ACME")), title="Harlan")
    form = {"title": "Harlan", "version": 1, "own_matter_id": "PRX-7", "end_client": "Harlan Estate", "parties": "Osprey\n\nVantic "}
    browser = client_of(asha)
    assert browser.post("/alder/matters/ACME-0001/edit/", form | {"bill_to": "Harlan Estate\n1 Dock Road"}).status_code == 302
    page = text(browser.get("/alder/matters/ACME-0001/"))
    for words in ("PRX-7", "Harlan Estate", "Osprey Vantic", "1 Dock Road"):
        assert words in page
    assert "Osprey\nVantic" in browser.get("/alder/matters/ACME-0001/edit/").content.decode()


# --- protocols ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def stream(in_alder: Scope, sam: Membership) -> Workstream:
    """ACME-0001/NDA, supervised by Sam."""
    matter = make.matter(make.engagement(make.client(code="ACME")), supervising_attorney=sam)
    return make.workstream(matter, item_prefix="NDA")


def written(stream: Workstream, starts: date | None = None, **fields: Any) -> ProtocolVersion:
    values: Any = {"title": "NDA protocol", "text": "Return anything without a term."} | fields
    return actions.write_protocol(workstream=stream, by=make.system(), effective_from=starts or make.today(), **values)


def in_force(stream: Workstream) -> int | None:
    found = queries.protocols_in_force([stream.id], timezone.now()).get(stream.id)
    return found.number if found else None


def test_a_protocol_counts_once_it_is_signed_and_its_day_has_come(stream: Workstream, sam: Membership) -> None:
    first, today = written(stream), make.today()
    assert in_force(stream) is None
    actions.sign_protocol(protocol=first, by=Actor.member(sam))
    assert in_force(stream) == 1
    later = written(stream, today + timedelta(days=2), text="Two days' notice.")
    actions.sign_protocol(protocol=later, by=Actor.member(sam))
    assert (later.number, in_force(stream)) == (2, 1)
    later_on = queries.protocols_in_force([stream.id], timezone.now() + timedelta(days=3))
    assert later_on[stream.id].number == 2


def test_only_the_matters_own_attorney_signs_and_only_signed_in(
    stream: Workstream, sam: Membership, olga: Membership, asha: Membership
) -> None:
    protocol = written(stream)
    other = make.workstream(make.matter(), item_prefix="OTH")
    for by in (Actor.member(olga), Actor.member(asha), make.system()):
        with pytest.raises(NotPermitted):
            actions.sign_protocol(protocol=protocol, by=by)
    with pytest.raises(NotPermitted, match="supervising attorney of this matter"):
        actions.sign_protocol(protocol=written(other), by=Actor.member(sam))
    signed = actions.sign_protocol(protocol=protocol, by=Actor.member(sam))
    again = actions.sign_protocol(protocol=protocol, by=Actor.member(sam))
    assert (signed.signed_by_label, again.signed_at) == ("Sam Pell", signed.signed_at)
    assert Event.objects.filter(action="protocol.sign").count() == 1


def test_a_signed_protocol_never_changes(stream: Workstream, sam: Membership) -> None:
    signed = actions.sign_protocol(protocol=written(stream), by=Actor.member(sam))
    with pytest.raises(DatabaseError, match="is signed"), transaction.atomic():
        ProtocolVersion.objects.filter(pk=signed.pk).update(text="Sign everything.")


def test_a_protocol_says_something_once(stream: Workstream) -> None:
    with pytest.raises(Refused, match="Write the protocol"):
        written(stream, text="")
    assert written(stream) == written(stream)
    assert written(stream, text="Other").number == 2


def test_a_protocol_is_written_signed_and_at_hand_in_the_browser(
    stream: Workstream, asha: Membership, sam: Membership, cora: Membership, client_of: SignIn
) -> None:
    item = make.item(stream)
    here = "/alder/matters/ACME-0001/NDA/protocols/"
    file = SimpleUploadedFile("protocol.pdf", b"%PDF-1.7 how to %%EOF", "application/pdf")
    form = {"title": "NDA protocol", "text": "Return anything without a term.", "effective_from": "2026-01-05", "file": file}
    manager = client_of(asha)
    assert manager.post(f"{here}new/", form).headers["Location"] == f"{here}1/"
    assert manager.post(f"{here}1/sign/").status_code == 403
    attorney = client_of(sam)
    assert "Sign" in text(attorney.get(f"{here}1/"))
    assert attorney.post(f"{here}1/sign/").status_code == 302
    assert "In force" in text(manager.get(f"{here}1/"))
    assert manager.get(f"{here}1/file/").content == b"%PDF-1.7 how to %%EOF"
    for page in (f"/alder/work/{item.reference}/", "/alder/matters/ACME-0001/NDA/"):
        assert "signed by Sam Pell" in text(manager.get(page))
    assert "without a term" not in text(client_of(cora).get(f"{here}1/"))
    assert client_of(cora).get(f"{here}1/file/").status_code == 403
    assert Matter.objects.get().supervising_attorney_id == sam.id
