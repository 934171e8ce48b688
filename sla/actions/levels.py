"""Service levels: what was promised, in versions, and what is taken out of the fraction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import transaction
from django.utils import timezone

from engagements import states
from engagements.actions.checks import build, change, known_zone, locked
from engagements.actions.item_types import named_types
from engagements.actions.pauses import contest_by_of
from engagements.models import WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.localtime import to_epoch
from lpo.jobs.models import Job
from lpo.jobs.queue import enqueue
from sla import projection, volume
from sla.clock import Party
from sla.facts import REACHED
from sla.frames import reviewer_of
from sla.models import (
    CalendarVersion,
    Exclusion,
    Importance,
    LevelKind,
    Population,
    QualityCheck,
    ServiceLevel,
    ServiceLevelVersion,
    Severity,
    Unit,
    VolumeBy,
)
from sla.verdict import Test
from sla.windows import window_start

# A workstream of this size has its clocks before the page answers; a larger one through a job.
AT_ONCE = 300
# What may start a clock of work besides its receipt.
STARTS = (states.ASSIGNED, states.IN_REVIEW)
RECOMPUTE = "sla.recompute"


class Promise(TypedDict, total=False):
    """The fields of a level's version. `target` in seconds, or in days for business days; `item_types` are codes."""

    clause: str
    item_kind: str
    priority: str
    severity: str
    item_types: Iterable[str]
    unit: str
    target: int | None
    calendar_version: CalendarVersion | None
    start_state: str
    stop_state: str
    decides: str
    pausing_parties: list[str]
    expected_percent: Decimal | None
    max_error_percent: Decimal | None
    error_unit: str
    window: str
    time_zone: str
    minimum_percent: Decimal | None
    misses_before_default: int
    allowed_misses: list[list[int]]
    roll_up_below: int
    no_credit_below: int
    earn_back_percent: Decimal | None
    earn_back_windows: int | None
    importance: str
    credit_percent: Decimal
    pool_percent: Decimal | None
    allocation_percent: Decimal | None
    test: str
    test_confidence_percent: Decimal | None
    accepted_sample: int | None
    accepted_errors: int | None
    min_volume: Decimal | None
    volume_by: str
    volume_offered: bool
    severity_weights: dict[str, str]
    population: str
    adjudicator: str


# What each kind of level measures unless it is said otherwise.
DEFAULTS: dict[str, Promise] = {
    LevelKind.TURNAROUND: {"item_kind": states.WORK, "stop_state": states.DELIVERED},
    LevelKind.RESPONSE: {"item_kind": states.ENQUIRY, "stop_state": states.ACKNOWLEDGED},
    LevelKind.ERROR_RESOLUTION: {"item_kind": states.ERROR, "stop_state": states.CORRECTED},
    LevelKind.ACCURACY: {"item_kind": states.WORK, "stop_state": states.DELIVERED, "error_unit": "document"},
    LevelKind.THROUGHPUT: {"item_kind": states.WORK, "stop_state": states.DELIVERED, "volume_by": VolumeBy.UNITS.value},
}


def complete(kind: str, promise: Promise) -> dict[str, Any]:
    """A promise with what its kind and the field's practice fill in. Raises `Refused` naming what contradicts itself."""
    values: dict[str, Any] = {"pausing_parties": [Party.CLIENT.value], "item_types": {}, **DEFAULTS[kind], **promise}
    known_zone(values.get("time_zone", ""))
    if kind == LevelKind.ACCURACY:
        return _complete_accuracy(values)
    if kind == LevelKind.THROUGHPUT:
        return _complete_volume(values)
    if not values.get("target"):
        raise Refused("Say within what time.", "target")
    if values.get("expected_percent") is None or not 0 < values["expected_percent"] <= 100:
        raise Refused("Give the share promised, above 0 and at most 100 %.", "expected_percent")
    if (values["item_kind"], values["stop_state"]) not in REACHED:
        raise Refused("This kind of item never comes to that state.", "stop_state")
    _start_checked(values)
    if values.get("unit", Unit.ELAPSED) == Unit.ELAPSED:
        values["calendar_version"] = None
    elif values.get("calendar_version") is None:
        raise Refused("Business time needs a calendar.", "calendar_version")
    if not set(values["pausing_parties"]) <= {party.value for party in Party} - {Party.PROVIDER.value}:
        raise Refused("The provider's own pauses never stop a clock.", "pausing_parties")
    values["max_error_percent"], values["error_unit"] = None, ""
    return _credit_checked(values)


def complete_for(workstream_id: int, kind: str, promise: Promise) -> dict[str, Any]:
    """The same for a workstream: the types it names are its own, each with its present name."""
    values = complete(kind, promise)
    return {**values, "item_types": named_types(workstream_id, values["item_types"])}


def _start_checked(values: dict[str, Any]) -> None:
    start = values.get("start_state") or ""
    if start and values["item_kind"] != states.WORK:
        raise Refused("Enquiries and errors start with their receipt or notification.", "start_state")
    if start and (start not in STARTS or values["stop_state"] not in REACHED[states.WORK, start] - {start}):
        raise Refused("The clock must start before it stops.", "start_state")


def _complete_volume(values: dict[str, Any]) -> dict[str, Any]:
    least = values.get("min_volume")
    if least is None or least <= 0:
        raise Refused("Give how much is to be delivered at least, above 0.", "min_volume")
    if values.get("volume_by") not in VolumeBy.values:
        raise Refused("Count items or their units.", "volume_by")
    for name in ("minimum_percent", "allowed_misses", "roll_up_below", "no_credit_below", "earn_back_percent", "earn_back_windows"):
        if values.get(name):
            raise Refused("A volume is reached or not: terms for shares and low counts do not apply to it.", name)
    values.update(target=None, expected_percent=None, max_error_percent=None, calendar_version=None, unit=Unit.ELAPSED.value, error_unit="")
    return _credit_checked(values)


def _complete_accuracy(values: dict[str, Any]) -> dict[str, Any]:
    limit = values.get("max_error_percent")
    if limit is None or not 0 < limit <= 100:
        raise Refused("Give the limit the error rate stays under, above 0 and at most 100 %.", "max_error_percent")
    values.update(target=None, expected_percent=None, calendar_version=None, unit=Unit.ELAPSED.value)
    _test_checked(values)
    return _credit_checked(values)


def _test_checked(values: dict[str, Any]) -> None:
    """What decides an error rate: the test with what it needs and nothing else, weights between 0 and 1."""
    test = values.get("test") or Test.RATE.value
    confidence, sample, errors = (values.get(name) for name in ("test_confidence_percent", "accepted_sample", "accepted_errors"))
    if test == Test.UPPER_BOUND and (confidence is None or not 50 <= confidence < 100):
        raise Refused("Give the confidence of the bound, from 50 and under 100 %.", "test_confidence_percent")
    if test == Test.ACCEPTANCE and (not sample or errors is None or not 0 <= errors < sample):
        raise Refused("An acceptance plan is a sample and the errors accepted in it, fewer than the sample.", "accepted_errors")
    values["test_confidence_percent"] = confidence if test == Test.UPPER_BOUND else None
    values["accepted_sample"], values["accepted_errors"] = (sample, errors) if test == Test.ACCEPTANCE else (None, None)
    weights = values.get("severity_weights") or {}
    if not set(weights) <= set(Severity.values) or any(not 0 <= Decimal(weight) <= 1 for weight in weights.values()):
        raise Refused("What an error counts by its severity lies between 0 and 1.", "severity_weights")
    values["severity_weights"] = {
        name: f"{Decimal(weights[name]).normalize():f}" for name in Severity.values if Decimal(weights.get(name, 1)) != 1
    }
    weighs = test != Test.RATE or values["severity_weights"] or values.get("population") == Population.RANDOM
    for name in ("allowed_misses", "roll_up_below"):
        if weighs and values.get(name):
            raise Refused("Few items are not softened where a sample, a bound or severities decide.", name)


def _credit_checked(values: dict[str, Any]) -> dict[str, Any]:
    _low_volume_checked(values)
    minimum, expected = values.get("minimum_percent"), values.get("expected_percent")
    if minimum is not None and not (expected is not None and 0 < minimum < expected):
        raise Refused("A minimum lies above 0 and below the share promised.", "minimum_percent")
    credit, pool, allocation = values.get("credit_percent", Decimal(0)), values.get("pool_percent"), values.get("allocation_percent")
    if not 0 <= credit <= 100:
        raise Refused("A credit lies between 0 and 100 %.", "credit_percent")
    if (pool is None) != (allocation is None):
        raise Refused(
            "A pool and the level's part of it are given together.", "allocation_percent" if allocation is None else "pool_percent"
        )
    for name, share in (("pool_percent", pool), ("allocation_percent", allocation)):
        if share is not None and not 0 < share <= 100:
            raise Refused("Give a share above 0 and at most 100 %.", name)
    if pool is not None and credit:
        raise Refused("Give either a share of the credit base or one of a pool, not both.", "pool_percent")
    if values.get("importance") == Importance.KEY and (credit or pool is not None):
        raise Refused("A key level is measured and reported only: it earns no credit.", "importance")
    _earn_back_checked(values, earns=bool(credit) or pool is not None)
    return values


def _earn_back_checked(values: dict[str, Any], *, earns: bool) -> None:
    """A target beyond what is promised, and in how many following windows it is reached: both or neither."""
    target, windows = values.get("earn_back_percent"), values.get("earn_back_windows")
    if (target is None) != (windows is None):
        missing = "earn_back_windows" if windows is None else "earn_back_percent"
        raise Refused("An earn-back is a target and the number of windows that must reach it.", missing)
    if target is None or windows is None:
        return
    expected, limit = values.get("expected_percent"), values.get("max_error_percent")
    if limit is not None and not 0 < target < limit:
        raise Refused("An earn-back target for errors lies above 0 and below the limit promised.", "earn_back_percent")
    if expected is not None and not expected < target <= 100:
        raise Refused("An earn-back target lies above the share promised and at most at 100 %.", "earn_back_percent")
    if not 1 <= windows <= 12:
        raise Refused("Between 1 and 12 following windows can earn a credit back.", "earn_back_windows")
    if not earns:
        raise Refused("Without a credit there is nothing to earn back.", "earn_back_percent")


def _low_volume_checked(values: dict[str, Any]) -> None:
    """The table of misses allowed rises in both columns; rolling up needs a window shorter than the quarter."""
    bands = values.get("allowed_misses") or []
    counted = [most for most, _ in bands]
    misses = [allowed for _, allowed in bands]
    if counted != sorted(set(counted)) or misses != sorted(misses) or any(most < 1 or not 0 <= few < most for most, few in bands):
        raise Refused("Give the bands in order, as in “9: 1, 19: 2”: up to so many counted, so many misses allowed.", "allowed_misses")
    if values.get("roll_up_below") and values.get("window") == "quarter":
        raise Refused("A quarter is not rolled up into a quarter.", "roll_up_below")


@transaction.atomic
def create_level(
    *, workstream: Workstream, kind: str, name: str, effective_from: date, by: Actor, **promise: Unpack[Promise]
) -> ServiceLevelVersion:
    """A service level with its first version; the clocks of what the workstream holds already follow. Raises `Refused`."""
    by.need(Permission.EDIT_LEVELS)
    workstream = locked(workstream)
    if ServiceLevel.objects.filter(workstream=workstream, name=name.strip()).exists():
        raise Refused("The workstream has a level of this name already.", "name")
    values = complete_for(workstream.pk, kind, promise)
    scope = {"client_id": workstream.client_id, "matter_id": workstream.matter_id}
    level = build(ServiceLevel, {**scope, "workstream": workstream, "kind": kind, "name": name.strip()})
    level.save()
    version = _add_version(level, 1, effective_from, values, by)
    _clocks_of(level, by)
    return version


@transaction.atomic
def add_level_version(*, level: ServiceLevel, effective_from: date, by: Actor, **promise: Unpack[Promise]) -> ServiceLevelVersion:
    """The promise from a date on. Clocks keep the version they started under; `recompute` may give open ones the new one.

    A version may not begin before the last one. Raises `Refused`.
    """
    by.need(Permission.EDIT_LEVELS)
    level = locked(level)
    latest: ServiceLevelVersion | None = ServiceLevelVersion.objects.filter(level=level).order_by("-number").first()
    assert latest is not None  # noqa: S101 -- a level is created with its first version
    values = complete_for(level.workstream_id, level.kind, promise)
    if latest.effective_from == effective_from and _same(latest, values):
        return latest
    if values.get("window", "month") != latest.window:
        raise Refused(f"It is measured by {latest.window}. Windows of another length are another level: retire this one.", "window")
    if effective_from <= latest.effective_from:
        raise Refused(f"It must begin after the last version, {latest.effective_from:%d %b %Y}.", "effective_from")
    version = _add_version(level, latest.number + 1, effective_from, values, by)
    _clocks_of(level, by)
    return version


def _same(version: ServiceLevelVersion, values: dict[str, Any]) -> bool:
    return all(getattr(version, name) == value for name, value in values.items())


def _add_version(level: ServiceLevel, number: int, effective_from: date, values: dict[str, Any], by: Actor) -> ServiceLevelVersion:
    scope = {"client_id": level.client_id, "matter_id": level.matter_id}
    version = build(ServiceLevelVersion, {**scope, "level": level, "number": number, "effective_from": effective_from, **values})
    version.save(force_insert=True)
    named = {key: value.pk if isinstance(value, CalendarVersion) else value for key, value in values.items()}
    record(
        by=by,
        action="level.version",
        target=level,
        after={"number": number, "effective_from": effective_from, **named},
        reference=level.name,
    )
    return version


def _clocks_of(level: ServiceLevel, by: Actor) -> None:
    """Clocks for the items that were there before the promise."""
    if level.kind == LevelKind.THROUGHPUT:
        versions = volume.of_streams([level.workstream_id], level=level)
        projection.count_again(volume.windows_since(versions, to_epoch(timezone.now())))
        return
    ids = list(WorkItem.objects.filter(workstream_id=level.workstream_id).order_by("id").values_list("id", flat=True)[: AT_ONCE + 1])
    if len(ids) > AT_ONCE:
        key, title = f"{RECOMPUTE}:{level.pk}", f"Clocks of {level.name}"
        enqueue(RECOMPUTE, {"level": level.pk}, by=by, key=key, title=title, matter_id=level.matter_id)
        return
    projection.refresh(ids, level_ids=[level.pk])
    if level.kind == LevelKind.ACCURACY:
        _count_checks_again(level)


def _count_checks_again(level: ServiceLevel) -> None:
    checks = QualityCheck.objects.filter(item__workstream_id=level.workstream_id).values_list("checked_at", flat=True)
    versions = list(ServiceLevelVersion.objects.filter(level=level))
    projection.count_again(
        {(level.pk, window_start(to_epoch(at), version.time_zone, version.window)) for at in checks for version in versions}
    )


@transaction.atomic
def update_level(*, level: ServiceLevel, by: Actor, version: int, **fields: Any) -> ServiceLevel:
    """Rename a level, or retire it: a retired one starts no further clocks. Raises `StaleVersion`."""
    by.need(Permission.EDIT_LEVELS)
    level, before, after = change(level, version, fields)
    if after:
        record(by=by, action="level.update", target=level, before=before, after=after, reference=level.name)
    return level


@transaction.atomic
def recompute(*, level: ServiceLevel, by: Actor, repin: bool = False) -> Job:
    """Compute a level's clocks anew from the facts. `repin` puts open clocks under the version now in force; finished ones and
    closed windows stay as they are."""
    by.need(Permission.EDIT_LEVELS)
    record(by=by, action="level.recompute", target=level, after={"repin": repin}, reference=level.name)
    total = WorkItem.objects.filter(workstream_id=level.workstream_id).count()
    key = f"{RECOMPUTE}:{level.pk}:{repin}"
    payload, title = {"level": level.pk, "repin": repin}, f"Clocks of {level.name}"
    return enqueue(RECOMPUTE, payload, by=by, key=key, title=title, total=total, matter_id=level.matter_id)


@transaction.atomic
def exclude_item(*, level: ServiceLevel, item: WorkItem, reason: str, by: Actor, evidence: Document | None = None) -> Exclusion:
    """Take an item out of a level's fraction. Excluded already: nothing happens. Raises `Refused`.

    A reported error leaves it as "not our error", and only with what shows that.
    """
    by.need(Permission.EDIT_LEVELS)
    item = locked(item)
    if item.workstream_id != level.workstream_id:
        raise Refused("The item belongs to another workstream.")
    known: Exclusion | None = Exclusion.objects.filter(level=level, item=item, withdrawn_at__isnull=True).first()
    if known is not None:
        return known
    if not reason.strip():
        raise Refused("Say why it is excluded; the client reads this.", "reason")
    if item.kind == states.ERROR and evidence is None:
        raise Refused("Attach what shows that it is not our error.", "evidence")
    exclusion = Exclusion(
        client_id=item.client_id,
        matter_id=item.matter_id,
        level=level,
        item=item,
        reason=reason.strip()[:300],
        evidence=evidence,
        by_label=by.label,
        contest_by=contest_by_of(level.workstream.matter.engagement_id, timezone.now()),
    )
    exclusion.save()
    record(by=by, action="level.exclude", target=exclusion, after={"level": level.name, "reason": reason}, reference=item.reference)
    after_exclusion(level, item)
    return exclusion


def after_exclusion(level: ServiceLevel, item: WorkItem) -> None:
    # An accuracy level has no clocks; the refresh marks the windows of the item's checks.
    projection.refresh([item.pk], level_ids=[level.pk])


@transaction.atomic
def record_quality_check(
    *, item: WorkItem, units: int, errors: int, by: Actor, checked_at: datetime | None = None, note: str = ""
) -> QualityCheck:
    """A targeted check: how many units of an item were looked at and how many were wrong. It counts for accuracy once the item was
    delivered and where the level counts every check; it never enters the rate of a random plan."""
    by.need(Permission.CHECK_QUALITY)
    item, now = locked(item), timezone.now()
    at = checked_at or now
    if units < 1:
        raise Refused("At least one unit must have been checked.", "units")
    if not 0 <= errors <= units:
        raise Refused("Errors lie between 0 and the units checked.", "errors")
    if at > now:
        raise Refused("This lies in the future.", "checked_at")
    if at < item.received_at:
        raise Refused("It had not been received then.", "checked_at")
    same = {"item": item, "checked_at": at, "units": units, "errors": errors, "by_member_id": by.member_id}
    twin: QualityCheck | None = QualityCheck.objects.filter(**same).first() if checked_at else None
    if twin is not None:
        return twin
    said = {"note": note[:500], "reviewer_id": reviewer_of(item), "by_label": by.label}
    check = QualityCheck(client_id=item.client_id, matter_id=item.matter_id, **said, **same)
    check.save(force_insert=True)
    record(by=by, action="quality.check", target=check, after={"units": units, "errors": errors, "at": at}, reference=item.reference)
    projection.count_again(projection.accuracy_windows(item.workstream_id, to_epoch(at)))
    return check
