"""Writing what happened, in the transaction in which it happened."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import models

from lpo.accounts.actor import Actor
from lpo.audit.models import Event
from lpo.core import logs


def canonical(value: Any) -> Any:
    """The same value as JSON holds it: decimals and dates as strings, instants in UTC, sets in order."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return canonical(value.value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal | float | UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():f}s"
    if isinstance(value, models.Model):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((canonical(item) for item in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [canonical(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no place in an audit event; record its number, name or hash.")


def ids_digest(ids: Sequence[int]) -> str:
    """SHA-256 over the sorted ids, so that the same set of rows has one hash whatever its order."""
    return hashlib.sha256(",".join(str(number) for number in sorted(ids)).encode()).hexdigest()


def scope_of(target: models.Model | None) -> tuple[int | None, int | None]:
    """(client id, matter id) of an object: its own columns, or its own id when it is the client or the matter itself."""
    if target is None:
        return None, None
    declared = getattr(target, "audit_scope", None)
    if declared is not None:
        client_id, matter_id = declared
        return client_id, matter_id
    client_id = target.pk if target._meta.label == "engagements.Client" else getattr(target, "client_id", None)
    matter_id = target.pk if target._meta.label == "engagements.Matter" else getattr(target, "matter_id", None)
    return client_id, matter_id


def reference_of(target: models.Model | None) -> str:
    if target is None:
        return ""
    for name in ("reference", "number", "code", "slug"):
        value = getattr(target, name, None)
        if isinstance(value, str) and value:
            return value
    return str(target)


def record(
    *,
    by: Actor,
    action: str,
    target: models.Model | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    ids: Sequence[int] | None = None,
    reference: str = "",
) -> Event:
    """One audited act. A bulk act gives `ids`: the event then holds their count and hash instead of one line each."""
    client_id, matter_id = scope_of(target)
    event = Event(
        organization_id=by.organization_id,
        actor_kind=by.kind,
        actor_member_id=by.member_id,
        actor_token_id=by.token_id,
        actor_label=by.label[:200],
        action=action,
        object_type=target._meta.label if target is not None else "",
        object_id=target.pk if target is not None else None,
        object_reference=(reference or reference_of(target))[:120],
        client_id=client_id,
        matter_id=matter_id,
        before=None if before is None else canonical(before),
        after=None if after is None else canonical(after),
        count=1 if ids is None else len(ids),
        ids_hash="" if ids is None else ids_digest(ids),
        request_id=logs.current_request_id()[:64],
    )
    event.save(force_insert=True)
    return event
