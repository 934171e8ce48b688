"""On whose word something counts as decided by the client. The one writer of `ClientDecision`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engagements import states
from engagements.models import ClientDecision, Matter, Source, Transition, What, WorkItem
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.roles import Permission
from lpo.audit.documents import store
from lpo.audit.models import Document
from lpo.core.errors import Refused

_OF_MOVE = {states.ACCEPTED: What.ACCEPTED, states.RETURNED: What.RETURNED, states.NOTIFIED: What.RETURNED}


def source_of(by: Actor, message: Document | None) -> str:
    """The source of a decision recorded now. Raises `NotPermitted`, or `Refused` where the client's message is missing.

    The supervising attorney decides by signing in; a token is nobody's sign-in. The provider records what the client wrote.
    """
    if by.kind == "system":
        return Source.AUTOMATIC
    if by.kind == "member" and Permission.DECIDE_FOR_CLIENT in by.permissions:
        return Source.ATTORNEY
    by.need(Permission.EDIT_WORK)
    if message is None:
        raise Refused("Attach or paste the client's message: the provider cannot decide for the client.", "message")
    return Source.PROVIDER


def take_back_needs(by: Actor) -> None:
    """What the client decided is taken back by the client's attorney, never by the provider alone."""
    if by.kind != "system" and not (by.kind == "member" and Permission.DECIDE_FOR_CLIENT in by.permissions):
        raise NotPermitted(f"{by.label} may not take back what the client decided.")


def keep_message(*, item: WorkItem | None, matter: Matter, content: bytes, file_name: str, media_type: str, by: Actor) -> Document:
    """The client's message under its hash, readable by who may read work product."""
    return store(
        kind="message",
        content=content,
        file_name=file_name,
        media_type=media_type,
        by=by,
        client_id=matter.client_id,
        matter_id=matter.pk,
        reference=item.reference if item is not None else matter.reference,
    )


def decided(*, by: Actor, what: str, source: str, at: datetime, item: WorkItem, **facts: Any) -> ClientDecision:
    """Write a decision about an item. `facts`: note, clause, message, transition, pause, recorded_at."""
    row: ClientDecision = ClientDecision.objects.create(
        client_id=item.client_id,
        matter_id=item.matter_id,
        item=item,
        what=what,
        source=source,
        at=at,
        by_member_id=by.member_id,
        by_label=by.label,
        **facts,
    )
    return row


def decided_below(*, by: Actor, what: str, source: str, at: datetime, client_id: int, matter_id: int, **facts: Any) -> ClientDecision:
    """Write a decision about something of a matter that is no item. `facts`: note, clause, message, recorded_at."""
    who = {"by_member_id": by.member_id, "by_label": by.label}
    row: ClientDecision = ClientDecision.objects.create(
        client_id=client_id, matter_id=matter_id, what=what, source=source, at=at, **who, **facts
    )
    return row


def decided_by_move(*, by: Actor, source: str, item: WorkItem, transition: Transition, **facts: Any) -> ClientDecision:
    what = _OF_MOVE[transition.to_state]
    return decided(by=by, what=what, source=source, at=transition.at, item=item, transition=transition, **facts)


def overtaken_silence(item: WorkItem, to: str, at: datetime | None) -> Transition | None:
    """The deemed acceptance that a return of the client's from before that instant overtakes, if this is one."""
    if at is None or item.state != states.ACCEPTED or to not in (states.RETURNED, states.NOTIFIED) or at >= item.state_at:
        return None
    last: Transition | None = Transition.objects.filter(item=item).effective().last()
    if last is None or not ClientDecision.objects.filter(transition=last, source=Source.DEEMED).exists():
        return None
    return last
