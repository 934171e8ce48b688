"""The client was told of a delivery; after the contract's acceptance days its silence is acceptance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from engagements import states, transitions
from engagements.actions.bulk import Failure, locked_items
from engagements.actions.checks import check, locked, need_any
from engagements.actions.sources import decided_by_move
from engagements.actions.timing import business_days_after, told
from engagements.models import Contract, DeliveryNotice, LateEntry, Matter, Source, Transition, WorkItem
from engagements.queries import contract_at, contracts_of, in_force
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id

# What silence says of each delivered state.
_SILENCE = {states.DELIVERED: states.ACCEPTED, states.CORRECTED: states.ACCEPTED}
_NOT_DELIVERED = "It is not delivered: there is nothing to give notice of."
AT_ONCE = 500


@transaction.atomic
def record_notice(
    *, item: WorkItem, by: Actor, channel: str, recipient: str, evidence: Document | None, sent_at: datetime | None = None
) -> DeliveryNotice:
    """Put on record that the client was told of the present delivery. The same delivery has one notice: the first."""
    need_any(by, {Permission.TRACK_ITEMS, Permission.WORK_ITEMS})
    item, now = locked(item), timezone.now()
    if item.state not in _SILENCE:
        raise Refused(_NOT_DELIVERED)
    delivery = Transition.objects.filter(item=item).effective().last()
    known: DeliveryNotice | None = DeliveryNotice.objects.filter(transition=delivery).first()
    if known is not None:
        return known
    sent_at, evidence = _on_record(sent_at, now, recipient, evidence)
    deemed_at, clause = _deemed(item, max(sent_at, delivery.at))
    notice = DeliveryNotice(
        organization_id=item.organization_id,
        client_id=item.client_id,
        matter_id=item.matter_id,
        item=item,
        transition=delivery,
        sent_at=sent_at,
        channel=channel,
        recipient=recipient.strip(),
        evidence=evidence,
        deemed_at=deemed_at,
        clause=clause,
        by_label=by.label,
    )
    check(notice)
    notice.save()
    after = {"channel": channel, "recipient": recipient, "sent_at": sent_at.isoformat(), "deemed_at": deemed_at and deemed_at.isoformat()}
    record(by=by, action="delivery.notice", target=notice, after=after, reference=item.reference)
    return notice


def _on_record(sent_at: datetime | None, now: datetime, recipient: str, evidence: Document | None) -> tuple[datetime, Document]:
    """When the notice went out, now where nobody says, and the notice. Raises `Refused` for one that is not on record."""
    if sent_at is not None and sent_at > now:
        raise Refused("This lies in the future.", "sent_at")
    if evidence is None:
        raise Refused("Attach or paste the notice: silence counts only where it is on record.", "message")
    if not recipient.strip():
        raise Refused("Say who was told.", "recipient")
    return sent_at or now, evidence


def _deemed(item: WorkItem, told_at: datetime) -> tuple[datetime | None, str]:
    engagement_id = Matter.objects.values_list("engagement_id", flat=True).get(pk=item.matter_id)
    return _silent_until(contract_at(engagement_id, told_at), told_at)


def _silent_until(contract: Contract | None, told_at: datetime) -> tuple[datetime | None, str]:
    """The end of the last acceptance day in the contract's zone, and the clause that says so. No days agreed: silence says nothing."""
    if contract is None or not contract.acceptance_days:
        return None, ""
    zone, days = ZoneInfo(contract.time_zone), contract.acceptance_days
    last = business_days_after(told_at.astimezone(zone).date(), days)
    ends = datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone)
    when = f"of {contract.effective_from:%d %b %Y}"
    return ends, f"Contract version {contract.number} {when}: accepted unless returned within {days} business day{'s' if days != 1 else ''}"


@dataclass(frozen=True)
class Delivered:
    """A delivery the client would be told of, and until when it may be returned then."""

    item: WorkItem
    delivery: Transition
    deemed_at: datetime | None
    clause: str


@dataclass(frozen=True)
class Telling:
    """What one notice of many deliveries comes to: those it counts for, those told of before, and why it counts for no others."""

    going: list[Delivered] = field(default_factory=list)
    already: list[WorkItem] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def judge_notices(*, matter: Matter, items: Sequence[WorkItem], sent_at: datetime) -> Telling:
    """In three statements for any number of items of one matter."""
    moves = Transition.objects.filter(item_id__in=[item.pk for item in items if item.state in _SILENCE]).effective()
    last = {move.item_id: move for move in moves}
    known = set(
        DeliveryNotice.objects.filter(transition_id__in=[move.pk for move in last.values()]).values_list("transition_id", flat=True)
    )
    contracts, found = contracts_of(matter.engagement_id), Telling()
    for item in items:
        if item.matter_id != matter.pk or item.pk not in last:
            found.failures.append(Failure(item.reference, _NOT_DELIVERED))
        elif last[item.pk].pk in known:
            found.already.append(item)
        else:
            told_at = max(sent_at, last[item.pk].at)
            found.going.append(Delivered(item, last[item.pk], *_silent_until(in_force(contracts, told_at), told_at)))
    return found


@transaction.atomic
def record_notices(
    *,
    matter: Matter,
    ids: Sequence[int],
    by: Actor,
    channel: str,
    recipient: str,
    evidence: Document | None,
    sent_at: datetime | None = None,
) -> Telling:
    """Put on record that one message told the client of many deliveries of a matter: a notice of each, all with the same evidence.

    What is not delivered is reported and keeps nothing back; what was told of before keeps its first notice.
    """
    need_any(by, {Permission.TRACK_ITEMS, Permission.WORK_ITEMS})
    if not ids:
        raise Refused("Tick at least one item.")
    sent_at, evidence = _on_record(sent_at, timezone.now(), recipient, evidence)
    telling = judge_notices(matter=matter, items=locked_items(ids), sent_at=sent_at)
    rows = [
        DeliveryNotice(
            **{"organization_id": matter.organization_id, "client_id": matter.client_id, "matter_id": matter.pk, "item": one.item},
            **{"transition": one.delivery, "sent_at": sent_at, "channel": channel, "recipient": recipient.strip(), "evidence": evidence},
            **{"deemed_at": one.deemed_at, "clause": one.clause, "by_label": by.label},
        )
        for one in telling.going
    ]
    if rows:
        check(rows[0])  # all say the same of whom, how and when
        DeliveryNotice.objects.bulk_create(rows)
        after: dict[str, object] = {"channel": channel, "recipient": recipient, "sent_at": sent_at.isoformat(), "evidence": evidence.sha256}
        told_of = [one.item.pk for one in telling.going]
        record(by=by, action="delivery.notice_many", target=matter, after=after, ids=told_of, reference=matter.reference)
    return telling


@transaction.atomic
def accept_silence(*, by: Actor, now: datetime | None = None) -> int:
    """Accept what the client was told of and has not returned in time. Runs any number of times; returns how many it accepted.

    A return or a late entry that still waits for its approval holds the silence back.
    """
    now = now or timezone.now()
    due = DeliveryNotice.objects.filter(settled=False, deemed_at__lte=now)
    waiting = LateEntry.objects.filter(state="waiting", kind="move").values("item_id")
    accepted = 0
    for notice in due.exclude(item_id__in=waiting).order_by("deemed_at", "id")[:AT_ONCE]:
        accepted += _settle(notice, by)
    return accepted


def _settle(notice: DeliveryNotice, by: Actor) -> int:
    item = locked(WorkItem.objects.get(pk=notice.item_id))
    notice = locked(notice)
    if notice.settled or notice.deemed_at is None:
        return 0
    last = Transition.objects.filter(item=item).effective().last()
    silent = last is not None and last.pk == notice.transition_id and item.state in _SILENCE
    if silent:
        row = transitions.append(item, _SILENCE[item.state], notice.deemed_at, by, notice.clause[:300])
        why = {"clause": notice.clause, "note": "No answer to the notice of delivery."}
        decided_by_move(by=by, source=Source.DEEMED, item=item, transition=row, **why)
        after = {"at": notice.deemed_at.isoformat(), "clause": notice.clause}
        record(by=by, action="item.deem", target=item, after=after, reference=item.reference)
        told(item)
    notice.settled = True
    notice.save(update_fields=["settled"])
    return int(silent)


def system() -> Actor:
    return Actor.system(current_organization_id(), "Deemed acceptance")
