"""A real tracker's history, imported by the command and counted again by a script that shares no code with the importer."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from engagements.models import ImportBatch, ImportRow, Pause, Transition, WorkItem
from lpo.accounts.models import Organization
from lpo.tenancy.context import in_organization
from tests import make
from tests.engagements import independent_log
from tests.event_log import LOG, MAPPING, needed

pytestmark = pytest.mark.django_db


@pytest.fixture
def command(alder: Organization, tmp_path: Path) -> Callable[..., str]:
    """Runs the command over a file, into ACME-0001/TRK of Alder; returns what it printed."""
    with in_organization(alder.id):
        make.workstream(make.matter(make.engagement(make.client(code="ACME"))), item_prefix="TRK")
    mapping = tmp_path / "mapping.json"
    mapping.write_text(json.dumps(MAPPING))

    def run(file: Path, *more: str) -> str:
        said = StringIO()
        call_command("import_history", file, "--mapping", mapping, "--workstream", "ACME-0001/TRK", *more, stdout=said, stderr=said)
        return said.getvalue()

    return run


def seconds(text: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return int(cursor.fetchone()[0] or 0)


@needed
def test_every_count_and_every_timeline_agrees_with_an_independent_reading(alder: Organization, command: Callable[..., str]) -> None:
    said = command(LOG)
    expected = independent_log.totals(LOG)
    cases, _ = independent_log.read(LOG)
    assert "6,660  rows read" in said
    assert "10  rows rejected" in said
    with in_organization(alder.id):
        assert WorkItem.objects.count() == expected["items"]
        assert Transition.objects.count() == Transition.objects.all().effective().count() == expected["transitions"]
        assert Pause.objects.count() == expected["pauses"]
        paused = "SELECT sum(extract(epoch FROM ended_at - started_at)) FROM engagements_pause"
        assert seconds(paused) == expected["paused_seconds"]
        assert seconds("SELECT count(first_delivered_at) FROM engagements_workitem") == expected["delivered"]
        assert seconds("SELECT sum(extract(epoch FROM first_delivered_at)) FROM engagements_workitem") == expected["first_deliveries"]
        rejected = ImportRow.objects.filter(verdict="rejected").order_by("number").values_list("number", flat=True)
        assert list(rejected) == expected["rejected"]
        _compare_timelines(cases)


def _compare_timelines(cases: dict[str, list[tuple[float, int, str]]]) -> None:
    moves: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for move in Transition.objects.all().effective().select_related("item"):
        moves[str(move.item.external_id)].append((move.to_state, move.at.timestamp()))
    waits: dict[str, list[tuple[float, float | None]]] = defaultdict(list)
    for pause in Pause.objects.filter(withdrawn_at__isnull=True).order_by("started_at").select_related("item"):
        waits[str(pause.item.external_id)].append((pause.started_at.timestamp(), pause.ended_at.timestamp() if pause.ended_at else None))
    items = {str(item.external_id): item for item in WorkItem.objects.all()}
    for name, rows in cases.items():
        told = independent_log.case(rows)
        assert moves[name] == told["states"], name
        assert waits[name] == told["waits"], name
        item = items[name]
        assert (item.state, item.state_at.timestamp()) == told["states"][-1]
        assert item.paused == (bool(told["waits"]) and told["waits"][-1][1] is None)
        assert item.received_at.timestamp() == rows[0][0]
        deliveries = [at for state, at in moves[name] if state == "delivered"]
        assert max(deliveries, default=None) == told["last"]


@needed
def test_the_same_log_again_changes_nothing_and_half_of_it_first_ends_the_same(
    alder: Organization, command: Callable[..., str], tmp_path: Path
) -> None:
    lines = LOG.read_text().splitlines(keepends=True)
    half = tmp_path / "half.csv"
    half.write_text("".join([lines[0], *lines[1::2]]))
    command(half)
    command(LOG)
    with in_organization(alder.id):
        expected = independent_log.totals(LOG)
        assert Transition.objects.all().effective().count() == expected["transitions"]
        assert Pause.objects.filter(withdrawn_at__isnull=True).count() == expected["pauses"]
        _compare_timelines(independent_log.read(LOG)[0])
        before = (Transition.objects.count(), Pause.objects.count(), WorkItem.objects.count())
        versions = sorted(WorkItem.objects.values_list("id", "version"))
    said = command(LOG)
    assert "0  items changed" in said
    with in_organization(alder.id):
        assert (Transition.objects.count(), Pause.objects.count(), WorkItem.objects.count()) == before
        assert sorted(WorkItem.objects.values_list("id", "version")) == versions


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"case_id,timestamp\nA,2026-01-01T10:00:00Z\n", "no column “status”"),
        (b"case_id,timestamp,status,sub_status,impact\n", "no rows below"),
        (b"case_id,timestamp,status,sub_status,impact\nA,2026-01-01T10:00:00Z,Caf\xe9,,\n", "Row 2 is not UTF-8 (byte 70"),
        (b"case_id,timestamp,status,sub_status,impact\nA,2026-01-01T10:00:00Z,Strange,,\n", "No row of this file can be read"),
    ],
)
def test_what_cannot_be_read_is_refused_and_leaves_nothing(
    alder: Organization, command: Callable[..., str], tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "log.csv"
    file.write_bytes(content)
    with pytest.raises(CommandError) as refusal:
        command(file)
    assert said in str(refusal.value)
    with in_organization(alder.id):
        assert not WorkItem.objects.exists()


def test_strict_loads_nothing_when_a_row_is_rejected(alder: Organization, command: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text(
        "case_id,timestamp,status,sub_status,impact\n"
        "A,2026-01-01T10:00:00Z,Queued,Awaiting Assignment,High\n"
        "B,2999-01-01T10:00:00Z,Completed,Closed,\n"
    )
    with pytest.raises(CommandError, match="nothing was loaded"):
        command(file, "--strict")
    with in_organization(alder.id):
        assert not WorkItem.objects.exists()
    assert "row 3, at: 2999-01-01 10:00 UTC lies in the future." in command(file)
    with in_organization(alder.id):
        assert list(WorkItem.objects.values_list("external_id", "priority")) == [("A", "high")]
        assert list(ImportBatch.objects.order_by("id").values_list("state", flat=True)) == ["preview", "loaded"]
