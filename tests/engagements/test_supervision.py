"""The record of supervision: attorneys from-to, samples drawn by chance and signed by the attorney alone, files, and what is published."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.db import DatabaseError, transaction
from django.test import Client as Browser
from django.utils import timezone

from engagements import actions, supervision
from engagements.actions.supervision import _drawn
from engagements.models import Client, Matter, SampledItem, SupervisionReport, SupervisionSample, SupervisionTerm, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Role
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope
from tests import make
from tests.conftest import person

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def stream(in_alder: Scope, vantic: Client, sam: Membership) -> Workstream:
    """VAN-0001/NDA, supervised by Sam, admitted in New York; four items delivered and one not."""
    actions.add_admission(member=sam, by=make.system(), jurisdiction="New York", number="4410982")
    matter = make.matter(make.engagement(vantic), title="NDAs", supervising_attorney=sam, jurisdiction="New York")
    stream = make.workstream(matter, item_prefix="NDA")
    for number in range(4):
        make.item(stream, title=f"NDA, O'Hara {number}", state="delivered")
    make.item(stream, title="Open")
    return stream


def draw(stream: Workstream, size: int = 2, **fields: Any) -> SupervisionSample:
    now = timezone.now()
    values: Any = {"from_at": now - timedelta(days=1), "to_at": now.replace(microsecond=0) + timedelta(hours=1), "size": size} | fields
    return actions.draw_sample(matter=stream.matter, by=make.system(), **values)


def kinds(matter: Matter) -> list[str]:
    return [entry.kind for entry in supervision.entries_of(matter)]


def test_who_supervised_from_when_to_when_and_by_which_admission(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    matter = stream.matter
    other = person(asha.organization, "Noor Çelik", Role.ATTORNEY)
    actions.update_matter(matter=matter, by=Actor.member(asha), version=matter.version, supervising_attorney=other)
    first, second = SupervisionTerm.objects.order_by("id")
    assert (first.name, first.admission, first.ends_at) == ("Sam Pell", "New York 4410982", second.starts_at)
    assert (second.name, second.admission, second.ends_at) == ("Noor Çelik", "", None)
    page = text(client_of(asha).get("/alder/matters/VAN-0001/supervision/"))
    assert "Noor Çelik" in page and "no admission on record" in page
    for _ in range(2):
        assert client_of(asha).post("/alder/matters/VAN-0001/supervision/admission/", {"admission": "Ontario 55"}).status_code == 302
    changed = client_of(asha).post("/alder/matters/VAN-0001/supervision/admission/", {"admission": "Ontario 56"})
    assert changed.status_code == 422 and "on record already: Ontario 55" in text(changed)
    with pytest.raises(DatabaseError, match="has ended"), transaction.atomic():
        SupervisionTerm.objects.filter(pk=first.pk).update(admission="-")


def test_a_matter_opened_late_says_since_when_it_was_supervised(
    stream: Workstream, asha: Membership, sam: Membership, client_of: SignIn
) -> None:
    address = f"/alder/engagements/{stream.matter.engagement.reference}/matters/new/"
    body = {"title": "An older matter", "supervised_from": "2025-11-01T09:00"}
    nobody = client_of(asha).post(address, body)
    assert nobody.status_code == 422 and "Choose who supervises it since then." in text(nobody)
    ahead = client_of(asha).post(address, body | {"supervising_attorney": sam.pk, "supervised_from": "2096-01-01T09:00"})
    assert ahead.status_code == 422 and "This lies in the future." in text(ahead)
    assert client_of(asha).post(address, body | {"supervising_attorney": sam.pk}).status_code == 302
    term = SupervisionTerm.objects.get(matter__title="An older matter")
    assert (term.starts_at.date().isoformat(), term.ends_at) == ("2025-11-01", None)


def test_a_sample_is_drawn_by_chance_from_what_was_delivered_and_can_be_drawn_again(stream: Workstream) -> None:
    row = draw(stream)
    assert (row.number, row.population, row.size) == (1, 4, 2)
    chosen = list(SampledItem.objects.filter(sample=row).order_by("position").values_list("item_id", flat=True))
    assert chosen == _drawn(row) and len(set(chosen)) == 2
    assert draw(stream, from_at=row.from_at, to_at=row.to_at) == row, "a form sent twice"
    with pytest.raises(Refused, match="4 items were first delivered"):
        draw(stream, 5)
    with pytest.raises(Refused, match="before the first"):
        draw(stream, to_at=row.from_at)


def test_only_the_matters_attorney_signs_and_a_signature_stays(
    stream: Workstream, sam: Membership, olga: Membership, client_of: SignIn
) -> None:
    draw(stream)
    first, second = SampledItem.objects.order_by("position")
    for by in (Actor.member(olga), make.system()):
        with pytest.raises(NotPermitted):
            actions.sign_sampled(sampled=first, by=by, verdict="agreed")
    browser, here = client_of(sam), "/alder/matters/VAN-0001/supervision/samples/1/"
    assert browser.post(f"{here}2/sign/", {"verdict": "not_agreed"}).status_code == 422
    for _ in range(2):
        assert browser.post(f"{here}1/sign/", {"verdict": "agreed"}).status_code == 302
    assert browser.post(f"{here}2/sign/", {"verdict": "not_agreed", "note": "Clause 4 is wrong"}).status_code == 302
    assert browser.post(f"{here}2/sign/", {"verdict": "agreed"}).status_code == 422
    page = text(client_of(olga).get(here))
    assert "2 of 2 signed" in page and "Clause 4 is wrong" in page and "Sam Pell" in page
    with pytest.raises(DatabaseError, match="is signed"), transaction.atomic():
        SampledItem.objects.filter(pk=first.pk).update(verdict="not_agreed", note="-")
    assert second.position == 2


def _everything(stream: Workstream, sam: Membership) -> None:
    counsel, matter = Actor.member(sam), stream.matter
    protocol = actions.write_protocol(
        workstream=stream, by=make.system(), title="NDA protocol", effective_from=make.today(), text="Return what has no term"
    )
    actions.sign_protocol(protocol=protocol, by=counsel)
    asked = actions.ask_counsel(matter=matter, by=make.system(), question="=May we sign?", escalation=True)
    actions.answer_question(question=asked, by=counsel, answer="Yes", protocol="NDA protocol 2")
    draw(stream)
    actions.sign_sampled(sampled=SampledItem.objects.get(position=1), by=counsel, verdict="agreed")
    actions.run_check(client=matter.client, matter=matter, by=make.system())


def test_the_page_and_its_files_gather_what_was_written_down(
    stream: Workstream, sam: Membership, asha: Membership, client_of: SignIn
) -> None:
    _everything(stream, sam)
    assert set(kinds(stream.matter)) == {"Supervision", "Protocol", "Escalation", "Answer", "Sample", "Sign-off", "Conflict check"}
    page = text(client_of(asha).get("/alder/matters/VAN-0001/supervision/"))
    assert "NDA protocol, version 1 signed" in page and "1 thing waits for the attorney" in page
    lines = client_of(asha).get("/alder/matters/VAN-0001/supervision/record.csv").content.decode().splitlines()
    assert lines[0] == "At (UTC),Kind,What,By,Note,Waits"
    assert len(lines) == len(kinds(stream.matter)) + 1
    first, second = (client_of(asha).get("/alder/matters/VAN-0001/supervision/record.xlsx").content for _ in range(2))
    assert first == second
    sheet = openpyxl.load_workbook(io.BytesIO(first)).active
    assert sheet is not None and sheet.max_row == len(lines)
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_the_client_reads_what_was_published_as_it_was_then_and_no_name_of_staff(
    stream: Workstream, sam: Membership, asha: Membership, carla: Membership, client_of: SignIn
) -> None:
    here = "/alder/portal/van/matters/VAN-0001/supervision/"
    actions.publish_matter(matter=stream.matter, by=make.system())
    assert client_of(carla).get(here).status_code == 404
    _everything(stream, sam)
    actions.ask_counsel(matter=stream.matter, by=Actor.member(asha), question="Which deadline?")
    for _ in range(2):
        assert client_of(asha).post("/alder/matters/VAN-0001/supervision/publish/").status_code == 302
    assert SupervisionReport.objects.count() == 1, "unchanged, it is not published twice"
    actions.sign_sampled(sampled=SampledItem.objects.get(position=2), by=Actor.member(sam), verdict="not_agreed", note="Not yet told")
    page = text(client_of(carla).get(here))
    assert "Sam Pell" in page and "New York 4410982" in page and "NDA protocol, version 1 signed" in page and "Which deadline?" in page
    assert "Asha" not in page and "Not yet told" not in page
    assert "Supervision" in text(client_of(carla).get("/alder/portal/van/matters/VAN-0001/"))
    assert b"Asha" not in client_of(carla).get(f"{here}record.csv").content
    with pytest.raises(DatabaseError), transaction.atomic():
        SupervisionReport.objects.update(snapshot={})


def test_an_escalation_is_marked_where_it_is_asked_and_listed(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    browser = client_of(asha)
    assert browser.post("/alder/matters/VAN-0001/ask/", {"question": "May we?", "escalation": "on"}).status_code == 302
    for path in ("matters/VAN-0001/questions/1/", "decisions/", "matters/VAN-0001/supervision/"):
        assert "Escalation" in text(browser.get(f"/alder/{path}"))


def test_a_wall_hides_the_record(stream: Workstream, asha: Membership, adam: Membership, client_of: SignIn) -> None:
    actions.raise_wall(matter=stream.matter, by=Actor.member(asha), reason="Sensitive")
    for path in ("supervision/", "supervision/record.csv", "hold/", "conflicts/", "deliverables/"):
        assert client_of(adam).get(f"/alder/matters/VAN-0001/{path}").status_code == 404
