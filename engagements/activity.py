"""Everything that happened to one thing, newest first, in pages: what was recorded of it, said about it and told of it.

Each source is read by its own index, a page of it at most, and the pages are merged; so page 40 costs what page 1 does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from engagements import states
from engagements.models import (
    Assignment,
    Blocker,
    ClientDecision,
    Comment,
    Contract,
    Engagement,
    Escalation,
    EscalationStep,
    Matter,
    Milestone,
    Pause,
    PurchaseOrder,
    Question,
    TeamMember,
    Transition,
    WorkItem,
    Workstream,
)
from engagements.templatetags.work import event_text
from lpo.audit.models import Event
from lpo.core.positions import decoded, encoded, instant

SIZE = 50
# Acts on one item that stand in the timeline as what they wrote.
_TOLD_OTHERWISE = ["item.move", "item.undo", "item.assign", "item.pause", "item.resume", "question.ask"]


@dataclass(frozen=True)
class Line:
    """One thing that happened: `order` tells apart what happened at the same instant."""

    at: datetime
    order: tuple[str, int]
    text: str
    by: str
    note: str = ""
    gone: bool = False


@dataclass(frozen=True)
class Page:
    lines: Sequence[Line]
    older_url: str = ""
    newest_url: str = ""


@dataclass(frozen=True)
class Source:
    """Rows of one kind. `at` is the column of the instant, `line` puts a row in words: text, who, note, whether it was taken back."""

    name: str
    rows: QuerySet[Any]
    at: str
    line: Callable[[Any], tuple[str, str, str, bool]]


def _page(sources: Sequence[Source], before: str) -> Page:
    """What lies before a position, newest first; an unknown position is the beginning."""
    position = decoded(before, (instant, str, int)) if before else None
    found: list[Line] = []
    for source in sources:
        rows = source.rows
        if position is not None:
            at, name, number = position
            # Of the same instant: what comes later in the order of names, and within a name the smaller number.
            same = Q(**{source.at: at}) & (Q(pk__lt=number) if source.name == name else Q() if source.name < name else Q(pk__in=[]))
            rows = rows.filter(Q(**{f"{source.at}__lt": at}) | same)
        for row in rows.order_by(f"-{source.at}", "-pk")[: SIZE + 1]:
            text, by, note, gone = source.line(row)
            found.append(Line(getattr(row, source.at), (source.name, row.pk), text, by, note, gone))
    found.sort(key=lambda line: (line.at, *line.order), reverse=True)
    lines = found[:SIZE]
    older = f"?before={encoded([lines[-1].at, *lines[-1].order])}" if len(found) > SIZE else ""
    return Page(lines, older, "?" if position is not None else "")


def _events(*objects: Any, beside: Sequence[tuple[type[Any], QuerySet[Any]]] = ()) -> QuerySet[Event]:
    about = Q(pk__in=[])
    for obj in objects:
        about |= Q(object_type=obj._meta.label, object_id=obj.pk)
    for model, rows in beside:
        ids = list(rows.order_by("-pk").values_list("pk", flat=True)[:500])
        if ids:
            about |= Q(object_type=model._meta.label, object_id__in=ids)
    return Event.objects.filter(about)


def _of_event(row: Event) -> tuple[str, str, str, bool]:
    text = event_text(row.action) + (f" ({row.count})" if row.count > 1 else "")
    return text, row.actor_label, row.object_reference, False


def _audit(rows: QuerySet[Event]) -> Source:
    return Source("audit", rows.exclude(action__in=["comment.add", "comment.edit", "escalation.tell"]), "at", _of_event)


def _comments(may_read: bool, **about: Any) -> list[Source]:
    if not may_read:
        return []
    return [Source("comment", Comment.objects.filter(**about), "at", lambda row: ("Comment", row.by_label, row.text, False))]


def _told(**about: Any) -> Source:
    return Source("escalation", Escalation.objects.filter(**about), "at", lambda row: ("Escalated", row.told or "nobody", row.words, False))


def of_item(item: WorkItem, before: str, may_comment: bool) -> Page:
    """Moves, waits, assignments, decisions, questions, blockers, comments, what was told, and what was put right."""
    gone = set(Transition.objects.filter(item=item, reverses__isnull=False).values_list("reverses_id", flat=True)[:1000])
    pauses = Pause.objects.filter(item=item)

    def move(row: Transition) -> tuple[str, str, str, bool]:
        label = states.LABELS.get(row.to_state, row.to_state)
        if row.reverses_id:
            label = f"Taken back: {states.LABELS.get(row.from_state, row.from_state).lower()}"
        return label, row.by_label, row.reason, row.pk in gone

    def hold(row: Pause) -> tuple[str, str, str, bool]:
        return (
            f"On hold: {row.get_party_display().lower()}, {row.get_reason_display().lower()}",
            row.by_label,
            row.note,
            bool(row.withdrawn_at),
        )

    def given(row: Assignment) -> tuple[str, str, str, bool]:
        return f"Assigned to {row.member.display_name if row.member else 'nobody'}", row.by_label, "", False

    return _page(
        [
            Source("move", Transition.objects.filter(item=item), "at", move),
            Source("hold", pauses, "started_at", hold),
            Source(
                "hold ended", pauses.filter(ended_at__isnull=False), "ended_at", lambda row: ("Resumed", "", "", bool(row.withdrawn_at))
            ),
            Source("assignment", Assignment.objects.filter(item=item).select_related("member__user"), "at", given),
            Source(
                "decision",
                ClientDecision.objects.filter(item=item, transition__isnull=True),
                "at",
                lambda row: (f"The client: {row.get_what_display().lower()}", row.by_label, row.note, False),
            ),
            Source(
                "question", Question.objects.filter(item=item), "asked_at", lambda row: ("Counsel asked", row.by_label, row.question, False)
            ),
            Source("blocker", Blocker.objects.filter(item=item), "since", lambda row: ("Blocked", row.by_label, row.text, False)),
            _told(item=item),
            *_comments(may_comment, item=item),
            _audit(_events(item).filter(count=1).exclude(action__in=_TOLD_OTHERWISE)),
        ],
        before,
    )


def of_workstream(stream: Workstream, before: str, may_comment: bool) -> Page:
    """What was recorded of it; its items have their own."""
    return _page([_audit(_events(stream))], before)


def of_matter(matter: Matter, before: str, may_comment: bool) -> Page:
    """The matter, its workstreams, questions, milestones and blockers, and what was said about it."""
    beside: list[tuple[type[Any], QuerySet[Any]]] = [
        (model, model.objects.filter(matter=matter)) for model in (Workstream, Question, Milestone, Blocker)
    ]
    own = _comments(may_comment, matter=matter, item__isnull=True)
    return _page([_audit(_events(matter, beside=beside)), _told(matter=matter), *own], before)


def of_engagement(engagement: Engagement, before: str, may_comment: bool) -> Page:
    """The engagement, its contract, orders, team, milestones, blockers, path and matters, and what was said about it."""
    parts = (Contract, PurchaseOrder, TeamMember, Milestone, Blocker, EscalationStep, Matter)
    beside: list[tuple[type[Any], QuerySet[Any]]] = [(model, model.objects.filter(engagement=engagement)) for model in parts]
    own = _comments(may_comment, engagement=engagement, matter__isnull=True)
    return _page([_audit(_events(engagement, beside=beside)), _told(engagement=engagement), *own], before)
