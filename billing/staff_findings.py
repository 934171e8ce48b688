"""Pre-flight of placed people: a day without a price, a timesheet that is missing or that the client has not approved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from billing.models import Invoice
from billing.noted import Finding, Found
from billing.periods import days_of
from billing.queries import TermSpan, Versions, cut
from billing.staffing import BILLED, Placed, overlapping, pricing
from engagements.models import Placement, PlacementTerms, Timesheet
from engagements.models.placements import SheetState
from engagements.placing import terms_on
from engagements.sheets import missing_days, periods


def people(invoices: Sequence[Invoice], versions: Versions) -> Found:
    """Everybody placed in an invoice's period, in a fixed number of statements for any number of invoices."""
    engagements = {invoice.engagement_id for invoice in invoices}
    first = min(invoice.period.starts_on for invoice in invoices)
    last = max(invoice.period.ends_on for invoice in invoices)
    everybody = _everybody(engagements, first, last)
    for invoice in invoices:
        spans = cut(versions[invoice.engagement_id].values(), invoice.engagement, days_of(invoice.period))
        for placed, sheets in everybody:
            if placed.placement.matter.engagement_id == invoice.engagement_id:
                yield from ((invoice.pk, finding) for finding in _of_person(placed, sheets, invoice, spans))


def _everybody(engagement_ids: set[int], first: date, last: date) -> list[tuple[Placed, list[Timesheet]]]:
    """Who is placed from `first` to `last`, with their terms and the timesheets that are billed, in one statement."""
    own = Timesheet.objects.filter(placement=OuterRef("pk"), state__in=BILLED, starts_on__lte=last, ends_on__gte=first).order_by("id")
    kept = PlacementTerms.objects.filter(placement=OuterRef("pk")).order_by("number")
    rows = overlapping(engagement_ids, first, last).annotate(
        kept=ArraySubquery(kept.values(json=JSONObject(day="effective_from", level="level", role="role"))),
        sheets=ArraySubquery(own.values(json=JSONObject(first="starts_on", last="ends_on", state="state", label="label"))),
    )
    return [(Placed(row, [_terms(one) for one in row.kept], "", {}, {}), [_sheet(one) for one in row.sheets]) for row in rows]


def _terms(row: dict[str, str]) -> PlacementTerms:
    return PlacementTerms(effective_from=date.fromisoformat(row["day"]), level=row["level"], role=row["role"])


def _sheet(row: dict[str, str]) -> Timesheet:
    days = {"starts_on": date.fromisoformat(row["first"]), "ends_on": date.fromisoformat(row["last"])}
    return Timesheet(state=row["state"], label=row["label"], **days)


def _of_person(placed: Placed, sheets: Sequence[Timesheet], invoice: Invoice, spans: Sequence[TermSpan]) -> Iterator[Finding]:
    row, period = placed.placement, invoice.period
    first, last = max(row.starts_on, period.starts_on), min(row.ends_on or period.ends_on, period.ends_on)
    if last < first:
        return
    span = pricing(placed, first, spans) or pricing(placed, last, spans)
    if span is None:
        # A flat fee or a price by user covers people, too, where no rate for people was agreed.
        if any(one.term.model == "staff" for one in spans) or not spans:
            title = terms_on(placed.terms, first).title
            yield Finding("block", f"No rate for {row.name}, {title}: nobody said what their days cost.")
        return
    yield from (Finding(span.version.unapproved, text) for text in _problems(row, sheets, first, last))


def _problems(row: Placement, sheets: Sequence[Timesheet], first: date, last: date) -> Iterator[str]:
    """What is missing of a person's timesheets from `first` to `last`, month by month or week by week."""
    approved = [(sheet.starts_on, sheet.ends_on) for sheet in sheets if sheet.state == SheetState.APPROVED]
    known = [(sheet.starts_on, sheet.ends_on) for sheet in sheets]
    for start, end in missing_days(first, last, known):
        many = len(list(periods(start, end, row.cycle)))
        what = "No timesheet" if many == 1 else f"{many} timesheets are missing"
        yield f"{what} of {row.name} for {_span(start, end)}: nothing is charged for these days."
    for sheet in sheets:
        open_days = missing_days(max(first, sheet.starts_on), min(last, sheet.ends_on), approved) if sheet.ends_on >= first else []
        if sheet.state == SheetState.SUBMITTED and sheet.starts_on <= last and open_days:
            yield f"The client has not approved {row.name}’s timesheet, {sheet.label}."


def _span(first: date, last: date) -> str:
    if first == last:
        return f"{first.day} {first:%b %Y}"
    return f"{first.day} {first:%b}{'' if first.year == last.year else f' {first.year}'} to {last.day} {last:%b %Y}"
