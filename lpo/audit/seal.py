"""The hash chain over audit events: each link covers the one before it, so nothing can be changed, put in or taken out unseen.

Events are appended freely and sealed afterwards, in sealing order, because a chain kept by every writer would let no two of them
write at once. The chain shows any change below its end; that the end itself was not cut off shows the exported, signed head.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.crypto import constant_time_compare, salted_hmac

from lpo.audit.models import Event, Seal
from lpo.core.locks import hold_key
from lpo.tenancy.context import current_organization_id

START = "0" * 64
# No transaction lives longer: whatever was written before (a sealing run − this) was visible to that run.
LONGEST_TRANSACTION = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Every column of an event. A test compares this with the model, so a new column cannot stay outside the seal.
SEALED_COLUMNS = (
    "id",
    "organization_id",
    "at",
    "actor_kind",
    "actor_member_id",
    "actor_token_id",
    "actor_label",
    "action",
    "object_type",
    "object_id",
    "object_reference",
    "client_id",
    "matter_id",
    "before",
    "after",
    "count",
    "ids_hash",
    "request_id",
)


def microseconds(at: datetime) -> int:
    """Since the epoch, exactly: a whole number has one spelling in every zone and version."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def canonical_bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_spell).encode()


def _spell(value: object) -> int:
    if isinstance(value, datetime):
        return microseconds(value)
    raise TypeError(f"{type(value).__name__} has no canonical form.")


def link(previous: str, sequence: int, sealed_at: datetime, event: Event) -> str:
    """The hash of one link, in hexadecimal."""
    columns = {name: getattr(event, name) for name in SEALED_COLUMNS}
    content = {"previous": previous, "sequence": sequence, "sealed_at": sealed_at, "event": columns}
    return hashlib.sha256(canonical_bytes(content)).hexdigest()


def seal_next(limit: int = 2000) -> int:
    """Seal up to `limit` events of the current organization in the caller's transaction. How many were sealed."""
    organization_id = current_organization_id()
    hold_key(organization_id, "audit.seal")
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        sealed_at: datetime = cursor.fetchone()[0]
    last = Seal.objects.order_by("-sequence").first()
    sequence, previous = (last.sequence, last.hash) if last else (0, START)
    seals = []
    for event in Event.objects.raw(_UNSEALED, [organization_id, _settled_below(last), limit]):
        sequence += 1
        previous = link(previous, sequence, sealed_at, event)
        seals.append(Seal(organization_id=organization_id, sequence=sequence, event=event, hash=previous, sealed_at=sealed_at))
    Seal.objects.bulk_create(seals)
    return len(seals)


_UNSEALED = """
SELECT e.* FROM audit_event e WHERE e.organization_id = %s AND e.id > %s
    AND NOT EXISTS (SELECT 1 FROM audit_seal s WHERE s.organization_id = e.organization_id AND s.event_id = e.id)
ORDER BY e.id LIMIT %s
"""


def _settled_below(last: Seal | None) -> int:
    """Up to this event id nothing honest can still be unsealed: its transactions had ended before the last sealing run."""
    if last is None:
        return 0
    settled = Seal.objects.filter(sealed_at__lt=last.sealed_at - LONGEST_TRANSACTION).order_by("-sequence").first()
    return settled.event_id if settled else 0


def head_of(slug: str) -> dict[str, Any]:
    """The end of the current organization's chain, signed, to be kept where this database's owner cannot reach it."""
    last = Seal.objects.order_by("-sequence").first()
    sequence, digest = (last.sequence, last.hash) if last else (0, START)
    return {"organization": slug, "sequence": sequence, "hash": digest, "signature": _signature(slug, sequence, digest)}


def signed_by_us(head: dict[str, Any]) -> bool:
    expected = _signature(str(head.get("organization")), head.get("sequence"), str(head.get("hash")))
    return constant_time_compare(expected, str(head.get("signature", "")))


def _signature(slug: str, sequence: object, digest: str) -> str:
    # The key is derived from SECRET_KEY for this purpose alone.
    return salted_hmac("lpo.audit.head", f"{slug}\n{sequence}\n{digest}", algorithm="sha256").hexdigest()
