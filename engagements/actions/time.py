"""Time: entered by hand, by timer or by API; submitted week by week; approved by somebody else; closed after a date."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.utils import timezone

from engagements import utbms
from engagements.actions.checks import Duplicate, build, change, draw, locked, plain
from engagements.holds import refuse_deletion
from engagements.models import ReviewerProfile, TimeEntry, TimeLock, WorkItem, Workstream, WorkTimer
from engagements.models.time import EntryStatus
from engagements.staffing import today_of
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch, local_midnight
from lpo.tenancy.context import current_organization_id

IDLE = timedelta(minutes=15)
# A form sent twice arrives within moments.
_TWICE = timedelta(seconds=60)
# A timer forgotten overnight without a page open ends when its person was last seen, so this bounds only clock slips.
LONGEST_TIMER = timedelta(hours=24)
_OPEN = (EntryStatus.DRAFT, EntryStatus.RETURNED)
_CENT = Decimal("0.01")


def week_of(day: date) -> date:
    """The Monday of its week."""
    return day - timedelta(days=day.weekday())


def member_of(by: Actor) -> Membership:
    """Whose time it is: a person's own. Raises `Refused` for the system."""
    by.need(Permission.RECORD_TIME)
    found = Membership.objects.select_related("user", "organization").filter(pk=by.member_id or 0).first()
    if found is None:
        raise Refused("Time is recorded by the person who spent it.")
    return found


def zone_of(member: Membership) -> ZoneInfo:
    return ZoneInfo(member.user.time_zone or member.organization.time_zone)


def lock_of() -> TimeLock:
    """The organization's lock; an unsaved one, closed through no day, until somebody sets it."""
    row: TimeLock | None = TimeLock.objects.order_by("id").first()
    return row or TimeLock(organization_id=current_organization_id())


def check_open(day: date, today: date) -> None:
    """Raise `Refused` where the day is closed and its grace is over."""
    lock = lock_of()
    if lock.locked_through is None or day > lock.locked_through:
        return
    if today > lock.locked_through + timedelta(days=lock.grace_days):
        raise Refused(f"Time through {lock.locked_through:%d %b %Y} is closed.", "day")


def _check(values: dict[str, Any], member: Membership) -> None:
    today = timezone.now().astimezone(zone_of(member)).date()
    if "day" in values:
        if values["day"] > today:
            raise Refused("This lies in the future.", "day")
        check_open(values["day"], today_of(member.organization.time_zone))
    if "minutes" in values and not 0 < values["minutes"] <= 1440:
        raise Refused("Write more than nothing and at most 24 hours.", "minutes")
    if values.get("task_code") and values["task_code"] not in utbms.TASKS:
        raise Refused("This is no task code.", "task_code")
    if values.get("activity_code") and values["activity_code"] not in utbms.ACTIVITIES:
        raise Refused("This is no activity code.", "activity_code")


def _room(member: Membership, day: date, minutes: Decimal, besides: int | None = None) -> None:
    """A day has 24 hours, whatever the entries say."""
    others = TimeEntry.objects.filter(member=member, day=day).exclude(pk=besides or 0).values_list("minutes", flat=True)
    if sum(others, Decimal(0)) + minutes > 1440:
        raise Refused("This day would have more than 24 hours.", "minutes")


def _next_number(member: Membership) -> int:
    """Drawn from the profile, which stays locked: one person's entries are written one after the other."""
    profile, _ = ReviewerProfile.objects.get_or_create(member=member, defaults={"organization_id": member.organization_id})
    return draw("engagements_reviewerprofile", "time_count", profile.id)


@transaction.atomic
def add_time(
    *, by: Actor, workstream: Workstream, day: date, minutes: Decimal, item: WorkItem | None = None, typed: bool = False, **fields: Any
) -> TimeEntry:
    """One entry of one's own. The same external id again returns the entry that is there already.

    `typed` by a person: the same within a minute is a form sent twice, and raises `Duplicate`. Later it may have been done again.
    """
    member = member_of(by)
    external = fields.get("external_id") or None
    if external and (known := TimeEntry.objects.filter(member=member, external_id=external).first()) is not None:
        return known
    if item is not None and item.workstream_id != workstream.id:
        raise Refused("This item belongs to another workstream.", "item")
    values = {"day": day, "minutes": minutes.quantize(_CENT, ROUND_HALF_UP), **fields, "external_id": external}
    number = _next_number(member)  # also keeps a form sent twice from passing together
    if typed:
        _refuse_twin(member, {**values, "workstream": workstream, "item": item})
    _check(values, member)
    _room(member, day, minutes)
    entry = _new_entry(member, workstream, item, number, values)
    record(by=by, action="time.add", target=entry, after={name: plain(value) for name, value in values.items()}, reference=str(number))
    return entry


def _refuse_twin(member: Membership, values: dict[str, Any]) -> None:
    moment_ago = timezone.now() - _TWICE
    twin = TimeEntry.objects.filter(member=member, created_at__gt=moment_ago, **values).order_by("id").first()
    if twin is not None:
        raise Duplicate(f"Entry {twin.number} says the same and was just added.", twin)


def _new_entry(member: Membership, workstream: Workstream, item: WorkItem | None, number: int, values: dict[str, Any]) -> TimeEntry:
    task, activity = utbms.USUAL.get(workstream.kind, ("", ""))
    fields = {"task_code": task, "activity_code": activity, **values, "workstream": workstream, "item": item}
    entry = build(
        TimeEntry, {**fields, "client_id": workstream.client_id, "matter_id": workstream.matter_id, "member": member, "number": number}
    )
    entry.save()
    return entry


def _own(entry: TimeEntry, by: Actor) -> Membership:
    member = member_of(by)
    if entry.member_id != member.id:
        raise NotPermitted("Only who spent the time changes its entry.")
    if entry.status not in _OPEN:
        raise Refused(f"This entry is {entry.get_status_display().lower()} and no longer changes.")
    check_open(entry.day, today_of(member.organization.time_zone))
    return member


@transaction.atomic
def update_time(*, entry: TimeEntry, by: Actor, version: int, **fields: Any) -> TimeEntry:
    """Change one's own entry while it is a draft or was returned. Raises `StaleVersion`."""
    entry = locked(entry)
    member = _own(entry, by)
    if "minutes" in fields:
        fields["minutes"] = fields["minutes"].quantize(_CENT, ROUND_HALF_UP)
    _check(fields, member)
    _room(member, fields.get("day", entry.day), fields.get("minutes", entry.minutes), entry.pk)
    row, before, after = change(entry, version, fields)
    if after:
        record(by=by, action="time.update", target=row, before=before, after=after, reference=str(row.number))
    return row


@transaction.atomic
def remove_time(*, entry: TimeEntry, by: Actor) -> None:
    """Take back one's own entry while it is a draft or was returned; the audit log keeps what it said."""
    entry = locked(entry)
    _own(entry, by)
    refuse_deletion(entry.client_id, entry.matter_id)
    before = {name: plain(getattr(entry, name)) for name in ("day", "minutes", "narrative", "task_code", "activity_code")}
    record(by=by, action="time.remove", target=entry, before=before, reference=str(entry.number))
    entry.delete()


def _week_entries(member: Membership, week: date, *statuses: str) -> list[TimeEntry]:
    rows = TimeEntry.objects.filter(member=member, day__gte=week, day__lt=week + timedelta(days=7), status__in=statuses)
    return list(rows.order_by("id").select_for_update(of=("self",)))


def _set_status(entries: list[TimeEntry], by: Actor, action: str, reference: str, **values: Any) -> int:
    ids = [entry.id for entry in entries]
    if not ids:
        return 0
    TimeEntry.objects.filter(id__in=ids).update(**values)
    after = {name: plain(value) for name, value in values.items()}
    record(by=by, action=action, target=entries[0], after=after, ids=ids, reference=reference)
    return len(ids)


@transaction.atomic
def submit_week(*, by: Actor, week: date) -> int:
    """Hand in one's own drafts of the week beginning `week`; returns how many."""
    member = member_of(by)
    entries = _week_entries(member, week_of(week), *_OPEN)
    reference = f"{member.user.email} {week_of(week)}"
    return _set_status(
        entries, by, "time.submit", reference, status=EntryStatus.SUBMITTED, submitted_at=timezone.now(), decided_at=None, decided_by=None
    )


def _deciding(member: Membership, by: Actor) -> int:
    by.need(Permission.APPROVE_TIME)
    if by.member_id is None or by.member_id == member.id:
        raise Refused("Somebody else approves your time.")
    return by.member_id


@transaction.atomic
def approve_week(*, member: Membership, week: date, by: Actor) -> int:
    """Approve what `member` submitted of the week, as far as one sees it; never one's own. Approved entries are final."""
    decider = _deciding(member, by)
    entries = _week_entries(member, week_of(week), EntryStatus.SUBMITTED)
    values = {"status": EntryStatus.APPROVED, "decided_at": timezone.now(), "decided_by_id": decider, "decision_note": ""}
    return _set_status(entries, by, "time.approve", f"{member.user.email} {week_of(week)}", **values)


@transaction.atomic
def return_week(*, member: Membership, week: date, by: Actor, note: str) -> int:
    """Give the week back with a reason, submitted or approved entries alike."""
    decider = _deciding(member, by)
    if not note.strip():
        raise Refused("Say what is to be changed.", "note")
    entries = _week_entries(member, week_of(week), EntryStatus.SUBMITTED, EntryStatus.APPROVED)
    values = {"status": EntryStatus.RETURNED, "decided_at": timezone.now(), "decided_by_id": decider, "decision_note": note[:300]}
    return _set_status(entries, by, "time.return", f"{member.user.email} {week_of(week)}", **values)


@transaction.atomic
def lock_time(*, by: Actor, version: int, locked_through: date | None, grace_days: int) -> TimeLock:
    """Close time through a day; late entries are taken for so many days more."""
    by.need(Permission.APPROVE_TIME)
    row = TimeLock.objects.order_by("id").first()
    if row is None:
        row = build(TimeLock, {})
        row.save()
    row, before, after = change(row, version, {"locked_through": locked_through, "grace_days": grace_days})
    if after:
        record(by=by, action="time.lock", target=row, before=before, after=after)
    return row


# --- timers ----------------------------------------------------------------------------------------------------------------


def running(member_id: int) -> WorkTimer | None:
    timer: WorkTimer | None = WorkTimer.objects.filter(member_id=member_id, ended_at__isnull=True).select_related("item").first()
    return timer


@transaction.atomic
def start_timer(*, item: WorkItem, by: Actor) -> WorkTimer:
    """Start one's timer on an item; the one that runs on another ends first. Running already: nothing happens."""
    member = member_of(by)
    timer = running(member.id)
    if timer is not None:
        if timer.item_id == item.id and timezone.now() - timer.seen_at <= IDLE:
            return timer
        _end(timer, member, by, timezone.now())
    made = _begin(item, member)
    record(by=by, action="timer.start", target=made, reference=item.reference)
    return made


def _begin(item: WorkItem, member: Membership) -> WorkTimer:
    timer = WorkTimer(organization_id=member.organization_id, client_id=item.client_id, matter_id=item.matter_id, item=item, member=member)
    try:
        with transaction.atomic():
            timer.save()
    except IntegrityError as error:
        # Two clicks at once, or a timer on work that a wall has hidden since.
        raise Refused("A timer of yours still runs. It ends by itself when you were away for 15 minutes.") from error
    return timer


@transaction.atomic
def touch_timer(*, by: Actor) -> WorkTimer | None:
    """Somebody is at work: the running timer goes on, unless it went idle before; returns it where it still runs."""
    member = member_of(by)
    timer = running(member.id)
    if timer is None:
        return None
    timer, now = locked(timer), timezone.now()
    if timer.ended_at is not None:
        return None
    if now - timer.seen_at > IDLE:
        _end(timer, member, by, now)
        return None
    timer.seen_at = now
    timer.save(update_fields=["seen_at"])
    return timer


@transaction.atomic
def stop_timer(*, by: Actor) -> list[TimeEntry]:
    """End one's timer and write its minutes, a draft for each day it touched. None runs: nothing happens."""
    member = member_of(by)
    timer = running(member.id)
    return _end(timer, member, by, timezone.now()) if timer is not None else []


@transaction.atomic
def stop_idle_timers(*, by: Actor) -> int:
    """End every timer whose person was not seen for 15 minutes, at the moment they were last seen."""
    idle = WorkTimer.objects.filter(ended_at__isnull=True, seen_at__lt=timezone.now() - IDLE).order_by("id")
    timers = list(idle.select_related("member__organization", "member__user"))
    for timer in timers:
        _end(timer, timer.member, by, timezone.now())
    return len(timers)


def _end(timer: WorkTimer, member: Membership, by: Actor, now: datetime) -> list[TimeEntry]:
    timer = locked(timer)
    if timer.ended_at is not None:
        return []
    idle = now - timer.seen_at > IDLE
    ended_at = min(timer.seen_at if idle else now, timer.started_at + LONGEST_TIMER)
    timer.ended_at, timer.idle = max(ended_at, timer.started_at), idle
    timer.save(update_fields=["ended_at", "idle"])
    record(by=by, action="timer.stop", target=timer, after={"idle": idle, "ended_at": plain(timer.ended_at)})
    item = WorkItem.objects.select_related("workstream").get(pk=timer.item_id)
    made, booked = [], Decimal(0)
    for start, end in days_between(timer.started_at, timer.ended_at, zone_of(member)):
        # Rounded as far as each day has come: the parts of a night add up to the whole.
        so_far = (Decimal((end - timer.started_at) // timedelta(seconds=1)) / 60).quantize(_CENT, ROUND_HALF_UP)
        minutes, booked = so_far - booked, so_far
        if minutes > 0:
            values = {"day": start.astimezone(zone_of(member)).date(), "minutes": minutes, "source": "timer", "started_at": start}
            made.append(_new_entry(member, item.workstream, item, _next_number(member), {**values, "ended_at": end}))
    return made


def days_between(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The span cut at each midnight of the zone."""
    pieces = []
    while start < end:
        midnight = from_epoch(local_midnight(start.astimezone(zone).date() + timedelta(days=1), zone))
        pieces.append((start, min(end, midnight)))
        start = midnight
    return pieces
