"""Calendars: open hours and holidays, with a month of them drawn out."""

from __future__ import annotations

import calendar as days
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.localtime import local_midnight
from lpo.core.periods import add_months
from sla import actions
from sla.forms import DAYS, CalendarForm, initial_of_calendar, latest_calendars, write_shifts
from sla.hours import open_hours
from sla.models import Calendar, CalendarVersion
from sla.views.edges import acting, address, attempt, calendar_or_404

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Day:
    """A date of the month shown: its hours, or why it is closed."""

    date: date
    hours: str
    holiday: bool


@requires(P.VIEW_LEVELS)
def calendars(request: TenantRequest, organization: str) -> HttpResponse:
    numbers = {pk: number for number, pk in enumerate(Calendar.objects.order_by("id").values_list("id", flat=True), 1)}
    latest = list(latest_calendars()[:SHOWN])
    rows = [(version, address("calendar", organization, numbers[version.calendar_id]), _week(version)) for version in latest]
    context = {"rows": rows, "may_edit": request.membership.may(P.EDIT_LEVELS)}
    return render(request, "sla/calendars.html", context)


def _week(version: CalendarVersion) -> str:
    """Mon–Fri 9:00-17:00; Sat 9:00-12:00: neighbouring days of the same hours together."""
    runs: list[tuple[int, int, str]] = []
    for number in range(7):
        hours = write_shifts(version.weekly.get(str(number), []))
        if not hours:
            continue
        if runs and runs[-1][1] == number - 1 and runs[-1][2] == hours:
            runs[-1] = (runs[-1][0], number, hours)
        else:
            runs.append((number, number, hours))
    names = [name[:3] for name in DAYS]
    return "; ".join(f"{names[first]}{f'–{names[last]}' if last != first else ''} {hours}" for first, last, hours in runs)


def _month(text: str, today: date) -> date:
    """The first of the month that the address names, else of the present one."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return found if 1970 <= found.year <= 2190 else today.replace(day=1)


@requires(P.VIEW_LEVELS)
def calendar(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    found = calendar_or_404(number)
    versions = list(CalendarVersion.objects.filter(calendar=found).order_by("-number"))
    version = versions[0]
    zone = ZoneInfo(version.time_zone)
    first = _month(request.GET.get("month", ""), timezone.now().astimezone(zone).date())
    following = add_months(first, 1)
    hours = open_hours(version).elapsed(local_midnight(first, zone), local_midnight(following, zone))
    context = {
        "calendar": found,
        "version": version,
        "versions": versions,
        "week": _week(version),
        "weeks": _weeks(version, first),
        "weekdays": [name[:3] for name in DAYS],
        "first": first,
        "hours": Fraction(hours, 3600),
        "before": f"?month={add_months(first, -1):%Y-%m}",
        "after": f"?month={following:%Y-%m}",
        "edit_url": address("new_calendar_version", organization, number),
        "may_edit": request.membership.may(P.EDIT_LEVELS),
        "crumbs": [("Calendars", address("calendars", organization)), (found.name, "")],
    }
    return render(request, "sla/calendar.html", context)


def _weeks(version: CalendarVersion, first: date) -> list[list[Day | None]]:
    """The month by weeks from Monday; None where a day belongs to another month."""
    holidays = set(version.holidays)
    month = days.Calendar().monthdatescalendar(first.year, first.month)
    return [[_day(version, day, holidays) if day.month == first.month else None for day in week] for week in month]


def _day(version: CalendarVersion, day: date, holidays: set[str]) -> Day:
    iso = day.isoformat()
    if iso in version.exceptions:
        return Day(day, write_shifts(version.exceptions[iso]), False)
    if iso in holidays:
        return Day(day, "", True)
    return Day(day, write_shifts(version.weekly.get(str(day.weekday()), [])), False)


def _values(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the actions take; public holidays are frozen into the version here and now."""
    found = actions.public_holidays(data["region"], data["years"]) if data["region"] else {}
    source = f"{data['region'].strip().upper()} {data['years'][0]}–{data['years'][-1]}" if found else ""
    return {
        "time_zone": data["time_zone"],
        "weekly": data["weekly"],
        "holidays": [*found, *data["closed"]],
        "holiday_source": source,
    }


def _form_page(request: TenantRequest, form: CalendarForm, **context: Any) -> HttpResponse:
    preview: list[tuple[date, str]] = []
    looking = request.POST.get("do") == "preview"
    if looking and form.is_valid() and form.cleaned_data["region"]:
        attempted = attempt(form, lambda: actions.public_holidays(form.cleaned_data["region"], form.cleaned_data["years"]))
        preview = list((attempted or {}).items())
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "sla/calendar_form.html", {"form": form, "preview": preview, "looked": looking, **context}, status=status)


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_calendar(request: TenantRequest, organization: str) -> HttpResponse:
    usual = {f"day_{number}": "9:00-17:00" for number in range(5)}
    form = CalendarForm(request.POST or None, initial={**usual, "time_zone": request.organization.time_zone})
    if request.POST and request.POST.get("do") != "preview":
        made = attempt(
            form, lambda: actions.create_calendar(name=form.cleaned_data["name"], by=request.actor, **_values(form.cleaned_data))
        )
        if made is not None:
            return HttpResponseRedirect(address("calendar", organization, Calendar.objects.filter(id__lte=made.calendar_id).count()))
    trail = [("Calendars", address("calendars", organization)), ("New calendar", "")]
    return _form_page(request, form, title="New calendar", submit="Add calendar", crumbs=trail)


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_calendar_version(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    found = calendar_or_404(number)
    latest = CalendarVersion.objects.filter(calendar=found).order_by("-number")[0]
    form = CalendarForm(request.POST or None, initial=dict(initial_of_calendar(latest)), named=False)
    here = address("calendar", organization, number)
    if request.POST and request.POST.get("do") != "preview":
        made = attempt(form, lambda: actions.add_calendar_version(calendar=found, by=request.actor, **_values(form.cleaned_data)))
        if made is not None:
            return HttpResponseRedirect(here)
    trail = [("Calendars", address("calendars", organization)), (found.name, here), ("New version", "")]
    return _form_page(request, form, title=f"New version of {found.name}", submit="Add version", crumbs=trail)
