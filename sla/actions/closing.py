"""Closing a window: the figure and its rows are frozen, a missed one becomes a credit claim."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from engagements.actions.checks import locked
from engagements.actions.publishing import publish_pauses
from engagements.models import ImportBatch, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch, to_epoch
from sla import evidence
from sla.actions.claims import default_of, make_claim
from sla.actions.earnback import consider_earning_back
from sla.actions.incidents import weigh_again
from sla.counting import count_window, counted_of, rolled_up, version_for
from sla.models import (
    Attainment,
    AttainmentRow,
    Clock,
    CreditClaim,
    DirtyWindow,
    Exclusion,
    LevelKind,
    Purpose,
    QualityCheck,
    ServiceLevel,
    ServiceLevelVersion,
)
from sla.projection import refresh
from sla.verdict import Verdict, judge
from sla.windows import period, quarter_of


@transaction.atomic
def close_window(
    *, level: ServiceLevel, window_start: datetime, by: Actor, publish: bool = False, now: datetime | None = None
) -> Attainment:
    """Freeze a level's figure for a window that has ended, with every row behind it and all its inputs.

    Closed already: returns it (and publishes it, if asked). A missed window with a credit makes a provisional claim.
    Raises `Refused` while the window runs, while its rows are still being loaded or counted.
    """
    by.need(Permission.CLOSE_WINDOWS)
    locked(level)
    closed: Attainment | None = (
        Attainment.objects.filter(level=level, window_start=window_start, state="closed").order_by("-revision").first()
    )
    if closed is None:
        closed = _close(level, window_start, by, now or timezone.now())
    return publish_attainment(attainment=closed, by=by) if publish else closed


def _close(level: ServiceLevel, window_start: datetime, by: Actor, now: datetime) -> Attainment:
    refuse_unfinished(level, window_start)
    _let_held_clocks_pass(level, window_start)
    attainment = count_window(level.pk, window_start, now)
    if attainment is None:
        raise Refused("This level has no version to measure by.")
    if attainment.window_end > now:
        end = attainment.window_end.astimezone(ZoneInfo(attainment.level_version.time_zone))
        raise Refused(f"{attainment.label} runs until {end:%d %b %Y, %H:%M} {end.tzname()}. It can be closed after that.")
    _refuse_unjudged(attainment)
    # The level of the version is needed below, and the version's level is this one.
    version = attainment.level_version
    evidence.write_rows(attainment, version, now)
    freeze(attainment, version, now, by)
    made = make_claim(attainment, version, now)
    for one in [*([attainment] if made is not None else []), *consider_earning_back(attainment, by, now)]:
        weigh_again(one, by, now)
    record(
        by=by,
        action="window.close",
        target=attainment,
        after={"numerator": attainment.numerator, "denominator": attainment.denominator, "sha256": attainment.snapshot_sha256},
        reference=f"{level.name}, {attainment.label}",
    )
    return attainment


def refuse_unfinished(level: ServiceLevel, window_start: datetime) -> None:
    """While rows are being loaded or counted, or while a check waits for adjudication, no figure stands that could be frozen."""
    if ImportBatch.objects.filter(workstream_id=level.workstream_id, state="loading").exists():
        raise Refused("A file is being loaded into this workstream. Close the window when it is done.")
    if DirtyWindow.objects.filter(level=level, window_start=window_start).exists():
        raise Refused("This window is being counted anew. Try again in a moment.")
    _refuse_undecided(level, window_start)


def _refuse_undecided(level: ServiceLevel, window_start: datetime) -> None:
    """What a check found waits for a third person's word: that is what the figure follows from."""
    version = version_for(level.pk, window_start)
    if level.kind != LevelKind.ACCURACY or version is None:
        return
    end = from_epoch(period(to_epoch(window_start), version.time_zone, version.window).end)
    disputed = QualityCheck.objects.filter(checked_at__gte=window_start, checked_at__lt=end, sampled__state="disputed")
    waiting = disputed.filter(item__workstream_id=level.workstream_id, sampled__plan__purpose=Purpose.ACCURACY).count()
    if waiting:
        raise Refused(f"{waiting:,} check{' waits' if waiting == 1 else 's wait'} for adjudication. The figure follows from it.")


def _refuse_unjudged(attainment: Attainment) -> None:
    """What is judged with this window has to stand first."""
    version = attainment.level_version
    if not version.roll_up_below:
        return
    own = period(to_epoch(attainment.window_start), version.time_zone, version.window)
    begun = from_epoch(quarter_of(own, version.time_zone).start)
    earlier = Attainment.objects.filter(level_id=attainment.level_id, window_end__gt=begun, state="open")
    waiting = earlier.filter(window_start__lt=attainment.window_start).order_by("window_start").first()
    if waiting is not None:
        raise Refused(f"Close {waiting.label} first: with few items it is judged together with {attainment.label}.")


def _let_held_clocks_pass(level: ServiceLevel, window_start: datetime) -> None:
    """A clock still on hold was not decided in this window; it belongs to the present one."""
    held = Clock.objects.filter(
        level=level, window_start=window_start, stopped_at__isnull=True, cancelled=False, held_since__isnull=False
    ).values_list("item_id", flat=True)
    refresh(sorted(set(held)), level_ids=[level.pk])
    # What the refresh marked is counted right here.
    DirtyWindow.objects.filter(level=level, window_start=window_start).delete()


def freeze(attainment: Attainment, version: ServiceLevelVersion, now: datetime, by: Actor, restated: dict[str, Any] | None = None) -> None:
    """Close a counted attainment. Its figures come from the frozen rows, so the two cannot disagree."""
    count = evidence.count_rows(attainment, version.level.kind)
    attainment.numerator, attainment.denominator = count.numerator, count.denominator
    attainment.pending, attainment.excluded = count.pending, count.excluded
    attainment.median_seconds, attainment.p90_seconds, attainment.measured = count.median, count.p90, count.measured
    verdict = _verdict_on(attainment, version)
    attainment.met, attainment.basis, attainment.below_minimum = verdict.met, verdict.basis.value, verdict.below_minimum
    attainment.computed_at = attainment.closed_at = now
    attainment.closed_by_label = by.label
    attainment.snapshot = evidence.snapshot_of(attainment, version, count, now, default_of(attainment, version).why, restated)
    attainment.snapshot_sha256 = evidence.digest_of(attainment.snapshot)
    attainment.state = "closed"
    attainment.save()


def _verdict_on(attainment: Attainment, version: ServiceLevelVersion) -> Verdict:
    quarter_ends, carried = rolled_up(version, attainment.window_start)
    attainment.carried_numerator, attainment.carried_denominator = carried
    return judge(version, counted_of(attainment), quarter_ends=quarter_ends)


@transaction.atomic
def publish_attainment(*, attainment: Attainment, by: Actor) -> Attainment:
    """Let the client see a closed figure and its rows. Published already: nothing happens."""
    by.need(Permission.CLOSE_WINDOWS)
    attainment = locked(attainment)
    if attainment.state != "closed":
        raise Refused("Only a closed window can be published: an open figure still changes.")
    if attainment.published_at is None:
        attainment.published_at = timezone.now()
        attainment.save(update_fields=["published_at"])
        _publish_ledger(attainment, by)
        if CreditClaim.objects.filter(attainment=attainment).exists():
            weigh_again(attainment, by, attainment.published_at)
        record(
            by=by,
            action="window.publish",
            target=attainment,
            after={"published_at": attainment.published_at},
            reference=str(attainment.label),
        )
    return attainment


def _publish_ledger(attainment: Attainment, by: Actor) -> None:
    """What may be contested in a published window is told with it: the pauses and exclusions of its rows."""
    rows = AttainmentRow.objects.filter(attainment=attainment)
    version = ServiceLevelVersion.objects.get(pk=attainment.level_version_id)
    publish_pauses(references=rows.values("item_reference"), parties=version.pausing_parties, by=by)
    exclusions = Exclusion.objects.filter(
        level_id=attainment.level_id,
        item__reference__in=rows.filter(outcome="excluded").values("item_reference"),
        published_at__isnull=True,
    )
    reference = WorkItem.objects.filter(pk=OuterRef("item_id")).values("reference")[:1]
    exclusions.update(published_at=attainment.published_at, shown_as=Subquery(reference))
