"""Files of items and of histories through the browser, with the jobs between the pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from engagements import actions, events
from engagements.actions import history_imports, history_loading, item_checks, item_loading
from engagements.models import Assignment, ImportBatch, ImportChunk, ImportMapping, ImportRow, Pause, Transition, WorkItem, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.tenancy.context import in_organization
from tests import make

pytestmark = pytest.mark.django_db
SignIn = Callable[[Membership], Browser]
RunJobs = Callable[[], int]
HERE = "/alder/matters/ACME-0001/NDA/"
HEADER = "id,title,received,quantity,priority"
ITEM_COLUMNS = {
    "column-external_id": "id",
    "column-title": "title",
    "column-received_at": "received",
    "column-quantity": "quantity",
    "column-priority": "priority",
    "zone": "America/New_York",
    "dates": "iso",
}


@pytest.fixture
def stream(asha: Membership) -> Workstream:
    with in_organization(asha.organization_id):
        return make.workstream(make.matter(make.engagement(make.client(code="ACME"))), item_prefix="NDA")


def upload(browser: Browser, content: bytes | str, purpose: str = "items", name: str = "items.csv", **more: str) -> Any:
    raw = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile(name, raw, content_type="text/csv")
    return browser.post(f"{HERE}imports/new/{purpose}/", {"file": file, "source": "upload", "encoding": "utf-8", **more})


def rows(*lines: str) -> str:
    return "\n".join([HEADER, *lines]) + "\n"


def check(browser: Browser, content: str, run_jobs: RunJobs, number: int = 1) -> Any:
    """Upload, map and check a file of items; the page of the preview."""
    assert upload(browser, content).headers["Location"] == f"{HERE}imports/{number}/"
    assert browser.post(f"{HERE}imports/{number}/mapping/", ITEM_COLUMNS).status_code == 302
    assert "Checking" in browser.get(f"{HERE}imports/{number}/").content.decode()
    run_jobs()
    return browser.get(f"{HERE}imports/{number}/")


def load(browser: Browser, run_jobs: RunJobs, number: int = 1) -> None:
    for _ in range(2):
        assert browser.post(f"{HERE}imports/{number}/confirm/").status_code == 302
    run_jobs()
    run_jobs()


def counts(number: int = 1) -> dict[str, int]:
    batch = ImportBatch.objects.order_by("id")[number - 1]
    assert batch.state in {"preview", "loaded"}, batch.problem
    return {name: batch.counts[name] for name in ("new", "changed", "unchanged", "rejected")}


def test_a_file_of_items_is_mapped_previewed_and_loaded(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(events, "subscribers", [lambda changed: told.extend(changed.item_ids)])
    browser = client_of(asha)
    page = check(
        browser, rows("A-1,NDA with Société d'Été,2026-03-31T17:45:00+02:00,2.5,Urgent", "A-2,O'Neil NDA,2026-03-31 09:00,,"), run_jobs
    )
    assert "Load these items" in page.content.decode()
    with in_organization(stream.organization_id):
        assert counts() == {"new": 2, "changed": 0, "unchanged": 0, "rejected": 0}
        assert not WorkItem.objects.exists()
    load(browser, run_jobs)
    with in_organization(stream.organization_id):
        found = WorkItem.objects.order_by("reference").values_list("reference", "external_id", "title", "quantity", "priority", "state")
        assert [(r, e, t, str(q), p, s) for r, e, t, q, p, s in found] == [
            ("NDA-0001", "A-1", "NDA with Société d'Été", "2.500", "urgent", "received"),
            ("NDA-0002", "A-2", "O'Neil NDA", "1.000", "standard", "received"),
        ]
        received = list(WorkItem.objects.order_by("reference").values_list("received_at", flat=True))
        assert [at.isoformat() for at in received] == ["2026-03-31T15:45:00+00:00", "2026-03-31T13:00:00+00:00"]
        assert Transition.objects.filter(from_state="", to_state="received").count() == 2
        assert sorted(told) == sorted(WorkItem.objects.values_list("id", flat=True))
        stream.refresh_from_db()
        assert stream.item_count == 2
    assert "Loaded" in browser.get(f"{HERE}imports/1/").content.decode()
    assert "items.csv" in browser.get(HERE).content.decode()


def test_the_same_file_twice_is_nothing_and_a_changed_row_changes_one(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    browser = client_of(asha)
    first = rows("A-1,One,2026-03-01,1,", "A-2,Two,2026-03-02,1,")
    check(browser, first, run_jobs)
    load(browser, run_jobs)
    page = check(browser, first, run_jobs, 2)
    assert "nothing to load" in page.content.decode()
    check(browser, rows("A-1,One,2026-03-01,1,", "A-2,Two renamed,2026-03-02,7,", "A-3,Three,2026-03-03,1,"), run_jobs, 3)
    with in_organization(stream.organization_id):
        assert counts(2) == {"new": 0, "changed": 0, "unchanged": 2, "rejected": 0}
        assert counts(3) == {"new": 1, "changed": 1, "unchanged": 1, "rejected": 0}
    load(browser, run_jobs, 3)
    with in_organization(stream.organization_id):
        assert sorted(WorkItem.objects.values_list("reference", "title", "version")) == [
            ("NDA-0001", "One", 1),
            ("NDA-0002", "Two renamed", 2),
            ("NDA-0003", "Three", 1),
        ]


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (",No id,2026-03-01,1,", "external_id", "empty"),
        ("A-1,,2026-03-01,1,", "title", "empty"),
        ("A-1,x,2999-01-01,1,", "received_at", "future"),
        ("A-1,x,yesterday,1,", "received_at", "“yesterday” is not a date"),
        ("A-1,x,31/03/2026,1,", "received_at", "is not a date"),
        ("A-1,x,0001-01-01T00:00:00+23:00,1,", "received_at", "is not a date"),
        ('A-1,x,2026-03-01,"1,5",', "quantity", "not a number"),
        ("A-1,x,2026-03-01,-1,", "quantity", "not a quantity"),
        ("A-1,x,2026-03-01,NaN,", "quantity", "not a quantity"),
        ("A-1,x,2026-03-01,1.2345,", "quantity", "three decimals"),
        (f"A-1,{'x' * 301},2026-03-01,1,", "title", "301 characters"),
        ("A-1,x,2026-03-01,1,standard,surplus", "", "6 cells, the header 5"),
        ("A-0,x,2026-03-01,1,", "external_id", "Row 2 has this external ID already"),
        ("A-1,Bell\x07,2026-03-01,1,", "title", "Character 5 is a control character (U+0007)"),
        ('A-1,"two\nlines",2026-03-01,1,', "title", "Character 4 is a line break"),
        ("A-1,\u200b\u200d,2026-03-01,1,", "title", "no character that can be read"),
        ("A\t1,x,2026-03-01,1,", "external_id", "Character 2 is a tab"),
    ],
)
def test_a_row_that_cannot_be_is_rejected_by_row_and_field(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs, line: str, field: str, reason: str
) -> None:
    page = check(client_of(asha), rows("A-0,Good,2026-03-01,1,", line), run_jobs)
    with in_organization(stream.organization_id):
        (row,) = ImportRow.objects.filter(verdict="rejected")
        assert (row.number, row.field) == (3, field)
        assert reason in row.reason
    assert "Rejected rows" in page.content.decode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"id,title,received\n", "no rows below"),
        (b"PK\x03\x04rest of a workbook", "Excel workbook"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"id,title\nA,\x00\n", "NUL byte at byte 12, row 2"),
        ("id,title\nA,Ü\n".encode("utf-16"), "UTF-16"),
        ("id,title\nA,b\nC,É\n".encode("cp1252"), "Row 3 is not UTF-8 (byte 16"),
        (b"id,id\nA,B\n", "Two columns are named"),
        (b'id,title\nA,"never closed\n', "Row 2 cannot be read: a quotation mark"),
        (b"<!DOCTYPE html><html></html>", "web page"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_advice(
    asha: Membership, stream: Workstream, client_of: SignIn, content: bytes, said: str
) -> None:
    page = upload(client_of(asha), content)
    assert page.status_code == 422
    assert said.replace('"', "&quot;") in page.content.decode()
    with in_organization(stream.organization_id):
        assert not ImportBatch.objects.exists()


def test_older_software_is_read_when_it_is_said(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    content = "id;title;received\nA;Café;2026-03-01\n".encode("cp1252")
    assert upload(client_of(asha), content, encoding="cp1252").status_code == 302
    with in_organization(stream.organization_id):
        assert ImportBatch.objects.get().columns == ["id", "title", "received"]


def test_a_file_beyond_the_limit_is_thrown_away_as_it_arrives(
    asha: Membership, stream: Workstream, client_of: SignIn, settings: Any
) -> None:
    settings.UPLOAD_LIMIT_BYTES = 1024 * 1024
    page = upload(client_of(asha), b"id,title\n" + b"A,b\n" * 600_000)
    assert page.status_code == 422
    assert "This file is too large: 1 MB are the most. Split it" in page.content.decode()
    with in_organization(stream.organization_id):
        assert not ImportBatch.objects.exists()


def test_a_missing_column_is_named_before_any_row_is_read(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(asha)
    upload(browser, "id,name\nA,b\n")
    page = browser.post(f"{HERE}imports/1/mapping/", {"column-external_id": "id", "column-title": "name", "zone": "UTC", "dates": "iso"})
    assert page.status_code == 422
    assert "Choose the column that holds “Received”." in page.content.decode()
    page = browser.post(f"{HERE}imports/1/mapping/", ITEM_COLUMNS | {"zone": "Mars/Base"})
    assert "is not a time zone" in page.content.decode()


def test_a_formula_stays_text_and_leaves_marked_as_text(asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs) -> None:
    browser = client_of(asha)
    check(browser, rows("A-1,=1+1,2026-03-01,1,", "A-2,=HYPERLINK(1),never,1,"), run_jobs)
    load(browser, run_jobs)
    with in_organization(stream.organization_id):
        assert WorkItem.objects.get().title == "=1+1"
    answer = browser.get(f"{HERE}imports/1/rejected.csv")
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert table[0] == ["id", "title", "received", "quantity", "priority", "rejected row", "rejected field", "rejected because"]
    assert table[1][:3] == ["A-2", "'=HYPERLINK(1)", "never"]
    assert table[1][5:7] == ["3", "received"]


def test_a_rejected_row_is_shown_by_the_words_of_the_page_with_what_stands_there(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    page = check(
        client_of(asha),
        rows("A-1,Good,2026-03-01,1,", "A-2,Late,2999-01-01,1,", "A-3,,2026-03-01,1,", "A-4,x,2026-03-01,1,s,more"),
        run_jobs,
    )
    rejected, new = ({shown[0]: shown for shown in page.context["groups"]}[name][3] for name in ("rejected", "new"))
    assert [(row.number, row.field, row.column, row.found) for row in rejected] == [
        (3, "Received", "received", "2999-01-01"),
        (4, "Title", "title", ""),
        (5, "The whole row", "", ""),
    ]
    assert new[0].content[:3] == [("External ID", "A-1"), ("Title", "Good"), ("Received", "2026-03-01 00:00 EST")]
    text = page.content.decode()
    assert "received_at" not in text
    assert "3 Check: what loading would change" in text


def test_what_no_column_was_recognized_for_is_said_before_anybody_chooses(asha: Membership, stream: Workstream, client_of: SignIn) -> None:
    browser = client_of(asha)
    upload(browser, "id,name\nA,b\n")
    assert "No column was recognized for “Received”" in browser.get(f"{HERE}imports/1/").content.decode()
    page = browser.post(f"{HERE}imports/1/mapping/", {"column-external_id": "id", "zone": "UTC", "dates": "iso"}).content.decode()
    assert "Choose the column that holds “Title”. Choose the column that holds “Received”." in page


def test_a_mapping_is_saved_by_name_and_used_again(asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs) -> None:
    browser = client_of(asha)
    upload(browser, "nr,what,when\nA,b,2026-03-01\n")
    chosen = {"column-external_id": "nr", "column-title": "what", "column-received_at": "when", "zone": "Asia/Tokyo", "dates": "iso"}
    browser.post(f"{HERE}imports/1/mapping/", chosen | {"save_as": "Tracker's export"})
    with in_organization(stream.organization_id):
        assert ImportMapping.objects.get().name == "Tracker's export"
    upload(browser, "nr,what,when\nC,d,2026-03-01\n")
    page = browser.get(f"{HERE}imports/2/?saved=Tracker%27s+export&mapping=edit")
    assert page.context["zone"] == "Asia/Tokyo"
    assert [column for each, column in page.context["fields"] if each.required] == ["nr", "what", "when"]


def test_a_known_items_time_of_receipt_is_not_overwritten_by_a_file(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    browser = client_of(asha)
    check(browser, rows("A-1,One,2026-03-01,1,"), run_jobs)
    load(browser, run_jobs)
    check(browser, rows("A-1,One,2026-03-02,1,"), run_jobs, 2)
    with in_organization(stream.organization_id):
        assert counts(2) == {"new": 0, "changed": 0, "unchanged": 0, "rejected": 1}


def test_an_import_given_up_is_loaded_by_nobody(asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs) -> None:
    browser = client_of(asha)
    check(browser, rows("A-1,One,2026-03-01,1,"), run_jobs)
    browser.post(f"{HERE}imports/1/discard/")
    assert browser.post(f"{HERE}imports/1/confirm/").status_code == 422
    run_jobs()
    with in_organization(stream.organization_id):
        assert not WorkItem.objects.exists()


def test_an_interrupted_check_and_load_end_as_if_nothing_had_happened(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_checks, "ROWS_AT_ONCE", 3)
    browser = client_of(asha)
    lines = [f"A-{n},Item {n},2026-03-01,1," for n in range(8)]
    upload(browser, rows(*lines, "A-0,twin,2026-03-01,1,"))
    with in_organization(stream.organization_id):
        batch = actions.map_columns(batch=ImportBatch.objects.get(), by=make.system(), mapping=_mapping())
        cut = item_checks.check_items(batch, {})
        first = next(cut)
        assert first.cursor is not None
        cut.close()
        for _ in item_checks.check_items(batch, first.cursor):
            pass
        assert counts() == {"new": 8, "changed": 0, "unchanged": 0, "rejected": 1}
        assert ImportRow.objects.count() == 9
        batch = actions.confirm_import(batch=batch, by=make.system())
        begun = item_loading.load_items(batch, {}, make.system())
        next(begun)
        begun.close()
        for _ in range(3):
            for _ in item_loading.load_items(batch, {}, make.system()):
                pass
        assert list(WorkItem.objects.order_by("id").values_list("reference", flat=True)) == [f"NDA-{n:04d}" for n in range(1, 9)]
        assert Transition.objects.count() == 8


def _mapping() -> dict[str, Any]:
    return {"columns": {"external_id": "id", "title": "title", "received_at": "received"}, "zone": "UTC", "dates": "iso"}


LOG = """case,when,status,sub
X,2026-01-05T09:00:00Z,Open,
X,2026-01-05T10:00:00Z,Active,
X,2026-01-05T11:00:00Z,Active,Waiting
X,2026-01-05T15:00:00Z,Done,
Y,2026-01-06T09:00:00Z,Open,
Y,2026-01-06T09:30:00Z,Odd,
"""


def history_form(*statuses: tuple[str, str]) -> dict[str, Any]:
    form: dict[str, Any] = {"column-item": "case", "column-at": "when", "column-status": "status", "column-sub_status": "sub"}
    form |= {"zone": "UTC", "dates": "iso", "do": "check", "status": [status for status, _ in statuses]}
    for place, (_, becomes) in enumerate(statuses):
        form |= {f"becomes-{place}": becomes, f"party-{place}": "client", f"reason-{place}": "information"}
    return form


def test_a_history_is_mapped_status_by_status_in_the_browser(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    browser = client_of(asha)
    assert upload(browser, LOG, "history", "log.csv").status_code == 302
    page = browser.get(f"{HERE}imports/1/")
    assert next(column for _, column in page.context["fields"]) == "case"
    form = history_form(("Open", "received"), ("Active", "in_review"), ("Active/Waiting", "paused"), ("Done", "delivered"))
    page = browser.post(f"{HERE}imports/1/mapping/", form | {"do": "statuses"})
    assert [(status, n) for _, status, n, _ in page.context["statuses"]] == [
        ("Open", 2),
        ("Active", 1),
        ("Active/Waiting", 1),
        ("Done", 1),
        ("Odd", 1),
    ]
    assert browser.post(f"{HERE}imports/1/mapping/", form).status_code == 302
    run_jobs()
    assert "Load this history" in browser.get(f"{HERE}imports/1/").content.decode()
    load(browser, run_jobs)
    with in_organization(stream.organization_id):
        item = WorkItem.objects.get(external_id="X")
        told = Transition.objects.filter(item=item).effective().values_list("from_state", "to_state")
        assert list(told) == [("", "received"), ("received", "in_review"), ("in_review", "delivered")]
        pause = Pause.objects.get()
        assert ((pause.ended_at or pause.started_at) - pause.started_at).total_seconds() == 4 * 3600
        assert (item.state, item.finished, item.paused, item.first_delivered_at) == ("delivered", True, False, pause.ended_at)
        assert ImportRow.objects.get(verdict="rejected").reason == "“Odd” has no meaning in the mapping."
    page = browser.get(f"/alder/work/{item.reference}/")
    assert "On hold: client" in page.content.decode()


def _history(stream: Workstream) -> list[tuple[Any, ...]]:
    moves = Transition.objects.filter(item__workstream=stream).order_by("item__external_id", "id")
    items = WorkItem.objects.filter(workstream=stream).order_by("external_id").values_list("external_id", "state", "assignee_id")
    return [*moves.values_list("item__external_id", "to_state", "at"), *items]


def test_a_log_taken_apart_by_item_tells_what_it_tells_whole(rita: Membership, stream: Workstream, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        f"I-{n % 7},2026-01-{1 + n // 7:02}T{n % 7:02}:00:00Z,{'Open' if n < 7 else ('Active', 'Done')[n % 2]},,Rita R." for n in range(70)
    ]
    content = "\n".join(["case,when,status,sub,who", *lines, ""]).encode()
    columns = {"item": "case", "at": "when", "status": "status", "assignee": "who"}
    statuses = {"Open": "received", "Active": "in_review", "Done": "delivered"}
    mapping = {"columns": columns, "statuses": statuses, "people": {"rita r.": rita.user.email}, "zone": "UTC", "dates": "iso"}
    told = []
    with in_organization(stream.organization_id):
        for at_once, cases in ((20_000, 1_000), (9, 2)):
            monkeypatch.setattr(history_imports, "ROWS_AT_ONCE", at_once)
            monkeypatch.setattr(history_imports, "CASES_AT_ONCE", cases)
            target = make.workstream(stream.matter, item_prefix=f"LOG{cases}")
            batch = actions.upload_file(workstream=target, by=make.system(), purpose="history", content=content, file_name="log.csv")
            batch = actions.map_columns(batch=batch, by=make.system(), mapping=mapping)
            list(history_imports.check_history(batch))
            assert ImportChunk.objects.filter(batch=batch).count() == (1 if cases == 1_000 else 32)
            batch = actions.confirm_import(batch=batch, by=make.system())
            first = next(history_loading.load_history(batch, {}, make.system()))
            list(history_loading.load_history(batch, first.cursor or {}, make.system()))
            assert list(history_loading.load_history(batch, {}, make.system())) == [], "what is loaded is left alone"
            assert not ImportChunk.objects.filter(batch=batch).exists()
            told.append(_history(target))
    assert told[0] == told[1]
    assert len([row for row in told[0] if row[2] == rita.id]) == 7


def test_a_coordinator_imports_items_but_no_history(cora: Membership, rita: Membership, stream: Workstream, client_of: SignIn) -> None:
    assert client_of(cora).get(f"{HERE}imports/new/items/").status_code == 200
    assert client_of(cora).get(f"{HERE}imports/new/history/").status_code == 403
    assert client_of(rita).get(f"{HERE}imports/new/items/").status_code == 403


def test_another_organization_finds_no_import(asha: Membership, ben: Membership, stream: Workstream, client_of: SignIn) -> None:
    upload(client_of(asha), rows("A-1,One,2026-03-01,1,"))
    browser = client_of(ben)
    for path in ("", "rejected.csv", "progress/"):
        assert browser.get(f"/birch/matters/ACME-0001/NDA/imports/1/{path}").status_code == 404
    for path in ("mapping", "confirm", "discard"):
        assert browser.post(f"/birch/matters/ACME-0001/NDA/imports/1/{path}/").status_code == 404
    assert client_of(asha).get(f"{HERE}imports/2/").status_code == 404


def test_rows_by_api_are_created_changed_and_left_by_external_id(
    asha: Membership, cora: Membership, rita: Membership, stream: Workstream
) -> None:
    with in_organization(stream.organization_id):
        coordinator = Actor.member(cora)
        new = [
            {"external_id": "1", "title": "One", "received_at": "2026-03-01T10:00:00Z", "assignee": rita.user.email},
            {"external_id": "2", "title": "Two", "received_at": "2026-03-01T10:00:00Z"},
        ]
        done = actions.upsert_items(by=coordinator, workstream=stream, rows=new)
        assert [(row.outcome, row.reference) for row in done] == [("created", "NDA-0001"), ("created", "NDA-0002")]
        assert [row.outcome for row in actions.upsert_items(by=coordinator, workstream=stream, rows=new)] == ["unchanged", "unchanged"]
        assert WorkItem.objects.get(external_id="1").state == "assigned"
        assert Assignment.objects.get().member_id == rita.id
        more: list[dict[str, Any]] = [
            {"external_id": "2", "title": "Renamed"},
            {"external_id": "3", "title": "No receipt"},
            {"external_id": "2"},
        ]
        done = actions.upsert_items(by=coordinator, workstream=stream, rows=more)
        assert [(row.outcome, row.field) for row in done] == [("changed", ""), ("refused", "received_at"), ("refused", "external_id")]
        with pytest.raises(NotPermitted):
            actions.upsert_items(by=Actor.member(rita), workstream=stream, rows=new)
