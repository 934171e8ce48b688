"""Stopping the clock defensibly: reason, party, evidence; contested, upheld or withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from engagements import transitions
from engagements.actions import contests
from engagements.actions.checks import check, locked, need_any
from engagements.actions.late import keep_late
from engagements.actions.sources import decided, source_of
from engagements.actions.timing import GRACE, business_days_after, needs_second, told
from engagements.models import Matter, Pause, Source, What, WorkItem
from engagements.queries import contract_at
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused

CLIENT, PROVIDER, THIRD_PARTY = "client", "provider", "third_party"


def _contest_by(item: WorkItem, now: datetime) -> date | None:
    return contest_by_of(Matter.objects.values_list("engagement_id", flat=True).get(pk=item.matter_id), now)


def contest_by_of(engagement_id: int, now: datetime) -> date | None:
    """The last day on which a hold that begins now can be contested; None where there is no contract."""
    contract = contract_at(engagement_id, now)
    if contract is None:
        return None
    return business_days_after(now.astimezone(ZoneInfo(contract.time_zone)).date(), contract.contest_days)


@transaction.atomic
def pause_item(
    *, item: WorkItem, by: Actor, party: str, reason: str, note: str = "", at: datetime | None = None, evidence: Document | None = None
) -> Pause | None:
    """Put an open item on hold for one party. The same hold sent again is the first one.

    One that began more than 15 minutes ago needs a note and a second person's approval: until then there is none, and None is
    returned. A pause of the client's or a third party's can be contested until the contract's contest days have passed.
    """
    by.need(Permission.PAUSE)
    item, now = locked(item), timezone.now()
    existing = _open_for(item, party)
    if existing is not None and (existing.reason, existing.note) == (reason, note):
        return existing
    started_at = _start_of_pause(item, at, now, note)
    check_pause(item, party)
    if needs_second(started_at, now, by):
        check(_built(item, by, party=party, reason=reason, note=note, started_at=started_at))
        keep_late(item=item, by=by, kind="pause", at=started_at, note=note, party=party, reason=reason, evidence=evidence)
        return None
    pause = apply_pause(item=item, by=by, party=party, reason=reason, note=note, started_at=started_at, evidence=evidence, now=now)
    after = {"party": party, "reason": reason, "note": note, "started_at": started_at.isoformat()}
    record(by=by, action="item.pause", target=item, after=after, reference=item.reference)
    told(item)
    return pause


def _open_for(item: WorkItem, party: str) -> Pause | None:
    found: Pause | None = Pause.objects.filter(item=item, party=party, ended_at__isnull=True, withdrawn_at__isnull=True).first()
    return found


def check_pause(item: WorkItem, party: str) -> None:
    """Raise `Refused` where the item cannot be put on hold for this party."""
    if item.finished:
        raise Refused("Nothing is waited for: it is finished.")
    if _open_for(item, party) is not None:
        raise Refused("It is on hold for this party already. Resume it first.", "party")


def _built(item: WorkItem, by: Actor, **facts: Any) -> Pause:
    own = {"organization_id": item.organization_id, "client_id": item.client_id, "matter_id": item.matter_id, "item": item}
    return Pause(**own, by_label=by.label, **facts)


def apply_pause(
    *, item: WorkItem, by: Actor, party: str, reason: str, note: str, started_at: datetime, evidence: Document | None, now: datetime
) -> Pause:
    """Write a pause that has been checked. `now` is when it was written down; what was approved can be contested from the approval."""
    contest_by = None if party == PROVIDER else _contest_by(item, timezone.now())
    facts = {"party": party, "reason": reason, "note": note, "started_at": started_at, "evidence": evidence}
    pause = _built(item, by, **facts, contest_by=contest_by, recorded_at=now)
    check(pause)
    pause.save()
    transitions.project([item.id])
    return pause


def _start_of_pause(item: WorkItem, at: datetime | None, now: datetime, note: str) -> datetime:
    if at is None:
        return max(now, item.received_at)
    if at > now:
        raise Refused("This lies in the future.", "at")
    if at < item.received_at:
        raise Refused("It had not been received then.", "at")
    if at < now - GRACE and not note.strip():
        raise Refused("Say why this is recorded more than 15 minutes later.", "note")
    return at


@transaction.atomic
def resume_item(
    *,
    item: WorkItem,
    by: Actor,
    at: datetime | None = None,
    party: str | None = None,
    message: Document | None = None,
    note: str = "",
) -> list[Pause]:
    """End the open pauses (of one party, or all). None open: nothing happens, so a double click resumes once.

    `message` is the client's reply, kept with its source. The wait ends now at the latest; an end more than 15 minutes ago counts
    once a second person has approved it.
    """
    attorney = by.kind == "member" and Permission.DECIDE_FOR_CLIENT in by.permissions
    if not attorney:
        by.need(Permission.PAUSE)
    item, now = locked(item), timezone.now()
    if Permission.PAUSE not in by.permissions:
        party = CLIENT
    pauses = Pause.objects.filter(item=item, ended_at__isnull=True, withdrawn_at__isnull=True)
    rows = list(pauses.filter(party=party) if party else pauses)
    if not rows:
        return []
    latest = max(pause.started_at for pause in rows)
    if at is not None and at > now:
        raise Refused("This lies in the future.", "at")
    if at is not None and at < latest:
        raise Refused("It was put on hold after this time.", "at")
    late = at is not None and needs_second(at, now, by, Source.ATTORNEY if attorney else "")
    ended_at = max(now, latest) if at is None or late else at
    Pause.objects.filter(id__in=[pause.id for pause in rows]).update(ended_at=ended_at)
    if late and at is not None:
        for pause in rows:
            why = note or "It ended earlier."
            keep_late(item=item, by=by, kind="resume", at=at, note=why, party=pause.party, pause=pause, evidence=message)
    _replied(item, rows, by, at or now, message, note)
    transitions.project([item.id])
    after = {"ended_at": ended_at.isoformat(), "parties": sorted(pause.party for pause in rows)}
    record(by=by, action="item.resume", target=item, after=after, reference=item.reference)
    told(item)
    return list(Pause.objects.filter(id__in=[pause.id for pause in rows]).order_by("id"))


def _replied(item: WorkItem, rows: Sequence[Pause], by: Actor, at: datetime, message: Document | None, note: str) -> None:
    """Keep the client's reply where there is one: its message, or its attorney's own sign-in."""
    pause = next((pause for pause in rows if pause.party == CLIENT), None)
    own = by.kind == "member" and Permission.DECIDE_FOR_CLIENT in by.permissions
    if pause is not None and (message is not None or own):
        source = Source.ATTORNEY if own else Source.PROVIDER
        decided(by=by, what=What.REPLIED, source=source, at=at, item=item, message=message, note=note[:500], pause=pause)


@transaction.atomic
def withdraw_pause(*, pause: Pause, by: Actor, note: str) -> Pause:
    """The pause never counted: clocks run as if it had not been. What was written stays readable."""
    by.need(Permission.APPROVE_PAUSE)
    item, pause = contests.owned(pause)
    if pause.withdrawn_at is None:
        _withdraw(item, pause, by, note)
    return pause


def _withdraw(item: WorkItem, pause: Pause, by: Actor, note: str) -> None:
    if not note.strip():
        raise Refused("Say why it is withdrawn.", "note")
    pause.withdrawn_at = timezone.now()
    pause.contested_at = None
    pause.resolved_at, pause.resolution = pause.withdrawn_at, note.strip()[:500]
    pause.save(update_fields=["withdrawn_at", "contested_at", "resolved_at", "resolution"])
    transitions.project([item.id])
    record(by=by, action="pause.withdraw", target=pause, after={"note": note}, reference=item.reference)
    told(item)


@transaction.atomic
def contest_pause(*, pause: Pause, by: Actor, note: str, message: Document | None = None, at: datetime | None = None) -> Pause:
    """Record that the client disputes a pause, by its contest-by date: what counts is when the client said it.

    The attorney's sign-in is the client's; the provider attaches what the client wrote.
    """
    item, pause = contests.owned_for_client(pause, by)
    if pause.contested_at is not None:
        return pause
    contests.contest(pause, "pause", What.CONTESTED, item=item, by=by, note=note, message=message, at=at, pause=pause)
    told(item)
    return pause


@transaction.atomic
def accept_pause(*, pause: Pause, by: Actor, note: str = "", message: Document | None = None) -> Pause:
    """Record that the client agrees to a pause before its contest-by date: on its attorney's sign-in, or with what the client wrote."""
    item, pause = contests.owned_for_client(pause, by)
    if pause.resolved_at is not None and pause.withdrawn_at is None:
        return pause
    if pause.contested_at is not None:
        raise Refused("The client contests this pause. Record that it drops the contest, or withdraw the pause.")
    contests.accept(pause, "pause", What.AGREED, item=item, by=by, note=note, message=message, pause=pause)
    told(item)
    return pause


@transaction.atomic
def resolve_contest(*, pause: Pause, by: Actor, upheld: bool, note: str, message: Document | None = None) -> Pause:
    """Close a dispute: the provider withdraws the pause, or the client agrees that it stands and it can no longer be contested."""
    need_any(by, {Permission.APPROVE_PAUSE, Permission.DECIDE_FOR_CLIENT} if upheld else {Permission.APPROVE_PAUSE})
    item, pause = contests.owned(pause)
    if pause.contested_at is None:
        raise Refused("Nobody contests this pause.")
    if not upheld:
        _withdraw(item, pause, by, note)
        return pause
    source = source_of(by, message)
    pause.contested_at, pause.contest_by = None, None
    pause.contest_note = f"{pause.contest_note} Upheld: {note}".strip()[:500]
    pause.resolved_at, pause.resolution = timezone.now(), note.strip()[:500]
    pause.save(update_fields=["contested_at", "contest_by", "contest_note", "resolved_at", "resolution"])
    decided(by=by, what=What.CONCEDED, source=source, at=timezone.now(), item=item, message=message, note=note[:500], pause=pause)
    record(by=by, action="pause.uphold", target=pause, after={"note": note, "source": source}, reference=item.reference)
    told(item)
    return pause
