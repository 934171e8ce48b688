"""A file loads every row once, whoever is killed while it is checked and loaded."""

from __future__ import annotations

import time

from engagements import actions
from engagements.models import ImportBatch, ImportRow, Transition, WorkItem
from lpo.accounts.models import Organization
from lpo.jobs.models import Job
from lpo.tenancy.context import in_organization
from sla.models import Clock
from tests import make
from tests.sla import make as levels
from tests.trust.conftest import Figure
from tests.trust.house import House, until
from tests.trust.sizes import sizes

MAPPING = {"columns": {"external_id": "id", "title": "title", "received_at": "received"}, "zone": "UTC", "dates": "iso"}
LIVE = "SELECT count(*) FROM jobs_job WHERE state IN ('queued', 'running') AND kind = %s"
DONE = "SELECT progress_done FROM jobs_job WHERE kind = %s"
WRITTEN = "SELECT count(*) FROM engagements_workitem"
# An item is written with its first transition and its clock, or not at all.
HALF_WRITTEN = """
SELECT count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM engagements_transition t WHERE t.item_id = i.id)),
       count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM sla_clock c WHERE c.item_id = i.id))
FROM engagements_workitem i
"""


def file_of(rows: int) -> bytes:
    lines = (f"N-{n},NDA with party {n},2026-10-{1 + n % 28:02}T10:00:00Z" for n in range(1, rows + 1))
    return "\n".join(["id,title,received", *lines, ""]).encode()


@sizes("rows, at_once", (6_000, 200), (50_000, 1_000))
def test_a_file_whose_worker_is_killed_in_mid_load_loads_every_row_once(
    rows: int, at_once: int, house: House, alder: Organization, figure: Figure
) -> None:
    timing = {"TRUST_LEASE": "2", "TRUST_PULSE": "0.5", "TRUST_QUIET": "1", "TRUST_ROWS": str(at_once)}
    with in_organization(alder.id):
        stream = make.workstream()
        levels.level(stream)
        batch = actions.upload_file(workstream=stream, by=make.system(), purpose="items", content=file_of(rows), file_name="items.csv")
        actions.map_columns(batch=batch, by=make.system(), mapping=MAPPING)
    kills = _work_off(house, timing, "engagements.check_import", at_once, written=False)
    with in_organization(alder.id):
        batch = ImportBatch.objects.get()
        assert (batch.state, batch.counts["new"], batch.counts["rejected"]) == ("preview", rows, 0)
        shown = list(ImportRow.objects.values_list("number", flat=True))
        assert len(shown) == len(set(shown)), "no row of the preview twice"
        actions.confirm_import(batch=batch, by=make.system())
    kills += _work_off(house, timing, "engagements.load_import", at_once, written=True)

    with in_organization(alder.id):
        assert list(Job.objects.filter(kind__startswith="engagements.").exclude(state="done").values_list("kind", "error")) == []
        assert ImportBatch.objects.get().state == "loaded"
        references = sorted(int(text.rsplit("-", 1)[1]) for text in WorkItem.objects.values_list("reference", flat=True))
        found = WorkItem.objects.values("external_id").distinct().count()
        assert Transition.objects.count() == Clock.objects.count() == len(references)
    figure(
        f"a file of {rows:,} rows whose worker is killed {kills} times while it is checked and loaded",
        f"{found:,} of {rows:,} rows, {len(references) - found} doubled",
        "every row once",
        met=found == len(references) == rows,
    )
    assert references == list(range(1, rows + 1)), "numbered without gaps, each once"
    assert found == rows
    assert kills == 4


def _work_off(house: House, timing: dict[str, str], kind: str, at_once: int, *, written: bool) -> int:
    """Kill the worker with its pool twice, each time some rows further, and let another end the job. The number of kills."""
    reached = 0
    for turn in range(2):
        worker = house.worker(timing=timing)
        until(lambda: _progress(house, kind) > reached, 60, lambda: house.log()[-6000:])  # noqa: B023
        assert _progress(house, kind) >= reached + at_once, "it goes on from where the last one ended"
        time.sleep(0.05 * (turn + 1))  # into the next transaction
        house.kill(worker)
        reached = _progress(house, kind)
        assert house.one(LIVE, kind) == 1, "it was to be killed before its end"
        if written:
            assert house.one(WRITTEN) == reached, "what is written and what is said of it commit together"
            assert house.sql(HALF_WRITTEN) == [(0, 0)]
    worker = house.worker(timing=timing)
    until(lambda: house.one(LIVE, kind) == 0, 90, lambda: house.log()[-6000:])
    assert _progress(house, kind) >= reached
    house.kill(worker)
    return 2


def _progress(house: House, kind: str) -> int:
    return int(house.one(DONE, kind) or 0)
