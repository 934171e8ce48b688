"""Files under their hash. A stored file never changes; the same file stored twice is one row."""

from __future__ import annotations

import hashlib

from django.db import connection

from lpo.accounts.actor import Actor
from lpo.audit.models import Document


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
    with connection.cursor() as cursor:
        # Two transactions storing the same file: the second waits for the first and then finds its row.
        lock = f"document:{by.organization_id}:{kind}:{reference}:{digest}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
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


def content_of(document: Document) -> bytes:
    """The stored bytes. Raises `Corrupt` rather than hand out bytes that are not what was stored."""
    content = bytes(document.content)
    if hashlib.sha256(content).hexdigest() != document.sha256:
        raise Corrupt(f"{document.file_name} does not have the hash under which it was stored.")
    return content
