"""What the client says of an exclusion: contested by its contest-by date, accepted, settled. The shape is that of a pause."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import locked, need_any
from engagements.actions.sources import decided, source_of
from engagements.models import What, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused
from sla.actions.levels import after_exclusion
from sla.models import Exclusion

_ON_THE_CLIENTS_SIDE = frozenset({Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})


def _owned(exclusion: Exclusion) -> tuple[WorkItem, Exclusion]:
    """The item, locked first as everywhere, and the exclusion as it is now."""
    item = locked(WorkItem.objects.get(pk=exclusion.item_id))
    return item, locked(exclusion)


@transaction.atomic
def contest_exclusion(
    *, exclusion: Exclusion, by: Actor, note: str, message: Document | None = None, at: datetime | None = None
) -> Exclusion:
    """Record that the client disputes an exclusion, by its contest-by date: what counts is when the client said it.

    The attorney's sign-in is the client's; the provider attaches what the client wrote. Until it is settled no claim of its window
    becomes final.
    """
    need_any(by, _ON_THE_CLIENTS_SIDE)
    item, exclusion = _owned(exclusion)
    if exclusion.contested_at is not None:
        return exclusion
    source, now = source_of(by, message), timezone.now()
    said_at = at or now
    if exclusion.withdrawn_at is not None or exclusion.contest_by is None:
        raise Refused("This exclusion cannot be contested.")
    if exclusion.resolved_at is not None:
        raise Refused("The client accepted this exclusion: it cannot be contested any more.")
    if said_at > now:
        raise Refused("This lies in the future.", "at")
    if said_at.date() > exclusion.contest_by:
        raise Refused(f"It could be contested until {exclusion.contest_by:%d %b %Y}.")
    if not note.strip():
        raise Refused("Say what is disputed.", "note")
    exclusion.contested_at, exclusion.contest_note = said_at, note.strip()[:500]
    exclusion.save(update_fields=["contested_at", "contest_note"])
    decided(by=by, what=What.EXCLUSION_CONTESTED, source=source, at=said_at, item=item, message=message, note=note[:500])
    record(by=by, action="exclusion.contest", target=exclusion, after={"note": note, "source": source}, reference=item.reference)
    return exclusion


@transaction.atomic
def accept_exclusion(*, exclusion: Exclusion, by: Actor, note: str = "", message: Document | None = None) -> Exclusion:
    """Record that the client agrees: it never contested, or drops its contest. Then the exclusion can no longer be contested."""
    need_any(by, _ON_THE_CLIENTS_SIDE)
    item, exclusion = _owned(exclusion)
    if exclusion.resolved_at is not None and exclusion.withdrawn_at is None:
        return exclusion
    source, now = source_of(by, message), timezone.now()
    if exclusion.withdrawn_at is not None or exclusion.contest_by is None:
        raise Refused("There is nothing to accept: this exclusion cannot be contested.")
    if exclusion.contested_at is not None and not note.strip():
        raise Refused("Say how the dispute ended; the client reads this.", "note")
    exclusion.contested_at = None
    exclusion.resolved_at, exclusion.resolution = now, note.strip()[:500]
    exclusion.save(update_fields=["contested_at", "resolved_at", "resolution"])
    decided(by=by, what=What.EXCLUSION_AGREED, source=source, at=now, item=item, message=message, note=note[:500])
    record(by=by, action="exclusion.accept", target=exclusion, after={"note": note, "source": source}, reference=item.reference)
    return exclusion


@transaction.atomic
def withdraw_exclusion(*, exclusion: Exclusion, by: Actor, note: str = "") -> Exclusion:
    """Count the item again. What the client contested is withdrawn with a word on it."""
    by.need(Permission.EDIT_LEVELS)
    item, exclusion = _owned(exclusion)
    if exclusion.withdrawn_at is not None:
        return exclusion
    if exclusion.contested_at is not None and not note.strip():
        raise Refused("Say how the dispute ended; the client reads this.", "note")
    exclusion.withdrawn_at, exclusion.contested_at = timezone.now(), None
    exclusion.resolved_at, exclusion.resolution = exclusion.withdrawn_at, note.strip()[:500]
    exclusion.save(update_fields=["withdrawn_at", "contested_at", "resolved_at", "resolution"])
    before, after = {"reason": exclusion.reason}, {"note": note}
    record(by=by, action="level.exclude.withdraw", target=exclusion, before=before, after=after, reference=item.reference)
    after_exclusion(exclusion.level, item)
    return exclusion
