"""The approved timesheets behind an invoice's lines, as files attached to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from billing.models import Charge, InvoiceLine
from billing.staffing import placement_of
from engagements.models import Timesheet, TimesheetDay
from engagements.models.placements import SheetState
from engagements.placing import terms_of, terms_on
from engagements.sheet_csv import file_name, sheet_csv

# What was approved once stays what it was, also where a correction took its place since.
DECIDED = (SheetState.APPROVED, SheetState.SUPERSEDED)


@dataclass(frozen=True)
class SheetFile:
    name: str
    description: str
    content: bytes


def sheet_files(rows: Sequence[InvoiceLine], states: Collection[str] = (SheetState.APPROVED,)) -> list[SheetFile]:
    """A file for each timesheet that a day on these lines was charged from, where it is in one of the states."""
    lines = [row.pk for row in rows if row.group == "staff"]
    if not lines:
        return []
    charged = Charge.objects.filter(line__in=lines, sheet_day__isnull=False).exclude(source_key__startswith="return:").values("sheet_day")
    sheets = Timesheet.objects.filter(pk__in=TimesheetDay.objects.filter(pk__in=charged).values("timesheet"), state__in=states)
    found = list(sheets.select_related("placement__matter").order_by("placement_id", "starts_on", "number"))
    days: dict[int, list[TimesheetDay]] = defaultdict(list)
    for day in TimesheetDay.objects.filter(timesheet__in=[sheet.pk for sheet in found]).order_by("day"):
        days[day.timesheet_id].append(day)
    terms = terms_of({sheet.placement_id for sheet in found})
    return [
        SheetFile(
            file_name(sheet.placement.matter, sheet.placement, sheet),
            f"Timesheet of {sheet.placement.name}, {sheet.label}, approved",
            sheet_csv(sheet.placement, terms_on(terms[sheet.placement_id], sheet.starts_on), sheet, days[sheet.pk]),
        )
        for sheet in found
    ]


def sheets_behind(line: InvoiceLine) -> list[Timesheet]:
    """The timesheets whose days a line bills, or, where it counts none itself, those of its person on the same invoice."""
    placement = placement_of(line.key)
    days = Charge.objects.filter(line__invoice_id=line.invoice_id, sheet_day__isnull=False).exclude(source_key__startswith="return:")
    found = TimesheetDay.objects.filter(pk__in=days.values("sheet_day"), timesheet__placement_id=placement)
    if line.rated_period is not None:
        found = found.filter(day__range=(line.rated_period.starts_on, line.rated_period.ends_on))
    sheets = Timesheet.objects.filter(pk__in=found.values("timesheet")) if placement is not None else Timesheet.objects.none()
    return list(sheets.select_related("placement__matter").order_by("starts_on", "number")[:40])
