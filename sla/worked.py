"""What a promise means at its boundaries, worked out by the engine that will measure it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from lpo.core.localtime import from_epoch, local_midnight
from lpo.core.templatetags.formats import duration
from sla.attain import percent
from sla.clock import ItemEvents, Pause, evaluate
from sla.hours import rule_of
from sla.models import ServiceLevelVersion
from sla.wording import number

_CHECKED = 400


@dataclass(frozen=True, slots=True)
class Case:
    """One worked example: what happens, and how it counts. `kind` is met, breach or draft."""

    what: str
    result: str
    kind: str


def cases(version: ServiceLevelVersion, now: datetime) -> list[Case]:
    """Three cases at the edge of a promise. Raises `CalendarError` where its calendar is never open."""
    return _rate_cases(version) if version.max_error_percent is not None else _clock_cases(version, now)


def _clock_cases(version: ServiceLevelVersion, now: datetime) -> list[Case]:
    """Received at four on a Friday: done at the last second, one second later, and with the client's answer awaited over the weekend."""
    zone, rule = ZoneInfo(version.time_zone), rule_of(version)
    day = now.astimezone(zone).date()
    friday = local_midnight(day + timedelta(days=(4 - day.weekday()) % 7), zone)
    received = friday + 16 * 3600
    due = evaluate(ItemEvents(received), rule, received, explain=False)[0].projected_due
    late = evaluate(ItemEvents(received, stops=(due + 1,)), rule, due + 1, explain=False)[0]
    asked, answered = received + 1800, friday + 3 * 86_400 + int(9.5 * 3600)
    waited = evaluate(ItemEvents(received, (Pause(asked, answered),)), rule, answered, explain=False)[0].projected_due
    at, due_text = _say(received, zone), _say(due, zone)
    return [
        Case(f"Received {at}, finished {due_text}", "Met, at the last second", "met"),
        Case(f"Received {at}, finished one second later", f"Missed, {duration(late.late_seconds)} late", "breach"),
        Case(
            f"Received {at}, waiting on the client from {_say(asked, zone)} to {_say(answered, zone)}",
            f"Due {_say(waited, zone)}" if waited != due else f"Still due {due_text}",
            "met",
        ),
    ]


def _say(instant: int, zone: ZoneInfo) -> str:
    local = from_epoch(instant).astimezone(zone)
    seconds = f":{local:%S}" if local.second else ""
    return f"{local:%a} {local.day} {local:%b %H:%M}{seconds} {local.tzname()}"


def _rate_cases(version: ServiceLevelVersion) -> list[Case]:
    assert version.max_error_percent is not None  # noqa: S101 -- asked by the caller
    limit = Fraction(version.max_error_percent) / 100
    most = -(-limit.numerator * _CHECKED // limit.denominator) - 1
    unit = version.error_unit or "unit"
    return [
        Case(f"{most} wrong of {_CHECKED} {unit}s checked", f"Met: {percent(Fraction(most, _CHECKED))} %", "met"),
        Case(
            f"{most + 1} wrong of {_CHECKED} {unit}s checked",
            f"Missed: {percent(Fraction(most + 1, _CHECKED))} % is not under {number(version.max_error_percent)} %",
            "breach",
        ),
        Case(f"No {unit}s checked", "Not measured: neither met nor missed", "draft"),
    ]
