"""Writing down what happened more than 15 minutes ago: kept apart until a second person has approved it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engagements.models import LateEntry, WorkItem
from lpo.accounts.actor import Actor
from lpo.audit.record import record


def keep_late(*, item: WorkItem, by: Actor, kind: str, at: datetime, note: str, **facts: Any) -> LateEntry:
    """Keep an entry for approval; the same one sent again is the first. The item is locked by the caller."""
    same = {"item": item, "kind": kind, "at": at, **{name: facts.get(name, "") for name in ("to_state", "party")}}
    known: LateEntry | None = LateEntry.objects.filter(state="waiting", pause=facts.get("pause"), **same).first()
    if known is not None:
        return known
    entry: LateEntry = LateEntry.objects.create(
        client_id=item.client_id,
        matter_id=item.matter_id,
        item=item,
        kind=kind,
        at=at,
        note=note.strip()[:500],
        by_member_id=by.member_id,
        by_label=by.label,
        **facts,
    )
    after = {"kind": kind, "at": at.isoformat(), "to": facts.get("to_state", ""), "note": note}
    record(by=by, action="late.record", target=entry, after=after, reference=item.reference)
    return entry
