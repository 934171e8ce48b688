"""Types of a workstream's items: kept by who edits work, said of an item by hand, by file, by API and of many at once."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from engagements import actions
from engagements.actions import Change
from engagements.imports.items import BY_NAME, Options, key, value_of
from engagements.imports.reader import Problem
from engagements.models import ImportRow, ItemType, WorkItem, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.audit.models import Event
from lpo.core.errors import Refused
from lpo.tenancy.context import Scope, in_organization
from tests import make
from tests.engagements.test_imports import RunJobs
from tests.engagements.test_pages import SignIn, text

pytestmark = pytest.mark.django_db
HERE, NOW = "/alder/matters/ACME-0001/NDA/", datetime(2026, 3, 1, tzinfo=UTC)
TYPES = {"standard": "standard NDA", "mutual": "mutual NDA"}


@pytest.fixture
def stream(asha: Membership) -> Workstream:
    with in_organization(asha.organization_id):
        matter = make.matter(make.engagement(make.client(code="ACME")))
        found = make.workstream(matter, item_prefix="NDA")
        make.item_types(found, **TYPES)
    return found


def typed(stream: Workstream) -> dict[str, str | None]:
    with in_organization(stream.organization_id):
        return dict(WorkItem.objects.order_by("id").values_list("reference", "type"))


def test_a_type_is_added_renamed_retired_and_on_record(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    browser = client_of(asha)
    answer = browser.post(f"{HERE}types/new/", {"code": "MSA", "name": "master services agreement"})
    assert (answer.status_code, answer.headers["Location"]) == (302, HERE)
    assert "master services agreement" in text(browser.get(HERE))
    edit = f"{HERE}types/msa/edit/"
    assert browser.post(edit, {"name": "MSA", "version": 1}).status_code == 302
    page = text(browser.get(HERE))
    assert re.search(r"MSA msa\s+Retired", page)
    assert "Type of item added" in page and "Type of item changed" in page
    with in_organization(asha.organization_id):
        row = ItemType.objects.get(code="msa")
        said = list(
            Event.objects.filter(object_type="engagements.ItemType", object_id=row.pk).order_by("id").values_list("action", "after")
        )
    assert (row.name, row.active) == ("MSA", False)
    assert said == [
        ("item_type.add", {"code": "msa", "name": "master services agreement"}),
        ("item_type.update", {"name": "MSA", "active": False}),
    ]


def test_a_late_save_is_told_and_keeps_what_was_typed(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        actions.update_type(item_type=ItemType.objects.get(code="mutual"), by=make.system(), version=1, name="mutual NDA, two-way")
    answer = client_of(asha).post(f"{HERE}types/mutual/edit/", {"name": "two-sided NDA", "active": "on", "version": 1})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert 'value="two-sided NDA"' in page and "Somebody else saved “mutual NDA, two-way” here in the meantime." in page


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"code": "mutual", "name": "Another"}, "a type mutual already"),
        ({"code": "other", "name": "Mutual nda"}, "a type of this name already: mutual"),
        ({"code": "nda mutual", "name": "Another"}, "lower-case letters"),
        ({"code": "größe", "name": "Another"}, "lower-case letters"),
        ({"code": "a" * 21, "name": "Another"}, "at most 20 characters"),
        ({"code": "x\n", "name": "\u200b"}, "no character that can be read"),
    ],
)
def test_what_cannot_be_a_type_is_said_at_its_field(
    stream: Workstream, asha: Membership, client_of: SignIn, said: dict[str, str], why: str
) -> None:
    answer = client_of(asha).post(f"{HERE}types/new/", said)
    assert answer.status_code == 422
    assert why in text(answer)


def test_who_may_not_edit_work_reads_them_and_changes_none(stream: Workstream, rita: Membership, client_of: SignIn) -> None:
    page = text(client_of(rita).get(HERE))
    assert "mutual NDA" in page and "New type" not in page
    with in_organization(rita.organization_id), pytest.raises(NotPermitted):
        actions.add_type(workstream=stream, by=Actor.member(rita), code="msa", name="MSA")


def test_an_item_has_its_type_from_the_form_and_only_one_of_its_own(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    browser = client_of(asha)
    form = {"title": "NDA", "kind": "work", "received_at": "2026-01-05T09:00", "quantity": "1", "priority": "standard", "type": "mutual"}
    assert browser.post(f"{HERE}items/new/", form).status_code == 302
    assert "Type mutual NDA" in text(browser.get("/alder/work/NDA-0001/"))
    edit = {**form, "version": 1, "reason": ""}
    assert browser.post("/alder/work/NDA-0001/edit/", {**edit, "type": "lease"}).status_code == 422
    assert browser.post("/alder/work/NDA-0001/edit/", {**edit, "type": ""}).status_code == 302
    assert typed(stream) == {"NDA-0001": None}
    with in_organization(asha.organization_id):
        other = make.workstream(stream.matter, item_prefix="MSA")
        make.item_types(other, msa="MSA")
        with pytest.raises(Refused, match=r"“msa” is no type of this workstream\. It has mutual, standard\."):
            make.item(stream, type="msa")
        with pytest.raises(Refused, match="no types of items"):
            make.item(make.workstream(), type="msa")
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE engagements_workitem SET type = 'msa'")


def test_a_retired_type_stays_and_is_given_to_no_other_item(stream: Workstream, in_alder: Scope) -> None:
    has, other = make.item(stream, type="mutual"), make.item(stream)
    actions.update_type(item_type=ItemType.objects.get(code="mutual"), by=make.system(), version=1, active=False)
    assert actions.update_item(item=has, by=make.system(), version=has.version, title="Renamed", type="mutual").type == "mutual"
    with pytest.raises(Refused, match=r"It has standard\."):
        actions.update_item(item=other, by=make.system(), version=other.version, type="mutual")
    with pytest.raises(IntegrityError), transaction.atomic():
        ItemType.objects.filter(code="mutual").update(code="two-way")


def test_many_are_given_a_type_and_get_back_what_they_had(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        make.item(stream), make.item(stream, type="mutual"), make.item(stream, type="standard")
        make.item(make.workstream(stream.matter, item_prefix="ZOO"))
    browser = client_of(asha)
    chosen = {"selected": ["NDA-0001", "NDA-0002", "NDA-0003", "ZOO-0001"], "do": "type", "type": "standard"}
    asked = text(browser.post("/alder/work/bulk/", chosen))
    assert "mutual NDA (mutual)" in asked and "without this type stays as it is" in asked
    preview = browser.post("/alder/work/bulk/", {**chosen, "new_type": "mutual"})
    assert "Its workstream has no type mutual." in text(preview)
    digest = preview.context["preview"].digest
    assert browser.post("/alder/work/bulk/", {**chosen, "new_type": "mutual", "digest": digest}).status_code == 302
    assert typed(stream) == {"NDA-0001": "mutual", "NDA-0002": "mutual", "NDA-0003": "mutual", "ZOO-0001": None}
    assert browser.post("/alder/work/bulk/1/undo/").status_code == 302
    assert typed(stream) == {"NDA-0001": None, "NDA-0002": "mutual", "NDA-0003": "standard", "ZOO-0001": None}


def test_a_type_is_taken_off_many(stream: Workstream, in_alder: Scope, asha: Membership) -> None:
    one, two = make.item(stream, type="mutual"), make.item(stream)
    row = actions.run_bulk(ids=[one.id, two.id], change=Change("type", type=""), by=Actor.member(asha))
    assert (row.changed, row.already, row.words, typed(stream)) == (1, 1, "Set no type", {"NDA-0001": None, "NDA-0002": None})
    with pytest.raises(Refused, match="Choose a type"):
        actions.run_bulk(ids=[one.id], change=Change("type"), by=Actor.member(asha))


def test_the_queue_and_the_tracker_are_narrowed_and_grouped_by_type(stream: Workstream, asha: Membership, client_of: SignIn) -> None:
    with in_organization(asha.organization_id):
        for code in ("mutual", "standard", None):
            make.item(stream, type=code, title=f"Deed {code}")
    browser = client_of(asha)
    assert re.findall(r"Deed \w+", text(browser.get("/alder/work/?type=mutual"))) == ["Deed mutual"]
    assert re.findall(r"Deed \w+", text(browser.get(f"{HERE}?type=standard"))) == ["Deed standard"]
    grouped = browser.get("/alder/work/?group=type&columns=type").context["groups"]
    assert [(heading, [item.title for item in items]) for heading, items in grouped] == [
        ("mutual", ["Deed mutual"]),
        ("standard", ["Deed standard"]),
        ("No type", ["Deed None"]),
    ]


# --- files -----------------------------------------------------------------------------------------------------------------


def check(browser: Browser, run_jobs: RunJobs, number: int, *lines: str, purpose: str = "items", **mapping: str) -> str:
    """Upload, map and check; what the page of the preview says."""
    file = SimpleUploadedFile("tracker.csv", "\n".join(lines).encode(), content_type="text/csv")
    at = f"{HERE}imports/{number}/"
    sent = {"file": file, "source": "upload", "encoding": "utf-8"}
    assert browser.post(f"{HERE}imports/new/{purpose}/", sent).headers["Location"] == at
    assert browser.post(f"{at}mapping/", mapping).status_code == 302
    run_jobs()
    return text(browser.get(at))


def load(browser: Browser, run_jobs: RunJobs, number: int) -> None:
    browser.post(f"{HERE}imports/{number}/confirm/")
    run_jobs()


ITEMS = {"column-external_id": "id", "column-title": "title", "column-received_at": "received", "column-type": "type", "zone": "UTC"}
HEADER = "id,title,received,type"


def test_a_file_names_types_by_code_or_by_name(stream: Workstream, asha: Membership, client_of: SignIn, run_jobs: RunJobs) -> None:
    browser = client_of(asha)
    rows = ["A-1,One,2026-03-01,mutual", "A-2,Two,2026-03-02,Standard NDA", "A-3,Three,2026-03-03,"]
    check(browser, run_jobs, 1, HEADER, *rows, dates="iso", **ITEMS)
    load(browser, run_jobs, 1)
    assert typed(stream) == {"NDA-0001": "mutual", "NDA-0002": "standard", "NDA-0003": None}
    with in_organization(asha.organization_id):
        # A tracker goes on naming a type that was retired since.
        actions.update_type(item_type=ItemType.objects.get(code="mutual"), by=make.system(), version=1, active=False)
    check(browser, run_jobs, 2, HEADER, *rows[:1], "A-2,Two,2026-03-02,", "A-3,Three,2026-03-03,mutual", dates="iso", **ITEMS)
    load(browser, run_jobs, 2)
    assert typed(stream) == {"NDA-0001": "mutual", "NDA-0002": None, "NDA-0003": "mutual"}


def test_an_unknown_type_is_refused_with_its_row_its_column_and_the_known_ones(
    stream: Workstream, asha: Membership, client_of: SignIn, run_jobs: RunJobs
) -> None:
    page = check(client_of(asha), run_jobs, 1, HEADER, "A-1,One,2026-03-01,mutual", "A-2,Two,2026-03-02,lease", dates="iso", **ITEMS)
    assert "“lease” is no type of this workstream. It has mutual, standard." in page
    with in_organization(asha.organization_id):
        refused = ImportRow.objects.get(verdict="rejected")
        assert (refused.number, refused.field, refused.data["type"]) == (3, "type", "lease")


def test_a_column_called_type_is_the_kind_where_there_are_no_types(asha: Membership, stream: Workstream) -> None:
    with in_organization(asha.organization_id):
        plain = make.workstream(stream.matter, item_prefix="MSA")
        content = b"id,title,received,type\nA,B,2026-03-01,enquiry\n"
        named: dict[str, Any] = {"by": make.system(), "purpose": "items", "content": content, "file_name": "t.csv"}
        guessed = [actions.upload_file(workstream=each, **named).mapping["columns"] for each in (plain, stream)]
    assert [columns.get("kind") for columns in guessed] == ["type", None]
    assert [columns.get("type") for columns in guessed] == [None, "type"]


def test_a_history_says_types_too(stream: Workstream, asha: Membership, client_of: SignIn, run_jobs: RunJobs) -> None:
    columns = {"column-item": "id", "column-at": "at", "column-status": "status", "column-type": "type", "zone": "UTC", "dates": "iso"}
    meaning = {"status": "Open", "becomes-0": "received", "do": "check"}
    browser = client_of(asha)
    said = ["id,at,status,type", "A,2026-03-01,Open,mutual NDA", "B,2026-03-01,Open,lease"]
    page = check(browser, run_jobs, 1, *said, purpose="history", **columns, **meaning)
    assert "“lease” is no type of this workstream. It has mutual, standard." in page
    load(browser, run_jobs, 1)
    assert typed(stream) == {"NDA-0001": "mutual"}
    check(browser, run_jobs, 2, said[0], "A,2026-03-01,Open,standard", purpose="history", **columns, **meaning)
    load(browser, run_jobs, 2)
    assert typed(stream) == {"NDA-0001": "standard"}


def test_a_load_file_is_all_of_one_type(stream: Workstream, asha: Membership, client_of: SignIn, run_jobs: RunJobs) -> None:
    browser = client_of(asha)
    file = SimpleUploadedFile("export.csv", b"control_number,batch\nD-1,B1\nD-2,B1\n", content_type="text/csv")
    browser.post(f"{HERE}load-files/new/", {"file": file, "source": "review", "encoding": "utf-8"})
    asked = {"unit": "documents", "received": "2026-03-01T09:00"}
    assert browser.post(f"{HERE}imports/1/load-file/", {**asked, "type": "lease"}).status_code == 422
    assert browser.post(f"{HERE}imports/1/load-file/", {**asked, "type": "mutual"}).status_code == 302
    run_jobs()
    load(browser, run_jobs, 1)
    assert typed(stream) == {"NDA-0001": "mutual", "NDA-0002": "mutual"}


@given(st.lists(st.sampled_from(["nda", "NDA", "Mutual NDA", "msa-2", "E-mail", "x"]), unique_by=key), st.text("Mutal nd-2xé", max_size=12))
def test_a_cell_is_read_as_one_of_the_types_or_refused_naming_all_of_them(names: list[str], said: str) -> None:
    codes = {key(name): f"t{place}" for place, name in enumerate(names)}
    found = value_of(BY_NAME["type"], said.strip() or "?", Options({}, types=codes), NOW)
    if isinstance(found, Problem):
        assert found.field == "type" and all(code in found.reason for code in codes.values())
    else:
        assert found == codes[key(said)]
