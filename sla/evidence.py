"""The rows behind a closed figure and the snapshot they are frozen with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from lpo.audit.record import canonical
from sla.counting import CHECKED, ERRORS, OUTCOME, STRATUM, WEIGHTED, Count, check_values, of_parts, of_volume
from sla.models import Attainment, AttainmentRow, LevelKind, SamplePlan, ServiceLevelVersion
from sla.volume import DELIVERED, OPEN, QUANTITY, Volume, values_of, volume_of

# 3: rows have what their errors count by severity and the stratum they stand for; the rate is kept where something weighs.
FORMAT = 3
# What the client reads beside a row whose moves or pauses one person wrote down late.
RECORDED_LATE = "Recorded late, approved by a second person"

_CLOCK_ROWS = f"""
INSERT INTO sla_attainmentrow (organization_id, client_id, matter_id, attainment_id, item_reference, external_id, outcome, started_at,
    due_at, stopped_at, used_seconds, paused_seconds, late_seconds, units, errors, stratum, reason)
SELECT c.organization_id, c.client_id, c.matter_id, %s, i.reference, coalesce(i.external_id, ''), {OUTCOME.format(now="%s")},
    c.started_at, c.due_at, c.stopped_at, c.used_seconds, c.paused_seconds, c.late_seconds, NULL, NULL, '',
    coalesce(x.reason, CASE WHEN c.cancelled THEN 'Cancelled before it was due' WHEN EXISTS (
        SELECT 1 FROM engagements_lateentry l
        WHERE l.organization_id = c.organization_id AND l.item_id = c.item_id AND l.state = 'approved'
    ) THEN '{RECORDED_LATE}' ELSE '' END)
FROM sla_clock c
JOIN engagements_workitem i ON i.organization_id = c.organization_id AND i.id = c.item_id
LEFT JOIN sla_exclusion x ON x.organization_id = c.organization_id AND x.level_id = c.level_id AND x.item_id = c.item_id
    AND x.withdrawn_at IS NULL
WHERE c.organization_id = %s AND c.level_id = %s AND c.window_start = %s AND c.cycle = 1
ORDER BY i.reference
"""  # noqa: S608 -- pieces of `sla.counting`
_CHECK_ROWS = f"""
INSERT INTO sla_attainmentrow (organization_id, client_id, matter_id, attainment_id, item_reference, external_id, outcome, started_at,
    due_at, stopped_at, used_seconds, paused_seconds, late_seconds, units, errors, weighted, stratum, reason)
SELECT q.organization_id, q.client_id, q.matter_id, %(attainment)s, i.reference, coalesce(i.external_id, ''),
    CASE WHEN x.id IS NULL THEN 'checked' ELSE 'excluded' END, i.received_at, NULL, q.checked_at, NULL, NULL, NULL, q.units, {ERRORS},
    CASE WHEN %(weights)s <> '{{}}' THEN {WEIGHTED} END, {STRATUM}, coalesce(x.reason, '')
{CHECKED}
ORDER BY i.reference, q.id
"""
_STILL_OPEN = f"""
    SELECT i.organization_id, i.client_id, i.matter_id, i.reference, coalesce(i.external_id, ''), i.received_at, 'pending',
        NULL::timestamptz, {QUANTITY}, '' {{part}} AND %(binding)s
"""
# What was delivered; and what was still open, where less was there to deliver than promised and so decides what was due.
_VOLUME_ROWS = f"""
INSERT INTO sla_attainmentrow (organization_id, client_id, matter_id, attainment_id, item_reference, external_id, outcome, started_at,
    stopped_at, weighted, stratum, reason)
SELECT organization_id, client_id, matter_id, %(attainment)s, reference, external_id, outcome, received_at, delivered_at, quantity, '',
    reason
FROM (
    SELECT i.organization_id, i.client_id, i.matter_id, i.reference, coalesce(i.external_id, '') AS external_id, i.received_at,
        CASE WHEN x.id IS NULL THEN 'met' ELSE 'excluded' END AS outcome, i.first_delivered_at AS delivered_at,
        {QUANTITY} AS quantity, coalesce(x.reason, '') AS reason {DELIVERED}
    UNION ALL {_STILL_OPEN.format(part=OPEN[0])}
    UNION ALL {_STILL_OPEN.format(part=OPEN[1])}
) AS counted ORDER BY reference
"""  # noqa: S608 -- pieces of `sla.volume`
_COUNT_VOLUME_ROWS = """
SELECT coalesce(sum(weighted) FILTER (WHERE outcome = 'met'), 0), coalesce(sum(weighted) FILTER (WHERE outcome = 'pending'), 0),
    count(*) FILTER (WHERE outcome = 'pending'), count(*) FILTER (WHERE outcome = 'excluded')
FROM sla_attainmentrow WHERE organization_id = %s AND attainment_id = %s
"""
_COUNT_CLOCK_ROWS = """
SELECT count(*) FILTER (WHERE outcome = 'met'), count(*) FILTER (WHERE outcome = 'missed'), count(*) FILTER (WHERE outcome = 'pending'),
    count(*) FILTER (WHERE outcome = 'excluded'),
    floor(percentile_cont(0.5) WITHIN GROUP (ORDER BY used_seconds) FILTER (WHERE finished))::bigint,
    floor(percentile_cont(0.9) WITHIN GROUP (ORDER BY used_seconds) FILTER (WHERE finished))::bigint
FROM (SELECT outcome, used_seconds, stopped_at IS NOT NULL AND outcome <> 'excluded' AS finished
      FROM sla_attainmentrow WHERE organization_id = %s AND attainment_id = %s) AS frozen
"""
_COUNT_CHECK_ROWS = """
SELECT stratum, count(DISTINCT item_reference) FILTER (WHERE outcome = 'checked'),
    coalesce(sum(units) FILTER (WHERE outcome = 'checked'), 0), coalesce(sum(errors) FILTER (WHERE outcome = 'checked'), 0),
    coalesce(sum(coalesce(weighted, errors)) FILTER (WHERE outcome = 'checked'), 0), count(*) FILTER (WHERE outcome = 'excluded')
FROM sla_attainmentrow WHERE organization_id = %s AND attainment_id = %s GROUP BY stratum
"""
_SINCE_3 = ("weighted", "stratum")
_FIELDS = (
    "item_reference",
    "external_id",
    "outcome",
    "started_at",
    "due_at",
    "stopped_at",
    "used_seconds",
    "paused_seconds",
    "late_seconds",
    "units",
    "errors",
    "reason",
    *_SINCE_3,
)


def write_rows(attainment: Attainment, version: ServiceLevelVersion, now: datetime) -> None:
    """Freeze every row of the window, set-based. Once: a window is closed once."""
    with connection.cursor() as cursor:
        if version.level.kind == LevelKind.ACCURACY:
            values = check_values(version, attainment.window_start, attainment.window_end)
            cursor.execute(_CHECK_ROWS, {**values, "attainment": attainment.pk})
        elif version.level.kind == LevelKind.THROUGHPUT:
            volume = volume_of(attainment.measured)
            binding = {"binding": volume is not None and volume.binding}
            values = values_of(version, attainment.window_start, attainment.window_end)
            cursor.execute(_VOLUME_ROWS, {**values, **binding, "attainment": attainment.pk})
        else:
            cursor.execute(_CLOCK_ROWS, [attainment.pk, now, attainment.organization_id, attainment.level_id, attainment.window_start])


def count_rows(attainment: Attainment, kind: str, populations: Mapping[str, int] | None = None) -> Count:
    """The figures that the frozen rows themselves add up to. `populations` of strata that weigh: those of the plans, unless given."""
    with connection.cursor() as cursor:
        if kind == LevelKind.ACCURACY:
            cursor.execute(_COUNT_CHECK_ROWS, [attainment.organization_id, attainment.pk])
            rows = cursor.fetchall()
            known = _populations(attainment, [row[0] for row in rows]) if populations is None else populations
            return of_parts((row[0], known.get(row[0], 0), *row[1:]) for row in rows)
        if kind == LevelKind.THROUGHPUT:
            cursor.execute(_COUNT_VOLUME_ROWS, [attainment.organization_id, attainment.pk])
            return _volume_counted(attainment, *cursor.fetchone())
        cursor.execute(_COUNT_CLOCK_ROWS, [attainment.organization_id, attainment.pk])
        met, missed, pending, excluded, median, p90 = cursor.fetchone()
    return Count(met, met + missed, pending, excluded, median, p90)


def _volume_counted(attainment: Attainment, delivered: Decimal, waiting: Decimal, pending: int, excluded: int) -> Count:
    """What was there to deliver is the rows' own sum where it decided; else it only has to have been enough."""
    known = volume_of(attainment.measured)
    assert known is not None  # noqa: S101 -- counted before it was frozen
    offered = delivered + waiting if known.binding else known.offered
    return of_volume(Volume(known.promised, delivered, offered), pending, excluded)


def _populations(attainment: Attainment, strata: Sequence[str]) -> dict[str, int]:
    """How many items each stratum that weighs stands for, as its plan froze them."""
    split = {stratum: stratum.split("/") for stratum in strata if stratum}
    if not split:
        return {}
    plans = SamplePlan.objects.filter(workstream_id=attainment.level.workstream_id, number__in={int(root) for root, _ in split.values()})
    by_number = {plan.number: plan.strata for plan in plans}
    return {stratum: by_number[int(root)][int(place)]["population"] for stratum, (root, place) in split.items()}


def rows_digest(attainment: Attainment, version: int = FORMAT) -> tuple[int, str]:
    """How many rows, and SHA-256 over their canonical lines in the order they were frozen. `version` of the snapshot's format: an
    older one did not hold every column."""
    fields = _FIELDS if version >= FORMAT else _FIELDS[: -len(_SINCE_3)]
    rows: Iterable[tuple[Any, ...]] = AttainmentRow.objects.filter(attainment=attainment).order_by("id").values_list(*fields).iterator(5000)
    digest, number = hashlib.sha256(), 0
    for row in rows:
        digest.update(canonical_bytes(list(row)) + b"\n")
        number += 1
    return number, digest.hexdigest()


def canonical_bytes(value: Any) -> bytes:
    """One byte sequence for one value: sorted keys, no spaces, instants in UTC with microseconds, decimals as text."""
    return json.dumps(canonical(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def snapshot_of(
    attainment: Attainment,
    version: ServiceLevelVersion,
    count: Count,
    closed_at: datetime,
    why: str = "",
    restated: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything a closed figure was computed from, as JSON. `why`: what makes a miss a default, or keeps it from being one; `restated`:
    the revision before, the reason for another and what it changed."""
    number, digest = rows_digest(attainment)
    snapshot = canonical(
        {
            "format": FORMAT,
            "level": {"name": version.level.name, "kind": version.level.kind},
            "version": version_inputs(version),
            "calendar": calendar_inputs(version),
            "window": {
                "label": attainment.label,
                "start": attainment.window_start,
                "end": attainment.window_end,
                "zone": version.time_zone,
            },
            "revision": attainment.revision,
            "counts": {
                "numerator": count.numerator,
                "denominator": count.denominator,
                "pending": count.pending,
                "excluded": count.excluded,
                "carried_numerator": attainment.carried_numerator,
                "carried_denominator": attainment.carried_denominator,
                "median_seconds": count.median,
                "p90_seconds": count.p90,
            },
            "measured": count.measured,
            "verdict": {"met": attainment.met, "basis": attainment.basis, "below_minimum": attainment.below_minimum, "default": why},
            "rows": {"number": number, "sha256": digest},
            "closed_at": closed_at,
            **({"restates": restated} if restated is not None else {}),
        }
    )
    assert isinstance(snapshot, dict)  # noqa: S101 -- a mapping stays one
    return snapshot


_PROMISE = (
    "number",
    "effective_from",
    "clause",
    "item_kind",
    "priority",
    "severity",
    "item_types",
    "unit",
    "target",
    "start_state",
    "stop_state",
    "decides",
    "pausing_parties",
    "expected_percent",
    "max_error_percent",
    "error_unit",
    "window",
    "time_zone",
    "credit_percent",
    "minimum_percent",
    "misses_before_default",
    "allowed_misses",
    "roll_up_below",
    "no_credit_below",
    "earn_back_percent",
    "earn_back_windows",
    "importance",
    "pool_percent",
    "allocation_percent",
    "test",
    "test_confidence_percent",
    "accepted_sample",
    "accepted_errors",
    "severity_weights",
    "population",
    "adjudicator",
    "min_volume",
    "volume_by",
    "volume_offered",
)


def version_inputs(version: ServiceLevelVersion) -> dict[str, Any]:
    """The promise itself."""
    return {name: getattr(version, name) for name in _PROMISE}


def calendar_inputs(version: ServiceLevelVersion) -> dict[str, Any] | None:
    """The open hours that business time was counted in."""
    stored = version.calendar_version
    if stored is None:
        return None
    names = ("number", "time_zone", "weekly", "holidays", "exceptions")
    # What other calendars never had is no part of their snapshots.
    sites = {"sites": stored.sites} if stored.sites else {}
    return {"name": stored.calendar.name, **{name: getattr(stored, name) for name in names}, **sites}


def digest_of(snapshot: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_bytes(snapshot)).hexdigest()
