"""Giving a credit back where the windows after a missed one earned it, and claiming it again where they no longer do."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from lpo.accounts.actor import Actor
from lpo.audit.record import record
from sla import earnback
from sla.actions.claims import FINAL, PROVISIONAL, WITHDRAWN, contestable_until, place_of, standing_claim
from sla.models import Attainment, CreditClaim

AGAIN = "Due again: a window that had earned it back was restated and no longer does."


def consider_earning_back(attainment: Attainment, by: Actor, now: datetime) -> list[Attainment]:
    """After a window was closed or restated: what becomes of its own claim, and of those of the windows before that it may earn back.
    Returns the windows whose claims changed."""
    return [missed for missed in earnback.missed_up_to(attainment) if reconsider(missed, by, now)]


def reconsider(missed: Attainment, by: Actor, now: datetime) -> bool:
    """Bring the claim of a missed window in line with the windows that follow it. False where it is already.

    A claim that gave way to another level's is not paid, so there is nothing to give back.
    """
    standing = standing_claim(missed.level_id, missed.window_start)
    if standing is None or standing.state == WITHDRAWN:
        return False
    earners = earnback.earners_of(missed)
    if bool(earners) == (standing.earned_in_id is not None):
        return False
    if earners and standing.percent:
        _give_back(standing, earners, by, now)
        return True
    if not earners:
        _claim_again(standing, by, now)
    return not earners


def _give_back(standing: CreditClaim, earners: list[Attainment], by: Actor, now: datetime) -> None:
    """A claim of nothing in place of the one earned back: a final one stands until this can no longer be contested."""
    window = standing.attainment
    inputs = earnback.inputs_of(standing, earners)
    claim = CreditClaim(
        client_id=standing.client_id,
        matter_id=standing.matter_id,
        attainment=window,
        level_id=standing.level_id,
        replaces=place_of(standing),
        percent=Decimal(0),
        earned_in=earners[-1],
        formula=earnback.formula_of(window.level_version, window.label, inputs["percent"], earners),
        inputs={**standing.inputs, "earned_back": inputs},
        contestable_until=max(contestable_until(row, row.level_version, now) for row in (window, *earners)),
    )
    claim.save()
    _step_back(standing)
    record(by=by, action="claim.earn_back", target=claim, after={"formula": claim.formula, **inputs}, reference=claim.formula[:120])


def _claim_again(earned: CreditClaim, by: Actor, now: datetime) -> None:
    """What had been given back is due again. Where the credit itself still stands, nothing else is claimed."""
    given = earned.inputs["earned_back"]
    place = place_of(earned)
    _step_back(earned)
    stands = place.state == FINAL and place.percent == Decimal(given["percent"]) and place.pk != earned.pk
    if not stands:
        CreditClaim(
            client_id=earned.client_id,
            matter_id=earned.matter_id,
            attainment=earned.attainment,
            level_id=earned.level_id,
            replaces=place if place.state == FINAL else None,
            percent=Decimal(given["percent"]),
            formula=given["formula"],
            inputs={name: value for name, value in earned.inputs.items() if name != "earned_back"},
            contestable_until=contestable_until(earned.attainment, earned.attainment.level_version, now),
            note=AGAIN,
        ).save()
    record(by=by, action="claim.due_again", target=earned, after={"formula": given["formula"]}, reference=given["formula"][:120])


def _step_back(claim: CreditClaim) -> None:
    """A provisional claim gives way at once; a final one when what takes its place is final."""
    if claim.state == PROVISIONAL:
        claim.state, claim.incident = WITHDRAWN, {}
        claim.save(update_fields=["state", "incident"])
