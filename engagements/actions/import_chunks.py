"""Checked rows in pieces between the check and the load: stored as COPY's text, copied back without being read again."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping, Sequence

from django.db import connection

from engagements.imports.documents import item_fields
from engagements.imports.hashes import Hashes
from engagements.imports.quick import TYPES
from engagements.models import ImportBatch, ImportChunk


def names_of(batch: ImportBatch) -> list[str]:
    """The mapped fields, in the order in which a row's values are kept."""
    columns = batch.mapping["columns"]
    if batch.purpose == "load_file":
        return item_fields(columns, batch.mapping["unit"], bool(batch.mapping.get("type")))
    return [name for name, column in columns.items() if column]


def keep(batch: ImportBatch, number: int, lines: Sequence[str]) -> None:
    content = zlib.compress("\n".join([*lines, ""]).encode(), 1)
    ImportChunk.objects.create(batch=batch, matter_id=batch.matter_id, number=number, content=content)


def text_of(chunk: ImportChunk) -> bytes:
    return zlib.decompress(bytes(chunk.content))


def after(batch: ImportBatch, number: int) -> ImportChunk | None:
    found: ImportChunk | None = ImportChunk.objects.filter(batch=batch, number__gt=number).order_by("number").first()
    return found


def copy_in(names: Sequence[str], text: bytes) -> None:
    """Make `pg_temp.incoming` of this transaction hold these rows."""
    columns = ", ".join(f"{name} {TYPES[name]}" for name in names)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        cursor.execute(f"CREATE TEMP TABLE incoming (number bigint, {columns}) ON COMMIT DROP")
        cursor.copy_expert("COPY pg_temp.incoming FROM STDIN", io.BytesIO(text))


class Seen:
    """Which external IDs the earlier rows of a file had, in eight bytes each: their hashes. A hash met again is looked up in
    the chunks themselves, so that two IDs of one hash are still two."""

    def __init__(self, batch: ImportBatch) -> None:
        self._batch, self._place, self._hashes = batch, names_of(batch).index("external_id") + 1, Hashes()
        for ids in self._chunks():
            self.add(ids)

    def add(self, ids: Mapping[str, int]) -> None:
        self._hashes.add(list(ids))

    def again(self, ids: Mapping[str, int]) -> dict[str, int]:
        """Those of `ids` (ID → row) that an earlier chunk has, with the row that has it."""
        keys = list(ids)
        suspects = {keys[place] for place in self._hashes.met(keys)}
        found: dict[str, int] = {}
        for known in self._chunks() if suspects else ():
            found |= {key: known[key] for key in suspects & known.keys()}
        return found

    def _chunks(self) -> Iterator[dict[str, int]]:
        number = 0
        while (chunk := after(self._batch, number)) is not None:
            number = chunk.number
            rows = [line.split("\t") for line in text_of(chunk).decode().split("\n") if line]
            yield {row[self._place].replace("\\\\", "\\"): int(row[0]) for row in rows}


def some(batch: ImportBatch) -> bool:
    return bool(ImportChunk.objects.filter(batch=batch).exists())


def clear(batch: ImportBatch) -> None:
    ImportChunk.objects.filter(batch=batch).delete()


__all__ = ["Seen", "after", "clear", "copy_in", "keep", "names_of", "some", "text_of"]
