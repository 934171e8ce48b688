"""Attainment of open windows: one aggregate for each (level, window) that became dirty."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from lpo.core.localtime import from_epoch, local_midnight, to_epoch
from lpo.core.periods import add_months
from lpo.tenancy.context import current_organization_id
from sla.models import Attainment, LevelKind, ServiceLevelVersion
from sla.rates import Part, Rate, rate_of, weighed_share
from sla.store import mark_dirty
from sla.verdict import Basis, Counted, Default, Verdict, default, judge
from sla.volume import Volume, measure_volume, volume_of
from sla.windows import ends_quarter, in_force, last_of_quarter, period, quarter_of

# The outcome of a clock, once for every reader: the aggregate, the lists behind it and the rows that are frozen.
OUTCOME = """
CASE WHEN c.excluded OR c.cancelled THEN 'excluded'
     WHEN c.stopped_at <= c.due_at THEN 'met'
     WHEN c.stopped_at IS NOT NULL OR (c.held_since IS NULL AND c.due_at < {now}) THEN 'missed'
     ELSE 'pending' END
"""
_CLOCKS = f"""
SELECT count(*) FILTER (WHERE o = 'met'), count(*) FILTER (WHERE o = 'missed'), count(*) FILTER (WHERE o = 'pending'),
    count(*) FILTER (WHERE o = 'excluded'),
    floor(percentile_cont(0.5) WITHIN GROUP (ORDER BY used_seconds) FILTER (WHERE finished))::bigint,
    floor(percentile_cont(0.9) WITHIN GROUP (ORDER BY used_seconds) FILTER (WHERE finished))::bigint
FROM (SELECT {OUTCOME.format(now="%s")} AS o, c.used_seconds, c.stopped_at IS NOT NULL AND NOT c.excluded AS finished
      FROM sla_clock c WHERE c.organization_id = %s AND c.level_id = %s AND c.window_start = %s AND c.cycle = 1) AS counted
"""  # noqa: S608 -- pieces of this module
# Only delivered work counts, and only what was found after the delivery: what quality control catches before is another figure, and so
# is what a sample of work set aside finds. An adjudicated check counts as adjudicated.
CHECKED = """
FROM engagements_workitem i
JOIN sla_qualitycheck q ON q.organization_id = i.organization_id AND q.item_id = i.id
LEFT JOIN sla_sampleitem s ON s.organization_id = q.organization_id AND s.id = q.sampled_id
LEFT JOIN sla_sampleplan p ON p.organization_id = s.organization_id AND p.id = s.plan_id
LEFT JOIN sla_adjudication d ON d.organization_id = q.organization_id AND d.quality_check_id = q.id
LEFT JOIN LATERAL (
    SELECT sum(f.errors * coalesce((%(weights)s::jsonb ->> f.severity)::numeric, 1)) AS errors FROM sla_qualityfinding f
    WHERE f.organization_id = q.organization_id AND f.quality_check_id = q.id AND f.adjudication_id IS NOT DISTINCT FROM d.id
) AS w ON %(weights)s <> '{}'
LEFT JOIN sla_exclusion x ON x.organization_id = i.organization_id AND x.level_id = %(level)s AND x.item_id = i.id
    AND x.withdrawn_at IS NULL
WHERE i.organization_id = %(organization)s AND i.workstream_id = %(workstream)s AND i.kind = %(kind)s
  AND (%(priority)s = '' OR i.priority = %(priority)s)
  AND (%(types)s::text[] = '{}' OR i.type = ANY (%(types)s))
  AND i.first_delivered_at IS NOT NULL AND q.checked_at >= i.first_delivered_at
  AND q.checked_at >= %(start)s AND q.checked_at < %(end)s
  AND (p.id IS NULL OR p.purpose = 'accuracy') AND (%(population)s = 'all' OR p.id IS NOT NULL)
"""
ERRORS = "coalesce(d.errors, q.errors)"
WEIGHTED = f"coalesce(w.errors, {ERRORS})"
# Strata drawn out of proportion weigh by what they stand for, where nothing but random samples counts.
STRATUM = "CASE WHEN p.allocation = 'each' AND %(population)s = 'random' THEN p.root_number || '/' || s.stratum ELSE '' END"
_CHECKS = f"""
SELECT {STRATUM} AS stratum, coalesce(max((p.strata -> s.stratum::int ->> 'population')::bigint), 0),
    count(DISTINCT q.item_id) FILTER (WHERE x.id IS NULL), coalesce(sum(q.units) FILTER (WHERE x.id IS NULL), 0),
    coalesce(sum({ERRORS}) FILTER (WHERE x.id IS NULL), 0), coalesce(sum({WEIGHTED}) FILTER (WHERE x.id IS NULL), 0),
    count(*) FILTER (WHERE x.id IS NOT NULL)
{CHECKED}
GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Count:
    """A window's figures. For clocks `numerator` are the met ones; for accuracy errors in `denominator` units, with their rate."""

    numerator: int
    denominator: int
    pending: int = 0
    excluded: int = 0
    median: int | None = None
    p90: int | None = None
    rate: Rate | None = None
    volume: Volume | None = None

    @property
    def measured(self) -> dict[str, Any]:
        """What is kept beside the counts: {} where the rate is nothing but numerator ÷ denominator."""
        if self.volume is not None:
            return self.volume.as_json()
        return self.rate.as_json() if self.rate is not None else {}

    def counted(self, carried: tuple[int, int] = (0, 0)) -> Counted:
        """As the verdict reads it."""
        return counted_with(self.numerator, self.denominator, carried, self.measured)


def counted_with(numerator: int, denominator: int, carried: tuple[int, int], measured: Mapping[str, Any]) -> Counted:
    """Counts and the rate kept beside them, as the verdict reads them."""
    volume = volume_of(dict(measured))
    if volume is not None:
        return Counted(numerator, denominator, *carried, rate=volume.share, running=volume.running)
    return Counted(numerator, denominator, *carried, rate=weighed_share(measured), sample=measured.get("sample"))


def of_volume(volume: Volume, pending: int, excluded: int) -> Count:
    """The count of a throughput level in whole units, rounded so that they say as much as the quantities whether it was reached."""
    due = ceil(volume.required)
    done = max(floor(volume.delivered), due if volume.delivered >= volume.required else 0)
    return Count(done, due, pending, excluded, volume=volume)


def counted_of(attainment: Attainment) -> Counted:
    """A stored figure as the verdict reads it."""
    carried = attainment.carried_numerator, attainment.carried_denominator
    return counted_with(attainment.numerator, attainment.denominator, carried, attainment.measured)


def of_parts(rows: Iterable[Sequence[Any]]) -> Count:
    """The count of accuracy from (stratum, its population, items, units, errors, weighted errors, excluded) of each stratum."""
    known = list(rows)
    parts = [
        Part(stratum, population, items, int(units), int(errors), Fraction(w)) for stratum, population, items, units, errors, w, _ in known
    ]
    rate = rate_of(parts)
    return Count(rate.errors, rate.units, 0, sum(int(row[-1]) for row in known), rate=rate)


def version_for(level_id: int, window: datetime) -> ServiceLevelVersion | None:
    """The version that a window is measured by: in force when it began, else the level's first."""
    versions = list(
        ServiceLevelVersion.objects.filter(level_id=level_id).select_related("level", "calendar_version").order_by("effective_from")
    )
    if not versions:
        return None
    index = in_force([(version.effective_from, version.time_zone) for version in versions], to_epoch(window))
    found: ServiceLevelVersion = versions[index or 0]
    return found


def rolled_up(version: ServiceLevelVersion, start: datetime) -> tuple[bool, tuple[int, int]]:
    """Whether a window ends a quarter, and the sums of those of the quarter before it that are judged with it."""
    own = period(to_epoch(start), version.time_zone, version.window)
    ends = ends_quarter(own, version.time_zone)
    if not version.roll_up_below or not ends:
        return ends, (0, 0)
    begun = from_epoch(quarter_of(own, version.time_zone).start)
    earlier = Attainment.objects.filter(level_id=version.level_id, window_end__gt=begun, window_start__lt=start)
    latest = earlier.order_by("window_start", "-revision").distinct("window_start")
    sums = [(row.numerator, row.denominator) for row in latest.only("numerator", "denominator", "basis") if row.basis == Basis.ROLLED_UP]
    return True, (sum(numerator for numerator, _ in sums), sum(denominator for _, denominator in sums))


def misses_before(version: ServiceLevelVersion, start: datetime) -> int:
    """How many of the level's closed windows in the twelve months before a window missed what was expected."""
    return misses_before_each([(version, start)])[version.level_id, start]


def misses_before_each(windows: Iterable[tuple[ServiceLevelVersion, datetime]]) -> dict[tuple[int, datetime], int]:
    """The same of several windows, by level and start, in one statement."""
    asked = {(version.level_id, start): _year_before(version, start) for version, start in windows}
    if not asked:
        return {}
    span = {"window_start__gte": min(asked.values()), "window_start__lt": max(start for _, start in asked)}
    closed = Attainment.objects.filter(level_id__in={level for level, _ in asked}, state="closed", **span)
    latest = closed.order_by("level_id", "window_start", "-revision").distinct("level_id", "window_start")
    missed = [(level, at) for level, at, met in latest.values_list("level_id", "window_start", "met") if met is False]
    return {key: sum(level == key[0] and since <= at < key[1] for level, at in missed) for key, since in asked.items()}


def _year_before(version: ServiceLevelVersion, start: datetime) -> datetime:
    zone = ZoneInfo(version.time_zone)
    return from_epoch(local_midnight(add_months(start.astimezone(zone).date(), -12), zone))


def ruling_on(version: ServiceLevelVersion, attainment: Attainment, earlier_misses: int) -> Default:
    """Whether a stored window's miss is a default under its contract."""
    verdict = Verdict(attainment.met, Basis(attainment.basis), below_minimum=attainment.below_minimum)
    return default(version, verdict, counted_of(attainment), earlier_misses)


def judged_in(version: ServiceLevelVersion, start: datetime) -> int:
    """Where the last window of a window's quarter begins."""
    return last_of_quarter(period(to_epoch(start), version.time_zone, version.window), version.time_zone).start


def check_values(version: ServiceLevelVersion, start: datetime, end: datetime) -> dict[str, Any]:
    """Parameters of `CHECKED`."""
    return {
        "organization": version.organization_id,
        "level": version.level_id,
        "workstream": version.level.workstream_id,
        "kind": version.item_kind,
        "priority": version.priority,
        "types": version.types,
        "population": version.population,
        "weights": json.dumps(version.severity_weights),
        "start": start,
        "end": end,
    }


def measure(version: ServiceLevelVersion, start: datetime, end: datetime, now: datetime) -> Count:
    """The figures of one window as they stand at `now`: one indexed statement; two where it matters what was there to deliver."""
    if version.level.kind == LevelKind.THROUGHPUT:
        return of_volume(*measure_volume(version, start, end, now))
    with connection.cursor() as cursor:
        if version.level.kind == LevelKind.ACCURACY:
            cursor.execute(_CHECKS, check_values(version, start, end))
            return of_parts(cursor.fetchall())
        cursor.execute(_CLOCKS, [now, version.organization_id, version.level_id, start])
        met, missed, pending, excluded, median, p90 = cursor.fetchone()
    return Count(met, met + missed, pending, excluded, median, p90)


_TAKE = """
DELETE FROM sla_dirtywindow WHERE organization_id = %s AND id = (
    SELECT id FROM sla_dirtywindow WHERE organization_id = %s ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING level_id, window_start
"""


def take_dirty() -> tuple[int, datetime] | None:
    """Remove one dirty window and return it. Whoever makes it dirty again waits for this transaction, so nothing is lost."""
    organization_id = current_organization_id()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [organization_id, organization_id])
        row = cursor.fetchone()
    return None if row is None else (int(row[0]), row[1])


def count_window(level_id: int, start: datetime, now: datetime) -> Attainment | None:
    """Count a window anew, unless it is closed; returns its open attainment."""
    version = version_for(level_id, start)
    if version is None:
        return None
    latest = Attainment.objects.filter(level_id=level_id, window_start=start).order_by("-revision").first()
    if latest is not None and latest.state == "closed":
        return None
    values = _figures(version, start, now)
    # Found and locked, or created: two workers on one window end up with one row.
    attainment: Attainment
    attainment, _ = Attainment.objects.update_or_create(
        level_id=level_id,
        window_start=start,
        revision=latest.revision if latest else 1,
        defaults=values,
        create_defaults={**values, "client_id": version.client_id, "matter_id": version.matter_id},
    )
    if version.roll_up_below and _weighs(latest) != _weighs(attainment):
        judging = judged_in(version, start)
        mark_dirty([(level_id, judging)] if to_epoch(start) < judging <= to_epoch(now) else [])
    return attainment


def _figures(version: ServiceLevelVersion, start: datetime, now: datetime) -> dict[str, Any]:
    """Columns of an attainment as counted at `now`."""
    window = period(to_epoch(start), version.time_zone, version.window)
    end = from_epoch(window.end)
    count = measure(version, start, end, now)
    quarter_ends, carried = rolled_up(version, start)
    verdict = judge(version, count.counted(carried), quarter_ends=quarter_ends)
    return {
        "level_version": version,
        "window_end": end,
        "label": window.label,
        "numerator": count.numerator,
        "denominator": count.denominator,
        "pending": count.pending,
        "excluded": count.excluded,
        "carried_numerator": carried[0],
        "carried_denominator": carried[1],
        "measured": count.measured,
        "basis": verdict.basis.value,
        "met": verdict.met,
        "below_minimum": verdict.below_minimum,
        "median_seconds": count.median,
        "p90_seconds": count.p90,
        "computed_at": now,
    }


def count_revision(before: Attainment, now: datetime) -> Attainment:
    """Count a closed window into its next revision, by the promise it was measured by."""
    values = _figures(before.level_version, before.window_start, now)
    keys = {"client_id": before.client_id, "matter_id": before.matter_id, "level_id": before.level_id}
    attainment: Attainment = Attainment.objects.create(**keys, window_start=before.window_start, revision=before.revision + 1, **values)
    return attainment


def _weighs(attainment: Attainment | None) -> tuple[int, int] | None:
    """What a window brings to the one it is judged with."""
    if attainment is None or attainment.basis != Basis.ROLLED_UP:
        return None
    return attainment.numerator, attainment.denominator


_OVERTAKEN = """
SELECT DISTINCT c.level_id, floor(extract(epoch FROM c.window_start))::bigint
FROM sla_clock c
LEFT JOIN LATERAL (SELECT a.state, a.computed_at FROM sla_attainment a
    WHERE a.organization_id = c.organization_id AND a.level_id = c.level_id AND a.window_start = c.window_start
    ORDER BY a.revision DESC LIMIT 1) AS a ON true
WHERE c.organization_id = %s AND c.stopped_at IS NULL AND NOT c.cancelled AND c.held_since IS NULL AND c.due_at < %s
  AND (a.state IS NULL OR (a.state = 'open' AND a.computed_at <= c.due_at))
"""
# A held clock is listed where now is: when its window ends it moves on to the next.
_LEFT_BEHIND = """
SELECT c.item_id, c.level_id, c.window_start FROM sla_clock c
WHERE c.organization_id = %s AND c.stopped_at IS NULL AND NOT c.cancelled AND c.held_since IS NOT NULL AND c.window_start < %s
"""


def unjudged(now: datetime) -> list[tuple[int, int]]:
    """Last windows of quarters that have begun without a figure of their own, while earlier ones wait to be judged with them."""
    waiting = Attainment.objects.filter(basis=Basis.ROLLED_UP.value, window_start__gte=now - timedelta(days=200))
    rows = waiting.select_related("level_version").defer("snapshot")
    asked = {(row.level_id, judged_in(row.level_version, row.window_start)) for row in rows}
    begun = {(level, start) for level, start in asked if start <= to_epoch(now)}
    if not begun:
        return []
    known = Attainment.objects.filter(level_id__in={level for level, _ in begun}).values_list("level_id", "window_start")
    return sorted(begun - {(level, to_epoch(start)) for level, start in known})


def overtaken(now: datetime) -> list[tuple[int, int]]:
    """Windows whose figures time alone has changed: a clock came due in them since they were counted."""
    with connection.cursor() as cursor:
        cursor.execute(_OVERTAKEN, [current_organization_id(), now])
        return [(int(level), int(window)) for level, window in cursor.fetchall()]


def left_behind(now: datetime) -> Iterator[int]:
    """Items with a held clock whose window has ended."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_BEHIND, [current_organization_id(), now])
        rows = cursor.fetchall()
    levels = {level for _, level, _ in rows}
    versions = {version.level_id: version for version in ServiceLevelVersion.objects.filter(level_id__in=levels).order_by("effective_from")}
    seen: set[int] = set()
    for item_id, level_id, start in rows:
        version = versions[level_id]
        if item_id not in seen and period(to_epoch(start), version.time_zone, version.window).end <= to_epoch(now):
            seen.add(item_id)
            yield item_id
