"""Load files: what is kept of them, what becomes an item, and what is never stored."""

from __future__ import annotations

import codecs
import io
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as Browser

from engagements import actions
from engagements.actions import item_checks, load_files
from engagements.imports import load_file
from engagements.imports.documents import batches
from engagements.imports.hashes import Hashes
from engagements.imports.reader import Problem, Unreadable
from engagements.models import ImportBatch, ImportChunk, ImportPart, ImportRow, Transition, WorkItem, Workstream
from lpo.accounts.models import Membership
from lpo.audit.models import Document
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization
from sla.models import Clock
from tests import make
from tests.sla import make as levels

SignIn = Callable[[Membership], Browser]
RunJobs = Callable[[], int]
HERE = "/alder/matters/ACME-0001/DOC/"
RECEIVED = datetime(2026, 3, 2, 9, tzinfo=UTC)


def dat(*rows: list[str], separator: str = "\x14", end: str = "\r\n") -> str:
    return end.join([*(separator.join(f"þ{cell}þ" for cell in row) for row in rows), ""])


def read(content: bytes, encoding: str = "utf-8") -> tuple[list[str], list[tuple[int, list[str] | Problem]]]:
    table = load_file.open_table(io.BytesIO(content), encoding)
    return table.columns, list(table.rows)


# --- reading -------------------------------------------------------------------------------------------------------------

SIMPLE = dat(["DOCID", "SUBJECT"], ["A-1", "Société ® minutes"], ["A-2", "þórr, \x14 and ¶"])


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (SIMPLE.encode(), "utf-8"),
        (SIMPLE.encode("utf-8-sig"), "cp1252"),
        (SIMPLE.encode("utf-16"), "utf-8"),
        (b"\xfe\xff" + SIMPLE.encode("utf-16-be"), "cp1252"),
        (SIMPLE.encode("utf-16-le"), "utf-16"),
        (SIMPLE.encode("cp1252"), "cp1252"),
        (SIMPLE.replace("þ\x14þ", "þ¶þ").encode(), "utf-8"),
        (SIMPLE.replace("\r\n", "\n").encode(), "utf-8"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16 little", "utf-16 big", "utf-16 without mark", "windows-1252", "pilcrow", "line feeds"],
)
def test_a_load_file_is_read_in_every_encoding_and_with_either_separator(content: bytes, encoding: str) -> None:
    columns, rows = read(content, encoding)
    assert columns == ["DOCID", "SUBJECT"]
    assert rows == [(2, ["A-1", "Société ® minutes"]), (3, ["A-2", "þórr, \x14 and ¶"])]


def test_a_line_break_inside_the_quotes_belongs_to_its_cell() -> None:
    _, rows = read(dat(["ID", "TEXT"], ["1", "one\r\ntwo\r\nthree"], ["2", "x"]).encode())
    assert rows == [(2, ["1", "one\r\ntwo\r\nthree"]), (5, ["2", "x"])]


def test_cells_without_quotes_and_rows_of_another_width_are_told() -> None:
    _, rows = read("þIDþ\x14þNþ\r\nþ1þ\x14\r\nþ2þ\x14þxþ\x14þyþ\r\n\r\nþ3þ\x14þzþ".encode())
    assert rows == [(2, ["1", ""]), (3, Problem("", "The row has 3 cells, the header 2.")), (5, ["3", "z"])]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "not a load file"),
        ("þIDþ;þNþ\r\n".encode(), "not separated"),
        ("þIDþ\x14þIDþ\r\nþ1þ\x14þ2þ".encode(), "Two columns are named “ID”"),
        (b"just words\n", "no þ and no commas"),
        (b"ABC0001,VOL1,D:\\Custodian Roe\\1.tif,Y,,,2\nABC0002,VOL1,D:\\2.tif,,,,\n", "^This is an Opticon list .* beside it.$"),
        (codecs.BOM_UTF16_LE + SIMPLE.encode("utf-16-le") + b"x", "the file is not UTF-16"),
        (b'DOCID,BATCH\nA"1,b\n"A2"x,c\n', "Row 3 cannot be read: text follows a closing quotation mark"),
        ("þIDþ\x14þNþ\r\nþ1þ\x14þnever closed\r\n".encode(), "Row 2 opens a cell"),
        (SIMPLE.encode("cp1252"), "Choose Windows-1252"),
        ("þIDþ\x14þNþ\r\nþ1þ\x14þa\x00bþ\r\n".encode(), "NUL"),
        (f"þIDþ\x14þNþ\r\nþ{'x' * 1_100_000}þ\x14þ2þ".encode(), "more than a million characters"),
    ],
)
def test_what_is_no_load_file_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(content)


def test_a_row_whose_quote_is_missing_is_told_and_never_taken_for_two() -> None:
    _, rows = read(f"{dat(['ID', 'N'], ['1', 'a'])}þ2\x14þbþ\r\nþ3þ\x14þcþ\r\nþ4þ\x14þdþ\r\n".encode())
    assert rows == [(2, ["1", "a"]), (3, Problem("", "A cell of this row, or of one it runs into, is not closed with þ.")), (5, ["4", "d"])]


def test_a_cell_beyond_all_measure_is_told_with_its_row() -> None:
    _, rows = read(f"{dat(['ID', 'N'])}þ1þ\x14{'x' * 200_000}\r\nþ2þ\x14þbþ\r\n\x1a".encode())
    (_, problem), good = rows
    assert isinstance(problem, Problem) and "longer than 131,072" in problem.reason and good == (3, ["2", "b"])


@pytest.mark.parametrize("line", ["x\n", "xþþ\n"], ids=["open", "always nearly closed"])
def test_a_quote_that_is_never_closed_costs_no_more_than_it_is_long(line: str) -> None:
    began = time.process_time()
    with pytest.raises(Unreadable, match="Row 2 opens a cell with þ that is never closed"):
        read(f"{dat(['ID', 'N'])}þa\n{line * 300_000}".encode())
    assert time.process_time() - began < 5


def test_another_encoding_than_the_chosen_one_is_named() -> None:
    with pytest.raises(Unreadable, match="written in UTF-8"):
        read(SIMPLE.encode(), "cp1252")


def test_only_the_five_fields_are_allowed_and_unusual_names_can_be_said() -> None:
    columns = ["BEGDOC", "Custodian", "Group Identifier", "Batch", "File Path", "Reviewed By"]
    expected = {"control_number": "BEGDOC", "family": "Group Identifier", "batch": "Batch", "reviewer": "Reviewed By"}
    assert load_file.allowed(columns) == expected
    assert load_file.allowed(["Nr", "Custodian"], {"control_number": "nr"}) == {"control_number": "Nr"}
    with pytest.raises(Unreadable, match=r"No column is recognized as the control number.*Custodian, Path"):
        load_file.allowed(["Custodian", "Path"])
    with pytest.raises(Unreadable, match="no column “Lot” for batch"):
        load_file.allowed(columns, {"batch": "Lot"})
    with pytest.raises(Unreadable, match="no field of a load file"):
        load_file.allowed(columns, {"custodian": "Custodian"})


def test_a_hash_met_again_is_told_and_another_text_is_not() -> None:
    seen = Hashes()
    seen.add(["a", "b"])
    seen.add(["c"])
    assert seen.met(["x", "c", "a", "y"]) == [1, 2]


def test_documents_of_a_batch_are_counted_once_each() -> None:
    columns = {"control_number": "ID", "batch": "B", "reviewer": "R"}
    rows: list[tuple[int, list[str] | Problem]] = [
        *[(2, ["1", "x", "r"]), (3, ["2", "y", "r"]), (4, ["3", "x", "r"]), (5, ["1", "x", "r"])],
        *[(6, ["4", "", "r"]), (7, ["", "x", "r"]), (8, ["5", "y", "other"])],
    ]
    assert list(batches(rows, ["ID", "B", "R"], columns)) == [
        (5, Problem("control_number", "A row above has this control number already.")),
        (6, Problem("batch", "This is empty.")),
        (7, Problem("control_number", "This is empty.")),
        (2, ["1", "x", "r", "2"]),
        (3, Problem("reviewer", "The documents of batch “y” differ in their reviewer.")),
    ]


# --- the whole way -------------------------------------------------------------------------------------------------------

HEADER = ["DOCID", "Custodian", "Batch", "Group Identifier", "Disposition", "Reviewer Email", "File Name"]
ROWS = [
    ["ACME-1", "Ann Privileged", "R-01", "ACME-1", "Machine-Coded", "", "secret memo.msg"],
    ["ACME-2", "Ann Privileged", "R-01", "ACME-1", "Reviewed", "", "secret.xls"],
    ["ACME-3", "Bob Privileged", "R-02", "", "", "", "other secret.pdf"],
]


@pytest.fixture
def stream(asha: Membership) -> Workstream:
    with in_organization(asha.organization_id):
        matter = make.matter(make.engagement(make.client(code="ACME")))
        return make.workstream(matter, item_prefix="DOC", kind="ediscovery")


def upload(browser: Browser, content: bytes, name: str = "export.dat", **more: str) -> Any:
    return browser.post(
        f"{HERE}load-files/new/", {"file": SimpleUploadedFile(name, content), "source": "review", "encoding": "utf-8", **more}
    )


def check(browser: Browser, run_jobs: RunJobs, number: int = 1, unit: str = "documents") -> str:
    answer = browser.post(f"{HERE}imports/{number}/load-file/", {"unit": unit, "received": "2026-03-02T09:00"})
    assert answer.status_code == 302, answer.content.decode()
    run_jobs()
    return browser.get(f"{HERE}imports/{number}/").content.decode()


def load(browser: Browser, run_jobs: RunJobs, number: int = 1) -> None:
    assert browser.post(f"{HERE}imports/{number}/confirm/").status_code == 302
    run_jobs()


def stored_bytes() -> str:
    """Everything any table of ours holds, as text, packed parts unpacked."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t")
            found += [row[0] for row in cursor.fetchall()]
    found += [bytes(content).decode() for content in Document.objects.values_list("content", flat=True)]
    found += [zlib.decompress(bytes(content)).decode() for content in ImportPart.objects.values_list("content", flat=True)]
    return "\n".join(found)


@pytest.mark.django_db
def test_documents_become_items_and_nothing_else_of_the_file_is_stored(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    browser = client_of(asha)
    with in_organization(stream.organization_id):
        levels.level(stream)
    assert upload(browser, dat(HEADER, *ROWS).encode()).headers["Location"] == f"{HERE}imports/1/"
    page = browser.get(f"{HERE}imports/1/").content.decode()
    assert "Dropped while it was read, never stored: Custodian, File Name." in page
    page = check(browser, run_jobs)
    assert "Load these items" in page
    assert "ACME-2 (batch R-01, family ACME-1)" in page
    load(browser, run_jobs)
    with in_organization(stream.organization_id):
        found = WorkItem.objects.order_by("reference").values_list("reference", "external_id", "title", "disposition", "state", "source")
        assert list(found) == [
            ("DOC-0001", "ACME-1", "ACME-1 (batch R-01)", "machine_coded", "received", "review"),
            ("DOC-0002", "ACME-2", "ACME-2 (batch R-01, family ACME-1)", "human_reviewed", "received", "review"),
            ("DOC-0003", "ACME-3", "ACME-3 (batch R-02)", "", "received", "review"),
        ]
        assert Transition.objects.count() == Clock.objects.count() == 3
        assert not ImportChunk.objects.exists(), "what waited for confirmation is gone once it is loaded"
        everything = stored_bytes()
        assert "ACME-3" in everything
        assert "Privileged" not in everything
        assert "secret" not in everything


@pytest.mark.django_db
def test_the_same_load_file_again_changes_nothing_and_a_later_one_what_differs(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    browser = client_of(asha)
    content = dat(HEADER, *ROWS).encode()
    upload(browser, content)
    assert upload(browser, content).headers["Location"] == f"{HERE}imports/1/", "sent twice, it is one import"
    check(browser, run_jobs)
    load(browser, run_jobs)
    upload(browser, content)
    assert browser.post(f"{HERE}imports/2/load-file/", {"unit": "documents", "received": "2026-03-03T09:00"}).status_code == 302
    run_jobs()
    assert "nothing to load" in browser.get(f"{HERE}imports/2/").content.decode()
    later = [*ROWS[:2], [*ROWS[2][:4], "Culled", "", ""], ["ACME-4", "", "R-02", "", "", asha.user.email.upper(), ""]]
    upload(browser, dat(HEADER, *later).encode())
    check(browser, run_jobs, 3)
    load(browser, run_jobs, 3)
    with in_organization(stream.organization_id):
        assert ImportBatch.objects.get(id__gt=0, state="loaded", counts__new=1).counts["changed"] == 1
        assert WorkItem.objects.get(external_id="ACME-3").disposition == "discarded"
        given = WorkItem.objects.get(external_id="ACME-4")
        assert (given.assignee_id, given.state) == (asha.id, "assigned")
        assert list(Transition.objects.filter(item=given).order_by("id").values_list("from_state", "to_state")) == [
            ("", "received"),
            ("received", "assigned"),
        ]
        assert set(WorkItem.objects.exclude(external_id="ACME-4").values_list("received_at", flat=True)) == {
            datetime(2026, 3, 2, 14, tzinfo=UTC)
        }


@pytest.mark.django_db
def test_batches_become_items_with_the_number_of_their_documents(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    browser = client_of(asha)
    rows = [[f"D-{n}", "x", f"R-{n % 2}", "", "", "", ""] for n in range(7)]
    upload(browser, dat(HEADER, *rows, ["D-0", "x", "R-0", "", "", "", ""], ["D-9", "x", "", "", "", "", ""]).encode())
    page = check(browser, run_jobs, unit="batches")
    assert "A row above has this control number already." in page
    load(browser, run_jobs)
    with in_organization(stream.organization_id):
        assert sorted((e, int(q)) for e, q in WorkItem.objects.values_list("external_id", "quantity")) == [("R-0", 4), ("R-1", 3)]
        assert ImportBatch.objects.get().counts["rejected"] == 2


@pytest.mark.django_db
def test_rows_that_cannot_be_are_rejected_by_row_and_field(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: RunJobs
) -> None:
    rows = [
        ["A-1", "", "", "", "", "", ""],
        ["", "", "", "", "", "", ""],
        ["A-1", "", "", "", "", "", ""],
        ["A-2", "", "", "", "Responsive", "", ""],
        ["A-3", "", "", "", "", "nobody@else.example", ""],
        ["A-4", "", ""],
        ["A-5" + "x" * 130, "", "", "", "", "", ""],
        ["A-6" + "y" * 1100, "", "", "", "", "", ""],
    ]
    browser = client_of(asha)
    upload(browser, dat(HEADER, *rows).encode())
    check(browser, run_jobs)
    with in_organization(stream.organization_id):
        rejected = ImportRow.objects.filter(verdict="rejected").order_by("number").values_list("number", "field", "reason")
        assert [(number, field, reason.split(".")[0][:60]) for number, field, reason in rejected] == [
            (3, "control_number", "This is empty"),
            (4, "external_id", "Row 2 has this external ID already"),
            (5, "disposition", "“Responsive” is none of machine-coded, human-reviewed, disca"),
            (6, "reviewer", "“nobody@else"),
            (7, "", "The row has 3 cells, the header 7"),
            (8, "control_number", "This has 133 characters; 120 fit"),
            (9, "", "A cell of this row has more than 1,000 characters"),
        ]
    assert "row 4" not in browser.get(f"{HERE}imports/1/rejected.csv").content.decode()


@pytest.mark.django_db
def test_a_file_without_a_control_number_is_refused_until_its_column_is_named(
    asha: Membership, stream: Workstream, client_of: SignIn
) -> None:
    browser = client_of(asha)
    content = dat(["Nummer", "Custodian"], ["1", "x"]).encode()
    answer = upload(browser, content)
    assert answer.status_code == 422
    assert "No column is recognized as the control number" in answer.content.decode()
    assert upload(browser, content, column_control_number="Nummer").status_code == 302
    assert browser.post(f"{HERE}imports/1/load-file/", {"unit": "batches", "received": "2026-03-02T09:00"}).status_code == 422
    assert browser.post(f"{HERE}imports/1/load-file/", {"unit": "documents", "received": "2999-03-02T09:00"}).status_code == 422
    assert browser.post(f"{HERE}imports/1/mapping/", {}).status_code == 404


@pytest.mark.django_db
def test_an_interrupted_check_and_load_of_a_load_file_end_as_if_nothing_had_happened(
    stream: Workstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(item_checks, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(load_files, "PART_ROWS", 4)
    rows = [[f"A-{n}"] for n in range(10)]
    with in_organization(stream.organization_id):
        batch = actions.upload_load_file(
            workstream=stream, by=make.system(), stream=io.BytesIO(dat(["DOCID"], *rows, ["A-1"]).encode()), file_name="x.dat"
        )
        batch = actions.check_load_file(batch=batch, by=make.system(), unit="documents", received=RECEIVED)
        begun = item_checks.check_items(batch, {})
        next(begun)
        progress = next(begun)
        assert progress.cursor is not None
        begun.close()
        for _ in item_checks.check_items(batch, progress.cursor):
            pass
        batch.refresh_from_db()
        assert batch.counts == {"new": 10, "changed": 0, "unchanged": 0, "rejected": 1, "rows": 11}
        assert ImportRow.objects.get(verdict="rejected").reason == "Row 3 has this external ID already."
        assert [chunk.number for chunk in ImportChunk.objects.order_by("number")] == [1, 2, 3, 4]


@pytest.mark.django_db
def test_two_ids_of_one_hash_are_two(stream: Workstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_checks, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(Hashes, "met", lambda self, texts: list(range(len(texts))))
    with in_organization(stream.organization_id):
        content = io.BytesIO(dat(["DOCID"], ["A"], ["B\\"], ["C"], ["B\\"]).encode())
        batch = actions.upload_load_file(workstream=stream, by=make.system(), stream=content, file_name="x.dat")
        batch = actions.check_load_file(batch=batch, by=make.system(), unit="documents", received=RECEIVED)
        for _ in item_checks.check_items(batch, {}):
            pass
        batch.refresh_from_db()
        assert (batch.counts["new"], batch.counts["rejected"]) == (3, 1)


@pytest.mark.django_db
def test_the_command_goes_the_whole_way(stream: Workstream, tmp_path: Path) -> None:
    path = tmp_path / "export.dat"
    path.write_text(dat(HEADER, *ROWS), encoding="utf-16")
    said = io.StringIO()
    where = {"workstream": "ACME-0001/DOC", "organization": "alder", "stdout": said}
    call_command("import_load_file", path, **where, received="2026-03-31T17:45+02:00")
    assert "3  items new" in said.getvalue()
    with in_organization(stream.organization_id):
        assert set(WorkItem.objects.values_list("received_at", flat=True)) == {datetime(2026, 3, 31, 15, 45, tzinfo=UTC)}
    with pytest.raises(CommandError, match="offset"):
        call_command("import_load_file", path, **where, received="2026-03-31T17:45")


# --- workbooks -----------------------------------------------------------------------------------------------------------


def xlsx(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


ITEMS: list[list[Any]] = [
    ["id", "title", "received", "quantity"],
    [1, "NDA one", datetime(2026, 3, 1, 9, 30), 2.5],  # noqa: DTZ001 - cells of a workbook have no zone
    [2, "two\nlines", "2026-03-02", None],
]


@pytest.mark.django_db
def test_a_workbook_of_items_is_read_from_the_sheet_that_is_named(stream: Workstream) -> None:
    content = xlsx(("Notes", [["nothing"]]), ("Items", ITEMS))
    with in_organization(stream.organization_id):
        given: dict[str, Any] = {
            "workstream": stream,
            "by": make.system(),
            "purpose": "items",
            "content": content,
            "file_name": "items.xlsx",
        }
        batch = actions.upload_file(**given, sheet="Items")
        assert batch.columns == ["id", "title", "received", "quantity"]
        mapping = {"columns": {"external_id": "id", "title": "title", "received_at": "received", "quantity": "quantity"}, "zone": "UTC"}
        batch = actions.map_columns(batch=batch, by=make.system(), mapping={**mapping, "dates": "iso"})
        for _ in item_checks.check_items(batch, {}):
            pass
        shown = list(ImportRow.objects.order_by("number").values_list("number", "data"))
        assert [(number, data["external_id"], data["title"], data["quantity"]) for number, data in shown] == [
            (2, "1", "NDA one", "2.5"),
            (3, "2", "two lines", "1"),
        ]
        with pytest.raises(Refused, match=r"no sheet “Tasks”\. Its sheets: Notes, Items"):
            actions.upload_file(**given, sheet="Tasks")


@pytest.mark.django_db
def test_a_workbook_can_be_a_load_file(stream: Workstream) -> None:
    with in_organization(stream.organization_id):
        content = io.BytesIO(xlsx(("Export", [HEADER, *ROWS])))
        batch = actions.upload_load_file(workstream=stream, by=make.system(), stream=content, file_name="export.xlsx")
        assert batch.mapping["dropped"] == ["Custodian", "File Name"]
        assert ImportPart.objects.get().rows == 3


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/sharedStrings.xml", b"0" * (65 * 1024 * 1024))
    return buffer.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04 and nothing more", "damaged"),
        (bomb(), "unpacks to more than is read"),
        (xlsx(("Empty", [])), "empty"),
        (xlsx(("Twice", [["a", "a"], [1, 2]])), "Two columns are named “a”"),
        (xlsx(("Wide", [["a"], [1, 2]])), "Row 2: The row has 2 cells, the header 1."),
    ],
    ids=["damaged", "bomb", "empty", "twins", "wide"],
)
def test_a_workbook_that_cannot_be_read_is_refused_with_the_reason(stream: Workstream, content: bytes, reason: str) -> None:
    with in_organization(stream.organization_id), pytest.raises(Refused, match=reason):
        actions.upload_file(workstream=stream, by=make.system(), purpose="items", content=content, file_name="items.xlsx")
