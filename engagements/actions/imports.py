"""The way of a file: uploaded, mapped, checked, previewed, confirmed, loaded. Nothing of it is work before it is confirmed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from engagements.actions import import_chunks
from engagements.actions.checks import locked
from engagements.imports import history as history_format
from engagements.imports import items as items_format
from engagements.imports import several, workbook
from engagements.imports.reader import ENCODINGS, Problem, Table, Unreadable, cells_of, inspect, rows_of
from engagements.models import Client, ImportBatch, ImportMapping, ItemType, Workstream
from engagements.models.clients import Status
from engagements.models.imports import ImportState
from engagements.uploads import too_large
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit import documents
from lpo.audit.documents import store
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.validators import problem_of_text
from lpo.core.zones import zone_names
from lpo.jobs.models import Job
from lpo.jobs.queue import enqueue

ITEMS, HISTORY, LOAD_FILE = "items", "history", "load_file"
MOST_STATUSES = MOST_PEOPLE = 200
MOST_FILES = 60


def need_for(by: Actor, purpose: str) -> None:
    """Items are tracking; a history also writes pauses of the past, which only who approves pauses may."""
    by.need(Permission.TRACK_ITEMS)
    if purpose == HISTORY:
        by.need(Permission.APPROVE_PAUSE)


def table_of(batch: ImportBatch) -> Table:
    reading = batch.mapping
    return Table(reading["encoding"], reading["delimiter"], list(batch.columns))


def stream_of(batch: ImportBatch) -> BinaryIO:
    return documents.stream_of(batch.document_id)


def lines_of(batch: ImportBatch) -> int:
    """How many lines the file has, counted without holding it."""
    stream = stream_of(batch)
    return sum(piece.count(b"\n") for piece in iter(lambda: stream.read(1024 * 1024), b""))


@transaction.atomic
def upload_history(
    *,
    workstream: Workstream,
    by: Actor,
    files: Sequence[tuple[str, bytes]],
    source: str = "upload",
    encoding: str = "utf-8",
    sheet: str = "",
) -> ImportBatch:
    """Keep the files (name, bytes) of one event log as one import, and each of them as it was sent.

    Raises `Refused` naming the file that cannot be read, that has other columns, or that is there twice.
    """
    need_for(by, HISTORY)
    if not files:
        raise Refused("Choose a file.", "file")
    if len(files) > MOST_FILES:
        raise Refused(f"These are {len(files)} files; {MOST_FILES} are the most.", "file")
    given: dict[str, Any] = {"workstream": workstream, "by": by, "purpose": HISTORY, "source": source}
    if len(files) == 1:
        name, content = files[0]
        return upload_file(**given, content=content, file_name=name, encoding=encoding, sheet=sheet)
    if (size := sum(len(content) for _, content in files)) > settings.UPLOAD_LIMIT_BYTES:
        raise Refused(too_large(size, "Together these files are"), "file")
    if encoding not in dict(ENCODINGS):
        raise Refused("Choose how the file is encoded.", "encoding")
    try:
        files = [(name, _as_csv(content, sheet, encoding)) for name, content in files]
        content, parts = several.join(files, encoding)
    except Unreadable as error:
        raise Refused(str(error), "file") from error
    batch = upload_file(**given, content=content, file_name=f"{files[0][0][:180]} and {len(files) - 1} more")
    if not batch.parts:
        kept = [_keep(workstream, by, content, name) for name, content in files]
        batch.parts = [{**part, "document": document.id} for part, document in zip(parts, kept, strict=True)]
        batch.save(update_fields=["parts"])
    return batch


def _as_csv(content: bytes, sheet: str, encoding: str) -> bytes:
    """A workbook's sheet as text in the encoding that the other files have."""
    if not content.startswith(workbook.MAGIC):
        return content
    return workbook.to_csv(io.BytesIO(content), sheet, settings.UPLOAD_LIMIT_BYTES).decode().encode(encoding, "replace")


@transaction.atomic
def upload_file(
    *,
    workstream: Workstream,
    by: Actor,
    purpose: str,
    content: bytes,
    file_name: str,
    source: str = "upload",
    encoding: str = "utf-8",
    sheet: str = "",
) -> ImportBatch:
    """Keep a readable file and guess what its columns mean. Raises `Refused` naming row and byte of what cannot be read.

    Of an Excel workbook one sheet is kept, as CSV: the named one, else the first.
    The same bytes sent again before anything was decided about them are the same batch.
    """
    need_for(by, purpose)
    if workstream.status != Status.OPEN:
        raise Refused("This workstream is closed. Reopen it first.")
    if len(content) > settings.UPLOAD_LIMIT_BYTES:
        raise Refused(too_large(len(content)), "file")
    if encoding not in dict(ENCODINGS) or purpose not in {ITEMS, HISTORY}:
        raise Refused("Choose how the file is encoded.", "encoding")
    content, table = _inspected(content, encoding, sheet)
    document = _keep(workstream, by, content, file_name)
    known: ImportBatch | None = ImportBatch.objects.filter(
        workstream=workstream, purpose=purpose, source=source, document=document, state=ImportState.UPLOADED, by_member_id=by.member_id
    ).first()
    if known is not None and known.mapping["encoding"] == table.encoding:
        return known
    zone = Client.objects.values_list("time_zone", flat=True).get(pk=workstream.client_id)
    reading = {"encoding": table.encoding, "delimiter": table.delimiter, "zone": zone, "dates": "iso"}
    chosen = reading | _as_last_time(workstream, purpose, source, table.columns)
    batch: ImportBatch = ImportBatch.objects.create(
        client_id=workstream.client_id,
        matter_id=workstream.matter_id,
        workstream=workstream,
        purpose=purpose,
        source=source,
        document=document,
        file_name=file_name[:200],
        sha256=document.sha256,
        mapping=chosen,
        columns=table.columns,
        by_member_id=by.member_id,
        by_label=by.label,
    )
    record(by=by, action="import.upload", target=batch, after={"file": file_name, "sha256": document.sha256, "purpose": purpose})
    return batch


def _inspected(content: bytes, encoding: str, sheet: str) -> tuple[bytes, Table]:
    """The bytes to keep, of a workbook those of one sheet as CSV, and what stands in them. Raises `Refused`."""
    try:
        if content.startswith(workbook.MAGIC):
            content, encoding = workbook.to_csv(io.BytesIO(content), sheet, settings.UPLOAD_LIMIT_BYTES), "utf-8"
        return content, inspect(content, encoding)
    except Unreadable as error:
        raise Refused(str(error), "file") from error


def _as_last_time(workstream: Workstream, purpose: str, source: str, columns: Sequence[str]) -> dict[str, Any]:
    """What the columns mean by their names, and what was said of the last loaded file of this source as far as it fits."""
    fields = items_format.FIELDS if purpose == ITEMS else history_format.FIELDS
    if not ItemType.objects.filter(workstream=workstream).exists():
        # A column of this name then says what kind of item it is, or something of the client's own.
        fields = [each for each in fields if each.name != "type"]
    guessed = items_format.guess(columns, fields)
    loaded = ImportBatch.objects.filter(workstream=workstream, purpose=purpose, source=source, state=ImportState.LOADED)
    last, had = loaded.order_by("-id").values_list("mapping", "columns").first() or ({}, [])
    known = {name: column for name, column in last.get("columns", {}).items() if column in columns}
    kept = {name: last[name] for name in ("zone", "dates", "people") if name in last}
    # A column that was there last time and left out stays out.
    free = {name: column for name, column in guessed.items() if name not in known and column not in had}
    return kept | {"columns": free | known, "statuses": last.get("statuses", {})}


def _keep(workstream: Workstream, by: Actor, content: bytes, file_name: str) -> Document:
    return store(
        kind="import",
        content=content,
        file_name=file_name,
        media_type="text/csv",
        by=by,
        client_id=workstream.client_id,
        matter_id=workstream.matter_id,
        reference=workstream.item_prefix,
    )


@dataclass(frozen=True)
class Words:
    """What a log says in words that somebody has to give a meaning, with the number of rows of each, in the order met."""

    statuses: Mapping[str, int]
    people: Mapping[str, int]


def words_in(batch: ImportBatch, columns: Mapping[str, str]) -> Words:
    """The statuses of an event log and the names of who did the work; no more of either than a person can map."""
    statuses, people = dict[str, int](), dict[str, int]()
    if not columns.get("status") and not columns.get("assignee"):
        return Words(statuses, people)
    table = table_of(batch)
    for _, cells in rows_of(stream_of(batch), table):
        row = cells_of(cells, table)
        if isinstance(row, Problem):
            continue
        if columns.get("status"):
            _count(statuses, history_format.status_of(row, columns), MOST_STATUSES)
        if columns.get("assignee") and row[columns["assignee"]]:
            _count(people, row[columns["assignee"]], MOST_PEOPLE)
    return Words(statuses, people)


def _count(found: dict[str, int], word: str, most: int) -> None:
    if word in found or len(found) < most:
        found[word] = found.get(word, 0) + 1


def saved_mapping(*, purpose: str, name: str) -> dict[str, Any] | None:
    mapping: dict[str, Any] | None = ImportMapping.objects.filter(purpose=purpose, name=name).values_list("mapping", flat=True).first()
    return mapping


def merged_mapping(batch: ImportBatch, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as it is stored: what was chosen, and how the file is read."""
    own = {name: batch.mapping[name] for name in ("encoding", "delimiter")}
    kept = {name: chosen[name] for name in ("columns", "statuses", "people", "zone", "dates") if name in chosen}
    return {"statuses": {}, "zone": batch.mapping["zone"], "dates": "iso", **kept, **own}


def problems_of(batch: ImportBatch, mapping: Mapping[str, Any]) -> list[Problem]:
    found = history_format.problems_of_mapping if batch.purpose == HISTORY else items_format.problems_of_mapping
    zone = mapping.get("zone", "UTC")
    strange = [] if zone in zone_names() else [Problem("zone", f"“{zone}” is not a time zone. Write one as Europe/London.")]
    return [*strange, *found(mapping, batch.columns)]


@transaction.atomic
def map_columns(*, batch: ImportBatch, by: Actor, mapping: Mapping[str, Any], save_as: str = "") -> ImportBatch:
    """Say what the columns mean and have every row checked in the background. Raises `Refused` naming the field.

    The mapping can be saved by name for the next file.
    """
    need_for(by, batch.purpose)
    batch = locked(batch)
    if batch.purpose == LOAD_FILE:
        raise Refused("The columns of a load file are chosen when it is uploaded.")
    merged = merged_mapping(batch, mapping)
    if batch.state == ImportState.CHECKING and merged == batch.mapping:
        return batch
    if batch.state not in {ImportState.UPLOADED, ImportState.PREVIEW, ImportState.REFUSED}:
        raise Refused(f"This import is {batch.get_state_display().lower()}; its mapping no longer changes.")
    if problems := problems_of(batch, merged):
        raise Refused(" ".join(problem.reason for problem in problems[:5]), problems[0].field)
    if problem := problem_of_text(save_as.strip()):
        raise Refused(problem, "save_as")
    if save_as.strip():
        _save_mapping(batch, merged, save_as.strip()[:100], by)
    batch.mapping, batch.state, batch.problem, batch.counts = merged, ImportState.CHECKING, "", {}
    batch.job = ask(batch, by, "check", f"Checking {batch.file_name}")
    batch.save(update_fields=["mapping", "state", "problem", "counts", "job"])
    return batch


def ask(batch: ImportBatch, by: Actor, what: str, title: str, total: int = 0) -> Job:
    kind, key = f"engagements.{what}_import", f"import:{batch.id}:{what}"
    return enqueue(kind, {"batch": batch.id}, by=by, key=key, title=title, total=total, matter_id=batch.matter_id)


def _save_mapping(batch: ImportBatch, mapping: Mapping[str, Any], name: str, by: Actor) -> None:
    portable = {key: mapping[key] for key in ("columns", "statuses", "people", "zone", "dates") if key in mapping}
    saved, _ = ImportMapping.objects.update_or_create(
        purpose=batch.purpose, name=name, defaults={"mapping": portable, "updated_at": timezone.now()}
    )
    record(by=by, action="mapping.save", target=saved, after={"purpose": batch.purpose, "name": name})


@transaction.atomic
def confirm_import(*, batch: ImportBatch, by: Actor) -> ImportBatch:
    """Load what the preview showed. Confirmed twice is loaded once."""
    need_for(by, batch.purpose)
    batch = locked(batch)
    if batch.state in {ImportState.LOADING, ImportState.LOADED}:
        return batch
    if batch.state != ImportState.PREVIEW:
        raise Refused("This import is not ready to confirm.")
    if (batch.counts.get("new") or batch.counts.get("changed")) and not import_chunks.some(batch):
        raise Refused("This file was checked by an earlier version. Change its mapping to have it checked anew.")
    batch.state = ImportState.LOADING
    total = batch.counts.get("new", 0) + batch.counts.get("changed", 0)
    batch.job = ask(batch, by, "load", f"Loading {batch.file_name}", total)
    batch.save(update_fields=["state", "job"])
    record(by=by, action="import.confirm", target=batch, after=batch.counts, reference=batch.file_name)
    return batch


@transaction.atomic
def discard_import(*, batch: ImportBatch, by: Actor) -> ImportBatch:
    """Give a file up before it is loaded. The file itself stays, as every record does."""
    need_for(by, batch.purpose)
    batch = locked(batch)
    if batch.state == ImportState.DISCARDED:
        return batch
    if batch.state not in {ImportState.UPLOADED, ImportState.PREVIEW, ImportState.REFUSED}:
        raise Refused(f"This import is {batch.get_state_display().lower()} and can no longer be discarded.")
    batch.state = ImportState.DISCARDED
    batch.save(update_fields=["state"])
    import_chunks.clear(batch)
    record(by=by, action="import.discard", target=batch, reference=batch.file_name)
    return batch


def is_loading(batch: ImportBatch) -> bool:
    """Whether it is still to be written, whatever a worker that was overtaken believes."""
    return bool(ImportBatch.objects.filter(pk=batch.pk, state=ImportState.LOADING).exists())


def refuse_batch(batch: ImportBatch, problem: str) -> None:
    batch.state, batch.problem = ImportState.REFUSED, problem
    batch.save(update_fields=["state", "problem"])


def finish_check(batch: ImportBatch, counts: Mapping[str, int]) -> None:
    batch.state, batch.counts = ImportState.PREVIEW, dict(counts)
    batch.save(update_fields=["state", "counts"])


def finish_load(batch: ImportBatch, by: Actor) -> None:
    batch.state, batch.loaded_at = ImportState.LOADED, timezone.now()
    batch.save(update_fields=["state", "loaded_at"])
    record(by=by, action="import.load", target=batch, after=batch.counts, reference=batch.file_name)
