"""Closing a window: the figure and its rows are frozen, a missed one becomes a credit claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Max, OuterRef, Subquery
from django.utils import timezone

from engagements.actions.checks import locked
from engagements.actions.publishing import publish_pauses
from engagements.actions.timing import business_days_after
from engagements.models import ImportBatch, Pause, WorkItem
from engagements.queries import contract_on
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch, local_midnight, to_epoch
from sla import evidence, wording
from sla.augmentation import credit_applies
from sla.counting import count_window, counted_of, misses_before, rolled_up, ruling_on, version_for
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
from sla.verdict import Default, Verdict, judge
from sla.windows import period, quarter_of
from sla.worth import share_of

PROVISIONAL, FINAL, WITHDRAWN = "provisional", "final", "withdrawn"


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
    _claim(attainment, version, now)
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


def default_of(attainment: Attainment, version: ServiceLevelVersion) -> Default:
    """Whether the window's miss is a default under its contract: with what closed windows of the twelve months before say."""
    return ruling_on(version, attainment, misses_before(version, attainment.window_start))


def claim_in_words(attainment: Attainment, version: ServiceLevelVersion) -> str:
    """What closing a missed window as it stands would claim, or why it would claim nothing."""
    ruling, (_, shares) = default_of(attainment, version), share_of(version, attainment.window_start)
    return wording.credit_formula(version, counted_of(attainment), attainment.label, shares, ruling.why) if ruling.due else ruling.why


def _claim(attainment: Attainment, version: ServiceLevelVersion, now: datetime) -> None:
    ruling, (percent, shares) = default_of(attainment, version), share_of(version, attainment.window_start)
    if ruling.due and percent and credit_applies(version, attainment.window_start):
        _make_claim(attainment, percent, shares, ruling.why, now, None)


def claim_anew(attainment: Attainment, now: datetime, standing: CreditClaim | None) -> CreditClaim | None:
    """The claim of a restated window in place of the `standing` one; None where there is none to make, or the standing one is right.
    Where a credit is no longer due the claim is one of nothing: it takes the other's place once nobody can contest it."""
    version = attainment.level_version
    ruling, (percent, shares) = default_of(attainment, version), share_of(version, attainment.window_start)
    due = percent if ruling.due and credit_applies(version, attainment.window_start) else Decimal(0)
    if standing is None:
        return _make_claim(attainment, due, shares, ruling.why, now, None) if due else None
    if standing.percent == due:
        return None
    return _make_claim(attainment, due, shares, ruling.why, now, standing)


def _make_claim(
    attainment: Attainment, percent: Decimal, shares: dict[str, Any], why: str, now: datetime, replaces: CreditClaim | None
) -> CreditClaim:
    version = attainment.level_version
    formula = wording.credit_formula(version, counted_of(attainment), attainment.label, shares, why)
    claim = CreditClaim(
        client_id=attainment.client_id,
        matter_id=attainment.matter_id,
        attainment=attainment,
        level_id=attainment.level_id,
        replaces=replaces,
        percent=percent,
        formula=formula if percent else f"No credit for {attainment.label} any more: {formula.partition(': ')[2]}",
        inputs={
            "level": version.level.name,
            "version": version.number,
            "clause": version.clause,
            "window": attainment.label,
            "revision": attainment.revision,
            "numerator": attainment.numerator,
            "denominator": attainment.denominator,
            "target_percent": None if version.expected_percent is None else wording.number(version.expected_percent),
            "max_error_percent": None if version.max_error_percent is None else wording.number(version.max_error_percent),
            **(shares if percent else {}),
            "default": why,
            "snapshot_sha256": attainment.snapshot_sha256,
        },
        contestable_until=contestable_until(attainment, version, now),
    )
    claim.save()
    return claim


def _items_of(attainment: Attainment) -> list[int]:
    return list(Clock.objects.filter(level_id=attainment.level_id, window_start=attainment.window_start).values_list("item_id", flat=True))


def contestable_until(attainment: Attainment, version: ServiceLevelVersion, closed_at: datetime) -> datetime:
    """The later of: the contract's contest days after closing, and the last day on which a pause or an exclusion of the window can be
    contested.

    The contract version that governs the window's first day says how many.
    """
    zone = ZoneInfo(version.time_zone)
    engagement_id = version.level.workstream.matter.engagement_id
    contract = contract_on(engagement_id, attainment.window_start.astimezone(zone).date())
    day = business_days_after(closed_at.astimezone(zone).date(), contract.contest_days if contract else 0)
    pauses = Pause.objects.filter(item_id__in=_items_of(attainment))
    # What was frozen as excluded: an accuracy level has no clocks to find it by.
    named = AttainmentRow.objects.filter(attainment=attainment, outcome="excluded").values("item_reference")
    exclusions = Exclusion.objects.filter(level_id=attainment.level_id, item__reference__in=named)
    lasts = [
        rows.filter(withdrawn_at__isnull=True, resolved_at__isnull=True).aggregate(last=Max("contest_by"))["last"]
        for rows in (pauses, exclusions)
    ]
    return from_epoch(local_midnight(max([day, *filter(None, lasts)]) + timedelta(days=1), zone))


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


# One statement: what has been contested and not yet resolved keeps a claim provisional.
_DUE_CLAIMS = """
SELECT k.id FROM sla_creditclaim k
JOIN sla_attainment a ON a.organization_id = k.organization_id AND a.id = k.attainment_id
WHERE k.organization_id = %s AND k.state = 'provisional' AND k.contestable_until <= %s AND NOT EXISTS (
    SELECT 1 FROM sla_clock c JOIN engagements_pause p ON p.organization_id = c.organization_id AND p.item_id = c.item_id
    WHERE c.organization_id = a.organization_id AND c.level_id = a.level_id AND c.window_start = a.window_start
      AND p.contested_at IS NOT NULL AND p.withdrawn_at IS NULL)
  AND NOT EXISTS (
    SELECT 1 FROM sla_exclusion x
    JOIN engagements_workitem i ON i.organization_id = x.organization_id AND i.id = x.item_id
    JOIN sla_attainmentrow r ON r.organization_id = x.organization_id AND r.attainment_id = a.id AND r.outcome = 'excluded'
      AND r.item_reference = i.reference
    WHERE x.organization_id = a.organization_id AND x.level_id = a.level_id
      AND x.contested_at IS NOT NULL AND x.withdrawn_at IS NULL)
ORDER BY k.id FOR UPDATE OF k SKIP LOCKED
"""


@transaction.atomic
def finalize_claims(*, by: Actor, now: datetime | None = None) -> int:
    """Make claims final that nobody can contest any more. How many became so."""
    at = now or datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(_DUE_CLAIMS, [by.organization_id, at])
        ids = [int(row[0]) for row in cursor.fetchall()]
    for claim in CreditClaim.objects.filter(id__in=ids).select_related("replaces").order_by("id"):
        claim.state, claim.final_at = FINAL, at
        claim.save(update_fields=["state", "final_at"])
        record(by=by, action="claim.final", target=claim, after={"formula": claim.formula}, reference=claim.formula[:120])
        if claim.replaces is not None and claim.replaces.state != WITHDRAWN:
            claim.replaces.state = WITHDRAWN
            claim.replaces.save(update_fields=["state"])
            record(
                by=by, action="claim.withdraw", target=claim.replaces, after={"by": claim.formula}, reference=claim.replaces.formula[:120]
            )
    return len(ids)
