"""Several exports of one log as one import: every row is traced to its file, overlaps count once, contradictions are rejected."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st

from engagements import actions
from engagements.actions import history_imports, history_loading
from engagements.imports import several
from engagements.imports.reader import Table, Unreadable, inspect, rows_of
from engagements.models import ImportBatch, ImportRow, Transition, WorkItem, Workstream
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import in_organization
from tests import make

SignIn = Callable[[Membership], Browser]
MAPPING: dict[str, Any] = {
    "columns": {"item": "case", "at": "when", "status": "status", "assignee": "who"},
    "statuses": {"Open": "received", "Active": "in_review", "Done": "delivered"},
    "zone": "UTC",
}
HEADER = "case,when,status,who"
HERE = "/alder/matters/ACME-0001/NDA/"
_CELLS = st.text(st.sampled_from('ab ,"é\n'), max_size=5)


def log(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


@given(st.lists(st.lists(st.tuples(_CELLS, _CELLS, st.integers(0, 2)), min_size=1, max_size=4), min_size=2, max_size=3))
def test_every_row_is_traced_to_its_line_in_its_file(files: list[list[tuple[str, str, int]]]) -> None:
    """Whatever the order of the columns, with blank lines between rows and line breaks inside cells."""
    sent = []
    for number, rows in enumerate(files):
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n", delimiter=";")
        names = ["a", "b", "n"] if number % 2 else ["n", "b", "a"]
        writer.writerow(names)
        for place, (a, b, blank) in enumerate(rows):
            text.write("\n" * blank)
            row = {"a": a, "b": b, "n": f"{number}.{place}"}
            writer.writerow([row[name] for name in names])
        sent.append((f"{number}.csv", text.getvalue().encode()))
    joined, parts = several.join(sent, "utf-8")
    table = inspect(joined)
    told = [(*several.where(parts, line), dict(zip(table.columns, cells, strict=True))) for line, cells in rows_of(joined, table)]
    expected = []
    for part, (_, content) in enumerate(sent):
        own = inspect(content)
        expected += [(part, line, dict(zip(own.columns, cells, strict=True))) for line, cells in rows_of(content, own)]
    assert told == expected


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([("a.csv", log("1,x,Open,")), ("b.csv", log("2,x,Open", header="case,when,status"))], "“b.csv” has no column “who”"),
        ([("a.csv", log("1,x,Open,")), ("b.csv", log("2,x,Open,,", header=HEADER + ",more"))], "“b.csv” has a column “more”"),
        ([("a.csv", log("1,x,Open,")), ("b.csv", log("1,x,Open,"))], "“b.csv” is the same file as “a.csv”"),
        ([("a.csv", log("1,x,Open,")), ("b.csv", b"%PDF-1.7")], "“b.csv”: This is not a CSV file but a PDF"),
        ([("a.csv", log("1,x,Open,")), ("b.csv", b"case,when,status,who\n1,\xff,Open,\n")], "“b.csv”: Row 2 is not UTF-8"),
    ],
    ids=["column missing", "column too many", "twice", "no table", "encoding"],
)
def test_a_file_that_does_not_fit_is_refused_by_name(files: list[tuple[str, bytes]], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason.replace("(", r"\(")):
        several.join(files, "utf-8")


@pytest.fixture
def stream(alder: Any) -> Workstream:
    with in_organization(alder.id):
        return make.workstream(make.matter(make.engagement(make.client(code="ACME"))), item_prefix="NDA")


def loaded(stream: Workstream, files: list[tuple[str, bytes]]) -> ImportBatch:
    batch = actions.upload_history(workstream=stream, by=make.system(), files=files)
    batch = actions.map_columns(batch=batch, by=make.system(), mapping=MAPPING)
    list(history_imports.check_history(batch))
    batch = actions.confirm_import(batch=batch, by=make.system())
    list(history_loading.load_history(batch, {}, make.system()))
    return batch


def told(stream: Workstream) -> list[Any]:
    moves = Transition.objects.filter(item__workstream=stream).effective().order_by("item__external_id", "at", "id")
    return list(moves.values_list("item__external_id", "to_state", "at"))


JANUARY = ["A,2026-01-05T09:00Z,Open,", "A,2026-01-06T09:00Z,Active,Rita", "B,2026-01-30T09:00Z,Open,"]
FEBRUARY = ["B,2026-02-02T09:00Z,Active,", "A,2026-02-03T09:00Z,Done,Rita", "B,2026-02-05T09:00Z,Done,"]


@pytest.mark.django_db
def test_overlapping_files_tell_what_one_file_tells(stream: Workstream) -> None:
    with in_organization(stream.organization_id):
        whole = make.workstream(stream.matter, item_prefix="ONE")
        loaded(whole, [("year.csv", log(*JANUARY, *FEBRUARY))])
        batch = loaded(stream, [("february.csv", log(*FEBRUARY)), ("january.csv", log(*JANUARY, *FEBRUARY[:2]))])
        assert told(stream) == told(whole)
        assert (batch.counts["rows"], batch.counts["unchanged"], batch.counts["rejected"]) == (8, 2, 0)
        assert [part["name"] for part in batch.parts] == ["february.csv", "january.csv"]
        assert len({part["document"] for part in batch.parts} | {batch.document_id}) == 3, "each file is kept as it came"


@pytest.mark.django_db
def test_a_row_that_another_file_contradicts_is_rejected_and_says_by_which(stream: Workstream) -> None:
    other = ["A,2026-02-03T09:00Z,Active,Rita", "C,2026-02-03T09:00Z,Open,"]
    with in_organization(stream.organization_id):
        batch = loaded(stream, [("a.csv", log(*JANUARY, *FEBRUARY)), ("b.csv", log(*other))])
        row = ImportRow.objects.get(batch=batch, verdict="rejected")
        assert several.named(batch.parts, row.number) == ("b.csv", 2)
        assert "Row 6 of “a.csv” says “Delivered”" in row.reason
        assert (row.field, row.data["case"]) == ("status", "A")
        assert ("A", "delivered") in [(item, state) for item, state, _ in told(stream)]
        assert WorkItem.objects.filter(external_id="C", workstream=stream).exists(), "the other rows of the file count"
        assert (batch.counts["rows"], batch.counts["rejected"]) == (8, 1)


@pytest.mark.django_db
def test_rows_of_one_instant_in_one_file_do_not_contradict_each_other(stream: Workstream) -> None:
    with in_organization(stream.organization_id):
        rows = ["A,2026-01-05T09:00Z,Open,", "A,2026-01-05T09:00Z,Active,"]
        batch = loaded(stream, [("a.csv", log(*rows)), ("b.csv", log(rows[1], "B,2026-01-05T09:00Z,Open,"))])
        assert batch.counts["rejected"] == 0
        assert [state for item, state, _ in told(stream) if item == "A"] == ["received", "in_review"]


@pytest.mark.django_db
def test_too_many_files_none_and_too_large_ones_are_refused(stream: Workstream, settings: Any) -> None:
    with in_organization(stream.organization_id):
        for files, reason in (
            ([], "Choose a file"),
            ([(f"{n}.csv", log(f"{n},x,Open,")) for n in range(61)], "60 are the most"),
        ):
            with pytest.raises(Refused, match=reason):
                actions.upload_history(workstream=stream, by=make.system(), files=files)
        settings.UPLOAD_LIMIT_BYTES = 60
        with pytest.raises(Refused, match="60 bytes are the most"):
            actions.upload_history(workstream=stream, by=make.system(), files=[("a.csv", log("1,x,Open,")), ("b.csv", log("2,x,Open,"))])
        assert not ImportBatch.objects.exists()


@pytest.mark.django_db
def test_in_the_browser_two_files_go_in_and_names_become_people(
    asha: Membership, rita: Membership, stream: Workstream, client_of: SignIn, run_jobs: Callable[[], int]
) -> None:
    browser = client_of(asha)
    other = log("A,2026-01-06T09:00Z,Done,Rita O'Brien", "A,not a time,Done,Rita O'Brien", "C,2026-02-01T09:00Z,Open,R. Code 7")
    files = [SimpleUploadedFile("jan.csv", log(*JANUARY)), SimpleUploadedFile("other.csv", other)]
    sent = browser.post(f"{HERE}imports/new/history/", {"file": files, "source": "upload", "encoding": "utf-8", "sheet": ""})
    assert sent.status_code == 302, sent.content.decode()
    page = browser.get(sent["Location"]).content.decode()
    assert "jan.csv and 1 more" in page
    columns = {f"column-{name}": column for name, column in MAPPING["columns"].items()}
    asked = browser.post(f"{HERE}imports/1/mapping/", {**columns, "do": "statuses"})
    rows = {name: address for _, name, _, address in asked.context["people"]}
    assert rows == {"Rita": "", "Rita O'Brien": rita.user.email, "R. Code 7": ""}, "whoever bears the name is offered"
    statuses = {"Open": "received", "Active": "in_review", "Done": "delivered"}
    chosen = {
        **columns,
        "do": "check",
        "status": list(statuses),
        **{f"becomes-{place}": becomes for place, becomes in enumerate(statuses.values())},
        "person": ["Rita", "Rita O'Brien", "R. Code 7"],
        "member-0": rita.user.email,
        "member-1": rita.user.email,
        "member-2": "",
    }
    assert browser.post(f"{HERE}imports/1/mapping/", chosen).status_code == 302
    run_jobs()
    page = browser.get(f"{HERE}imports/1/").content.decode()
    assert "other.csv" in page
    assert "says “In review” of this item at this very time" in page
    rejected = list(csv.DictReader(io.StringIO(browser.get(f"{HERE}imports/1/rejected.csv").content.decode("utf-8-sig"))))
    assert [(row["rejected file"], row["rejected row"], row["case"]) for row in rejected] == [
        ("other.csv", "2", "A"),
        ("other.csv", "3", "A"),
    ]
    browser.post(f"{HERE}imports/1/confirm/")
    run_jobs()
    with in_organization(stream.organization_id):
        assert dict(WorkItem.objects.values_list("external_id", "assignee_id")) == {"A": rita.id, "B": None, "C": None}


@pytest.mark.django_db
def test_the_next_file_of_a_source_begins_with_what_was_said_of_the_last(stream: Workstream) -> None:
    with in_organization(stream.organization_id):
        by = make.system()
        mapping = MAPPING | {"people": {"Rita": "rita@alder.example"}, "zone": "Asia/Manila", "dates": "iso"}
        batch = actions.upload_history(workstream=stream, by=by, files=[("jan.csv", log(*JANUARY))])
        batch = actions.map_columns(batch=batch, by=by, mapping=mapping)
        list(history_imports.check_history(batch))
        list(history_loading.load_history(actions.confirm_import(batch=batch, by=by), {}, by))
        again = actions.upload_history(workstream=stream, by=by, files=[("feb.csv", log("A,x,Open,,High", header=HEADER + ",priority"))])
        assert {name: again.mapping[name] for name in mapping} == mapping | {"columns": {**MAPPING["columns"], "priority": "priority"}}
        fewer = actions.upload_history(workstream=stream, by=by, files=[("mar.csv", log("A,x,Open", header="case,when,status"))])
        assert fewer.mapping["columns"] == {"item": "case", "at": "when", "status": "status"}
        elsewhere = actions.upload_history(workstream=stream, by=by, files=[("feb.csv", log("A,x,Open,"))], source="other")
        assert elsewhere.mapping["columns"] == {"item": "case", "status": "status"}, "another source says it in its own way"


@pytest.mark.django_db
def test_as_many_words_as_can_be_mapped_can_be_sent(
    asha: Membership, stream: Workstream, client_of: SignIn, run_jobs: Callable[[], int]
) -> None:
    browser = client_of(asha)
    rows = [f"{n},2026-01-05T09:00Z,Status {n},Person {n}" for n in range(200)]
    files = [SimpleUploadedFile("log.csv", log(*rows, "7,,Status 7,Person 7"))]
    browser.post(f"{HERE}imports/new/history/", {"file": files, "source": "upload", "encoding": "utf-8", "sheet": ""})
    form = {f"column-{name}": column for name, column in MAPPING["columns"].items()}
    asked = browser.post(f"{HERE}imports/1/mapping/", {**form, "do": "statuses"})
    assert (asked.status_code, asked.context["people"][0][1]) == (200, "Person 7"), "who did most comes first"
    assert len(asked.context["people"]) + len(asked.context["more_people"]) == 200
    form |= {"do": "check", "status": [f"Status {n}" for n in range(200)], "person": [f"Person {n}" for n in range(200)]}
    for n in range(200):
        form |= {f"becomes-{n}": "received", f"party-{n}": "client", f"reason-{n}": "other", f"member-{n}": ""}
    assert browser.post(f"{HERE}imports/1/mapping/", form).status_code == 302
    run_jobs()
    page = browser.get(f"{HERE}imports/1/")
    assert "This is empty." in page.content.decode()
    assert page.context["counts"]["items_new"] == 200


def test_a_table_is_what_the_first_file_says() -> None:
    joined, parts = several.join([("a.csv", log("1,x,Open,é")), ("b.csv", log("2;x;Open;", header="who;case;when;status"))], "utf-8")
    assert inspect(joined) == Table("utf-8", ",", HEADER.split(","))
    assert [cells for _, cells in rows_of(joined, inspect(joined))] == [["1", "x", "Open", "é"], ["x", "Open", "", "2"]]
    assert len(parts) == 2
