"""What a promise means at its boundaries, worked out by the engine that will measure it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from engagements import states
from lpo.core.localtime import from_epoch, local_midnight
from lpo.core.templatetags.formats import duration
from sla.attain import percent
from sla.clock import ItemEvents, Pause, evaluate
from sla.counting import of_volume
from sla.hours import rule_of
from sla.models import ServiceLevelVersion
from sla.statistics import sample_needed
from sla.verdict import Counted, Test, bound_of, confidence_of, default, earns_back, judge
from sla.volume import Volume
from sla.wording import bound_text, grouped, number

_CHECKED = 400
_BEGUN = {"": "Received", states.ASSIGNED: "Assigned", states.IN_REVIEW: "Taken into review"}


@dataclass(frozen=True, slots=True)
class Case:
    """One worked example: what happens, and how it counts. `kind` is met, breach or draft."""

    what: str
    result: str
    kind: str


def cases(version: ServiceLevelVersion, now: datetime) -> list[Case]:
    """Three cases at the edge of a promise, and those of its terms for low volume and a minimum.

    Raises `CalendarError` where its calendar is never open.
    """
    if version.min_volume is not None:
        return list(_volume_cases(version))
    edge = _rate_cases(version) if version.max_error_percent is not None else _clock_cases(version, now)
    return [*edge, *_low_volume_cases(version), *_minimum_cases(version), *_earn_back_cases(version)]


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
    at, due_text = f"{_BEGUN[version.start_state]} {_say(received, zone)}", _say(due, zone)
    return [
        Case(f"{at}, finished {due_text}", "Met, at the last second", "met"),
        Case(f"{at}, finished one second later", f"Missed, {duration(late.late_seconds)} late", "breach"),
        Case(
            f"{at}, waiting on the client from {_say(asked, zone)} to {_say(answered, zone)}",
            f"Due {_say(waited, zone)}" if waited != due else f"Still due {due_text}",
            "met",
        ),
    ]


def _say(instant: int, zone: ZoneInfo) -> str:
    local = from_epoch(instant).astimezone(zone)
    seconds = f":{local:%S}" if local.second else ""
    return f"{local:%a} {local.day} {local:%b %H:%M}{seconds} {local.tzname()}"


def _volume_cases(version: ServiceLevelVersion) -> Iterator[Case]:
    """What just reaches it, what just does not, and a window in which less was there than promised."""
    least = version.min_volume or Decimal(0)
    under = least - 1 if least > 1 else least / 2
    for volume, what in (
        (Volume(least, least), f"{grouped(least)} {version.volume_by} delivered in a {version.window}"),
        (Volume(least, under, least), f"{grouped(under)} delivered, more waiting"),
        (Volume(least, under, under if version.volume_offered else None), f"{grouped(under)} delivered, nothing else there to deliver"),
    ):
        met = judge(version, of_volume(volume, 0, 0).counted(), quarter_ends=True).met
        missing = f": {grouped(least - volume.delivered)} short of {grouped(least)}"
        yield Case(what, f"Met{': all there was' if volume.binding else ''}" if met else f"Missed{missing}", "met" if met else "breach")


def _rate_cases(version: ServiceLevelVersion) -> list[Case]:
    assert version.max_error_percent is not None  # noqa: S101 -- asked by the caller
    if version.test != Test.RATE:
        return list(_tested_cases(version))
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


def _tested_cases(version: ServiceLevelVersion) -> Iterator[Case]:
    """Either side of what a bound or an acceptance plan still allows, and too little to say."""
    unit = version.error_unit or "unit"
    if version.test == Test.ACCEPTANCE and version.accepted_sample is not None and version.accepted_errors is not None:
        sample, errors = version.accepted_sample, version.accepted_errors
        counts = [(errors, sample), (errors + 1, sample), (0, sample - 1)]
    else:
        limit = float(Fraction(version.max_error_percent or 0) / 100)
        clean, one = (sample_needed(errors, limit, confidence_of(version)) for errors in (0, 1))
        counts = [(0, clean), (0, clean - 1), (1, one)]
    for errors, checked in counts:
        verdict = judge(version, Counted(errors, checked), quarter_ends=True)
        said = {True: "Met", False: "Missed", None: "Not decided"}[verdict.met]
        bound = bound_of(version, Counted(errors, checked))
        beside = f": upper bound {bound_text(bound, version.max_error_percent)}" if version.test == Test.UPPER_BOUND else ""
        kind = {True: "met", False: "breach", None: "draft"}[verdict.met]
        yield Case(f"{errors} wrong of {checked} {unit}s checked", said + beside, kind)


def _low_volume_cases(version: ServiceLevelVersion) -> Iterator[Case]:
    """Either side of the first band of misses allowed, and of the number below which a window is judged with its quarter."""
    if version.allowed_misses:
        most, allowed = version.allowed_misses[0]
        for misses in (allowed, allowed + 1):
            yield _judged(version, most, misses)
    if version.roll_up_below > 1:
        counted = version.roll_up_below - 1
        yield Case(f"{counted} counted in a {version.window} inside a quarter", "Judged with the end of the quarter", "progressing")


def _judged(version: ServiceLevelVersion, counted: int, misses: int) -> Case:
    numerator = misses if version.max_error_percent is not None else counted - misses
    verdict = judge(version, Counted(numerator, counted), quarter_ends=True)
    what = f"{misses} missed of {counted} counted"
    return Case(what, f"Met: {misses} allowed" if verdict.met else f"Missed: {verdict.allowed} allowed", "met" if verdict.met else "breach")


def _minimum_cases(version: ServiceLevelVersion) -> Iterator[Case]:
    """Just below the minimum, and halfway to what is expected for the last time that earns nothing and the first that does."""
    if version.minimum_percent is None or version.expected_percent is None:
        return
    counted = 10_000
    floor, goal = (math.ceil(value * counted / 100) for value in (version.minimum_percent, version.expected_percent))
    between, free = (floor + goal) // 2, version.misses_before_default
    for numerator, earlier in ((floor - 1, 0), *([(between, free - 1)] if free else []), (between, free)):
        if not 0 < numerator < goal:
            continue
        count = Counted(numerator, counted)
        ruling = default(version, judge(version, count, quarter_ends=True), count, earlier)
        yield Case(f"{percent(Fraction(numerator, counted))} % attained", ruling.why, "breach" if ruling.due else "risk")


def _earn_back_cases(version: ServiceLevelVersion) -> Iterator[Case]:
    """A window missed, and the ones after it: each just at the earn-back target, the last one just short of it, or without any work."""
    target, windows = version.earn_back_percent, version.earn_back_windows
    if target is None or windows is None:
        return
    counted = max(10_000, version.no_credit_below)
    edge, errors = target * counted / 100, version.max_error_percent is not None
    after = f"A {version.window} missed, {'the next' if windows == 1 else f'each of the next {windows}'} at"
    but = f"A {version.window} missed, {'the next' if windows == 1 else f'one of the next {windows}'}"
    last = math.ceil(edge) - 1 if errors else math.ceil(edge)
    for one, which in ((last, after), (last + 1 if errors else last - 1, f"{but} at")):
        count = Counted(one, counted)
        back = earns_back(version, count, met=judge(version, count, quarter_ends=True).met)
        said = "Its credit is given back" if back else "Its credit stands"
        yield Case(f"{which} {percent(Fraction(one, counted))} %", said, "met" if back else "risk")
    yield Case(f"{but} with nothing counted", "Its credit stands", "draft")
