"""Calendars: open hours and holidays, frozen in versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import holidays as registry
from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import build, known_zone, locked, one_by_one
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from sla.actions.levels import Promise, add_level_version, recompute
from sla.adoption import KEEP, NEW, OPEN, adoption_days, on_calendar
from sla.businesstime import CalendarError
from sla.hours import make_spec
from sla.models import Calendar, CalendarVersion

Shifts = Mapping[str, Sequence[Sequence[int]]]
MOST_YEARS = 10
MOST_SITES = 12


@cache
def regions() -> dict[str, tuple[str, ...]]:
    """Countries whose holidays are known, with their subdivisions."""
    return {country: tuple(parts) for country, parts in sorted(registry.list_supported_countries(include_aliases=False).items())}


def public_holidays(region: str, years: Sequence[int]) -> dict[date, str]:
    """Public holidays of "US" or "US-NY" in some years, by date. Raises `Refused` for a region nobody knows."""
    country, _, part = region.strip().upper().partition("-")
    known = regions()
    if country not in known or (part and part not in known[country]):
        raise Refused(f"“{region}” is not a country or subdivision whose holidays are known. Write one as US or US-NY.", "region")
    if not years or len(years) > MOST_YEARS:
        raise Refused(f"Choose between 1 and {MOST_YEARS} years.", "years")
    found = registry.country_holidays(country, subdiv=part or None, years=list(years))
    return dict(sorted(found.items()))


@transaction.atomic
def create_calendar(
    *,
    name: str,
    time_zone: str,
    weekly: Shifts,
    by: Actor,
    holidays: Sequence[date] = (),
    exceptions: Shifts | None = None,
    names: Mapping[str, str] | None = None,
    holiday_source: str = "",
    sites: Sequence[CalendarVersion] = (),
) -> CalendarVersion:
    """A calendar with its first version; of `sites`, open whenever one of them is. Raises `Refused`."""
    by.need(Permission.EDIT_LEVELS)
    name = name.strip()
    if not name:
        raise Refused("Give it a name.", "name")
    one_by_one("calendar", name)
    if Calendar.objects.filter(name=name).exists():
        raise Refused("There is a calendar of this name already.", "name")
    calendar = build(Calendar, {"name": name})
    calendar.save()
    return _add(calendar, 1, _content(time_zone, weekly, holidays, exceptions or {}, names or {}, holiday_source, sites), by)


@transaction.atomic
def add_calendar_version(
    *,
    calendar: Calendar,
    time_zone: str,
    weekly: Shifts,
    by: Actor,
    holidays: Sequence[date] = (),
    exceptions: Shifts | None = None,
    names: Mapping[str, str] | None = None,
    holiday_source: str = "",
    sites: Sequence[CalendarVersion] = (),
) -> CalendarVersion:
    """The next version. Levels keep the version they name until they get a version of their own. The same content adds none."""
    by.need(Permission.EDIT_LEVELS)
    calendar = locked(calendar)
    latest: CalendarVersion | None = CalendarVersion.objects.filter(calendar=calendar).order_by("-number").first()
    assert latest is not None  # noqa: S101 -- a calendar is created with its first version
    content = _content(time_zone, weekly, holidays, exceptions or {}, names or {}, holiday_source, sites)
    if all(getattr(latest, name) == value for name, value in content.items()):
        return latest
    return _add(calendar, latest.number + 1, content, by)


def proposed_calendar_version(calendar: Calendar, **content: Any) -> CalendarVersion:
    """The next version as it would be, stored nowhere: what a preview reckons with. Raises `Refused`."""
    values = {"holidays": (), "exceptions": {}, "names": {}, "holiday_source": "", **content}
    source = values.pop("holiday_source")
    checked = _checked(_content(source=source, **values))
    return CalendarVersion(organization_id=calendar.organization_id, calendar=calendar, number=0, **checked)


def _content(
    time_zone: str,
    weekly: Shifts,
    holidays: Sequence[date],
    exceptions: Shifts,
    names: Mapping[str, str],
    source: str,
    sites: Sequence[CalendarVersion] = (),
) -> dict[str, Any]:
    dated = {day.isoformat() for day in holidays} | set(exceptions)
    return {
        "time_zone": time_zone,
        "weekly": {day: [list(shift) for shift in shifts] for day, shifts in sorted(weekly.items()) if shifts},
        "holidays": sorted({day.isoformat() for day in holidays}),
        "exceptions": {day: [list(shift) for shift in shifts] for day, shifts in sorted(exceptions.items())},
        "names": {day: name.strip()[:100] for day, name in sorted(names.items()) if day in dated and name.strip()},
        "holiday_source": source,
        "sites": [_frozen(site) for site in sites],
    }


def _frozen(site: CalendarVersion) -> dict[str, Any]:
    """A site as it stands now, so that what it becomes later leaves the calendar made of it as it is."""
    if site.sites:
        raise Refused(f"{site.calendar.name} follows the sun itself. Choose the sites it is made of.", "sites")
    named = {"name": site.calendar.name, "calendar": site.calendar_id, "version": site.number}
    return named | {name: getattr(site, name) for name in ("time_zone", "weekly", "holidays", "exceptions", "names")}


def _add(calendar: Calendar, number: int, content: dict[str, Any], by: Actor) -> CalendarVersion:
    version = CalendarVersion(calendar=calendar, number=number, **_checked(content))
    version.save(force_insert=True)
    record(by=by, action="calendar.version", target=calendar, after={"number": number, **_told(content)}, reference=calendar.name)
    return version


def _told(content: Mapping[str, Any]) -> dict[str, Any]:
    """For the audit log: of sites their names and versions, for what is in them is on record with their own calendars."""
    return {**content, "sites": [f"{site['name']}, version {site['version']}" for site in content["sites"]]}


def _checked(content: dict[str, Any]) -> dict[str, Any]:
    known_zone(content["time_zone"])
    if sites := content["sites"]:
        if not 2 <= len({site["calendar"] for site in sites}) <= MOST_SITES:
            raise Refused(f"Choose between 2 and {MOST_SITES} calendars.", "sites")
        if content["weekly"] or content["holidays"] or content["exceptions"]:
            raise Refused("Hours, holidays and exceptions are those of its sites.", "sites")
        return content
    if not content["weekly"]:
        raise Refused("It is never open. Give at least one day its hours.", "weekly")
    try:
        make_spec(content["time_zone"], content["weekly"], content["holidays"], content["exceptions"])
    except (CalendarError, ValueError) as error:
        raise Refused(f"{str(error)[:1].upper()}{str(error)[1:]}.", "weekly") from error
    return content


@transaction.atomic
def change_calendar(*, calendar: Calendar, by: Actor, adopt: Mapping[int, str], **content: Any) -> CalendarVersion:
    """The next version of a calendar, and the levels that take it, by explicit choice: level → `NEW`, for work received from a day on,
    or `OPEN`, for its open clocks too. A level that is not named keeps the version it has. Raises `Refused`."""
    by.need(Permission.EDIT_LEVELS)
    version = add_calendar_version(calendar=calendar, by=by, **content)
    for latest in on_calendar(calendar):
        choice = adopt.get(latest.level_id, KEEP)
        if choice in (NEW, OPEN) and latest.calendar_version_id != version.pk:
            days = adoption_days(latest, timezone.now())
            promise: Promise = {name: getattr(latest, name) for name in Promise.__annotations__}  # type: ignore[assignment]
            promise["calendar_version"] = version
            add_level_version(level=latest.level, effective_from=days[choice], by=by, **promise)
            if choice == OPEN:
                recompute(level=latest.level, by=by, repin=True)
    return version
