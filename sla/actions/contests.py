"""What the client says of an exclusion: contested by its contest-by date, accepted, settled. The shape is that of a pause."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from engagements.actions import contests
from engagements.models import What
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused
from sla.actions.levels import after_exclusion
from sla.models import Exclusion


@transaction.atomic
def contest_exclusion(
    *, exclusion: Exclusion, by: Actor, note: str, message: Document | None = None, at: datetime | None = None
) -> Exclusion:
    """Record that the client disputes an exclusion, by its contest-by date: what counts is when the client said it.

    The attorney's sign-in is the client's; the provider attaches what the client wrote. Until it is settled no claim of its window
    becomes final.
    """
    item, exclusion = contests.owned_for_client(exclusion, by)
    if exclusion.contested_at is None:
        said: dict[str, Any] = {"item": item, "by": by, "note": note, "message": message, "at": at}
        contests.contest(exclusion, "exclusion", What.EXCLUSION_CONTESTED, **said)
    return exclusion


@transaction.atomic
def accept_exclusion(*, exclusion: Exclusion, by: Actor, note: str = "", message: Document | None = None) -> Exclusion:
    """Record that the client agrees: it never contested, or drops its contest. Then the exclusion can no longer be contested."""
    item, exclusion = contests.owned_for_client(exclusion, by)
    if exclusion.resolved_at is not None and exclusion.withdrawn_at is None:
        return exclusion
    if exclusion.contested_at is not None and not note.strip():
        raise Refused("Say how the dispute ended; the client reads this.", "note")
    contests.accept(exclusion, "exclusion", What.EXCLUSION_AGREED, item=item, by=by, note=note, message=message)
    return exclusion


@transaction.atomic
def withdraw_exclusion(*, exclusion: Exclusion, by: Actor, note: str = "") -> Exclusion:
    """Count the item again. What the client contested is withdrawn with a word on it."""
    by.need(Permission.EDIT_LEVELS)
    item, exclusion = contests.owned(exclusion)
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
