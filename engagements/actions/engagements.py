"""An engagement's life: renewed, converted from a pilot, closed with what is open in sight, reopened; and who works on it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils import timezone

from engagements import queries
from engagements.actions.checks import build, change, locked, plain
from engagements.budget import renewed_until
from engagements.models import EndedTerm, Engagement, TeamMember
from engagements.models.clients import Renewal, Status
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Permission, Role
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id


def _opened(engagement: Engagement) -> None:
    if engagement.status != Status.OPEN:
        raise Refused("This engagement is closed. Reopen it first.")


def _end_term(engagement: Engagement, last_day: date, how: str, by: Actor) -> EndedTerm:
    begun = queries.term_begins(engagement)
    if last_day < begun:
        raise Refused(f"The running term began on {begun:%d %b %Y}; the next one begins later.", "starts_on")
    number = EndedTerm.objects.filter(engagement=engagement).aggregate(last=Max("number"))["last"] or 0
    values = {"client_id": engagement.client_id, "engagement": engagement, "number": number + 1, "by_label": by.label}
    term = build(
        EndedTerm, {**values, "delivery_model": engagement.delivery_model, "starts_on": begun, "ends_on": last_day, "ended_by": how}
    )
    term.save(force_insert=True)
    return term


@transaction.atomic
def renew_engagement(*, engagement: Engagement, by: Actor, version: int, ends_on: date) -> Engagement:
    """A further term of the same engagement, up to `ends_on`; the one before stays on record. Raises `Refused`, `StaleVersion`."""
    by.need(Permission.EDIT_WORK)
    engagement = locked(engagement)
    _opened(engagement)
    if engagement.ends_on == ends_on:
        return engagement
    if engagement.ends_on is None:
        raise Refused("It has no last day, so there is nothing to renew.", "ends_on")
    if ends_on <= engagement.ends_on:
        raise Refused(f"The running term lasts until {engagement.ends_on:%d %b %Y}; the next one ends later.", "ends_on")
    last_day = engagement.ends_on
    row, before, after = change(engagement, version, {"ends_on": ends_on, "notice_given_on": None})
    _end_term(engagement, last_day, "renewed", by)
    record(by=by, action="engagement.renew", target=row, before=before, after=after, reference=row.reference)
    return row


@transaction.atomic
def convert_pilot(*, engagement: Engagement, by: Actor, version: int, starts_on: date, ends_on: date | None = None) -> Engagement:
    """From `starts_on` a pilot is a managed service: references, matters and terms stay, its pilot term ends the day before.

    Converted already on that day: nothing happens. Raises `Refused`, `StaleVersion`.
    """
    by.need(Permission.EDIT_WORK)
    engagement = locked(engagement)
    _opened(engagement)
    if engagement.delivery_model != "pilot":
        if EndedTerm.objects.filter(engagement=engagement, ended_by="converted", ends_on=starts_on - timedelta(days=1)).exists():
            return engagement
        raise Refused("Only a pilot is converted.")
    if ends_on is not None and ends_on < starts_on:
        raise Refused("The last day lies before the first.", "ends_on")
    if engagement.ends_on is not None and starts_on > engagement.ends_on + timedelta(days=1):
        raise Refused(f"The pilot ends on {engagement.ends_on:%d %b %Y}; the managed service begins by the day after.", "starts_on")
    _end_term(engagement, starts_on - timedelta(days=1), "converted", by)
    row, before, after = change(engagement, version, {"delivery_model": "managed", "ends_on": ends_on, "notice_given_on": None})
    record(by=by, action="engagement.convert", target=row, before=before, after=after | {"from": plain(starts_on)}, reference=row.reference)
    return row


@transaction.atomic
def renew_due(*, by: Actor, today: date) -> int:
    """Renew every engagement that renews by itself, whose last day is past and to which no notice was given. How many were."""
    by.need(Permission.EDIT_WORK)
    due = Engagement.objects.filter(status=Status.OPEN, renewal=Renewal.AUTO, ends_on__lt=today, notice_given_on__isnull=True)
    rows = list(due.order_by("id"))
    for engagement in rows:
        row = engagement
        while row.ends_on is not None and row.ends_on < today:
            until = renewed_until(row.ends_on, row.renewal_months)
            row = renew_engagement(engagement=row, by=by, version=row.version, ends_on=until)
    return len(rows)


def house_day(organization_id: int, now: datetime | None = None) -> date:
    """The day it is where the organization is."""
    zone = Organization.objects.values_list("time_zone", flat=True).get(pk=organization_id)
    return timezone.localdate(now, ZoneInfo(zone))


# --- closing -------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def close_engagement(*, engagement: Engagement, by: Actor, version: int, slug: str, reason: str = "") -> Engagement:
    """Close it; while something is open, a reason says what becomes of it. Raises `Refused`, `StaleVersion`."""
    by.need(Permission.EDIT_WORK)
    still = {row.text: row.count for row in queries.unfinished(slug, engagement)}
    if still and not reason.strip():
        raise Refused("Say what becomes of what is open.", "reason")
    row, before, after = change(engagement, version, {"status": Status.CLOSED.value})
    if after:
        told = after | {"reason": reason.strip(), "open": still}
        record(by=by, action="engagement.close", target=row, before=before, after=told, reference=row.reference)
    return row


@transaction.atomic
def reopen_engagement(*, engagement: Engagement, by: Actor, version: int, reason: str) -> Engagement:
    """Open it again, saying why. Raises `Refused`, `StaleVersion`."""
    by.need(Permission.EDIT_WORK)
    if not reason.strip():
        raise Refused("Say why it is opened again.", "reason")
    row, before, after = change(engagement, version, {"status": Status.OPEN.value})
    if after:
        record(
            by=by, action="engagement.reopen", target=row, before=before, after=after | {"reason": reason.strip()}, reference=row.reference
        )
    return row


# --- team ----------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_team_member(
    *, engagement: Engagement, by: Actor, member: Membership, role: str, starts_on: date, ends_on: date | None = None
) -> TeamMember:
    """A person's part in the engagement. The same part twice is one; another at the same time is refused."""
    by.need(Permission.EDIT_WORK)
    _opened(locked(engagement))
    if member.organization_id != current_organization_id() or not member.is_active or member.role == Role.CLIENT_VIEWER:
        raise Refused("Choose an active member of staff.", "member")
    same = {"engagement": engagement, "member": member, "role": role, "starts_on": starts_on, "ends_on": ends_on}
    twin: TeamMember | None = TeamMember.objects.filter(**same).first()
    if twin is not None:
        return twin
    row = build(TeamMember, {**same, "client_id": engagement.client_id})
    others = TeamMember.objects.filter(engagement=engagement, member=member).filter(Q(ends_on__isnull=True) | Q(ends_on__gte=starts_on))
    if ends_on is not None:
        others = others.filter(starts_on__lte=ends_on)
    if (other := others.first()) is not None:
        raise Refused(f"{member.display_name} is {other.get_role_display().lower()} here in that time already.", "member")
    _saved(row)
    after = {"member": member.display_name, "role": role, "from": starts_on, "to": ends_on}
    record(by=by, action="team.add", target=row, after=after, reference=engagement.reference)
    return row


def _saved(row: TeamMember) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:  # somebody else wrote the same time in this moment
        raise Refused("This person has a part here in that time already.", "member") from error


@transaction.atomic
def end_team_member(*, row: TeamMember, by: Actor, last_day: date) -> TeamMember:
    """The last day of a person's part. Raises `Refused` when it lies before the first."""
    by.need(Permission.EDIT_WORK)
    row = locked(row)
    if last_day < row.starts_on:
        raise Refused("The last day lies before the first.", "last_day")
    if row.ends_on == last_day:
        return row
    before, row.ends_on = row.ends_on, last_day
    _saved(row)
    reference = Engagement.objects.values_list("reference", flat=True).get(pk=row.engagement_id)
    record(by=by, action="team.end", target=row, before={"to": before}, after={"to": last_day}, reference=reference)
    return row
