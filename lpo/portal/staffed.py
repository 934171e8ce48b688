"""What the portal reads of placed people. The database shows its role published placements and timesheets of the own client only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from billing.models import Charge
from engagements.models import Client, Placement, PlacementTerms, Timesheet, TimesheetDay
from engagements.placing import terms_on
from engagements.sheets import weekdays_in_words
from lpo.portal.columns import readable


def placements(client: Client) -> QuerySet[Placement]:
    return readable(Placement, "matter").filter(client_id=client.pk, published_at__isnull=False)


def timesheets(client: Client) -> QuerySet[Timesheet]:
    """Approved timesheets that were published; those a correction took the place of since stay readable."""
    return readable(Timesheet).filter(client_id=client.pk, published_at__isnull=False)


def terms_by_placement(placement_ids: Iterable[int]) -> dict[int, list[PlacementTerms]]:
    found: dict[int, list[PlacementTerms]] = {}
    rows = readable(PlacementTerms).filter(placement_id__in=list(placement_ids)).order_by("placement_id", "number")
    for row in rows:
        found.setdefault(row.placement_id, []).append(row)
    return found


@dataclass(frozen=True)
class Person:
    """A placed person as the client knows them."""

    placement: Placement
    terms: PlacementTerms
    follower: Placement | None
    today: date

    @property
    def weekdays(self) -> str:
        return weekdays_in_words(self.terms.weekdays)

    @property
    def status(self) -> tuple[str, str]:
        if self.placement.starts_on > self.today:
            return "draft", "To come"
        over = self.placement.ends_on is not None and self.placement.ends_on < self.today
        return ("paused", "Ended") if over else ("progressing", "Placed")


def people(rows: Sequence[Placement], today: date) -> list[Person]:
    """The rows with their present terms and who follows them, in two statements."""
    ids = [row.pk for row in rows]
    terms = terms_by_placement(ids)
    followers = {row.replaces_id: row for row in readable(Placement, "matter").filter(replaces_id__in=ids)}
    return [Person(row, terms_on(terms[row.pk], today), followers.get(row.pk), today) for row in rows]


def days_of(sheet: Timesheet) -> list[TimesheetDay]:
    """Its own days, without those of the week before that it only looks back at."""
    return list(readable(TimesheetDay).filter(timesheet=sheet, day__gte=sheet.starts_on).order_by("day"))


def sheets_of(charges: Sequence[Charge]) -> dict[int, Timesheet]:
    """The published timesheet that each charge's day is on, by charge id."""
    ids = {charge.sheet_day_id: charge.pk for charge in charges if charge.sheet_day_id is not None}
    days = readable(TimesheetDay).filter(pk__in=list(ids)).values_list("id", "timesheet_id") if ids else []
    by_day = dict(days)
    sheets = {sheet.pk: sheet for sheet in readable(Timesheet).filter(pk__in=set(by_day.values()))} if by_day else {}
    known = readable(Placement, "matter").in_bulk({sheet.placement_id for sheet in sheets.values()}) if sheets else {}
    for sheet in sheets.values():
        sheet.placement = known[sheet.placement_id]
    return {charge_id: sheets[by_day[day_id]] for day_id, charge_id in ids.items() if by_day.get(day_id) in sheets}
