"""People placed with a client: placing, changing terms from a day on, ending, replacing, absences, publishing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Required, TypedDict, Unpack

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from engagements.actions.checks import Duplicate, build, change, locked, need_any, plain
from engagements.actions.sheet_moves import move_sheet
from engagements.models import Engagement, Matter, Placement, PlacementAbsence, PlacementTerms, Timesheet, TimesheetDay, Workstream
from engagements.models.clients import Status
from engagements.models.placements import SheetState
from engagements.staffing import Staffing, stream_of_matter, streams_of
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion

KEEPERS = frozenset({Permission.TRACK_ITEMS, Permission.EDIT_WORK})
_ON_RECORD = (SheetState.SUBMITTED, SheetState.APPROVED)


class Agreed(TypedDict, total=False):
    """What a placement is from a day on. Hours a week; ISO weekdays as "12345"."""

    role: Required[str]
    supervisor: Required[str]
    hours_per_week: Required[Decimal]
    level: str
    location: str
    weekdays: str


def reference_of(placement: Placement) -> str:
    """`VAN-0001 P2`: the matter and the number of the placement in it."""
    return f"{Matter.objects.values_list('reference', flat=True).get(pk=placement.matter_id)} P{placement.number}"


def _check_person(matter: Matter, workstream: Workstream | None, member: Membership | None) -> None:
    """Who has a conflict, is outside the wall or lacks an admission is not placed. Raises `Refused`."""
    if member is None:
        return
    stream = streams_of([workstream.pk])[workstream.pk] if workstream is not None else stream_of_matter(matter)
    if problem := Staffing([member], [stream]).blocked(member, stream):
        raise Refused(problem, "member")


def _check_days(engagement: Engagement, starts_on: date, ends_on: date | None) -> None:
    if starts_on < engagement.starts_on:
        raise Refused(f"The engagement begins on {engagement.starts_on:%d %b %Y}.", "starts_on")
    if engagement.ends_on is not None and (ends_on or starts_on) > engagement.ends_on:
        raise Refused(f"The engagement ends on {engagement.ends_on:%d %b %Y}.", "ends_on")


def _check_hours(agreed: Agreed) -> None:
    if agreed["hours_per_week"] / max(1, len(agreed.get("weekdays", "12345"))) > 24:
        raise Refused("A working day would have more than 24 hours.", "hours_per_week")


@transaction.atomic
def place_person(
    *,
    matter: Matter,
    by: Actor,
    starts_on: date,
    name: str = "",
    member: Membership | None = None,
    workstream: Workstream | None = None,
    ends_on: date | None = None,
    cycle: str = "month",
    **agreed: Unpack[Agreed],
) -> Placement:
    """Place a person on a matter, or on one of its workstreams. Raises `Refused` naming the field, `Duplicate` for a form sent twice."""
    by.need(Permission.EDIT_WORK)
    matter = Matter.objects.select_for_update(of=("self",)).select_related("client", "engagement").get(pk=matter.pk)
    who = {"name": name.strip() or (member.display_name if member is not None else ""), "member": member}
    twin = Placement.objects.filter(matter=matter, starts_on=starts_on, **who).first()
    if twin is not None:
        raise Duplicate(f"{twin.name} is placed here from that day already.", twin, "name")
    return _placed(matter, by, {**who, "workstream": workstream, "starts_on": starts_on, "ends_on": ends_on, "cycle": cycle}, agreed)


def _placed(matter: Matter, by: Actor, fields: dict[str, Any], agreed: Agreed) -> Placement:
    if matter.status != Status.OPEN:
        raise Refused("This matter is closed. Reopen it first.")
    workstream = fields["workstream"]
    if workstream is not None and workstream.matter_id != matter.pk:
        raise Refused("This workstream belongs to another matter.", "workstream")
    _check_days(matter.engagement, fields["starts_on"], fields["ends_on"])
    _check_hours(agreed)
    _check_person(matter, workstream, fields["member"])
    if not fields["name"]:
        raise Refused("Write the person's name, or choose a member of staff.", "name")
    number = (Placement.objects.filter(matter=matter).aggregate(last=Max("number"))["last"] or 0) + 1
    row = build(Placement, {**fields, "client_id": matter.client_id, "matter": matter, "number": number})
    row.save()
    _add_terms(row, 1, row.starts_on, agreed, by)
    told = {name: plain(value) for name, value in {**fields, **agreed}.items() if value not in (None, "")}
    record(by=by, action="placement.add", target=row, after=told, reference=reference_of(row))
    return row


def _add_terms(placement: Placement, number: int, effective_from: date, agreed: Agreed, by: Actor) -> PlacementTerms:
    keys = {"client_id": placement.client_id, "matter_id": placement.matter_id, "placement": placement}
    terms = build(PlacementTerms, {**keys, "number": number, "effective_from": effective_from, "by_label": by.label, **agreed})
    terms.save(force_insert=True)
    return terms


@transaction.atomic
def revise_placement(*, placement: Placement, by: Actor, effective_from: date, **agreed: Unpack[Agreed]) -> PlacementTerms:
    """New terms from a day on; what went before stays. The same terms from the same day again are the ones that are there.

    Days on a timesheet that was submitted keep the terms they were submitted with. Raises `Refused`.
    """
    by.need(Permission.EDIT_WORK)
    placement = locked(placement)
    last: PlacementTerms = PlacementTerms.objects.filter(placement=placement).latest("number")
    if last.effective_from == effective_from and all(getattr(last, name) == value for name, value in agreed.items()):
        return last
    if effective_from <= last.effective_from:
        raise Refused(f"The present terms begin on {last.effective_from:%d %b %Y}; new ones begin later.", "effective_from")
    if placement.ends_on is not None and effective_from > placement.ends_on:
        raise Refused(f"The placement ends on {placement.ends_on:%d %b %Y}.", "effective_from")
    settled = Timesheet.objects.filter(placement=placement, state__in=_ON_RECORD, ends_on__gte=effective_from).order_by("ends_on").last()
    if settled is not None:
        raise Refused(
            f"The timesheet of {settled.label} is {settled.get_state_display().lower()}; choose a day after {settled.ends_on:%d %b %Y}.",
            "effective_from",
        )
    _check_hours(agreed)
    terms = _add_terms(placement, last.number + 1, effective_from, agreed, by)
    after = {"number": terms.number, "from": plain(effective_from), **{name: plain(value) for name, value in agreed.items()}}
    record(by=by, action="placement.terms", target=placement, after=after, reference=reference_of(placement))
    return terms


@transaction.atomic
def end_placement(*, placement: Placement, by: Actor, version: int, last_day: date | None, reason: str = "") -> Placement:
    """Say which day is the last, or with None that it has none. A draft timesheet is cut to it.

    Raises `Refused` when hours are recorded after it on a timesheet that was submitted, or a person follows later than the day
    after; `StaleVersion`.
    """
    by.need(Permission.EDIT_WORK)
    placement = locked(placement)
    engagement = Engagement.objects.get(pk=Matter.objects.values_list("engagement_id", flat=True).get(pk=placement.matter_id))
    _check_days(engagement, placement.starts_on, last_day)
    follower: Placement | None = Placement.objects.filter(replaces=placement).first()
    if follower is not None and (last_day is None or follower.starts_on > last_day + timedelta(days=1)):
        raise Refused(f"{follower.name} replaces this person from {follower.starts_on:%d %b %Y}; no day lies between the two.", "last_day")
    if last_day is not None:
        _check_worked_after(placement, last_day)
    row, before, after = change(placement, version, {"ends_on": last_day, "ended_reason": reason.strip()})
    if after:
        _cut_drafts(row)
        record(by=by, action="placement.end", target=row, before=before, after=after, reference=reference_of(row))
    return row


def _check_worked_after(placement: Placement, last_day: date) -> None:
    worked = TimesheetDay.objects.filter(timesheet__placement=placement, timesheet__state__in=_ON_RECORD, day__gt=last_day, hours__gt=0)
    latest = worked.select_related("timesheet").order_by("day").last()
    if latest is not None:
        raise Refused(
            f"Hours are recorded on {latest.day:%d %b %Y} in the {latest.timesheet.get_state_display().lower()} timesheet of"
            f" {latest.timesheet.label}. Correct that one first.",
            "last_day",
        )


def _cut_drafts(placement: Placement) -> None:
    """A draft holds no day after the last; one that would hold none at all is taken back."""
    if placement.ends_on is None:
        return
    for sheet in Timesheet.objects.filter(placement=placement, state=SheetState.DRAFT, ends_on__gt=placement.ends_on):
        if sheet.starts_on > placement.ends_on:
            move_sheet(sheet, SheetState.WITHDRAWN)
            continue
        TimesheetDay.objects.filter(timesheet=sheet, day__gt=placement.ends_on).delete()
        sheet.ends_on = placement.ends_on
        sheet.version += 1
        sheet.save(update_fields=["ends_on", "version"])


@transaction.atomic
def replace_person(
    *,
    placement: Placement,
    by: Actor,
    version: int,
    starts_on: date,
    last_day: date,
    notice_given_on: date,
    name: str = "",
    member: Membership | None = None,
    reason: str = "",
    notice_waived: bool = False,
) -> Placement:
    """Another person from `starts_on` in the place of this one, who stays to `last_day`: the days both are there are the handover.

    Role, level and hours go on. No day lies between the two, and the engagement's days of notice are kept unless the client waived
    them. The same replacement again is the one that is there. Raises `Refused`, `StaleVersion`.
    """
    by.need(Permission.EDIT_WORK)
    matter = Matter.objects.select_for_update(of=("self",)).select_related("client", "engagement").get(pk=placement.matter_id)
    placement = locked(placement)
    who = {"name": name.strip() or (member.display_name if member is not None else ""), "member": member}
    follower: Placement | None = Placement.objects.filter(replaces=placement).first()
    if follower is not None:
        if follower.starts_on == starts_on and follower.name == who["name"]:
            return follower
        raise Refused(f"{follower.name} replaces this person from {follower.starts_on:%d %b %Y} already.", "name")
    if placement.version != version:
        yours = {"last day": last_day}
        raise StaleVersion("Somebody else saved this in the meantime.", theirs={"last day": placement.ends_on}, yours=yours)
    _check_handover(placement, matter.engagement, starts_on, last_day, notice_given_on, waived=notice_waived)
    _check_worked_after(placement, last_day)
    before = {"ends_on": plain(placement.ends_on)}
    until = None if placement.ends_on == last_day else placement.ends_on
    placement.ends_on, placement.notice_given_on, placement.ended_reason = last_day, notice_given_on, reason.strip()
    placement.version += 1
    placement.save(update_fields=["ends_on", "notice_given_on", "ended_reason", "version"])
    _cut_drafts(placement)
    fields = {**who, "workstream": placement.workstream, "starts_on": starts_on, "ends_on": until, "cycle": placement.cycle}
    made = _placed(matter, by, {**fields, "replaces": placement}, _agreed_last(placement))
    after = {"by": made.name, "from": plain(starts_on), "last_day": plain(last_day), "notice": plain(notice_given_on), "reason": reason}
    record(by=by, action="placement.replace", target=placement, before=before, after=after, reference=reference_of(placement))
    return made


def _agreed_last(placement: Placement) -> Agreed:
    """What the latest terms say, to go on with somebody else."""
    last: PlacementTerms = PlacementTerms.objects.filter(placement=placement).latest("number")
    return {
        "role": last.role,
        "level": last.level,
        "supervisor": last.supervisor,
        "location": last.location,
        "hours_per_week": last.hours_per_week,
        "weekdays": last.weekdays,
    }


def _check_handover(
    placement: Placement, engagement: Engagement, starts_on: date, last_day: date, notice_given_on: date, *, waived: bool
) -> None:
    if last_day < placement.starts_on:
        raise Refused(f"The placement begins on {placement.starts_on:%d %b %Y}.", "last_day")
    if placement.ends_on is not None and last_day > placement.ends_on:
        raise Refused(f"The placement ends on {placement.ends_on:%d %b %Y}.", "last_day")
    if starts_on <= placement.starts_on:
        raise Refused(f"{placement.name} began on {placement.starts_on:%d %b %Y}; who replaces them begins later.", "starts_on")
    if starts_on > last_day + timedelta(days=1):
        days = (starts_on - last_day).days - 1
        raise Refused(f"{days} day{'s' if days > 1 else ''} would lie between the two. Begin by the day after the last.", "starts_on")
    if notice_given_on > last_day:
        raise Refused("Notice is given before the last day.", "notice_given_on")
    earliest = notice_given_on + timedelta(days=engagement.notice_days)
    if last_day < earliest and not waived:
        raise Refused(
            f"The contract asks for {engagement.notice_days} days of notice: the last day is {earliest:%d %b %Y} or later,"
            " unless the client waived it.",
            "last_day",
        )


# --- absences ------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def record_away(*, placement: Placement, by: Actor, starts_on: date, ends_on: date, kind: str, note: str = "") -> PlacementAbsence:
    """Days the person is away from the client's work. The same days again are the ones on record; others may not overlap them.

    A draft timesheet takes it over; one that was submitted needs a correction. Raises `Refused`.
    """
    need_any(by, KEEPERS)
    placement = locked(placement)
    standing = PlacementAbsence.objects.filter(placement=placement, withdrawn_at__isnull=True)
    twin: PlacementAbsence | None = standing.filter(starts_on=starts_on, ends_on=ends_on, kind=kind).first()
    if twin is not None:
        return twin
    last = placement.ends_on
    if starts_on < placement.starts_on or (last is not None and ends_on > last):
        raise Refused("These days do not all lie in the placement.", "starts_on")
    keys = {"client_id": placement.client_id, "matter_id": placement.matter_id, "placement": placement}
    row = build(PlacementAbsence, {**keys, "starts_on": starts_on, "ends_on": ends_on, "kind": kind, "note": note, "by_label": by.label})
    other = standing.filter(starts_on__lte=ends_on, ends_on__gte=starts_on).order_by("starts_on").first()
    if other is not None:
        raise Refused(f"{other.get_kind_display()} from {other.starts_on:%d %b} to {other.ends_on:%d %b %Y} is on record.", "starts_on")
    row.save()
    _into_drafts(row, kind)
    after = {"from": plain(starts_on), "to": plain(ends_on), "kind": kind, "note": note}
    record(by=by, action="placement.away", target=placement, after=after, reference=reference_of(placement))
    return row


def _into_drafts(absence: PlacementAbsence, kind: str) -> None:
    """A draft's days follow an absence that came to be known, or turned out not to have been."""
    days = TimesheetDay.objects.filter(
        timesheet__placement_id=absence.placement_id,
        timesheet__state=SheetState.DRAFT,
        day__range=(absence.starts_on, absence.ends_on),
    )
    touched = sorted(set(days.values_list("timesheet_id", flat=True)))
    if kind:
        days.update(hours=0, away=kind, away_hours=F("contracted"))
    else:
        back = days.filter(away=absence.kind)
        back.filter(written=True).update(hours=F("contracted"))
        back.update(away="", away_hours=0)
    Timesheet.objects.filter(pk__in=touched).update(version=F("version") + 1)


@transaction.atomic
def withdraw_away(*, absence: PlacementAbsence, by: Actor) -> PlacementAbsence:
    """Take an absence back; it stays on record as taken back. Taken back already: nothing happens."""
    need_any(by, KEEPERS)
    row = locked(absence)
    if row.withdrawn_at is None:
        row.withdrawn_at, row.withdrawn_by_label = timezone.now(), by.label
        row.save(update_fields=["withdrawn_at", "withdrawn_by_label"])
        _into_drafts(row, "")
        before = {"from": plain(row.starts_on), "to": plain(row.ends_on), "kind": row.kind}
        placement = Placement.objects.get(pk=row.placement_id)
        record(by=by, action="placement.away_withdrawn", target=placement, before=before, reference=reference_of(placement))
    return row


@transaction.atomic
def publish_placement(*, placement: Placement, by: Actor) -> Placement:
    """Show the client who is placed with them: name, role, hours, dates. Its timesheets are published one by one."""
    by.need(Permission.EDIT_WORK)
    placement = locked(placement)
    if placement.published_at is None:
        if Matter.objects.values_list("published_at", flat=True).get(pk=placement.matter_id) is None:
            raise Refused("The client does not see this matter yet. Publish the matter first.")
        placement.published_at = timezone.now()
        placement.version += 1
        placement.save(update_fields=["published_at", "version"])
        after = {"published_at": plain(placement.published_at)}
        record(by=by, action="placement.publish", target=placement, after=after, reference=reference_of(placement))
    return placement
