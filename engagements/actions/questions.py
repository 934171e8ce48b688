"""The decision log: a question to counsel, counsel's answer with its source, the protocol version it led to."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from engagements.actions.checks import check, locked, need_any
from engagements.actions.sources import source_of
from engagements.models import ClientDecision, Matter, Question, What, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused

_ASKING = {Permission.WORK_ITEMS, Permission.TRACK_ITEMS, Permission.EDIT_WORK}


@transaction.atomic
def ask_counsel(
    *,
    matter: Matter,
    by: Actor,
    question: str,
    item: WorkItem | None = None,
    workstream: Workstream | None = None,
    escalation: bool = False,
) -> Question:
    """Put a question to the matter's counsel, as an escalation where work waits for it. The same question of the same item, still
    open, is the first."""
    need_any(by, _ASKING)
    matter, text = locked(matter), question.strip()
    if item is not None:
        workstream = item.workstream
    twin: Question | None = Question.objects.filter(matter=matter, item=item, question=text, answered_at__isnull=True).first()
    if twin is not None:
        return twin
    number = (Question.objects.filter(matter=matter).aggregate(last=Max("number"))["last"] or 0) + 1
    row = Question(
        organization_id=matter.organization_id,
        client_id=matter.client_id,
        matter=matter,
        workstream=workstream,
        item=item,
        number=number,
        question=text,
        escalation=escalation,
        by_member_id=by.member_id,
        by_label=by.label,
    )
    check(row)
    row.save()
    after: dict[str, object] = {"question": text} | ({"escalation": True} if escalation else {})
    record(by=by, action="question.ask", target=row, after=after, reference=reference_of(row, matter))
    return row


@transaction.atomic
def answer_question(
    *,
    question: Question,
    by: Actor,
    answer: str,
    protocol: str = "",
    message: Document | None = None,
    at: datetime | None = None,
) -> Question:
    """Counsel's answer: by its own sign-in, or as the provider recorded it with counsel's message. Given once."""
    need_any(by, {Permission.DECIDE_FOR_CLIENT, Permission.EDIT_WORK})
    row, now = locked(question), timezone.now()
    if row.answered_at is not None:
        if row.answer == answer.strip():
            return row
        raise Refused("It was answered already. Ask again if the answer changes.")
    source = source_of(by, message)
    if not answer.strip():
        raise Refused("Write the answer.", "answer")
    if at is not None and not row.asked_at <= at <= now:
        raise Refused("The answer lies between the question and now.", "at")
    facts = {"client_id": row.client_id, "matter_id": row.matter_id, "item_id": row.item_id, "by_member_id": by.member_id}
    row.decision = ClientDecision.objects.create(
        **facts, what=What.ANSWERED, source=source, at=at or now, note=answer.strip()[:500], message=message, by_label=by.label
    )
    row.answer, row.answered_at, row.protocol = answer.strip(), at or now, protocol.strip()
    check(row)
    row.save()
    after = {"answer": row.answer, "source": source, "protocol": row.protocol}
    record(by=by, action="question.answer", target=row, after=after, reference=reference_of(row, Matter.objects.get(pk=row.matter_id)))
    return row


@transaction.atomic
def name_protocol(*, question: Question, by: Actor, protocol: str) -> Question:
    """Name the protocol version an answer led to. Once named it stays."""
    need_any(by, {Permission.DECIDE_FOR_CLIENT, Permission.EDIT_WORK})
    row = locked(question)
    if row.answered_at is None:
        raise Refused("It is not answered yet.")
    if row.protocol == protocol.strip():
        return row
    if row.protocol:
        raise Refused(f"It led to {row.protocol} already.", "protocol")
    row.protocol = protocol.strip()
    check(row)
    row.save(update_fields=["protocol"])
    record(by=by, action="question.protocol", target=row, after={"protocol": row.protocol}, reference=str(row.number))
    return row


def reference_of(question: Question, matter: Matter) -> str:
    """As people say it: the matter and the number of the question in it."""
    return f"{matter.reference} Q{question.number}"
