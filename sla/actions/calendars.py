"""Calendars: open hours and holidays, frozen in versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import holidays as registry
from django.db import transaction

from engagements.actions.checks import build, known_zone, locked, one_by_one
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from sla.businesstime import CalendarError
from sla.hours import make_spec
from sla.models import Calendar, CalendarVersion

Shifts = Mapping[str, Sequence[Sequence[int]]]
MOST_YEARS = 10


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
    holiday_source: str = "",
) -> CalendarVersion:
    """A calendar with its first version. Raises `Refused`."""
    by.need(Permission.EDIT_LEVELS)
    name = name.strip()
    if not name:
        raise Refused("Give it a name.", "name")
    one_by_one("calendar", name)
    if Calendar.objects.filter(name=name).exists():
        raise Refused("There is a calendar of this name already.", "name")
    calendar = build(Calendar, {"name": name})
    calendar.save()
    return _add(calendar, 1, time_zone, weekly, holidays, exceptions or {}, holiday_source, by)


@transaction.atomic
def add_calendar_version(
    *,
    calendar: Calendar,
    time_zone: str,
    weekly: Shifts,
    by: Actor,
    holidays: Sequence[date] = (),
    exceptions: Shifts | None = None,
    holiday_source: str = "",
) -> CalendarVersion:
    """The next version. Levels keep the version they name until they get a version of their own. The same content adds none."""
    by.need(Permission.EDIT_LEVELS)
    calendar = locked(calendar)
    latest: CalendarVersion | None = CalendarVersion.objects.filter(calendar=calendar).order_by("-number").first()
    assert latest is not None  # noqa: S101 -- a calendar is created with its first version
    content = _content(time_zone, weekly, holidays, exceptions or {}, holiday_source)
    if all(getattr(latest, name) == value for name, value in content.items()):
        return latest
    return _add(calendar, latest.number + 1, time_zone, weekly, holidays, exceptions or {}, holiday_source, by)


def _content(time_zone: str, weekly: Shifts, holidays: Sequence[date], exceptions: Shifts, source: str) -> dict[str, Any]:
    return {
        "time_zone": time_zone,
        "weekly": {day: [list(shift) for shift in shifts] for day, shifts in sorted(weekly.items()) if shifts},
        "holidays": sorted({day.isoformat() for day in holidays}),
        "exceptions": {day: [list(shift) for shift in shifts] for day, shifts in sorted(exceptions.items())},
        "holiday_source": source,
    }


def _add(
    calendar: Calendar, number: int, time_zone: str, weekly: Shifts, holidays: Sequence[date], exceptions: Shifts, source: str, by: Actor
) -> CalendarVersion:
    known_zone(time_zone)
    content = _content(time_zone, weekly, holidays, exceptions, source)
    if not content["weekly"]:
        raise Refused("It is never open. Give at least one day its hours.", "weekly")
    try:
        make_spec(time_zone, content["weekly"], content["holidays"], content["exceptions"])
    except (CalendarError, ValueError) as error:
        raise Refused(f"{str(error)[:1].upper()}{str(error)[1:]}.", "weekly") from error
    version = CalendarVersion(calendar=calendar, number=number, **content)
    version.save(force_insert=True)
    record(by=by, action="calendar.version", target=calendar, after={"number": number, **content}, reference=calendar.name)
    return version
