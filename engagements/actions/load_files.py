"""Load files of e-discovery: reduced to what may be kept while they are read, so that nothing else is ever stored."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import BinaryIO

from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import locked
from engagements.actions.import_sources import BROKEN, CELL, Row, text_of_part
from engagements.actions.imports import LOAD_FILE, ask, need_for
from engagements.actions.item_types import check_type
from engagements.imports import load_file, workbook
from engagements.imports.documents import BATCHES, DOCUMENTS, UNITS
from engagements.imports.reader import Problem, Unreadable
from engagements.models import ImportBatch, ImportPart, Workstream
from engagements.models.clients import Status
from engagements.models.imports import ImportState
from lpo.accounts.actor import Actor
from lpo.audit.documents import store
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.validators import plausible

PART_ROWS = 10_000
# Signs that mean something in a part, and line breaks, which no kept field may have.
_CLEAN = str.maketrans({CELL: "\ufffd", BROKEN: "\ufffd", "\x00": "\ufffd", "\n": " ", "\r": " ", load_file.LINE_BREAK: " "})
_LONGEST_CELL = 1_000


class _Known(Exception):
    """The same reduced file waits already."""


def upload_load_file(
    *,
    workstream: Workstream,
    by: Actor,
    stream: BinaryIO,
    file_name: str,
    source: str = "upload",
    encoding: str = "utf-8",
    columns: Mapping[str, str] | None = None,
) -> ImportBatch:
    """Keep the allowed columns of a load file (or of a workbook's first sheet) and forget the others but for their names.

    `columns`: field → column where the names are not the usual ones. Memory holds some thousand rows at a time, whatever the
    file's size. The same file sent again before anything was decided about it is the same batch. Raises `Refused`.
    """
    need_for(by, LOAD_FILE)
    if workstream.status != Status.OPEN:
        raise Refused("This workstream is closed. Reopen it first.")
    if encoding not in dict(load_file.ENCODINGS):
        raise Refused("Choose how the file is encoded.", "encoding")
    try:
        table = _table(stream, encoding)
        kept = load_file.allowed(table.columns, dict(columns or {}))
        with transaction.atomic():
            return _take_in(workstream, by, table, kept, file_name, source)
    except Unreadable as error:
        raise Refused(str(error), "file") from error
    except _Known as known:
        batch: ImportBatch = known.args[0]
        return batch


def _table(stream: BinaryIO, encoding: str) -> load_file.Table:
    if workbook.is_workbook(stream):
        sheet = workbook.open_sheet(stream)
        return load_file.Table(sheet.columns, sheet.rows)
    return load_file.open_table(stream, encoding)


def _take_in(
    workstream: Workstream, by: Actor, table: load_file.Table, kept: Mapping[str, str], file_name: str, source: str
) -> ImportBatch:
    columns = [column for column in table.columns if column in kept.values()]
    dropped = [column for column in table.columns if column not in kept.values()]
    batch: ImportBatch = ImportBatch.objects.create(
        client_id=workstream.client_id,
        matter_id=workstream.matter_id,
        workstream=workstream,
        purpose=LOAD_FILE,
        source=source,
        document=_manifest(workstream, by, file_name, columns, dropped),
        file_name=file_name[:200],
        mapping={"columns": dict(kept), "dropped": dropped, "unit": DOCUMENTS, "received": timezone.now().isoformat()},
        columns=columns,
        by_member_id=by.member_id,
        by_label=by.label,
    )
    batch.sha256 = _keep_parts(batch, _reduced(table, columns))
    waiting = ImportBatch.objects.filter(
        workstream=workstream, purpose=LOAD_FILE, source=source, sha256=batch.sha256, state=ImportState.UPLOADED, by_member_id=by.member_id
    )
    if (known := waiting.first()) is not None:
        raise _Known(known)
    batch.save(update_fields=["sha256"])
    after = {"file": file_name, "sha256": batch.sha256, "purpose": LOAD_FILE, "kept": columns, "dropped": dropped}
    record(by=by, action="import.upload", target=batch, after=after)
    return batch


def _manifest(workstream: Workstream, by: Actor, file_name: str, columns: list[str], dropped: list[str]) -> Document:
    """What stands in the place of the file: its name and columns. The file itself is not kept."""
    said = json.dumps({"file": file_name, "kept": columns, "dropped": dropped}, ensure_ascii=False, indent=1)
    return store(
        kind="import",
        content=said.encode(),
        file_name=f"{file_name[:190]}.json",
        media_type="application/json",
        by=by,
        client_id=workstream.client_id,
        matter_id=workstream.matter_id,
        reference=workstream.item_prefix,
    )


def _reduced(table: load_file.Table, columns: list[str]) -> Iterator[Row]:
    places = [table.columns.index(column) for column in columns]
    for line, cells in table.rows:
        if isinstance(cells, Problem):
            yield line, cells
            continue
        chosen = [cells[place] for place in places]
        if max(map(len, chosen)) > _LONGEST_CELL:
            yield line, Problem("", f"A cell of this row has more than {_LONGEST_CELL:,} characters.")
        else:
            yield line, [cell if cell.isprintable() and load_file.LINE_BREAK not in cell else cell.translate(_CLEAN) for cell in chosen]


def _keep_parts(batch: ImportBatch, rows: Iterator[Row]) -> str:
    """Write the rows part by part; the hash of all of them. Raises `Unreadable` where there are none."""
    digest, number = hashlib.sha256("\x1f".join(batch.columns).encode()), 0
    while piece := list(islice(rows, PART_ROWS)):
        number += 1
        text = text_of_part(piece)
        digest.update(text)
        content = zlib.compress(text, 1)
        ImportPart.objects.create(batch=batch, matter_id=batch.matter_id, number=number, rows=len(piece), content=content)
    if not number:
        raise Unreadable("The file has a header and no rows below it.")
    return digest.hexdigest()


@transaction.atomic
def check_load_file(*, batch: ImportBatch, by: Actor, unit: str, received: datetime, type: str = "") -> ImportBatch:
    """Say what becomes an item, when all of it was received and of what type it is, and have every row checked in the background.

    Raises `Refused`.
    """
    need_for(by, batch.purpose)
    batch = locked(batch)
    if batch.purpose != LOAD_FILE:
        raise Refused("This is no load file.")
    mapping = {**batch.mapping, "unit": unit, "received": received.isoformat(), "type": type}
    if batch.state == ImportState.CHECKING and mapping == batch.mapping:
        return batch
    if batch.state not in {ImportState.UPLOADED, ImportState.PREVIEW, ImportState.REFUSED}:
        raise Refused(f"This import is {batch.get_state_display().lower()}; its mapping no longer changes.")
    if unit not in UNITS:
        raise Refused("Choose what becomes an item.", "unit")
    if unit == BATCHES and not batch.mapping["columns"].get("batch"):
        raise Refused("The file has no column of batches.", "unit")
    if received > timezone.now():
        raise Refused("This lies in the future.", "received")
    if not plausible(received):
        raise Refused("The year cannot be right.", "received")
    if type:
        check_type(batch.workstream_id, type)
    batch.mapping, batch.state, batch.problem, batch.counts = mapping, ImportState.CHECKING, "", {}
    batch.job = ask(batch, by, "check", f"Checking {batch.file_name}")
    batch.save(update_fields=["mapping", "state", "problem", "counts", "job"])
    return batch
