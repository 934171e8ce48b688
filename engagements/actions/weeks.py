"""Weeks that hold more or less than usual: kept, changed and taken off, each with its trace."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from engagements.actions.checks import Duplicate, build, change, locked, plain
from engagements.actions.people import may_edit
from engagements.models import ReviewerProfile, WeekCapacity
from engagements.models.people import Measure
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion

_KEPT = ("first_week", "last_week", "capacity", "measure", "reason")


def _checked(member: Membership, fields: dict[str, Any], but: WeekCapacity | None = None) -> None:
    first, last = fields["first_week"], fields["last_week"]
    if last < first:
        raise Refused("This lies before the first week.", "last_week")
    if fields["measure"] == Measure.PERCENT:
        if fields["capacity"] > 200:
            raise Refused("At most 200 percent of a full week.", "capacity")
        if not ReviewerProfile.objects.filter(member=member, capacity__isnull=False).exists():
            raise Refused("What a full week holds is not on record: write units or hours.", "measure")
    others = WeekCapacity.objects.filter(member=member, first_week__lte=last, last_week__gte=first)
    other = next((row for row in others.order_by("first_week") if but is None or row.pk != but.pk), None)
    if other is not None:
        raise Refused(f"{other} of {other.first_week:%G} is on record with {other.amount}.", "first_week")


@transaction.atomic
def add_week(
    *,
    member: Membership,
    by: Actor,
    first_week: date,
    last_week: date | None = None,
    capacity: Decimal,
    measure: str = "percent",
    reason: str = "",
) -> WeekCapacity:
    """From the week of `first_week` through that of `last_week`, weeks hold this. No week has two capacities of its own."""
    may_edit(by, member)
    values = (first_week, last_week or first_week, capacity, measure, reason)
    fields = dict(zip(_KEPT, values, strict=True))
    if (twin := WeekCapacity.objects.filter(member=member, **fields).first()) is not None:
        raise Duplicate("This is on record already.", twin, "first_week")
    _checked(member, fields)
    row = build(WeekCapacity, {"member": member, **fields})
    row.save()
    after = {name: plain(value) for name, value in fields.items()}
    record(by=by, action="capacity.add", target=row, after=after, reference=member.user.email)
    return row


@transaction.atomic
def change_week(*, row: WeekCapacity, member: Membership, by: Actor, version: int, **fields: Any) -> WeekCapacity:
    """Raises `StaleVersion` when somebody else saved since `version` was read."""
    may_edit(by, member)
    fields["last_week"] = fields["last_week"] or fields["first_week"]
    _checked(member, fields, but=row)
    changed, before, after = change(row, version, fields)
    if after:
        record(by=by, action="capacity.update", target=changed, before=before, after=after, reference=member.user.email)
    return changed


@transaction.atomic
def remove_week(*, row: WeekCapacity, member: Membership, by: Actor, version: int) -> None:
    """From now on these weeks hold the usual. Raises `StaleVersion` where they say something else by now."""
    may_edit(by, member)
    row = locked(row)
    before = {name: plain(getattr(row, name)) for name in _KEPT}
    if row.version != version:
        raise StaleVersion("Somebody else saved this in the meantime.", theirs=before, yours={"removed": True}, version=row.version)
    record(by=by, action="capacity.remove", target=row, before=before, reference=member.user.email)
    row.delete()
