"""Legal holds: set one, release one."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from engagements.actions.checks import build, check, locked
from engagements.models import Client, LegalHold, Matter
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused


@transaction.atomic
def set_hold(*, client: Client, by: Actor, reason: str, ordered_by: str, matter: Matter | None = None) -> LegalHold:
    """Keep everything of a matter, or of a client, until released. The same hold still in force is that hold. Raises `Refused`."""
    by.need(Permission.EDIT_WORK)
    if matter is not None:
        locked(matter)
    locked(client)
    own = {"client": client, "matter": matter}
    said = {"reason": reason.strip(), "ordered_by": ordered_by.strip()}
    for name, value in said.items():
        if not value:
            raise Refused("Say why everything is kept." if name == "reason" else "Say who ordered it.", name)
    twin: LegalHold | None = LegalHold.objects.filter(**own, **said, released_at__isnull=True).first()
    if twin is not None:
        return twin
    number = (LegalHold.objects.filter(**own).aggregate(last=Max("number"))["last"] or 0) + 1
    row = build(LegalHold, {**own, **said, "number": number, "set_by_label": by.label[:200]})
    row.save()
    record(by=by, action="hold.set", target=row, after={"number": number, **said}, reference=_named(client, matter))
    return row


@transaction.atomic
def release_hold(*, hold: LegalHold, by: Actor, reason: str, ordered_by: str) -> LegalHold:
    """End a hold, saying why and on whose word. Released already: nothing happens. Raises `Refused`."""
    by.need(Permission.EDIT_WORK)
    row = locked(hold)
    if row.released_at is not None:
        return row
    if not reason.strip():
        raise Refused("Say why it is released.", "reason")
    if not ordered_by.strip():
        raise Refused("Say on whose word.", "ordered_by")
    row.released_at, row.release_reason, row.release_ordered_by = timezone.now(), reason.strip(), ordered_by.strip()
    row.released_by_label = by.label[:200]
    check(row)
    row.save(update_fields=["released_at", "release_reason", "release_ordered_by", "released_by_label"])
    after = {"number": row.number, "reason": row.release_reason, "ordered_by": row.release_ordered_by}
    record(by=by, action="hold.release", target=row, before={"reason": row.reason}, after=after, reference=_named(row.client, row.matter))
    return row


def _named(client: Client, matter: Matter | None) -> str:
    return matter.reference if matter is not None else client.code
