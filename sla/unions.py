"""What pages say of a calendar that follows the sun: its sites' hours in a month, the hours of a day, and all of it in plain English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from lpo.core.localtime import from_epoch, local_midnight
from sla.businesstime import OpenHours
from sla.calendar_forms import DAYS, write_shifts
from sla.hours import open_hours, site_of
from sla.models import Calendar, CalendarVersion

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Site:
    """One site and the hours it adds: `closed` names its holidays and exceptions of the month, `newer` a later version of its own
    calendar, which the union does not follow by itself."""

    name: str
    version: int
    zone: str
    weekly: Mapping[str, Any]
    closed: str
    hours: Fraction
    newer: int | None
    url_number: int | None

    @property
    def open(self) -> str:
        return week_in_words(self.weekly)


def week_in_words(weekly: Mapping[str, Any]) -> str:
    """Mon–Fri 9:00-17:00; Sat 9:00-12:00: neighbouring days of the same hours together."""
    runs: list[tuple[int, int, str]] = []
    for number in range(7):
        hours = write_shifts(weekly.get(str(number), []))
        if not hours:
            continue
        if runs and runs[-1][1] == number - 1 and runs[-1][2] == hours:
            runs[-1] = (runs[-1][0], number, hours)
        else:
            runs.append((number, number, hours))
    names = [name[:3] for name in DAYS]
    return "; ".join(f"{names[first]}{f'–{names[last]}' if last != first else ''} {hours}" for first, last, hours in runs)


def sites_of(version: CalendarVersion, first: date, following: date) -> list[Site]:
    """Sites with their open hours between two dates of the union's zone: two statements, whatever their number."""
    if not version.sites:
        return []
    zone, found = ZoneInfo(version.time_zone), []
    start, end = local_midnight(first, zone), local_midnight(following, zone)
    wanted = {site["calendar"] for site in version.sites}
    latest = dict(CalendarVersion.objects.filter(calendar__in=wanted).order_by("number").values_list("calendar_id", "number"))
    numbers = {pk: number for number, pk in enumerate(Calendar.objects.order_by("id").values_list("id", flat=True), 1)}
    for site in version.sites:
        newest = latest.get(site["calendar"])
        newer = newest if newest is not None and newest > site["version"] else None
        hours = Fraction(OpenHours(site_of(site), first, following).elapsed(start, end), 3600)
        known = (site["name"], site["version"], site["time_zone"], site["weekly"], _closed(site, first, following))
        found.append(Site(*known, hours, newer, numbers.get(site["calendar"])))
    return found


def _closed(site: Mapping[str, Any], first: date, following: date) -> str:
    """1 May Labour Day, 4 May: what falls into the month of a site's holidays and exceptions, by name where there is one."""
    days = sorted({*site["holidays"], *site["exceptions"]})
    within = [(day, date.fromisoformat(day)) for day in days if first <= date.fromisoformat(day) < following]
    return ", ".join(f"{at.day} {at:%b} {site['names'].get(day, '')}".rstrip() for day, at in within)


def hours_on(version: CalendarVersion, day: date) -> tuple[str, str]:
    """The open hours of a date by the union's clock, as 0:00-9:00, 14:00-24:00; and the sites that keep a holiday on it."""
    zone = ZoneInfo(version.time_zone)
    start, end = local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)
    spans = open_hours(version).open_between(start, end)
    said = [f"{_clock(a, zone)}-{'24:00' if b == end else _clock(b, zone)}" for a, b in spans]
    if spans == [(start, end)]:
        said = ["all day"]
    iso = day.isoformat()
    kept = [f"{site['name']}: {site['names'].get(iso) or _otherwise(site, iso)}" for site in version.sites if _otherwise(site, iso)]
    return ", ".join(said), "; ".join(kept)


def _otherwise(site: Mapping[str, Any], iso: str) -> str:
    """How a site keeps a date, where it is not as its week says."""
    if iso in site["exceptions"]:
        return "other hours" if site["exceptions"][iso] else "closed"
    return "holiday" if iso in site["holidays"] else ""


def _clock(instant: int, zone: ZoneInfo) -> str:
    at = from_epoch(instant).astimezone(zone)
    return f"{at.hour}:{at:%M}"


def read_back(version: CalendarVersion, now: datetime) -> list[str]:
    """What a union comes to, in sentences: its sites, an ordinary week's hours, and when nobody is there."""
    zone = ZoneInfo(version.time_zone)
    day = now.astimezone(zone).date()
    monday = day - timedelta(days=day.weekday())
    start, end = local_midnight(monday, zone), local_midnight(monday + WEEK, zone)
    spans = open_hours(version).open_between(start, end)
    hours = Fraction(sum(b - a for a, b in spans), 3600)
    names = [f"{site['name']} ({site['time_zone']})" for site in version.sites]
    lines = [f"Open whenever one of these is open: {', '.join(names)}. Each keeps its own holidays and exceptions, as they are now."]
    lines.append(f"In this week that is {_number(hours)} of {_number(Fraction(end - start, 3600))} hours.")
    edges = [start, *(edge for span in spans for edge in span), end]
    gaps = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]
    told = [f"{_moment(a, zone)} to {_moment(b, zone)}" for a, b in gaps]
    lines.append(f"Nobody is there {'; '.join(told)} ({version.time_zone})." if told else "Somebody is there at every hour of it.")
    return lines


def _number(hours: Fraction) -> str:
    return f"{float(hours):g}"


def _moment(instant: int, zone: ZoneInfo) -> str:
    return f"{from_epoch(instant).astimezone(zone):%a} {_clock(instant, zone)}"
