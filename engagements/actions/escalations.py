"""Escalation paths: their steps, what is told to whom exactly once, and the acknowledgement that ends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from engagements import escalating
from engagements.actions.checks import Duplicate, build, check, locked
from engagements.actions.engagements import house_day
from engagements.actions.milestones import next_number, opened
from engagements.actions.notices import ask_for_mail, may_see, tell_member
from engagements.escalating import Reached
from engagements.models import Engagement, Escalation, EscalationStep, Notice, TeamMember
from engagements.models.escalations import COUNTED
from engagements.models.team import TeamRole
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership, Organization
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused

MOST_STEPS = 30


@transaction.atomic
def add_step(
    *, engagement: Engagement, by: Actor, trigger: str, after: int = 0, role: str = "", member: Membership | None = None
) -> EscalationStep:
    """A further step of the path. Raises `Refused`, `Duplicate` where the path has it already."""
    by.need(Permission.EDIT_WORK)
    engagement = locked(engagement)
    opened(engagement)
    if not role and member is None:
        raise Refused("Choose a part in the team or a person.", "role")
    same = {"trigger": trigger, "after": after if trigger in COUNTED else 0, "role": role, "member": member}
    steps = EscalationStep.objects.filter(engagement=engagement, removed_at__isnull=True)
    if (twin := steps.filter(**same).first()) is not None:
        raise Duplicate("The path has this step already.", twin)
    if steps.count() >= MOST_STEPS:
        raise Duplicate(f"A path has at most {MOST_STEPS} steps.", steps[0])
    own = {"client_id": engagement.client_id, "engagement": engagement, "number": next_number(EscalationStep, engagement)}
    step = build(EscalationStep, {**own, **same, "by_label": by.label[:200]})
    step.save()
    after_text = {"when": step.when, "role": role, "member": member.pk if member else None}
    record(by=by, action="escalation.add_step", target=step, after=after_text, reference=engagement.reference)
    return step


@transaction.atomic
def remove_step(*, step: EscalationStep, by: Actor) -> EscalationStep:
    """Nobody is told by this step any more. What was told stays on record."""
    by.need(Permission.EDIT_WORK)
    row = locked(step)
    if row.removed_at is None:
        row.removed_at = timezone.now()
        row.save(update_fields=["removed_at"])
        record(by=by, action="escalation.remove_step", target=row, before={"when": row.when}, reference=step.engagement.reference)
    return row


@transaction.atomic
def escalate_due(*, by: Actor, now: datetime) -> int:
    """Take every step that is due, across walls, each once for its subject. How many were taken; done again, none is left."""
    by.need(Permission.EDIT_WORK)
    slug, today = Organization.objects.values_list("slug", flat=True).get(pk=by.organization_id), house_day(by.organization_id)
    steps = EscalationStep.objects.filter(removed_at__isnull=True, engagement__status="open", trigger__in=list(escalating.sources))
    taken = 0
    for step in steps.select_related("engagement__manager__user", "member__user").order_by("engagement_id", "number"):
        reached = escalating.sources[step.trigger](step, now, today)
        if reached:
            taken += _take(step, reached, slug, by, now, today)
    return taken


def _take(step: EscalationStep, reached: Sequence[Reached], slug: str, by: Actor, now: datetime, today: date) -> int:
    people = _people(step, today)
    own = {"organization_id": step.organization_id, "client_id": step.client_id, "engagement_id": step.engagement_id, "step": step}
    seen = {matter_id: may_see(people, matter_id, step.engagement_id) for matter_id in {each.matter_id for each in reached}}
    rows = [
        Escalation(
            **own,
            at=now,
            matter_id=each.matter_id,
            subject=each.subject,
            words=each.words[:200],
            told=", ".join(member.display_name for member in seen[each.matter_id])[:500],
            item_id=each.item_id,
            milestone_id=each.milestone_id,
            blocker_id=each.blocker_id,
            question_id=each.question_id,
        )
        for each in reached
    ]
    # The key decides: what another run has told in the meantime is passed over.
    Escalation.objects.bulk_create(rows, ignore_conflicts=True)
    made = Escalation.objects.filter(step=step, at=now, subject__in=[row.subject for row in rows]).order_by("id")
    by_subject = {row.subject: row for row in made}
    notices = [
        tell_member(member, each.words, f"/{slug}/{each.path}", step.client_id, each.matter_id, escalation=by_subject[each.subject])
        for each in reached
        if each.subject in by_subject
        for member in seen[each.matter_id]
    ]
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    ask_for_mail({notice.member_id for notice in notices}, by)
    if by_subject:
        ids = [row.pk for row in by_subject.values()]
        record(by=by, action="escalation.tell", target=step, after={"when": step.when}, ids=ids, reference=step.engagement.reference)
    return len(by_subject)


def _people(step: EscalationStep, today: date) -> list[Membership]:
    """Who is told: the person named, else who holds the part on that day; the manager of the engagement where its team names none."""
    if step.member is not None:
        return [step.member]
    parts = TeamMember.objects.filter(engagement_id=step.engagement_id, role=step.role, starts_on__lte=today)
    rows = parts.select_related("member__user").order_by("id")
    found = {row.member_id: row.member for row in rows if row.ends_on is None or row.ends_on >= today}
    manager = step.engagement.manager
    if not found and step.role == TeamRole.MANAGER and manager is not None:
        found = {manager.pk: manager}
    return list(found.values())


@transaction.atomic
def acknowledge(*, escalation: Escalation, by: Actor, note: str = "") -> Escalation:
    """Somebody who was told takes it on: no further step is taken for its subject. Acknowledged already: nothing happens."""
    by.need(Permission.TAKE_NOTICE)
    row = locked(escalation)
    told: Iterable[int] = Notice.objects.filter(escalation=row).values_list("member_id", flat=True)
    if by.kind != "system" and by.member_id not in set(told):
        raise NotPermitted(f"{by.label} was not told of this.")
    if row.acknowledged_at is not None:
        return row
    row.acknowledged_at, row.acknowledged_by_label, row.note = timezone.now(), by.label[:200], note.strip()
    check(row)
    row.save(update_fields=["acknowledged_at", "acknowledged_by_label", "note"])
    Notice.objects.filter(escalation=row, member_id=by.member_id, read_at__isnull=True).update(read_at=row.acknowledged_at)
    record(by=by, action="escalation.acknowledge", target=row, after={"note": row.note}, reference=escalation.engagement.reference)
    return row
