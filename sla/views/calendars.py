"""Calendars: open hours and holidays, with a month of them drawn out."""

from __future__ import annotations

import calendar as days
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.localtime import local_midnight
from lpo.core.periods import add_months
from lpo.core.templatetags.formats import duration
from sla import actions, unions
from sla.adoption import adoption_days, on_calendar
from sla.adoption import effects as effects_of
from sla.calendar_forms import DAYS, AdoptionForm, CalendarForm, ExceptionForm, initial_of_calendar, latest_calendars, write_shifts
from sla.hours import open_hours
from sla.models import Calendar, CalendarVersion, ServiceLevelVersion
from sla.union_forms import UnionForm
from sla.views.edges import acting, address, attempt, calendar_or_404

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Day:
    """A date of the month shown: its hours and what makes it another than its weekday; `shift`: how the clocks change on it."""

    date: date
    hours: str
    note: str = ""
    shift: str = ""
    today: bool = False


@requires(P.VIEW_LEVELS)
def calendars(request: TenantRequest, organization: str) -> HttpResponse:
    numbers = {pk: number for number, pk in enumerate(Calendar.objects.order_by("id").values_list("id", flat=True), 1)}
    latest = list(latest_calendars()[:SHOWN])
    rows = [(version, address("calendar", organization, numbers[version.calendar_id]), _week(version)) for version in latest]
    context = {"rows": rows, "may_edit": request.membership.may(P.EDIT_LEVELS)}
    return render(request, "sla/calendars.html", context)


def _week(version: CalendarVersion) -> str:
    """Of a calendar that follows the sun, its sites."""
    if version.sites:
        return f"Whenever one is open: {', '.join(site['name'] for site in version.sites)}"
    return unions.week_in_words(version.weekly)


def _month(text: str, today: date) -> date:
    """The first of the month that the address names, else of the present one."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return found if 1970 <= found.year <= 2190 else today.replace(day=1)


@requires(P.VIEW_LEVELS)
def calendar(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """A month of one version: the last, or `?version=`."""
    found = calendar_or_404(number)
    versions = list(CalendarVersion.objects.filter(calendar=found).order_by("-number"))
    version = next((row for row in versions if str(row.number) == request.GET.get("version", "")), versions[0])
    zone = ZoneInfo(version.time_zone)
    today = timezone.now().astimezone(zone).date()
    first = _month(request.GET.get("month", ""), today)
    following = add_months(first, 1)
    hours = open_hours(version).elapsed(local_midnight(first, zone), local_midnight(following, zone))
    earlier = "" if version == versions[0] else f"&version={version.number}"
    context = {
        "calendar": found,
        "version": version,
        "versions": versions,
        "week": _week(version),
        "weeks": _weeks(version, first, today),
        "weekdays": [name[:3] for name in DAYS],
        "first": first,
        "hours": Fraction(hours, 3600),
        "before": f"?month={add_months(first, -1):%Y-%m}{earlier}",
        "after": f"?month={following:%Y-%m}{earlier}",
        "here": f"?month={first:%Y-%m}",
        "sites": unions.sites_of(version, first, following),
        "edit_url": address("new_union_version" if version.sites else "new_calendar_version", organization, number),
        "exception_url": "" if version.sites else address("new_exception", organization, number),
        "may_edit": request.membership.may(P.EDIT_LEVELS),
        "crumbs": [("Calendars", address("calendars", organization)), (found.name, "")],
    }
    return render(request, "sla/calendar.html", context)


def _weeks(version: CalendarVersion, first: date, today: date) -> list[list[tuple[str, Day | None]]]:
    """The month by weeks from Monday, each day under its weekday's name; None where it belongs to another month."""
    holidays, zone = set(version.holidays), ZoneInfo(version.time_zone)
    month = days.Calendar().monthdatescalendar(first.year, first.month)
    return [
        [(DAYS[day.weekday()][:3], _day(version, day, holidays, zone, today) if day.month == first.month else None) for day in week]
        for week in month
    ]


def _day(version: CalendarVersion, day: date, holidays: set[str], zone: ZoneInfo, today: date) -> Day:
    if version.sites:
        hours, note = unions.hours_on(version, day)
        return Day(day, hours, note, _clock_change(day, zone), day == today)
    iso = day.isoformat()
    name, shift = version.names.get(iso, ""), _clock_change(day, zone)
    if iso in version.exceptions:
        return Day(day, write_shifts(version.exceptions[iso]), name or "exception", shift, day == today)
    if iso in holidays:
        return Day(day, "", name or "holiday", shift, day == today)
    return Day(day, write_shifts(version.weekly.get(str(day.weekday()), [])), "", shift, day == today)


def _clock_change(day: date, zone: ZoneInfo) -> str:
    """How the clocks are put on a date: a day of other than 24 hours."""
    gained = local_midnight(day + timedelta(days=1), zone) - local_midnight(day, zone) - 86_400
    return "" if not gained else f"clocks go {'back' if gained > 0 else 'forward'} {duration(abs(gained))}"


def _values(data: Mapping[str, Any], latest: CalendarVersion | None = None) -> dict[str, Any]:
    """What the actions take; public holidays are frozen into the version here and now. Exceptions and names stay from the last one."""
    found = actions.public_holidays(data["region"], data["years"]) if data["region"] else {}
    source = f"{data['region'].strip().upper()} {data['years'][0]}–{data['years'][-1]}" if found else ""
    kept = latest.names if latest is not None else {}
    return {
        "time_zone": data["time_zone"],
        "weekly": data["weekly"],
        "holidays": [*found, *data["closed"]],
        "exceptions": latest.exceptions if latest is not None else {},
        "names": {**{day.isoformat(): name for day, name in found.items()}, **kept},
        "holiday_source": source or (latest.holiday_source if latest is not None else ""),
    }


def _with_exceptions(form: ExceptionForm, latest: CalendarVersion) -> dict[str, Any]:
    """The last version's content with some dates otherwise."""
    exceptions, names = dict(latest.exceptions), dict(latest.names)
    for day in form.days():
        if form.cleaned_data["what"] == "usual":
            if exceptions.pop(day, None) is not None and day not in latest.holidays:
                names.pop(day, None)
        else:
            exceptions[day], names[day] = form.cleaned_data["shifts"], form.cleaned_data["reason"]
    return {
        "time_zone": latest.time_zone,
        "weekly": latest.weekly,
        "holidays": [date.fromisoformat(day) for day in latest.holidays],
        "exceptions": exceptions,
        "names": names,
        "holiday_source": latest.holiday_source,
    }


def _form_page(request: TenantRequest, form: AdoptionForm, **context: Any) -> HttpResponse:
    preview: list[tuple[date, str]] = []
    looking = request.POST.get("do") == "preview"
    if looking and form.is_valid() and form.cleaned_data.get("region"):
        attempted = attempt(form, lambda: actions.public_holidays(form.cleaned_data["region"], form.cleaned_data["years"]))
        preview = list((attempted or {}).items())
    status = 422 if form.is_bound and form.errors else 200
    known = {"form": form, "preview": preview, "looked": looking, "union": isinstance(form, UnionForm)}
    return render(request, "sla/calendar_form.html", {**known, **context}, status=status)


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
def new_union(request: TenantRequest, organization: str) -> HttpResponse:
    """A calendar open whenever one of several sites is; read back before it is saved."""
    form = UnionForm(request.POST or None, initial={"time_zone": request.organization.time_zone})
    if request.POST and request.POST.get("do") != "preview":
        made = attempt(form, lambda: actions.create_calendar(name=form.cleaned_data["name"], by=request.actor, **form.content()))
        if made is not None:
            return HttpResponseRedirect(address("calendar", organization, Calendar.objects.filter(id__lte=made.calendar_id).count()))
    trail = [("Calendars", address("calendars", organization)), ("Follow the sun", "")]
    return _form_page(
        request, form, title="A calendar that follows the sun", submit="Add calendar", crumbs=trail, read_back=_read_back(request, form)
    )


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_union_version(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """The sites as they are now, or others."""
    found = calendar_or_404(number)
    latest = CalendarVersion.objects.filter(calendar=found).order_by("-number")[0]
    if not latest.sites:
        raise Http404("No such page.")
    now = latest_calendars().filter(calendar__in=[site["calendar"] for site in latest.sites])
    initial = {"time_zone": latest.time_zone, "sites": list(now.values_list("pk", flat=True))}
    form = UnionForm(request.POST or None, initial=initial, named=False, adopting=_adopting(found))
    return _change(request, form, found, number, f"New version of {found.name}", form.content, _read_back(request, form))


def _read_back(request: TenantRequest, form: UnionForm) -> list[str]:
    """In plain English, what was asked to be shown before it is saved."""
    if request.POST.get("do") != "preview" or not form.is_valid():
        return []
    made = attempt(form, lambda: actions.proposed_calendar_version(Calendar(organization_id=request.organization.pk), **form.content()))
    return unions.read_back(made, timezone.now()) if made is not None else []


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_calendar_version(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    found, latest = _latest(number)
    adopting = _adopting(found)
    form = CalendarForm(request.POST or None, initial=dict(initial_of_calendar(latest)), named=False, adopting=adopting)
    title = f"New version of {found.name}"
    return _change(request, form, found, number, title, lambda: _values(form.cleaned_data, latest))


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_exception(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    """Dates open otherwise, as the calendar's next version."""
    found, latest = _latest(number)
    form = ExceptionForm(request.POST or None, adopting=_adopting(found))
    return _change(request, form, found, number, f"Exception for {found.name}", lambda: _with_exceptions(form, latest))


def _latest(number: int) -> tuple[Calendar, CalendarVersion]:
    found = calendar_or_404(number)
    latest = CalendarVersion.objects.filter(calendar=found).order_by("-number")[0]
    if latest.sites:
        # Hours and exceptions are its sites' own.
        raise Http404("No such page.")
    return found, latest


def _adopting(found: Calendar) -> list[tuple[ServiceLevelVersion, Mapping[str, date]]]:
    return [(version, adoption_days(version, timezone.now())) for version in on_calendar(found)]


def _change(
    request: TenantRequest,
    form: AdoptionForm,
    found: Calendar,
    number: int,
    title: str,
    values: Callable[[], dict[str, Any]],
    read_back: Sequence[str] = (),
) -> HttpResponse:
    """A calendar's next version: looked at with what it would do to open clocks, then saved with what each level chose."""
    here = address("calendar", request.organization.slug, number)
    if request.POST and request.POST.get("do") != "preview":
        made = attempt(form, lambda: actions.change_calendar(calendar=found, by=request.actor, adopt=form.adopt(), **values()))
        if made is not None:
            return HttpResponseRedirect(here)
    effects = None
    if request.POST.get("do") == "preview":
        now = timezone.now()
        effects = attempt(form, lambda: effects_of(found, actions.proposed_calendar_version(found, **values()), now))
    trail = [("Calendars", address("calendars", request.organization.slug)), (found.name, here), (title.partition(" ")[0], "")]
    return _form_page(request, form, title=title, submit="Add version", crumbs=trail, effects=effects, changing=True, read_back=read_back)
