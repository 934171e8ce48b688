"""From stored calendar and level versions to what the clock engine takes. Versions never change, so open hours are built once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sla.businesstime import ALWAYS, CalendarSpec, Hours, OpenHours, Spec, UnionSpec
from sla.clock import ClockRule, Decides, Party, Target, Unit
from sla.models import CalendarVersion, ServiceLevelVersion

_built: dict[tuple[int, datetime], OpenHours] = {}
_MOST_KEPT = 500


def spec_of(version: CalendarVersion) -> Spec:
    """The calendar a stored version describes. Raises `CalendarError`."""
    if version.sites:
        return UnionSpec(ZoneInfo(version.time_zone), tuple(site_of(site) for site in version.sites))
    return make_spec(version.time_zone, version.weekly, version.holidays, version.exceptions)


def site_of(site: Mapping[str, Any]) -> CalendarSpec:
    """One site of a version that follows the sun, as it was frozen into it."""
    return make_spec(site["time_zone"], site["weekly"], site["holidays"], site["exceptions"])


def make_spec(zone: str, weekly: dict[str, list[list[int]]], holidays: list[str], exceptions: dict[str, list[list[int]]]) -> CalendarSpec:
    """A calendar from its stored form: weekdays "0" … "6", shifts in minutes, ISO dates. Raises `CalendarError`."""
    return CalendarSpec(
        ZoneInfo(zone),
        {int(day): [(start, end) for start, end in shifts] for day, shifts in weekly.items()},
        frozenset(date.fromisoformat(day) for day in holidays),
        {date.fromisoformat(day): [(start, end) for start, end in shifts] for day, shifts in exceptions.items()},
    )


def open_hours(version: CalendarVersion) -> OpenHours:
    """The open hours of a frozen version, shared by the whole process; of a proposed one, built for the asker."""
    if version._state.adding:
        return OpenHours(spec_of(version))
    key = (version.pk, version.created_at)
    if key not in _built:
        if len(_built) >= _MOST_KEPT:
            _built.clear()
        _built[key] = OpenHours(spec_of(version))
    return _built[key]


def hours_of(version: ServiceLevelVersion) -> Hours:
    """The time a level's clocks run on: its calendar's, or every second."""
    if version.unit == Unit.ELAPSED or version.calendar_version is None:
        return ALWAYS
    return open_hours(version.calendar_version)


def rule_of(version: ServiceLevelVersion, closed_at: int | None = None) -> ClockRule:
    """The clock rule of a level version that has a target."""
    assert version.target is not None  # noqa: S101 -- the database requires it of every level but accuracy, which has no clocks
    return ClockRule(
        target=Target(version.target, Unit(version.unit)),
        hours=hours_of(version),
        stopping=frozenset(Party(party) for party in version.pausing_parties),
        decides=Decides(version.decides),
        closed_at=closed_at,
    )
