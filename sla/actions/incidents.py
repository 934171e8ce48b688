"""One credit for one incident: which of several claims over the same missed items is paid, on whose word, and what becomes of the others.

A claim that is not chosen gives way and names the one that is paid instead. It gives way for as long as that one stands and shares items
with it as it did: what a restatement changes of that is weighed again, and a claim that has nothing to give way to is made again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from engagements.actions.checks import need_any
from engagements.actions.sources import decided_below, source_of
from engagements.actions.timing import business_days_after
from engagements.models import ClientDecision, Source, What, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused, StaleVersion
from lpo.core.localtime import from_epoch, local_midnight
from sla.actions.claims import FINAL, PROVISIONAL, WITHDRAWN, claim_anew
from sla.actions.earnback import reconsider
from sla.incidents import CHOICE, LARGER, WAITS, Around, Shared, around, items_in_words, named, window_of, zone_of
from sla.models import Attainment, CreditClaim

ON_THE_CLIENTS_SIDE = frozenset({Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})


@transaction.atomic
def choose_credit(
    *, claim: CreditClaim, among: Collection[int], by: Actor, note: str = "", message: Document | None = None, now: datetime | None = None
) -> CreditClaim:
    """Record which claim of an incident the client wants paid. The others it shares items with give way.

    The attorney's sign-in is the client's; the provider attaches what the client wrote. `among`: the claims the client was asked to
    choose between. Raises `StaleVersion` where these are no longer the ones that wait for its word, `Refused` where the contract leaves
    the client nothing to choose.
    """
    need_any(by, ON_THE_CLIENTS_SIDE)
    _alone(claim.level.workstream_id)
    found = around(claim.attainment)
    standing = next((one for one in found.live if one.pk == claim.pk), None)
    waiting = found.candidates(standing) if standing is not None else []
    if len(waiting) < 2 or {one.pk for one in waiting} != set(among):
        yours: dict[str, object] = {"credit": named(claim), "note": note}
        raise StaleVersion("Which claims wait for the client's choice has changed.", theirs=_as_it_stands(claim), yours=yours)
    assert standing is not None  # noqa: S101 -- it is one of those that wait
    if found.rule != CHOICE:
        raise Refused("The contract says which credit stands: the larger.")
    source, at = source_of(by, message), now or timezone.now()
    told: dict[str, Any] = {"client_id": claim.client_id, "matter_id": claim.matter_id, "note": note.strip()[:500], "message": message}
    decision = decided_below(by=by, what=What.CREDIT_CHOSEN, source=source, at=at, **told)
    day = at.astimezone(zone_of(claim)).date()
    _prefer(found, standing, f"the client chose it on {day:%-d %b %Y} ({Source(source).label.lower()})", by, decision)
    weigh_again(claim.attainment, by, at)
    return standing


def _as_it_stands(claim: CreditClaim) -> dict[str, object]:
    """What the claim says now, for who would have chosen among what is gone."""
    row = CreditClaim.objects.get(pk=claim.pk)
    return {"credit": row.note or f"{named(claim)}: {row.get_state_display().lower()}"}


def _alone(workstream_id: int, *, waiting: bool = True) -> bool:
    """Weigh the claims of a workstream one after the other: two windows closed at once would each miss the other's claim. Work goes on
    meanwhile: its rows only refer to the workstream."""
    rows = Workstream.objects.select_for_update(of=("self",), no_key=True, skip_locked=not waiting)
    return bool(list(rows.filter(pk=workstream_id).values_list("pk")))


# --- who gives way --------------------------------------------------------------------------------------------------------------


def _prefer(found: Around, paid: CreditClaim, because: str, by: Actor, decision: ClientDecision | None) -> None:
    """Let every claim over the same items give way to the one that is paid: a provisional one at once, a final one when that is final."""
    others = found.beside(paid)
    before = {one.pk for one in others}
    # With a restated claim goes the one whose place it would have taken.
    others += [one.replaces for one in others if one.replaces is not None and one.replaces.state == FINAL and one.replaces_id not in before]
    paid.note = f"Paid for the incident: {because}."[:500]
    paid.decision = decision
    paid.save(update_fields=["note", "decision"])
    after: dict[str, Any] = {"because": because, "not_paid": [one.formula for one in others]}
    record(by=by, action="claim.choose", target=paid, after=after, reference=named(paid))
    for one in others:
        _give_way(one, paid, found.rests_alike(one, paid), because, decision)
        if one.state != FINAL or paid.state == FINAL:
            withdraw(one, by)


def _give_way(one: CreditClaim, paid: CreditClaim, alike: Shared | None, because: str, decision: ClientDecision | None) -> None:
    share = f" over {items_in_words(alike.number, alike.items)}" if alike is not None else ""
    one.yields_to, one.decision = paid, decision
    # Without the other's name: the client may not have been shown that window yet. Pages name what their reader may read.
    one.note = f"Not paid: one incident{share}, one credit, and another level's is paid: {because}."[:500]
    one.incident = {}
    one.save(update_fields=["yields_to", "decision", "note", "incident"])


def withdraw(claim: CreditClaim, by: Actor) -> None:
    claim.state, claim.incident = WITHDRAWN, {}
    claim.save(update_fields=["state", "incident"])
    instead = claim.yields_to.formula if claim.yields_to is not None else ""
    record(by=by, action="claim.withdraw", target=claim, after={"by": instead, "note": claim.note}, reference=claim.formula[:120])


# --- weighing again -------------------------------------------------------------------------------------------------------------


def weigh_again(attainment: Attainment, by: Actor, now: datetime) -> None:
    """After a claim of a window was made, restated, published or withdrawn: what gave way to a claim that stands no longer, or shares
    nothing with it any more, is made again; and each standing claim stores what it shares with others."""
    _alone(attainment.level.workstream_id)
    found = around(attainment)
    while any(_returned(found, one, by, now) for one in [*found.gone, *found.live] if one.yields_to_id is not None):
        found = around(attainment)
    for claim in found.live:
        mark = mark_of(found, claim)
        if mark != claim.incident:
            claim.incident = mark
            claim.save(update_fields=["incident"])


def _returned(found: Around, one: CreditClaim, by: Actor, now: datetime) -> bool:
    """Let a claim stand again, or make it again, where what it gave way to is no ground any more. False where it still is."""
    paid = next((other for other in found.live if other.pk == one.yields_to_id), None)
    if paid is not None and found.is_last(paid) and found.is_last(one) and found.rests_alike(one, paid):
        return False
    if one.state == FINAL:
        one.yields_to = one.decision = None
        one.note = ""
        one.save(update_fields=["yields_to", "decision", "note"])
        record(by=by, action="claim.stand", target=one, after={"formula": one.formula}, reference=named(one))
        return True
    rows = Attainment.objects.filter(level_id=one.level_id, window_start=one.attainment.window_start, state="closed")
    latest = rows.select_related("level_version__level__workstream__matter").order_by("-revision").first()
    # Of a restated window an earlier claim may still stand, whose place the new one takes.
    standing = next((other for other in found.live if window_of(other) == window_of(one)), None)
    made = claim_anew(latest, now, standing) if latest is not None else None
    if made is None:
        return False
    made.note = "Made again: the credit that was paid instead was restated, or gave way itself."
    made.save(update_fields=["note"])
    record(by=by, action="claim.again", target=made, after={"formula": made.formula, "note": made.note}, reference=named(made))
    reconsider(made.attainment, by, now)
    return True


@dataclass(frozen=True, slots=True)
class Choice:
    """Between which claims, and until when the client may say so; `by` None: silence says nothing."""

    among: Sequence[CreditClaim]
    by: date | None


def choice_of(found: Around, claim: CreditClaim) -> Choice:
    """The last day for the client's word: the contract's business days from when all figures of the incident could be read."""
    among = found.candidates(claim)
    days = found.contract.choice_days if found.contract is not None and found.rule == CHOICE else 0
    published = [one.attainment.published_at for one in among]
    if not days or None in published:
        return Choice(among, None)
    told = max(at for at in published if at is not None)
    return Choice(among, business_days_after(told.astimezone(zone_of(claim)).date(), days))


def mark_of(found: Around, claim: CreditClaim) -> dict[str, Any]:
    """What a standing claim stores of its incident. Empty: it has none, or has given way already."""
    beside = [] if claim.yields_to_id is not None else found.beside(claim)
    if not beside:
        return {}
    choice = choice_of(found, claim)
    chosen_from = len(choice.among) > 1
    return {
        "rule": found.rule if chosen_from else WAITS,
        "choose_by": choice.by.isoformat() if chosen_from and choice.by is not None else None,
        "shares": [_shares(other, found.rests_alike(claim, other)) for other in beside],
    }


def _shares(other: CreditClaim, alike: Shared | None) -> dict[str, Any]:
    assert alike is not None  # noqa: S101 -- `beside` asked for it
    return {"claim": other.pk, "number": alike.number, "items": alike.items}


# --- final ----------------------------------------------------------------------------------------------------------------------


# One statement: what has been contested and not yet resolved keeps a claim provisional. One that gives a credit back rests on the
# windows up to the last that earned it, and waits until the client was shown them all.
_DUE_CLAIMS = """
SELECT k.id FROM sla_creditclaim k
JOIN sla_attainment a ON a.organization_id = k.organization_id AND a.id = k.attainment_id
LEFT JOIN sla_attainment e ON e.organization_id = k.organization_id AND e.id = k.earned_in_id
WHERE k.organization_id = %s AND k.state = 'provisional' AND k.contestable_until <= %s AND NOT EXISTS (
    SELECT 1 FROM sla_clock c JOIN engagements_pause p ON p.organization_id = c.organization_id AND p.item_id = c.item_id
    WHERE c.organization_id = a.organization_id AND c.level_id = a.level_id
      AND c.window_start BETWEEN a.window_start AND coalesce(e.window_start, a.window_start)
      AND p.contested_at IS NOT NULL AND p.withdrawn_at IS NULL)
  AND NOT EXISTS (
    SELECT 1 FROM sla_exclusion x
    JOIN engagements_workitem i ON i.organization_id = x.organization_id AND i.id = x.item_id
    JOIN sla_attainment f ON f.organization_id = x.organization_id AND f.level_id = a.level_id
      AND (f.id = a.id OR f.window_start > a.window_start AND f.window_start <= e.window_start)
    JOIN sla_attainmentrow r ON r.organization_id = x.organization_id AND r.attainment_id = f.id AND r.outcome = 'excluded'
      AND r.item_reference = i.reference
    WHERE x.organization_id = a.organization_id AND x.level_id = a.level_id
      AND x.contested_at IS NOT NULL AND x.withdrawn_at IS NULL)
  AND NOT EXISTS (
    SELECT 1 FROM sla_attainment f
    WHERE f.organization_id = a.organization_id AND f.level_id = a.level_id AND f.published_at IS NULL
      AND f.window_start > a.window_start AND f.window_start <= e.window_start
      AND NOT EXISTS (
        SELECT 1 FROM sla_attainment g WHERE g.organization_id = f.organization_id AND g.level_id = f.level_id
          AND g.window_start = f.window_start AND g.revision > f.revision))
ORDER BY k.id FOR UPDATE OF k SKIP LOCKED
"""


@transaction.atomic
def finalize_claims(*, by: Actor, now: datetime | None = None) -> int:
    """Make claims final that nobody can contest any more and that share no incident with another. How many became so."""
    at = now or datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(_DUE_CLAIMS, [by.organization_id, at])
        ids = [int(row[0]) for row in cursor.fetchall()]
    due = CreditClaim.objects.filter(id__in=ids).select_related("level", "attainment__level_version", "attainment__level")
    due = due.defer("attainment__snapshot")
    for claim in due.order_by("id"):
        if _contract_decides(claim, at):
            _settle(claim, frozenset(ids), by, at)
    made = 0
    # What became of one may be what the next one waited for.
    for claim in due.order_by("id"):
        claim.refresh_from_db(fields=["state", "incident"])
        if claim.state == PROVISIONAL and not claim.incident:
            _make_final(claim, by, at)
            made += 1
    return made


def _make_final(claim: CreditClaim, by: Actor, at: datetime) -> None:
    """With it goes what it takes the place of: the claim of an earlier revision, and those that give way to it."""
    claim.state, claim.final_at = FINAL, at
    claim.save(update_fields=["state", "final_at"])
    record(by=by, action="claim.final", target=claim, after={"formula": claim.formula}, reference=claim.formula[:120])
    gone = [*CreditClaim.objects.filter(yields_to=claim, state=FINAL).order_by("id")]
    if claim.replaces is not None and claim.replaces.state != WITHDRAWN:
        gone.append(claim.replaces)
    for one in gone:
        if one.pk == claim.replaces_id:
            record(by=by, action="claim.withdraw", target=one, after={"by": claim.formula}, reference=one.formula[:120])
            CreditClaim.objects.filter(pk=one.pk).update(state=WITHDRAWN, incident={})
        else:
            withdraw(one, by)
    if gone:
        weigh_again(claim.attainment, by, at)


def _contract_decides(claim: CreditClaim, at: datetime) -> bool:
    """Whether the contract names the claim that is paid: always the larger one, or after the client's days of silence."""
    rule, until = claim.incident.get("rule"), claim.incident.get("choose_by")
    if rule == CHOICE and until:
        return at >= from_epoch(local_midnight(date.fromisoformat(until) + timedelta(days=1), zone_of(claim)))
    return bool(rule == LARGER)


def _settle(claim: CreditClaim, due: frozenset[int], by: Actor, at: datetime) -> None:
    """Let the larger claim of an incident be paid, once none of them can be contested; of two equal ones the earlier."""
    if not _alone(claim.level.workstream_id, waiting=False):
        return
    found = around(claim.attainment)
    one = next((row for row in found.live if row.pk == claim.pk), None)
    choice = choice_of(found, one) if one is not None else Choice([], None)
    if len(choice.among) < 2 or any(row.state != FINAL and row.pk not in due for row in choice.among):
        return
    paid = min(choice.among, key=lambda row: (-row.percent, row.attainment.window_start, row.pk))
    because, decision = "the contract pays the larger", None
    if found.rule == CHOICE:
        assert found.contract is not None  # noqa: S101 -- its rule was read
        clause = f"Contract, version {found.contract.number}: after {found.contract.choice_days} business days of silence the larger credit"
        because = "the larger, by the client's silence" + (f" until {choice.by:%-d %b %Y}" if choice.by else "")
        told: dict[str, Any] = {"client_id": paid.client_id, "matter_id": paid.matter_id, "clause": clause[:200]}
        decision = decided_below(by=by, what=What.CREDIT_CHOSEN, source=Source.DEEMED, at=at, **told)
    _prefer(found, paid, because, by, decision)
    weigh_again(claim.attainment, by, at)
