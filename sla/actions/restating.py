"""Restating a closed window: a new revision beside the old one, with what changed and why. Nothing late is absorbed in silence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import locked
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.localtime import to_epoch
from sla import evidence
from sla.actions.claims import PROVISIONAL, WITHDRAWN, claim_anew, standing_claim
from sla.actions.closing import freeze, publish_attainment, refuse_unfinished
from sla.actions.earnback import consider_earning_back
from sla.actions.incidents import weigh_again
from sla.counting import count_revision
from sla.models import Attainment, AttainmentRow, Clock, DirtyWindow, ServiceLevel
from sla.projection import refresh


@transaction.atomic
def restate_window(
    *, level: ServiceLevel, window_start: datetime, reason: str, by: Actor, publish: bool = False, now: datetime | None = None
) -> Attainment:
    """Measure a closed window anew from what the records say today, as revision n + 1. The earlier revision stays as it was.

    Its claim is made anew where it comes to something else; what was credited already stays until the new one can no longer be
    contested, and billing then charges the difference. Raises `Refused` without a reason, where nothing differs, or while its rows
    are being loaded or counted.
    """
    by.need(Permission.CLOSE_WINDOWS)
    if not reason.strip():
        raise Refused("Say why the window is restated; the client reads this.", "reason")
    at = now or timezone.now()
    locked(level)
    before = latest_closed(level, window_start)
    if before is None:
        raise Refused("Only a closed window can be restated.")
    refuse_unfinished(level, window_start)
    attainment = _measured_anew(before, at)
    changes = differences(before, attainment)
    if not changes:
        raise Refused("Nothing differs from the closed figure: there is nothing to restate.")
    restated = {"revision": before.revision, "sha256": before.snapshot_sha256, "reason": reason.strip()[:500], "changed": changes}
    freeze(attainment, attainment.level_version, at, by, restated)
    _claims(before, attainment, at)
    for one in [attainment, *consider_earning_back(attainment, by, at)]:
        weigh_again(one, by, at)
    record(
        by=by,
        action="window.restate",
        target=attainment,
        before=_figure(before),
        after={**_figure(attainment), "reason": restated["reason"], "changed": len(changes)},
        reference=f"{level.name}, {attainment.label}",
    )
    return publish_attainment(attainment=attainment, by=by) if publish else attainment


def latest_closed(level: ServiceLevel, window_start: datetime) -> Attainment | None:
    rows = Attainment.objects.filter(level=level, window_start=window_start, state="closed").order_by("-revision")
    found: Attainment | None = rows.select_related("level_version__level__workstream__matter", "level_version__calendar_version").first()
    return found


def _measured_anew(before: Attainment, now: datetime) -> Attainment:
    """The next revision with its rows. Clocks are let go of the window first: they stay only where they still belong to it."""
    ids = Clock.objects.filter(level_id=before.level_id, window_start=before.window_start).values_list("item_id", flat=True)
    window = before.level_id, to_epoch(before.window_start)
    refresh(sorted(set(ids)), level_ids=[before.level_id], reopened=window)
    DirtyWindow.objects.filter(level_id=before.level_id, window_start=before.window_start).delete()
    attainment = count_revision(before, now)
    evidence.write_rows(attainment, attainment.level_version, now)
    return attainment


# What is compared of a row; lateness and usage follow from these.
_COMPARED = ("outcome", "started_at", "due_at", "stopped_at", "units", "errors", "weighted")


def differences(before: Attainment, after: Attainment) -> list[dict[str, Any]]:
    """Row by row what a revision changed: reference, what it was and what it is, None where the row was or is not there."""
    was, now = _rows(before), _rows(after)
    changed = sorted(reference for reference in was.keys() | now.keys() if was.get(reference) != now.get(reference))
    return [{"reference": reference, "was": was.get(reference), "is": now.get(reference)} for reference in changed]


def _rows(attainment: Attainment) -> dict[str, list[dict[str, Any]]]:
    """By item; an item may have been checked several times."""
    found: dict[str, list[dict[str, Any]]] = {}
    rows = AttainmentRow.objects.filter(attainment=attainment).order_by("item_reference", "stopped_at", "id")
    for reference, *values in rows.values_list("item_reference", *_COMPARED).iterator(5000):
        known = {name: value for name, value in zip(_COMPARED, values, strict=True) if value is not None}
        found.setdefault(reference, []).append(known)
    return found


def _figure(attainment: Attainment) -> dict[str, Any]:
    return {"revision": attainment.revision, "numerator": attainment.numerator, "denominator": attainment.denominator}


def _claims(before: Attainment, after: Attainment, now: datetime) -> None:
    """The claim of the window as it now is. One that comes to the same stands; a provisional one gives way at once, a final one when
    its successor is final: until then nobody knows whether the client agrees."""
    # One that gave way to another level's says still what the window comes to: no other is made where that is the same.
    standing = standing_claim(before.level_id, before.window_start)
    made = claim_anew(after, now, standing)
    if made is not None and standing is not None and standing.state == PROVISIONAL:
        standing.state, standing.incident = WITHDRAWN, {}
        standing.save(update_fields=["state", "incident"])
