"""Checked rows in pieces between the check and the load: stored as COPY's text, copied back without being read again."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from django.db import connection

from engagements.imports.quick import TYPES
from engagements.models import ImportBatch, ImportChunk


def names_of(batch: ImportBatch) -> list[str]:
    """The mapped fields, in the order in which a row's values are kept."""
    return [name for name, column in batch.mapping["columns"].items() if column]


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
        self._batch, self._place = batch, names_of(batch).index("external_id") + 1
        self._hashes = np.zeros(0, dtype=np.int64)
        for ids in self._chunks():
            self.add(ids)

    def add(self, ids: Mapping[str, int]) -> None:
        fresh = np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids))
        self._hashes = np.sort(np.concatenate([self._hashes, fresh]), kind="stable")

    def again(self, ids: Mapping[str, int]) -> dict[str, int]:
        """Those of `ids` (ID → row) that an earlier chunk has, with the row that has it."""
        keys = list(ids)
        hashes = np.fromiter(map(hash, keys), dtype=np.int64, count=len(keys))
        places = np.searchsorted(self._hashes, hashes)
        met = np.zeros(len(keys), dtype=np.bool_)
        inside = places < len(self._hashes)
        met[inside] = self._hashes[places[inside]] == hashes[inside]
        suspects = {keys[place] for place in np.flatnonzero(met)}
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


def clear(batch: ImportBatch) -> None:
    ImportChunk.objects.filter(batch=batch).delete()


__all__ = ["Seen", "after", "clear", "copy_in", "keep", "names_of", "text_of"]
