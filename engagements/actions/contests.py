"""What the client says of time that is held to be its own: contested by its contest-by date, or accepted.

The rules are the same for a pause here and for what rooms above take out of a measure. Such a row names its item and has
`contest_by`, `contested_at`, `contest_note`, `resolved_at`, `resolution` and `withdrawn_at`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.utils import timezone

from engagements.actions.checks import locked, need_any
from engagements.actions.sources import decided, source_of
from engagements.models import What, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused

M = TypeVar("M", bound=models.Model)
_ON_THE_CLIENTS_SIDE = frozenset({Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})


def owned(row: M) -> tuple[WorkItem, M]:
    """The item, locked first as everywhere, and the row as it is now."""
    item = locked(WorkItem.objects.get(pk=row.item_id))  # type: ignore[attr-defined]
    return item, locked(row)


def owned_for_client(row: M, by: Actor) -> tuple[WorkItem, M]:
    """The same for who records the client's word. Raises `NotPermitted`."""
    need_any(by, _ON_THE_CLIENTS_SIDE)
    return owned(row)


def contest(
    row: Any, noun: str, what: What, *, item: WorkItem, by: Actor, note: str, message: Document | None, at: datetime | None, **facts: Any
) -> None:
    """Record the dispute of a row that is not disputed yet. `at`: when the client said so. `facts` go with the decision.

    The attorney's sign-in is the client's; the provider attaches what the client wrote. Raises `Refused`.
    """
    source, now = source_of(by, message), timezone.now()
    said_at = at or now
    if row.withdrawn_at is not None or row.contest_by is None:
        raise Refused(f"This {noun} cannot be contested.")
    if row.resolved_at is not None:
        raise Refused(f"The client accepted this {noun}: it cannot be contested any more.")
    if said_at > now:
        raise Refused("This lies in the future.", "at")
    if said_at.date() > row.contest_by:
        raise Refused(f"It could be contested until {row.contest_by:%d %b %Y}.")
    if not note.strip():
        raise Refused("Say what is disputed.", "note")
    row.contested_at, row.contest_note = said_at, note.strip()[:500]
    row.save(update_fields=["contested_at", "contest_note"])
    decided(by=by, what=what, source=source, at=said_at, item=item, message=message, note=note[:500], **facts)
    record(by=by, action=f"{noun}.contest", target=row, after={"note": note, "source": source}, reference=item.reference)


def accept(row: Any, noun: str, what: What, *, item: WorkItem, by: Actor, note: str, message: Document | None, **facts: Any) -> None:
    """Record that the client agrees: the row can no longer be contested, and a dispute of it is over. Raises `Refused`."""
    source, now = source_of(by, message), timezone.now()
    if row.withdrawn_at is not None or row.contest_by is None:
        raise Refused(f"There is nothing to accept: this {noun} cannot be contested.")
    row.contested_at = None
    row.resolved_at, row.resolution = now, note.strip()[:500]
    row.save(update_fields=["contested_at", "resolved_at", "resolution"])
    decided(by=by, what=what, source=source, at=now, item=item, message=message, note=note[:500], **facts)
    record(by=by, action=f"{noun}.accept", target=row, after={"note": note, "source": source}, reference=item.reference)
