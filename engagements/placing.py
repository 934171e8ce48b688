"""What is on record of placements, read for their pages and their timesheets; and who else has something to say about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Sum

from engagements.models import Contract, Engagement, Placement, PlacementAbsence, PlacementTerms, TimeEntry, Timesheet, TimesheetDay
from engagements.models.placements import SheetState
from engagements.models.time import EntryStatus
from engagements.sheets import Away, Facts, Terms, week_of
from lpo.accounts.roles import Permission

# A person's absences and hours are for who plans the work, bills it or signs for the client; and for themselves.
READERS = frozenset({Permission.VIEW_STAFF, Permission.VIEW_MONEY, Permission.DECIDE_FOR_CLIENT})
# The chip in which a timesheet's state is shown to anybody.
KINDS: dict[str, str] = {
    SheetState.DRAFT: "draft",
    SheetState.SUBMITTED: "progressing",
    SheetState.APPROVED: "met",
    SheetState.RETURNED: "risk",
    SheetState.WITHDRAWN: "paused",
    SheetState.SUPERSEDED: "paused",
}
STANDING = (SheetState.DRAFT, SheetState.SUBMITTED, SheetState.APPROVED)


def terms_of(placement_ids: Iterable[int]) -> dict[int, list[PlacementTerms]]:
    """Every version of each placement's terms, oldest first."""
    found: dict[int, list[PlacementTerms]] = defaultdict(list)
    for row in PlacementTerms.objects.filter(placement_id__in=list(placement_ids)).order_by("placement_id", "number"):
        found[row.placement_id].append(row)
    return found


def terms_on(versions: Sequence[PlacementTerms], day: date) -> PlacementTerms:
    """The last that has begun; before all of them the first."""
    begun = [row for row in versions if row.effective_from <= day]
    return begun[-1] if begun else versions[0]


def facts_of(placement: Placement) -> Facts:
    """The placement as the days of its timesheets follow from it."""
    versions = terms_of([placement.pk])[placement.pk]
    rows = PlacementAbsence.objects.filter(placement=placement, withdrawn_at__isnull=True).order_by("starts_on")
    before = Placement.objects.filter(pk=placement.replaces_id).values_list("ends_on", flat=True).first() if placement.replaces_id else None
    return Facts(
        placement.starts_on,
        placement.ends_on,
        tuple(Terms(row.effective_from, row.hours_per_week, row.weekdays) for row in versions),
        tuple(Away(row.starts_on, row.ends_on, row.kind) for row in rows),
        before,
    )


def entered(placement: Placement, first: date, last: date) -> tuple[dict[date, Decimal], Decimal]:
    """Hours by day of the person's approved time entries on the placement's work, and the hours of entries not approved yet."""
    if placement.member_id is None:
        return {}, Decimal(0)
    entries = TimeEntry.objects.filter(member_id=placement.member_id, matter_id=placement.matter_id, day__range=(first, last))
    if placement.workstream_id is not None:
        entries = entries.filter(workstream_id=placement.workstream_id)
    found: dict[date, Decimal] = {}
    waiting = Decimal(0)
    for day, status, minutes in entries.values_list("day", "status").annotate(sum=Sum("minutes")).order_by("day"):
        if status == EntryStatus.APPROVED:
            found[day] = (minutes / 60).quantize(Decimal("0.01"))
        else:
            waiting += (minutes / 60).quantize(Decimal("0.01"))
    return found, waiting


def week_before(sheet: Timesheet) -> list[TimesheetDay]:
    """The days of the sheet's first week that lie before it, as the sheet they are on has them; of several versions the one that counts."""
    monday = week_of(sheet.starts_on)
    rows = TimesheetDay.objects.filter(
        timesheet__placement_id=sheet.placement_id,
        timesheet__state__in=[SheetState.SUBMITTED, SheetState.APPROVED],
        timesheet__starts_on__lt=sheet.starts_on,
        day__range=(monday, sheet.starts_on - timedelta(days=1)),
    ).exclude(timesheet__period_start=sheet.period_start)
    best: dict[date, TimesheetDay] = {}
    for row in rows.select_related("timesheet").order_by("timesheet__state", "-timesheet__number"):
        # "approved" sorts before "submitted"; a sheet's own day before one that another sheet only looks back at.
        if row.day >= row.timesheet.starts_on:
            best.setdefault(row.day, row)
    return [best[day] for day in sorted(best)]


@dataclass(frozen=True)
class Standing:
    """A placement's timesheet of one month or week: the version in hand, and the one the client approved."""

    period_start: date
    in_hand: Timesheet | None
    approved: Timesheet | None

    @property
    def latest(self) -> Timesheet:
        found = self.in_hand or self.approved
        assert found is not None  # noqa: S101 -- made from at least one of them
        return found


def standing(sheets: Iterable[Timesheet]) -> list[Standing]:
    """Sheets by month or week, the newest first; versions that no longer count are left out."""
    by_start: dict[date, dict[str, Timesheet]] = defaultdict(dict)
    for sheet in sheets:
        if sheet.state in STANDING:
            by_start[sheet.period_start]["approved" if sheet.state == SheetState.APPROVED else "in_hand"] = sheet
    return [Standing(start, by_start[start].get("in_hand"), by_start[start].get("approved")) for start in sorted(by_start, reverse=True)]


@dataclass(frozen=True)
class TypedAway:
    """An absence that a timesheet names and nobody recorded: days of one kind on end, as the sheet that counts has them."""

    kind: str
    starts_on: date
    ends_on: date
    hours: Decimal
    sheet: Timesheet


def typed_away(
    sheets: Sequence[Timesheet], days: Mapping[int, Sequence[TimesheetDay]], recorded: Iterable[PlacementAbsence]
) -> list[TypedAway]:
    """Absences on these timesheets beyond those recorded, the oldest first. `days`: those of each sheet, as `days_of` reads them."""
    by_id, known = {sheet.pk: sheet for sheet in sheets}, [(row.starts_on, row.ends_on) for row in recorded]
    found: list[TypedAway] = []
    for row in sorted((row for rows in days.values() for row in rows if row.away), key=lambda row: row.day):
        sheet, kind = by_id[row.timesheet_id], row.get_away_display()
        if any(first <= row.day <= last for first, last in known):
            continue
        before = found[-1] if found else None
        if before is not None and (before.kind, before.sheet, before.ends_on) == (kind, sheet, row.day - timedelta(days=1)):
            found[-1] = TypedAway(kind, before.starts_on, row.day, before.hours + row.away_hours, sheet)
        else:
            found.append(TypedAway(kind, row.day, row.day, row.away_hours, sheet))
    return found


@dataclass(frozen=True)
class Hours:
    """Sums over the days of a sheet, those it only looks back at left out."""

    worked: Decimal
    contracted: Decimal
    away: Decimal
    days: int


def days_of(sheets: Sequence[Timesheet]) -> dict[int, list[TimesheetDay]]:
    """The own days of timesheets by their ids, in one statement."""
    starts = {sheet.pk: sheet.starts_on for sheet in sheets}
    rows: dict[int, list[TimesheetDay]] = {key: [] for key in starts}
    for row in TimesheetDay.objects.filter(timesheet_id__in=list(starts)).order_by("day"):
        if row.day >= starts[row.timesheet_id]:
            rows[row.timesheet_id].append(row)
    return rows


def hours_of(sheets: Sequence[Timesheet]) -> Mapping[int, Hours]:
    """Sums by timesheet id, in one statement."""
    return {key: summed(rows) for key, rows in days_of(sheets).items()}


def summed(rows: Sequence[TimesheetDay]) -> Hours:
    zero = Decimal(0)
    return Hours(
        sum((row.hours for row in rows), zero),
        sum((row.contracted for row in rows), zero),
        sum((row.away_hours for row in rows), zero),
        sum(1 for row in rows if row.hours),
    )


def placements_of(engagement: Engagement) -> list[Placement]:
    """Everybody placed under an engagement's matters, in the order they came."""
    rows = Placement.objects.filter(matter__engagement=engagement).select_related("matter", "member__user", "replaces")
    return list(rows.order_by("starts_on", "id")[:200])


def latest_sheets(placement_ids: Iterable[int]) -> dict[int, Timesheet]:
    """Each placement's last timesheet that counts, in one statement."""
    rows = Timesheet.objects.filter(placement_id__in=list(placement_ids), state__in=STANDING)
    found = rows.order_by("placement_id", "-period_start", "-number").distinct("placement_id")
    return {row.placement_id: row for row in found}


def status_of(placement: Placement, today: date) -> tuple[str, str]:
    """Kind and text of where a placement stands."""
    if placement.starts_on > today:
        return "draft", f"From {placement.starts_on.day} {placement.starts_on:%b %Y}"
    if placement.ends_on is None or placement.ends_on >= today:
        return "progressing", "Placed"
    return "paused", "Ended"


def credits_agreed(engagement: Engagement, contract: Contract | None) -> bool:
    """Whether a missed turnaround may earn a credit: on staff augmentation only where the contract agrees it."""
    return engagement.delivery_model != "augmentation" or (contract is not None and contract.turnaround_credits)


def credit_note(engagement: Engagement, contract: Contract | None) -> str:
    """The same in words."""
    if credits_agreed(engagement, contract):
        return "Staff augmentation: the contract agrees credits for missed turnaround."
    return "Staff augmentation: hands are contracted, not results. A missed turnaround earns no credit, because the contract agrees none."
