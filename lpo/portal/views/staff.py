"""Placed people: who works at the client's desk, and the timesheets the client approved."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from engagements.models import Client, Placement, Source, Timesheet
from engagements.placing import summed, terms_on
from engagements.sheet_csv import file_name, sheet_csv
from lpo.accounts.access import TenantRequest
from lpo.portal import staffed
from lpo.portal.access import address, download, page, portal
from lpo.portal.paging import positions, whole

SIZE = 50
SHEETS = 24


def _today(client: Client) -> date:
    return timezone.now().astimezone(ZoneInfo(client.time_zone)).date()


@portal
def people(request: TenantRequest, client: Client) -> HttpResponse:
    """Everybody placed, who came last first."""
    after, before = whole(request.GET.get("after", "")), whole(request.GET.get("before", ""))
    base = staffed.placements(client)
    if before is not None and after is None:
        rows = list(base.filter(id__gt=before).order_by("id")[: SIZE + 1])
        previous, following, rows = len(rows) > SIZE, True, rows[:SIZE][::-1]
    else:
        rows = list((base if after is None else base.filter(id__lt=after)).order_by("-id")[: SIZE + 1])
        previous, following, rows = after is not None, len(rows) > SIZE, rows[:SIZE]
    context = {"rows": staffed.people(rows, _today(client)), **positions(rows, "id", previous, following)}
    return page(request, client, "staff.html", context)


def _person_or_404(client: Client, matter: str, number: int) -> Placement:
    if number >= 2**15:
        raise Http404
    found: Placement = get_object_or_404(staffed.placements(client), matter__reference=matter, number=number)
    return found


@portal
def person(request: TenantRequest, client: Client, matter: str, number: int) -> HttpResponse:
    found = _person_or_404(client, matter, number)
    (shown,) = staffed.people([found], _today(client))
    sheets = list(staffed.timesheets(client).filter(placement=found, state="approved").order_by("-period_start", "-number")[:SHEETS])
    replaced = staffed.placements(client).filter(pk=found.replaces_id).first() if found.replaces_id else None
    return page(request, client, "person.html", {"person": shown, "sheets": sheets, "replaces": replaced})


def _sheet_or_404(client: Client, matter: str, number: int, day: str, version: str) -> Timesheet:
    placement = _person_or_404(client, matter, number)
    try:
        start = date.fromisoformat(day)
    except ValueError as error:
        raise Http404 from error
    rows = staffed.timesheets(client).filter(placement=placement, period_start=start).order_by("-number")
    found = rows.filter(number=int(version)).first() if version.isdecimal() and len(version) < 5 else rows.first()
    if found is None:
        raise Http404
    found.placement = placement
    return found


@portal
def timesheet(request: TenantRequest, client: Client, matter: str, number: int, day: str) -> HttpResponse:
    sheet = _sheet_or_404(client, matter, number, day, request.GET.get("v", ""))
    days = staffed.days_of(sheet)
    context: dict[str, Any] = {
        "sheet": sheet,
        "placement": sheet.placement,
        "days": days,
        "sums": summed(days),
        "source": Source(sheet.source).label,
        "person_url": address(request, client, "person", matter, number),
        "csv_url": f"{address(request, client, 'timesheet_csv', matter, number, day)}?v={sheet.number}",
    }
    return page(request, client, "timesheet.html", context)


@portal
def timesheet_csv(request: TenantRequest, client: Client, matter: str, number: int, day: str) -> HttpResponse:
    """The same bytes that are attached to the invoice."""
    sheet = _sheet_or_404(client, matter, number, day, request.GET.get("v", ""))
    placement = sheet.placement
    terms = terms_on(staffed.terms_by_placement([placement.pk])[placement.pk], sheet.starts_on)
    content = sheet_csv(placement, terms, sheet, staffed.days_of(sheet))
    return download(content, file_name(placement.matter, placement, sheet), "text/csv; charset=utf-8")
