"""The credit claim of a window: made at closing, made anew by a restatement, or again where the one it gave way to no longer stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max

from engagements.actions.timing import business_days_after
from engagements.models import Pause
from engagements.queries import contract_on
from lpo.core.localtime import from_epoch, local_midnight
from sla import wording
from sla.augmentation import credit_applies
from sla.counting import counted_of, misses_before, ruling_on
from sla.models import Attainment, AttainmentRow, Clock, CreditClaim, Exclusion, ServiceLevelVersion
from sla.verdict import Default
from sla.worth import share_of

PROVISIONAL, FINAL, WITHDRAWN = "provisional", "final", "withdrawn"


def standing_claim(level_id: int, start: datetime) -> CreditClaim | None:
    """The claim that says what a window comes to: the newest that stands, or that gave way to another level's."""
    rows = CreditClaim.objects.filter(level_id=level_id, attainment__window_start=start).exclude(state=WITHDRAWN, yields_to__isnull=True)
    rows = rows.select_related("replaces", "attainment__level_version__level__workstream__matter").defer("attainment__snapshot")
    found: CreditClaim | None = rows.order_by("-id").first()
    return found


def place_of(standing: CreditClaim) -> CreditClaim:
    """Whose place a further claim takes: of a provisional one, which gives way at once, that of the final one it would have replaced."""
    before = standing.replaces
    return before if standing.state == PROVISIONAL and before is not None and before.state == FINAL else standing


def worth_of(standing: CreditClaim) -> Decimal:
    """What a claim says its window's miss is worth, before later windows earn it back."""
    return Decimal(standing.inputs["earned_back"]["percent"]) if standing.earned_in_id is not None else standing.percent


def default_of(attainment: Attainment, version: ServiceLevelVersion) -> Default:
    """Whether the window's miss is a default under its contract: with what closed windows of the twelve months before say."""
    return ruling_on(version, attainment, misses_before(version, attainment.window_start))


def claim_in_words(attainment: Attainment, version: ServiceLevelVersion) -> str:
    """What closing a missed window as it stands would claim, or why it would claim nothing."""
    ruling, (_, shares) = default_of(attainment, version), share_of(version, attainment.window_start)
    return wording.credit_formula(version, counted_of(attainment), attainment.label, shares, ruling.why) if ruling.due else ruling.why


def make_claim(attainment: Attainment, version: ServiceLevelVersion, now: datetime) -> CreditClaim | None:
    """The claim of a window that is closed now, where its miss earns one."""
    ruling, (percent, shares) = default_of(attainment, version), share_of(version, attainment.window_start)
    if ruling.due and percent and credit_applies(version, attainment.window_start):
        return _make_claim(attainment, percent, shares, ruling.why, now, None)
    return None


def claim_anew(attainment: Attainment, now: datetime, standing: CreditClaim | None) -> CreditClaim | None:
    """The claim of a restated window in place of the `standing` one; None where there is none to make, or the standing one is right.
    Where a credit is no longer due the claim is one of nothing: it takes the other's place once nobody can contest it."""
    version = attainment.level_version
    ruling, (percent, shares) = default_of(attainment, version), share_of(version, attainment.window_start)
    due = percent if ruling.due and credit_applies(version, attainment.window_start) else Decimal(0)
    if standing is None:
        return _make_claim(attainment, due, shares, ruling.why, now, None) if due else None
    if worth_of(standing) == due:
        return None
    return _make_claim(attainment, due, shares, ruling.why, now, place_of(standing))


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
