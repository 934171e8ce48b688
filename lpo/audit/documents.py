"""Files under their hash. A stored file never changes; the same file stored twice is one row."""

from __future__ import annotations

import hashlib
import io
from typing import Any, BinaryIO, cast

from django.db import connection

from lpo.accounts.actor import Actor
from lpo.audit.models import Document
from lpo.core.locks import hold_key


class Corrupt(Exception):
    """Stored bytes no longer have the hash under which they were stored."""


def store(
    *,
    kind: str,
    content: bytes,
    file_name: str,
    media_type: str,
    by: Actor,
    client_id: int | None = None,
    matter_id: int | None = None,
    reference: str = "",
    published: bool = False,
) -> Document:
    """Keep a file in the caller's transaction. The same bytes of the same kind under the same reference are stored once."""
    digest = hashlib.sha256(content).hexdigest()
    same = {
        "kind": kind,
        "reference": reference,
        "sha256": digest,
        "client_id": client_id,
        "matter_id": matter_id,
        "published": published,
    }
    # Two transactions storing the same file: the second waits for the first and then finds its row.
    hold_key(by.organization_id, "document", kind, reference, digest)
    known: Document | None = Document.objects.filter(**same).defer("content").order_by("id").first()
    if known is not None:
        return known
    document = Document(
        **same,
        organization_id=by.organization_id,
        file_name=file_name[:200],
        media_type=media_type[:100],
        size=len(content),
        content=content,
        created_by_label=by.label[:200],
    )
    document.save(force_insert=True)
    return document


_SLICE = 4 * 1024 * 1024
_SAME = "sha256 = encode(sha256(content), 'hex')"


class _Slices(io.RawIOBase):
    """A stored file, read some megabytes at a time."""

    def __init__(self, document_id: int, size: int) -> None:
        self._id, self._size, self._at = document_id, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        with connection.cursor() as cursor:
            values = [self._at + 1, wanted, self._id]
            cursor.execute("SELECT substring(content FROM %s FOR %s) FROM audit_document WHERE id = %s", values)
            found = bytes(cursor.fetchone()[0])
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def stream_of(document_id: int) -> BinaryIO:
    """The stored bytes as a stream, so that a large file is never held whole. Raises `Corrupt` as `content_of` does.

    Reads within the scope and transaction in which each part is asked for.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT file_name, size, {_SAME} FROM audit_document WHERE id = %s", [document_id])  # noqa: S608 - a constant
        row = cursor.fetchone()
    if row is None:
        raise Document.DoesNotExist
    file_name, size, same = row
    if not same:
        raise Corrupt(f"{file_name} does not have the hash under which it was stored.")
    return cast(BinaryIO, io.BufferedReader(_Slices(document_id, int(size)), _SLICE))


def content_of(document: Document) -> bytes:
    """The stored bytes. Raises `Corrupt` rather than hand out bytes that are not what was stored."""
    content = bytes(document.content)
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise Corrupt(f"{document.file_name} does not have the hash under which it was stored.")
    return content
