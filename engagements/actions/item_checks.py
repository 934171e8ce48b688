"""Checking a file of items: every row judged against what is known, in sets, and kept in the form the load reads."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.db import connection

from engagements import states
from engagements.actions import import_chunks as chunks
from engagements.actions.import_sources import Reader, Row, reader_of, rows_of_batch, total_of
from engagements.actions.imports import LOAD_FILE, finish_check, refuse_batch
from engagements.actions.item_imports import CHANGED, NEW, REJECTED, UNCHANGED, people_of, types_of
from engagements.copying import insert_many
from engagements.imports.quick import copy_line
from engagements.imports.reader import Problem, Unreadable
from engagements.models import ImportBatch, ImportRow
from lpo.jobs.registry import Progress
from lpo.tenancy.context import current_organization_id

ROWS_AT_ONCE = 10_000
# What the preview shows of rows that load or change nothing; every rejected one is kept.
SHOWN = 20
_ROW_COLUMNS = ("batch_id", "matter_id", "number", "verdict", "data", "field", "reason")
# Each row looks its item up by its ID. Statistics lag behind a table that is just being filled and believe that a new organization
# has no rows; values they cannot see (the sub-selects) keep the planner from walking through all of them for each row.
OWN = "w.organization_id = (SELECT %(organization)s::bigint)"
KNOWN = f"""pg_temp.incoming i CROSS JOIN LATERAL (
    SELECT * FROM engagements_workitem w
    WHERE {OWN} AND w.workstream_id + 0 = %(workstream)s AND w.source = %(source)s AND w.external_id = i.external_id LIMIT 1) t"""  # noqa: S608
# Field → column of the item.
COLUMN = {"assignee": "assignee_id"}
# A file says these once; later they are corrected at the item, with a reason.
FIXED = ("kind", "received_at")


def scope_of(batch: ImportBatch) -> dict[str, Any]:
    return {"organization": current_organization_id(), "workstream": batch.workstream_id, "source": batch.source}


def differs(names: Sequence[str]) -> str:
    """SQL: whether row `i` says something else than item `t` in these fields."""
    pairs = [f"t.{COLUMN.get(name, name)} IS DISTINCT FROM i.{name}" for name in names]
    return f"({' OR '.join(pairs)})" if pairs else "false"


def fixed_of(batch: ImportBatch) -> list[str]:
    """What a file may not change. A load file names no times of receipt; the one chosen for it is that of its new items."""
    return [name for name in FIXED if name in chunks.names_of(batch) and not (batch.purpose == LOAD_FILE and name == "received_at")]


def changeable(batch: ImportBatch) -> list[str]:
    return [name for name in chunks.names_of(batch) if name not in {*FIXED, "external_id"}]


def check_items(batch: ImportBatch, cursor: Mapping[str, Any]) -> Generator[Progress, None, None]:
    """Judge every row; interrupted, it goes on behind the last chunk it kept."""
    done, number = int(cursor.get("rows", 0)), int(cursor.get("chunk", 0))
    counts = dict(cursor.get("counts") or dict.fromkeys((NEW, CHANGED, UNCHANGED, REJECTED), 0))
    if not done:
        ImportRow.objects.filter(batch=batch).delete()
        chunks.clear(batch)
    total = total_of(batch)
    check = Check(batch, reader_of(batch, people_of(batch.workstream), types_of(batch.workstream_id)), counts)
    try:
        for rows in _in_pieces(rows_of_batch(batch, done)):
            number += 1
            check.take(rows, number)
            done += len(rows)
            cursor = {"rows": done, "chunk": number, "counts": counts}
            yield Progress(done=done, total=max(total, done), message=f"{done:,} rows read", cursor=cursor)
    except Unreadable as error:
        refuse_batch(batch, str(error))
        return
    finish_check(batch, counts | {"rows": sum(counts.values())})


def _in_pieces(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while piece := list(islice(rows, ROWS_AT_ONCE)):
        yield piece


class Check:
    """The judging of one file, piece by piece."""

    def __init__(self, batch: ImportBatch, reader: Reader, counts: dict[str, int]) -> None:
        self._batch, self._reader, self._counts = batch, reader, counts
        self._seen = chunks.Seen(batch)

    def take(self, rows: Sequence[Row], number: int) -> None:
        """Judge some rows, keep those that can load as chunk `number`, and every rejected one with its reason."""
        good, problems = self._read(rows)
        lines = [copy_line(line, values) for line, values in good.items()]
        verdicts: dict[int, str] = {}
        if lines:
            chunks.copy_in(self._reader.names, "\n".join([*lines, ""]).encode())
            verdicts = self._compare(problems)
            chunks.keep(self._batch, number, lines)
        self._note(rows, good, verdicts, problems)

    def _read(self, rows: Sequence[Row]) -> tuple[dict[int, list[Any]], dict[int, Problem]]:
        place = self._reader.names.index("external_id")
        read, problems, ids = dict[int, list[Any]](), dict[int, Problem](), dict[str, int]()
        for line, cells in rows:
            values = cells if isinstance(cells, Problem) else self._reader.values(cells)
            if isinstance(values, Problem):
                problems[line] = values
            elif (first := ids.setdefault(values[place], line)) != line:
                problems[line] = _twin(first)
            else:
                read[line] = values
        again = self._seen.again(ids)
        for external_id, first in again.items():
            line = ids.pop(external_id)
            del read[line]
            problems[line] = _twin(first)
        self._seen.add(ids)
        return read, problems

    def _compare(self, problems: dict[int, Problem]) -> dict[int, str]:
        """The verdicts on rows whose item is known; a row that contradicts it is a problem."""
        fixed = fixed_of(self._batch)
        told = "".join(f", {differs([name])}, t.{name}" for name in fixed)
        statement = f"SELECT i.number, {differs(changeable(self._batch))}{told} FROM {KNOWN}"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(statement, scope_of(self._batch))
            known = cursor.fetchall()
        verdicts = {}
        for line, changed, *facts in known:
            verdicts[line] = CHANGED if changed else UNCHANGED
            for name, (other, value) in zip(fixed, zip(facts[::2], facts[1::2], strict=True), strict=True):
                if other and line not in problems:
                    problems[line] = Problem(name, f"The item is here already with {_said(value)}. Correct it there, with a reason.")
        return verdicts

    def _note(
        self,
        rows: Sequence[Row],
        good: Mapping[int, list[Any]],
        verdicts: Mapping[int, str],
        problems: Mapping[int, Problem],
    ) -> None:
        kept: list[tuple[Any, ...]] = []
        own = (self._batch.id, self._batch.matter_id)
        for line, cells in rows:
            problem = problems.get(line)
            verdict = REJECTED if problem else verdicts.get(line, NEW)
            self._counts[verdict] += 1
            if problem:
                kept.append((*own, line, verdict, _raw(self._batch.columns, cells), problem.field[:60], problem.reason[:300]))
            elif self._counts[verdict] <= SHOWN:
                kept.append((*own, line, verdict, dict(self._reader.shown(good[line])), "", ""))
        insert_many("engagements_importrow", _ROW_COLUMNS, kept)


def _twin(first: int) -> Problem:
    return Problem("external_id", f"Row {first:,} has this external ID already.")


def _said(value: Any) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else f"“{states.KINDS[value]}”"


def _raw(columns: Sequence[str], cells: Sequence[str] | Problem) -> dict[str, str]:
    """A row as it was written; JSON holds no NUL."""
    if isinstance(cells, Problem):
        return {}
    return {name: cell.replace("\x00", "\ufffd") for name, cell in zip(columns, cells, strict=False)}
