"""Timesheets of placements: opened from what is contracted or entered, submitted, decided by the client, corrected by a new version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from engagements import placing, sheets
from engagements.actions.checks import build, locked, need_any, plain
from engagements.actions.engagements import house_day
from engagements.actions.placements import KEEPERS, reference_of
from engagements.actions.sheet_moves import move_sheet
from engagements.actions.sources import decided_below, source_of
from engagements.models import Placement, Source, Timesheet, TimesheetDay, What
from engagements.models.placements import AwayKind, SheetState
from engagements.sheets import Facts, PlannedDay
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion

ZERO = Decimal(0)


@dataclass(frozen=True)
class Entered:
    """What is written down for one day: hours worked, and how many of the contracted ones were an absence of which kind."""

    hours: Decimal
    away: str = ""
    away_hours: Decimal = ZERO
    written: bool = True


def _named(sheet: Timesheet, placement: Placement) -> str:
    return f"{reference_of(placement)}, {sheet.label}"


def _keys(placement: Placement) -> dict[str, int]:
    return {"client_id": placement.client_id, "matter_id": placement.matter_id}


@transaction.atomic
def open_timesheet(*, placement: Placement, by: Actor, day: date, now: datetime | None = None) -> Timesheet:
    """The draft of the month or week that holds `day`: days that have come filled from approved time entries, else as contracted less
    absences; days ahead not written yet.

    There already: that one, whatever its state. Raises `Refused` where no day of it lies in the placement.
    """
    need_any(by, KEEPERS)
    placement = locked(placement)
    first, _ = sheets.period_of(day, placement.cycle)
    known: Timesheet | None = (
        Timesheet.objects.filter(placement=placement, period_start=first, state__in=placing.STANDING).order_by("-number").first()
    )
    if known is not None:
        return known
    sheet = _begin(placement, first, "")
    source = _fill(sheet, placing.facts_of(placement), house_day(by.organization_id, now))
    after = {"days": f"{sheet.starts_on} – {sheet.ends_on}", "number": sheet.number, "filled_from": source}
    record(by=by, action="timesheet.open", target=sheet, after=after, reference=_named(sheet, placement))
    return sheet


def _begin(placement: Placement, first: date, reason: str) -> Timesheet:
    """An empty draft of the period, cut to the placement."""
    start, end = sheets.period_of(first, placement.cycle)
    starts_on, ends_on = max(start, placement.starts_on), min(end, placement.ends_on or end)
    if ends_on < starts_on:
        raise Refused(f"No day of {sheets.label_of(first, placement.cycle)} lies in this placement.", "day")
    other = Timesheet.objects.filter(placement=placement, state__in=placing.STANDING, starts_on__lte=ends_on, ends_on__gte=starts_on)
    if other.exclude(period_start=first).exists():
        raise Refused("Another timesheet holds some of these days.", "day")
    number = (Timesheet.objects.filter(placement=placement, period_start=first).aggregate(last=Max("number"))["last"] or 0) + 1
    terms = placing.terms_on(placing.terms_of([placement.pk])[placement.pk], starts_on)
    fields = {"placement": placement, "period_start": first, "label": sheets.label_of(first, placement.cycle), "number": number}
    sheet = build(
        Timesheet, {**_keys(placement), **fields, "starts_on": starts_on, "ends_on": ends_on, "weekdays": terms.weekdays, "reason": reason}
    )
    sheet.save()
    return sheet


def _fill(sheet: Timesheet, facts: Facts, today: date) -> str:
    """Write the days of an empty draft; says from what."""
    entries, _ = placing.entered(sheet.placement, sheet.starts_on, sheet.ends_on)
    written = {
        day.day: _as_planned(day, today, entries.get(day.day, ZERO) if entries else day.hours)
        for day in sheets.planned(facts, sheet.starts_on, sheet.ends_on)
    }
    _write(sheet, facts, written)
    return "time entries" if entries else "contracted hours"


def _as_planned(day: PlannedDay, today: date, hours: Decimal) -> Entered:
    """The hours of a day that has come; of one ahead nobody can say them yet, only an absence that is on record."""
    came = day.day <= today
    return Entered(hours if came else ZERO, day.away, day.away_hours, came)


def _write(sheet: Timesheet, facts: Facts, written: Mapping[date, Entered]) -> None:
    """Replace every day of a draft, what each holds by contract taken from the placement as it is now."""
    rows = []
    for day in sheets.planned(facts, sheet.starts_on, sheet.ends_on):
        what = written[day.day]
        fields = {"day": day.day, "hours": what.hours, "away": what.away, "away_hours": what.away_hours}
        held = {
            "contracted": day.contracted,
            "day_hours": day.day_hours,
            "week_hours": day.week_hours,
            "handover": day.handover,
            "written": what.written,
        }
        rows.append(TimesheetDay(client_id=sheet.client_id, matter_id=sheet.matter_id, timesheet=sheet, **fields, **held))
    TimesheetDay.objects.filter(timesheet=sheet).delete()
    TimesheetDay.objects.bulk_create(rows)


@transaction.atomic
def fill_timesheet(*, sheet: Timesheet, by: Actor, version: int, days: Mapping[date, Entered], now: datetime | None = None) -> Timesheet:
    """Write hours and absences of a draft's days; days left out stay. The same again changes nothing.

    Raises `Refused` with the day as the field, also for one that has not come yet, `StaleVersion`.
    """
    need_any(by, KEEPERS)
    sheet = _draft(sheet)
    rows = {row.day: row for row in TimesheetDay.objects.filter(timesheet=sheet)}
    changed = {day: what for day, what in days.items() if day in rows and what != _entered(rows[day])}
    if not changed:
        return sheet
    if sheet.version != version:
        raise StaleVersion(
            "Somebody else saved this timesheet in the meantime.",
            yours={str(day): f"{what.hours} h" for day, what in changed.items()},
            theirs={str(day): f"{rows[day].hours} h" for day in changed},
        )
    before, today = {str(day): str(rows[day].hours) for day in changed}, house_day(by.organization_id, now)
    for day, what in changed.items():
        _check_day(day, what, today)
        row = rows[day]
        row.hours, row.away, row.away_hours, row.written = what.hours, what.away, what.away_hours, True
    TimesheetDay.objects.bulk_update([rows[day] for day in changed], ["hours", "away", "away_hours", "written"])
    sheet.version += 1
    sheet.save(update_fields=["version"])
    after = {str(day): f"{what.hours}{f', {what.away} {what.away_hours}' if what.away else ''}" for day, what in changed.items()}
    record(by=by, action="timesheet.fill", target=sheet, before=before, after=after, reference=_named(sheet, sheet.placement))
    return sheet


def _entered(row: TimesheetDay) -> Entered:
    return Entered(row.hours, row.away, row.away_hours, row.written)


def _check_day(day: date, what: Entered, today: date) -> None:
    field = f"hours_{day}"
    if day > today:
        raise Refused(f"{sheets.short_day(day)} has not come yet: hours are written once it has, an absence ahead is recorded.", field)
    if not 0 <= what.hours <= 24 or not 0 <= what.away_hours <= 24 - what.hours:
        raise Refused(f"{sheets.short_day(day)}: a day has 24 hours.", field)
    if what.away and what.away not in AwayKind.values:
        raise Refused(f"{sheets.short_day(day)}: this is no kind of absence.", f"away_{day}")
    if what.away_hours and not what.away:
        raise Refused(f"{sheets.short_day(day)}: say what kind of absence it is.", f"away_{day}")


def _locked(sheet: Timesheet) -> Timesheet:
    row: Timesheet = Timesheet.objects.select_for_update(of=("self",)).select_related("placement").get(pk=sheet.pk)
    return row


def _draft(sheet: Timesheet) -> Timesheet:
    row = _locked(sheet)
    if row.state != SheetState.DRAFT:
        raise Refused(f"This timesheet is {row.get_state_display().lower()} and no longer changes. A correction is a new version.")
    return row


@transaction.atomic
def submit_timesheet(*, sheet: Timesheet, by: Actor, version: int, now: datetime | None = None) -> Timesheet:
    """Hand a draft to the client. From here its days stand: contracted hours, handover and the week before are frozen with them.

    Submitted already: nothing happens. Raises `Refused` for days that have not come yet or are not written, `StaleVersion`.
    """
    need_any(by, KEEPERS)
    sheet = _locked(sheet)
    if sheet.state == SheetState.SUBMITTED:
        return sheet
    sheet = _draft(sheet)
    _same_version(sheet, version)
    placement = sheet.placement
    now = now or timezone.now()
    if sheet.ends_on > house_day(by.organization_id, now):
        raise Refused(f"{sheet.label} has not ended; it is submitted once its last day, {sheet.ends_on:%d %b %Y}, has come.")
    written = {row.day: _entered(row) for row in TimesheetDay.objects.filter(timesheet=sheet).order_by("day")}
    _all_written(written)
    facts = placing.facts_of(placement)
    for day in sheets.planned(facts, sheet.starts_on, sheet.ends_on):
        written.setdefault(day.day, Entered(day.hours, day.away, day.away_hours))
    _write(sheet, facts, written)
    _look_back(sheet)
    move_sheet(sheet, SheetState.SUBMITTED, submitted_at=now, submitted_by_label=by.label)
    hours = sum((what.hours for what in written.values()), ZERO)
    record(by=by, action="timesheet.submit", target=sheet, after={"hours": plain(hours)}, reference=_named(sheet, placement))
    return sheet


def _all_written(days: Mapping[date, Entered]) -> None:
    missing = [day for day, what in days.items() if not what.written]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        named = ", ".join(sheets.short_day(day) for day in missing[:5])
        raise Refused(f"Not yet written: {named}{more}. Write what was worked, 0 where nothing was.", f"hours_{missing[0]}")


def _same_version(sheet: Timesheet, version: int) -> None:
    if sheet.version != version:
        theirs = {"state": sheet.get_state_display(), "version": sheet.version}
        raise StaleVersion("Somebody else changed this timesheet in the meantime.", yours={"version": version}, theirs=theirs)


def _look_back(sheet: Timesheet) -> None:
    """Copy the days of the first week that lie before the sheet: the week's overtime counts from its Monday."""
    before = placing.week_before(sheet)
    copied = ("day", "hours", "contracted", "day_hours", "week_hours", "away", "away_hours", "handover")
    rows = [
        TimesheetDay(client_id=sheet.client_id, matter_id=sheet.matter_id, timesheet=sheet, **{name: getattr(row, name) for name in copied})
        for row in before
    ]
    TimesheetDay.objects.bulk_create(rows)


@transaction.atomic
def decide_timesheet(
    *,
    sheet: Timesheet,
    by: Actor,
    version: int,
    approve: bool,
    message: Document | None = None,
    note: str = "",
    publish: bool = False,
    at: datetime | None = None,
    now: datetime | None = None,
) -> Timesheet:
    """What the client said of a submitted timesheet: by the supervising attorney's own sign-in, or with the client's message.

    Approved, it takes the place of the version approved before. Decided alike already: nothing happens. Raises `NotPermitted`,
    `Refused`, `StaleVersion`.
    """
    need_any(by, {Permission.DECIDE_FOR_CLIENT, Permission.EDIT_WORK})
    sheet = _locked(sheet)
    to = SheetState.APPROVED if approve else SheetState.RETURNED
    if sheet.state == to:
        return sheet
    _same_version(sheet, version)
    source = source_of(by, message)
    if source == Source.AUTOMATIC:
        raise Refused("A timesheet is approved by a person of the client, or recorded by one of ours.")
    if not approve and not note.strip():
        raise Refused("Say what the client wants changed.", "note")
    now = now or timezone.now()
    if at is not None and not (sheet.submitted_at or now) <= at <= now:
        raise Refused("The decision lies between the submission and now.", "at")
    if approve:
        _supersede(sheet)
    what = What.SHEET_APPROVED if approve else What.SHEET_RETURNED
    keys = {"client_id": sheet.client_id, "matter_id": sheet.matter_id}
    decision = decided_below(by=by, what=what, source=source, at=at or now, note=note.strip()[:500], message=message, **keys)
    move_sheet(sheet, to, decided_at=at or now, source=source, decision=decision)
    after = {"decision": to, "source": source, "note": note.strip(), "message": message.sha256 if message is not None else ""}
    record(by=by, action="timesheet.decide", target=sheet, after=after, reference=_named(sheet, sheet.placement))
    if approve and publish:
        return publish_timesheet(sheet=sheet, by=by)
    return sheet


def _supersede(sheet: Timesheet) -> None:
    earlier = Timesheet.objects.select_for_update(of=("self",)).filter(
        placement_id=sheet.placement_id, period_start=sheet.period_start, state=SheetState.APPROVED
    )
    for row in earlier:
        move_sheet(row, SheetState.SUPERSEDED)


@transaction.atomic
def take_back_timesheet(*, sheet: Timesheet, by: Actor, version: int) -> Timesheet:
    """Give up a version the client has not decided; the next one begins with its days. Taken back already: nothing happens."""
    need_any(by, KEEPERS)
    sheet = _locked(sheet)
    if sheet.state == SheetState.WITHDRAWN:
        return sheet
    _same_version(sheet, version)
    move_sheet(sheet, SheetState.WITHDRAWN)
    record(by=by, action="timesheet.take_back", target=sheet, reference=_named(sheet, sheet.placement))
    return sheet


@transaction.atomic
def correct_timesheet(*, sheet: Timesheet, by: Actor, reason: str) -> Timesheet:
    """The next version of a timesheet that was approved, returned or taken back, beginning with its days. One in hand already: that one.

    What was approved stands until the client approves the new version. Raises `Refused`.
    """
    need_any(by, KEEPERS)
    placement = locked(sheet.placement)
    in_hand = Timesheet.objects.filter(placement=placement, period_start=sheet.period_start)
    known: Timesheet | None = in_hand.filter(state__in=[SheetState.DRAFT, SheetState.SUBMITTED]).first()
    if known is not None:
        return known
    if not reason.strip():
        raise Refused("Say what is corrected.", "reason")
    made = _begin(placement, sheet.period_start, reason.strip())
    facts = placing.facts_of(placement)
    earlier = {row.day: _entered(row) for row in TimesheetDay.objects.filter(timesheet=sheet, day__gte=sheet.starts_on)}
    days = sheets.planned(facts, made.starts_on, made.ends_on)
    today = house_day(by.organization_id)
    _write(made, facts, {day.day: earlier.get(day.day) or _as_planned(day, today, day.hours) for day in days})
    after = {"number": made.number, "reason": made.reason}
    record(by=by, action="timesheet.correct", target=made, after=after, reference=_named(made, placement))
    return made


@transaction.atomic
def publish_timesheet(*, sheet: Timesheet, by: Actor) -> Timesheet:
    """Let the client read an approved timesheet in the portal. Published already: nothing happens. Raises `Refused`."""
    need_any(by, {Permission.DECIDE_FOR_CLIENT, Permission.EDIT_WORK})
    sheet = _locked(sheet)
    if sheet.published_at is not None:
        return sheet
    if sheet.state not in (SheetState.APPROVED, SheetState.SUPERSEDED):
        raise Refused("Only an approved timesheet is published.")
    if sheet.placement.published_at is None:
        raise Refused("The client does not see this placement yet. Publish the placement first.")
    sheet.published_at = timezone.now()
    sheet.version += 1
    sheet.save(update_fields=["published_at", "version"])
    after = {"published_at": plain(sheet.published_at)}
    record(by=by, action="timesheet.publish", target=sheet, after=after, reference=_named(sheet, sheet.placement))
    return sheet
