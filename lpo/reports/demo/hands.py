"""Two paralegals on Meridian's own desk: placed, away, replaced, and their hours approved by the client month after month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing import actions as billing
from engagements import actions as work
from engagements.actions import Entered
from engagements.models import Engagement, Matter, Placement, Timesheet, TimesheetDay
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.core.periods import add_months
from lpo.reports.demo import records

RATE: dict[str, Any] = {
    "price": Decimal(6400),
    "unit": "month",
    "rate_per": "month",
    "month_basis": "working",
    "overtime": Decimal("1.5"),
    "overtime_price": Decimal(40),
    "charged_away": ["holiday"],
    "clause": "Exhibit D 2",
}
AGREED: dict[str, Any] = {"role": "Paralegal", "supervisor": "Luis Ferrer", "hours_per_week": Decimal(40), "location": "Miami, US"}
TESS, INIGO, PRIYA = "Tess Moreau", "Íñigo O'Dowd", "Priya Raman"


def place(engagement: Engagement, start: date, people: Mapping[str, Membership]) -> None:
    """One from the first day, one two weeks later, both at one rate."""
    by = Actor.member(people["asha"])
    matter = work.create_matter(
        engagement=engagement, by=by, title="PIP claims desk", client_matter_id="PIP-DESK", jurisdiction="Florida",
        supervising_attorney=people["sam"], supervised_from=records.morning(start),
    )  # fmt: skip
    work.publish_matter(matter=matter, by=by)
    billing.create_term(
        engagement=engagement, name="Paralegal", model="staff", by=Actor.member(people["bill"]), version={"effective_from": start, **RATE}
    )
    for name, day in ((TESS, start), (INIGO, start + timedelta(days=14))):
        placed = work.place_person(matter=matter, by=by, name=name, starts_on=day, **AGREED)
        work.publish_placement(placement=placed, by=by)


def play(people: Mapping[str, Membership], position: int, month: date, now: datetime) -> None:
    """A month's absences and changes, and the timesheets that the client approved by mail by then."""
    by = Actor.member(people["asha"])
    known = {row.name: row for row in Placement.objects.filter(matter__title="PIP claims desk").select_related("matter")}
    if not known:
        return
    if position == 5:
        _away(known[TESS], by, month, 11, 13, "sickness")
    # A short story begins in these months: nobody is replaced before the month they came in is over.
    if position in (9, 10) and PRIYA not in known and known[INIGO].starts_on < month:
        _replaced(known[INIGO], by, month)
        known[PRIYA] = Placement.objects.select_related("matter").get(name=PRIYA)
    if position == 9:
        _away(known[TESS], by, month, 20, 24, "leave")
    for placed in known.values():
        placed.refresh_from_db()
        if placed.starts_on < add_months(month, 1) and (placed.ends_on is None or placed.ends_on >= month):
            _month(placed, by, max(month, placed.starts_on), now, late=position == 7 and placed.name == TESS)
    if position == 10 and known[TESS].starts_on < month:
        _corrected(known[TESS], by, add_months(month, -1), now)


def _away(placed: Placement, by: Actor, month: date, first: int, last: int, kind: str) -> None:
    work.record_away(placement=placed, by=by, starts_on=month.replace(day=first), ends_on=month.replace(day=last), kind=kind)


def _replaced(placed: Placement, by: Actor, month: date) -> None:
    """Íñigo leaves on the 16th; Priya comes on the 12th and is shown the desk."""
    made = work.replace_person(
        placement=placed, by=by, version=placed.version, name=PRIYA, starts_on=month.replace(day=12), last_day=month.replace(day=16),
        notice_given_on=month - timedelta(days=10), reason="Moves to another client",
    )  # fmt: skip
    work.publish_placement(placement=made, by=by)


def _month(placed: Placement, by: Actor, day: date, now: datetime, *, late: bool) -> None:
    sheet = work.open_timesheet(placement=placed, by=by, day=day, now=now)
    if late:
        sheet = work.fill_timesheet(sheet=sheet, by=by, version=sheet.version, days=_long_week(sheet), now=now)
    sheet = work.submit_timesheet(sheet=sheet, by=by, version=sheet.version, now=now)
    _approved(sheet, by, now)


def _long_week(sheet: Timesheet) -> dict[date, Entered]:
    """Ten hours on each day of the sheet's first whole week."""
    first = sheet.starts_on + timedelta(days=(7 - sheet.starts_on.weekday()) % 7)
    return {first + timedelta(days=n): Entered(Decimal(10)) for n in range(5)}


def _corrected(placed: Placement, by: Actor, month: date, now: datetime) -> None:
    """A day's sickness that was told late: the next invoice gives it back."""
    sheet = Timesheet.objects.get(placement=placed, period_start=month, state="approved")
    day = TimesheetDay.objects.filter(timesheet=sheet, hours__gt=0, day__gte=sheet.starts_on).order_by("day")[2]
    made = work.correct_timesheet(sheet=sheet, by=by, reason="A day of sickness was told late")
    # The correction in hand takes the absence over, so the sheet and the absences on record say the same.
    work.record_away(placement=placed, by=by, starts_on=day.day, ends_on=day.day, kind="sickness")
    made.refresh_from_db()
    made = work.submit_timesheet(sheet=made, by=by, version=made.version, now=now)
    _approved(made, by, now)


def _approved(sheet: Timesheet, by: Actor, now: datetime) -> None:
    words = f"From: Luis Ferrer\n\nI approve the hours of {sheet.placement.name}, {sheet.label}, version {sheet.number}.\n"
    message = work.keep_message(
        item=None, matter=Matter.objects.get(pk=sheet.matter_id), content=words.encode(), file_name="Approval.eml",
        media_type="message/rfc822", by=by,
    )  # fmt: skip
    work.decide_timesheet(
        sheet=sheet, by=by, version=sheet.version, approve=True, message=message, publish=True, note="Luis Ferrer, by mail", now=now
    )


def begin(people: Mapping[str, Membership], today: date) -> None:
    """The running month's drafts, as far as it has come."""
    by = Actor.member(people["asha"])
    for placed in Placement.objects.filter(matter__title="PIP claims desk", ends_on__isnull=True):
        work.open_timesheet(placement=placed, by=by, day=today)
