"""Versions with their hash, a checklist before publishing, what the client sees and what it decided of each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client as Browser
from pytest_django import Settings

from engagements import actions
from engagements.models import Client, Deliverable, Matter, Pause, WorkItem
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Document, Event
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def item(in_alder: Scope, vantic: Client) -> WorkItem:
    """VAN-0001/NDA's first item, delivered."""
    matter = make.matter(make.engagement(vantic), title="Commercial NDAs")
    return make.item(make.workstream(matter, item_prefix="NDA"), title="Mutual NDA, O'Hara & Söhne", state="delivered")


def keep(item: WorkItem, words: str = "first", **fields: Any) -> Deliverable:
    return actions.keep_deliverable(item=item, by=make.system(), content=words.encode(), file_name=f"{words}.txt", **fields)


def publish(row: Deliverable, by: Actor | None = None) -> Deliverable:
    return actions.publish_deliverable(deliverable=row, by=by or make.system())


def decision(number: int) -> tuple[str, str]:
    row = Deliverable.objects.get(number=number)
    return row.decision, row.decided_source


def test_a_file_is_a_version_with_its_label_and_hash(item: WorkItem) -> None:
    first = keep(item, label="Mutual NDA, redline")
    assert (first.number, first.label, first.sha256, first.size) == (1, "Mutual NDA, redline", hashlib.sha256(b"first").hexdigest(), 5)
    assert keep(item) == first, "the same bytes are the same version"
    assert (keep(item, "second").number, keep(item).number) == (2, 3)
    with pytest.raises(DatabaseError, match="keeps its file"), transaction.atomic():
        Deliverable.objects.filter(pk=first.pk).update(label="Another")
    with pytest.raises(DatabaseError), transaction.atomic():
        first.delete()


def test_a_file_that_is_not_what_it_says_is_refused_beside_its_field(item: WorkItem, rita: Membership, client_of: SignIn) -> None:
    address = f"/alder/work/{item.reference}/deliverables/new/"
    for name, content, reason in (("NDA.pdf", b"MZ\x90", "a Windows program"), ("NDA.docx", b"words", "no DOCX file")):
        answer = client_of(rita).post(address, {"file": SimpleUploadedFile(name, content)})
        assert answer.status_code == 422 and reason in text(answer)
    assert not Deliverable.objects.exists() and not Document.objects.exists()
    assert client_of(rita).post(address, {"file": SimpleUploadedFile("NDA.txt", b"words"), "label": "NDA"}).status_code == 302
    with pytest.raises(Refused, match="is a path"):
        actions.keep_deliverable(item=item, by=make.system(), content=b"words", file_name="../words.txt")


def test_a_name_keeps_its_letters_and_is_the_versions_own(item: WorkItem, rita: Membership, client_of: SignIn) -> None:
    browser, here = client_of(rita), f"/alder/work/{item.reference}/deliverables/"
    for name, words in (("first.txt", b"one"), ("second.txt", b"two"), ("O'Brien – Entwürfe “3”.txt", b"one")):
        for _ in range(2):  # clicked twice
            assert browser.post(f"{here}new/", {"file": SimpleUploadedFile(name, words)}).status_code == 302
    assert Deliverable.objects.count() == 3
    answer = browser.get(f"/alder/work/{item.reference}/files/3/")
    assert answer.content == b"one" and answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == ("attachment; filename*=utf-8''O%27Brien%20%E2%80%93%20Entw%C3%BCrfe%20%E2%80%9C3%E2%80%9D.txt")


def test_a_file_above_the_limit_is_refused_and_so_is_all_that_came_with_it(
    item: WorkItem, rita: Membership, asha: Membership, client_of: SignIn, settings: Settings
) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1000
    large = b"words " * 20_000
    answer = client_of(rita).post(f"/alder/work/{item.reference}/deliverables/new/", {"file": SimpleUploadedFile("NDA.txt", large)})
    assert answer.status_code == 422 and "This file is too large" in text(answer)
    open_item = make.item(item.workstream)
    said = {"party": "client", "reason": "information", "note": "asked", "evidence": SimpleUploadedFile("mail.eml", large)}
    answer = client_of(asha).post(f"/alder/work/{open_item.reference}/pause/", said)
    assert answer.status_code == 413 and "nothing was saved" in text(answer)
    assert not Pause.objects.exists() and not Document.objects.exists()


def test_nothing_is_published_before_its_required_points_are_ticked(
    item: WorkItem, rita: Membership, asha: Membership, client_of: SignIn
) -> None:
    stream = item.workstream
    points = actions.set_checklist(workstream=stream, by=Actor.member(asha), required=["Second read", "Names checked"], optional=["Styled"])
    row, here = keep(item), f"/alder/work/{item.reference}/deliverables/1/"
    page = client_of(asha).get(here)
    assert "once these 2 required points are ticked: “Second read”, “Names checked”." in text(page)
    assert f"{here}publish/" not in page.content.decode()
    refused = client_of(asha).post(f"{here}publish/")
    assert refused.status_code == 422 and "Not ticked yet: Second read, Names checked." in text(refused)
    for point in points[:2]:
        for _ in range(2):
            assert client_of(rita).post(f"{here}tick/", {"point": point.pk}).status_code == 302
    assert Event.objects.filter(action="deliverable.tick").count() == 2
    ticked = client_of(asha).get(here)
    assert text(ticked).count("Rita O&#x27;Brien") >= 2 and f"{here}publish/" in ticked.content.decode()
    assert client_of(asha).post(f"{here}publish/").status_code == 302
    row.refresh_from_db()
    assert (row.published_by_label, row.published_file is not None) == ("Asha Rao", True)
    late = client_of(rita).post(f"{here}tick/", {"point": points[0].pk, "do": "untick"})
    assert late.status_code == 422 and "was published" in text(late)


def test_a_tick_taken_back_counts_no_more_and_another_workstreams_point_is_not_found(
    item: WorkItem, rita: Membership, client_of: SignIn
) -> None:
    (point,) = actions.set_checklist(workstream=item.workstream, by=make.system(), required=["Second read"])
    (other,) = actions.set_checklist(workstream=make.workstream(), by=make.system(), required=["Second read"])
    row = keep(item)
    for ticked in (True, False):
        actions.tick_point(deliverable=row, point=point, by=Actor.member(rita), ticked=ticked)
    with pytest.raises(Refused, match="Not ticked yet: Second read"):
        publish(row)
    assert client_of(rita).post(f"/alder/work/{item.reference}/deliverables/1/tick/", {"point": other.pk}).status_code == 404


def test_a_point_that_leaves_the_list_stays_where_it_was_ticked(item: WorkItem, asha: Membership, client_of: SignIn) -> None:
    (point,) = actions.set_checklist(workstream=item.workstream, by=make.system(), required=["Second read"])
    actions.tick_point(deliverable=keep(item), point=point, by=make.system())
    form = {"required": "Names checked\n\nNames  checked", "optional": "Styled"}
    assert client_of(asha).post(f"/alder/matters/{item.workstream.matter.reference}/NDA/checklist/", form).status_code == 302
    page = text(client_of(asha).get(f"/alder/work/{item.reference}/deliverables/1/"))
    assert "Second read" in page and "Names checked" in page
    assert "Names checked\n" not in page


def test_what_is_not_delivered_is_not_published(in_alder: Scope) -> None:
    row = keep(make.item())
    with pytest.raises(Refused, match="was not delivered yet"):
        publish(row)


def test_who_may_publish(item: WorkItem, rita: Membership, cora: Membership) -> None:
    row = keep(item)
    for member in (rita, cora):
        with pytest.raises(NotPermitted):
            publish(row, Actor.member(member))


def test_the_client_sees_published_versions_alone(item: WorkItem, carla: Membership, client_of: SignIn) -> None:
    publish(keep(item, label="Mutual NDA, redline"))
    keep(item, "second", label="Not for the client")
    browser = client_of(carla)
    page = text(browser.get("/alder/portal/van/deliverables/"))
    assert "Mutual NDA, redline" in page and "Not for the client" not in page
    assert hashlib.sha256(b"first").hexdigest()[:12] in page
    file = browser.get(f"/alder/portal/van/deliverables/{item.reference}/1/file/")
    assert file.content == b"first" and file["Content-Disposition"].startswith("attachment")
    assert browser.get(f"/alder/portal/van/deliverables/{item.reference}/2/file/").status_code == 404
    assert "Mutual NDA" in text(browser.get("/alder/portal/van/deliverables/?matter=VAN-0001"))
    assert "Mutual NDA" not in text(browser.get("/alder/portal/van/deliverables/?matter=VAN-0002"))


def test_publishing_shows_the_matter_and_twice_is_once(item: WorkItem) -> None:
    row = keep(item)
    assert publish(row).published_at == publish(row).published_at
    assert Matter.objects.get(pk=item.matter_id).published_at is not None
    assert Event.objects.filter(action="deliverable.publish").count() == 1
    with pytest.raises(DatabaseError, match="keeps its file"), transaction.atomic():
        Deliverable.objects.update(published_at=None, published_file=None, published_by_label="")


def test_each_version_has_the_decision_made_while_it_was_the_newest(
    item: WorkItem, sam: Membership, carla: Membership, client_of: SignIn
) -> None:
    counsel = Actor.member(sam)
    publish(keep(item))
    item = actions.move_item(item=item, to="returned", by=counsel)
    publish(keep(item, "second"))
    actions.move_item(item=item, to="delivered", by=make.system())
    item = actions.move_item(item=item, to="accepted", by=counsel)
    assert (decision(1), decision(2)) == (("returned", "attorney"), ("accepted", "attorney"))
    page = text(client_of(carla).get("/alder/portal/van/deliverables/"))
    assert "Accepted" in page and "Returned" in page and "supervising attorney" in page
    actions.undo_last_move(item=item, by=counsel)
    assert (decision(1), decision(2)) == (("returned", "attorney"), ("", ""))


def test_the_provider_records_the_clients_word_with_its_message(item: WorkItem, asha: Membership) -> None:
    keep(item)
    actions.move_item(item=item, to="accepted", by=Actor.member(asha), message=make.message(item))
    assert decision(1) == ("accepted", "provider")


def test_a_walled_matters_deliverables_are_not_found(item: WorkItem, asha: Membership, adam: Membership, client_of: SignIn) -> None:
    keep(item)
    actions.raise_wall(matter=item.workstream.matter, by=Actor.member(asha), reason="Sensitive")
    for path in ("matters/VAN-0001/deliverables/", f"work/{item.reference}/deliverables/1/"):
        assert client_of(asha).get(f"/alder/{path}").status_code == 200
        assert client_of(adam).get(f"/alder/{path}").status_code == 404


def test_another_organizations_version_is_not_found(item: WorkItem, ben: Membership, client_of: SignIn) -> None:
    keep(item)
    assert client_of(ben).get(f"/birch/work/{item.reference}/deliverables/1/").status_code == 404
    with in_organization(ben.organization_id):
        assert not Deliverable.objects.exists()
