"""Stopping the clock defensibly: reason, party, evidence; contested, upheld or withdrawn."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from engagements import transitions
from engagements.actions.checks import check, locked, need_any
from engagements.actions.items import GRACE, told
from engagements.models import Contract, Matter, Pause, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused

CLIENT, PROVIDER, THIRD_PARTY = "client", "provider", "third_party"
_ON_THE_CLIENTS_SIDE = frozenset({Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})


def business_days_after(day: date, days: int) -> date:
    """The date `days` Mondays to Fridays after `day`. Holidays are the client's gain: they lengthen nothing here."""
    while days > 0:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return day


def _contest_by(item: WorkItem, now: datetime) -> date | None:
    engagement_id = Matter.objects.values_list("engagement_id", flat=True).get(pk=item.matter_id)
    contract = Contract.objects.filter(engagement_id=engagement_id).order_by("-number").first()
    if contract is None:
        return None
    return business_days_after(now.astimezone(ZoneInfo(contract.time_zone)).date(), contract.contest_days)


@transaction.atomic
def pause_item(
    *, item: WorkItem, by: Actor, party: str, reason: str, note: str = "", at: datetime | None = None, evidence: Document | None = None
) -> Pause:
    """Put an open item on hold for one party. The same hold sent again is the first one.

    Backdating beyond 15 minutes needs the right to approve pauses and a note. A pause of the client's or a third party's can be
    contested until the contract's contest days have passed.
    """
    by.need(Permission.PAUSE)
    item, now = locked(item), timezone.now()
    if item.finished:
        raise Refused("Nothing is waited for: it is finished.")
    existing: Pause | None = Pause.objects.filter(item=item, party=party, ended_at__isnull=True, withdrawn_at__isnull=True).first()
    if existing is not None:
        if (existing.reason, existing.note) == (reason, note):
            return existing
        raise Refused("It is on hold for this party already. Resume it first.", "party")
    started_at = _start_of_pause(item, at, now, by, note)
    pause = Pause(
        organization_id=item.organization_id,
        client_id=item.client_id,
        matter_id=item.matter_id,
        item=item,
        party=party,
        reason=reason,
        note=note,
        evidence=evidence,
        started_at=started_at,
        contest_by=None if party == PROVIDER else _contest_by(item, now),
        by_label=by.label,
    )
    check(pause)
    pause.save()
    transitions.project([item.id])
    after = {"party": party, "reason": reason, "note": note, "started_at": started_at.isoformat()}
    record(by=by, action="item.pause", target=item, after=after, reference=item.reference)
    told(item)
    return pause


def _start_of_pause(item: WorkItem, at: datetime | None, now: datetime, by: Actor, note: str) -> datetime:
    if at is None:
        return max(now, item.received_at)
    if at > now:
        raise Refused("This lies in the future.", "at")
    if at < item.received_at:
        raise Refused("It had not been received then.", "at")
    if at < now - GRACE:
        by.need(Permission.APPROVE_PAUSE)
        if not note.strip():
            raise Refused("Say why this is recorded more than 15 minutes later.", "note")
    return at


@transaction.atomic
def resume_item(*, item: WorkItem, by: Actor, at: datetime | None = None, party: str | None = None) -> list[Pause]:
    """End the open pauses (of one party, or all). None open: nothing happens, so a double click resumes once."""
    by.need(Permission.PAUSE)
    item, now = locked(item), timezone.now()
    pauses = Pause.objects.filter(item=item, ended_at__isnull=True, withdrawn_at__isnull=True)
    rows = list(pauses.filter(party=party) if party else pauses)
    if not rows:
        return []
    latest = max(pause.started_at for pause in rows)
    if at is not None and at > now:
        raise Refused("This lies in the future.", "at")
    if at is not None and at < latest:
        raise Refused("It was put on hold after this time.", "at")
    ended_at = at or max(now, latest)
    Pause.objects.filter(id__in=[pause.id for pause in rows]).update(ended_at=ended_at)
    transitions.project([item.id])
    after = {"ended_at": ended_at.isoformat(), "parties": sorted(pause.party for pause in rows)}
    record(by=by, action="item.resume", target=item, after=after, reference=item.reference)
    told(item)
    return list(Pause.objects.filter(id__in=[pause.id for pause in rows]).order_by("id"))


def _owned(pause: Pause) -> tuple[WorkItem, Pause]:
    """The item, locked first as everywhere, and the pause as it is now."""
    item = locked(WorkItem.objects.get(pk=pause.item_id))
    return item, locked(pause)


@transaction.atomic
def withdraw_pause(*, pause: Pause, by: Actor, note: str) -> Pause:
    """The pause never counted: clocks run as if it had not been. What was written stays readable."""
    by.need(Permission.APPROVE_PAUSE)
    item, pause = _owned(pause)
    if pause.withdrawn_at is None:
        _withdraw(item, pause, by, note)
    return pause


def _withdraw(item: WorkItem, pause: Pause, by: Actor, note: str) -> None:
    if not note.strip():
        raise Refused("Say why it is withdrawn.", "note")
    pause.withdrawn_at = timezone.now()
    pause.contested_at = None
    pause.save(update_fields=["withdrawn_at", "contested_at"])
    transitions.project([item.id])
    record(by=by, action="pause.withdraw", target=pause, after={"note": note}, reference=item.reference)
    told(item)


@transaction.atomic
def contest_pause(*, pause: Pause, by: Actor, note: str) -> Pause:
    """Record that the client disputes a pause, until its contest-by date."""
    need_any(by, _ON_THE_CLIENTS_SIDE)
    item, pause = _owned(pause)
    if pause.contested_at is not None:
        return pause
    if pause.withdrawn_at is not None or pause.contest_by is None:
        raise Refused("This pause cannot be contested.")
    if timezone.now().date() > pause.contest_by:
        raise Refused(f"It could be contested until {pause.contest_by:%d %b %Y}.")
    if not note.strip():
        raise Refused("Say what is disputed.", "note")
    pause.contested_at, pause.contest_note = timezone.now(), note
    pause.save(update_fields=["contested_at", "contest_note"])
    record(by=by, action="pause.contest", target=pause, after={"note": note}, reference=item.reference)
    told(item)
    return pause


@transaction.atomic
def resolve_contest(*, pause: Pause, by: Actor, upheld: bool, note: str) -> Pause:
    """Close a dispute: an upheld pause stands and can no longer be contested, the other is withdrawn."""
    by.need(Permission.APPROVE_PAUSE)
    item, pause = _owned(pause)
    if pause.contested_at is None:
        raise Refused("Nobody contests this pause.")
    if not upheld:
        _withdraw(item, pause, by, note)
        return pause
    pause.contested_at, pause.contest_by = None, None
    pause.contest_note = f"{pause.contest_note} Upheld: {note}".strip()[:500]
    pause.save(update_fields=["contested_at", "contest_by", "contest_note"])
    record(by=by, action="pause.uphold", target=pause, after={"note": note}, reference=item.reference)
    told(item)
    return pause
