"""An approved timesheet as a file: the same bytes for invoice, portal and page. It names nobody of the provider's staff but the person."""

from __future__ import annotations

from collections.abc import Sequence

from engagements.models import Matter, Placement, PlacementTerms, Source, Timesheet, TimesheetDay
from lpo.core.exports import write_csv

HEADER = (
    "person", "role", "timesheet", "version", "day", "hours worked", "hours contracted", "absence", "absence hours", "handover",
    "decided on", "decided by",
)  # fmt: skip


def file_name(matter: Matter, placement: Placement, sheet: Timesheet) -> str:
    """`timesheet-MER-0002-P1-2026-10-01-v1.csv`."""
    return f"timesheet-{matter.reference}-P{placement.number}-{sheet.period_start}-v{sheet.number}.csv"


def sheet_csv(placement: Placement, terms: PlacementTerms, sheet: Timesheet, days: Sequence[TimesheetDay]) -> bytes:
    """A row for each day of the sheet; `terms` are those of its first day. What it only looks back at is left out."""
    decided = Source(sheet.source).label if sheet.source else ""
    on = sheet.decided_at.date() if sheet.decided_at is not None else None
    return write_csv(
        HEADER,
        (
            (
                placement.name, terms.title, sheet.label, sheet.number, day.day, day.hours if day.written else None, day.contracted,
                day.get_away_display() if day.away else "", day.away_hours if day.away else None,
                "yes" if day.handover else "", on, decided,
            )
            for day in days
            if day.day >= sheet.starts_on
        ),
    )  # fmt: skip
