"""What has reached a step of an escalation path. Rooms above register their own kinds; engagements knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from engagements.models import Blocker, Escalation, EscalationStep, Milestone, Question, Trigger
from engagements.slips import days

# So many subjects of a step are told of in one run; the next one goes on.
AT_ONCE = 200


@dataclass(frozen=True)
class Reached:
    """A subject that a step is due for. `words` name references only, `path` is the address below the organization's."""

    subject: str
    words: str
    path: str
    matter_id: int | None
    item_id: int | None = None
    milestone_id: int | None = None
    blocker_id: int | None = None
    question_id: int | None = None


# (step, the instant, the house's day) → what has reached the step and was told of it not yet, at most `AT_ONCE`.
Source = Callable[[EscalationStep, datetime, date], Sequence[Reached]]
sources: dict[str, Source] = {}


def untold(rows: QuerySet[Any], step: EscalationStep, kind: str, *columns: str) -> QuerySet[Any]:
    """Rows whose subject, `kind:` and these columns, this step did not tell of yet and nobody has acknowledged."""
    parts: list[Any] = [Value(kind)]
    for column in columns:
        parts += [Value(":"), Cast(column, CharField())]
    told = Escalation.objects.filter(subject=OuterRef("subject"), engagement_id=step.engagement_id)
    named = rows.annotate(subject=Concat(*parts, output_field=CharField()))
    left: QuerySet[Any] = named.filter(~Exists(told.filter(step=step)), ~Exists(told.filter(acknowledged_at__isnull=False)))
    return left


def milestones(step: EscalationStep, now: datetime, today: date) -> list[Reached]:
    """Open milestones behind their first day by so many days: put off so far, or overdue."""
    behind = timedelta(days=step.after)
    late = Q(baseline_on__lte=today - behind, due_on__lt=today) | Q(due_on__gte=F("baseline_on") + Value(behind))
    rows = Milestone.objects.filter(late, engagement=step.engagement, done_on__isnull=True, withdrawn_at__isnull=True)
    named = step.engagement.reference
    return [
        Reached(
            row.subject,
            f"{named} M{row.number} slips by {days(row.slip(today))}",
            f"engagements/{named}/milestones/{row.number}/",
            row.matter_id,
            milestone_id=row.pk,
        )
        for row in untold(rows, step, "milestone", "id").order_by("due_on", "id")[:AT_ONCE]
    ]


def blockers(step: EscalationStep, now: datetime, today: date) -> list[Reached]:
    """Blockers nobody has resolved for so many days."""
    rows = Blocker.objects.filter(engagement=step.engagement, resolved_at__isnull=True, since__lte=now - timedelta(days=step.after))
    named = step.engagement.reference
    return [
        Reached(
            row.subject,
            f"{named} B{row.number} has been open for {days((now - row.since).days)}",
            f"engagements/{named}/blockers/{row.number}/",
            row.matter_id,
            row.item_id,
            blocker_id=row.pk,
        )
        for row in untold(rows, step, "blocker", "id").order_by("since", "id")[:AT_ONCE]
    ]


def questions(step: EscalationStep, now: datetime, today: date) -> list[Reached]:
    """Questions counsel has not answered for so many days."""
    asked = Question.objects.filter(matter__engagement=step.engagement, answered_at__isnull=True)
    rows = asked.filter(asked_at__lte=now - timedelta(days=step.after)).select_related("matter")
    return [
        Reached(
            row.subject,
            f"{row.matter.reference} Q{row.number} has had no answer for {days((now - row.asked_at).days)}",
            f"matters/{row.matter.reference}/questions/{row.number}/",
            row.matter_id,
            row.item_id,
            question_id=row.pk,
        )
        for row in untold(rows, step, "question", "id").order_by("asked_at", "id")[:AT_ONCE]
    ]


def register() -> None:
    """Called once the applications are loaded."""
    sources.update({Trigger.MILESTONE: milestones, Trigger.BLOCKER: blockers, Trigger.QUESTION: questions})


def offered() -> Iterable[tuple[str, str]]:
    """The triggers that some room answers to."""
    return [(value, label) for value, label in Trigger.choices if value in sources]
