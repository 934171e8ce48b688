"""Who is told when work goes wrong, what was told, and what each person has been told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from engagements.models.clients import Engagement, Matter
from engagements.models.comments import Comment
from engagements.models.decisions import Question
from engagements.models.items import WorkItem
from engagements.models.milestones import Blocker, Milestone
from engagements.models.team import TeamRole
from lpo.tenancy.models import TenantForeignKey, TenantModel


class Trigger(models.TextChoices):
    USED_75 = "used_75", "75 % of a clock is used"
    USED_90 = "used_90", "90 % of a clock is used"
    DUE = "due", "A clock is due"
    BREACHED = "breached", "A clock is breached by so many hours"
    MILESTONE = "milestone", "A milestone slips by so many days"
    BLOCKER = "blocker", "A blocker is open for so many days"
    QUESTION = "question", "A question to counsel has no answer for so many days"


# Those that wait for a number of hours or days; the others have none.
COUNTED = (Trigger.BREACHED, Trigger.MILESTONE, Trigger.BLOCKER, Trigger.QUESTION)


class EscalationStep(TenantModel):
    """One step of an engagement's path: when, and who is told, by part in the team or by name. Removed, never changed: what was
    told refers to it. `after` is hours on the level's own calendar for a breach, days for the rest."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    number = models.PositiveIntegerField()
    trigger = models.CharField("when", max_length=12, choices=Trigger.choices)
    after = models.PositiveSmallIntegerField("hours or days", default=0)
    role = models.CharField("part in the team", max_length=12, choices=TeamRole.choices, blank=True)
    member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "engagement", "number"], name="escalationstep_number_once"),
            models.CheckConstraint(
                condition=(Q(role="") & Q(member__isnull=False)) | (~Q(role="") & Q(member__isnull=True)),
                name="escalationstep_role_or_person",
                violation_error_message="Choose a part in the team or a person, not both.",
            ),
            models.CheckConstraint(
                condition=(Q(trigger__in=COUNTED) & Q(after__gte=1, after__lte=1000)) | (~Q(trigger__in=COUNTED) & Q(after=0)),
                name="escalationstep_after_where_counted",
                violation_error_message="Say after how many hours or days, from 1 to 1,000; only for what is counted so.",
            ),
        ]

    def __str__(self) -> str:
        return self.get_trigger_display()

    @property
    def when(self) -> str:
        """In words: “75 % of a clock is used”, “A blocker is open for 3 days or more”: what is told may be further on than the step."""
        unit = "hour" if self.trigger == Trigger.BREACHED else "day"
        return self.get_trigger_display().replace(f"so many {unit}s", f"{self.after} {unit}{'' if self.after == 1 else 's'} or more")


class Escalation(TenantModel):
    """A step that was taken for one subject: a clock, a milestone, a blocker or a question. Exactly once, by the key.

    `words` names references only: it is mailed. `told` are the names it went to, none where nobody holds the part.
    """

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    matter = TenantForeignKey(Matter, via=["client_id", "engagement_id"], null=True, blank=True)
    step = TenantForeignKey(EscalationStep)
    subject = models.CharField(max_length=60)
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"], null=True, blank=True)
    milestone = TenantForeignKey(Milestone, via=["client_id", "engagement_id"], null=True, blank=True)
    blocker = TenantForeignKey(Blocker, via=["client_id", "engagement_id"], null=True, blank=True)
    question = TenantForeignKey(Question, via=["client_id", "matter_id"], null=True, blank=True)
    words = models.CharField(max_length=200)
    told = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by_label = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "step", "subject"], name="escalation_once"),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by_label="", note="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by_label="")),
                name="escalation_acknowledged_at_by",
            ),
            models.CheckConstraint(
                condition=Q(matter__isnull=False) | Q(item__isnull=True, question__isnull=True), name="escalation_matter_of_work"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "engagement", "-id"], include=["matter"], name="escalation_by_engagement"),
            models.Index(fields=["organization", "subject"], condition=Q(acknowledged_at__isnull=False), name="escalation_acknowledged"),
            models.Index(fields=["organization", "item"], condition=Q(item__isnull=False), name="escalation_by_item"),
        ]

    def __str__(self) -> str:
        return self.words


class Notice(TenantModel):
    """Something one person is told: here, and by mail. `words` are mailed and hold references only; `url` leads to the thing."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    member = TenantForeignKey("accounts.Membership")
    escalation = TenantForeignKey(Escalation, null=True, blank=True)
    comment = TenantForeignKey(Comment, null=True, blank=True)
    words = models.CharField(max_length=200)
    url = models.CharField(max_length=300)
    at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "escalation", "member"], condition=Q(escalation__isnull=False), name="notice_once_an_escalation"
            ),
            models.UniqueConstraint(
                fields=["organization", "comment", "member"], condition=Q(comment__isnull=False), name="notice_once_a_comment"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "member", "-id"], include=["matter"], name="notice_by_member"),
            models.Index(fields=["organization", "member"], condition=Q(read_at__isnull=True), include=["matter"], name="notice_unread"),
            models.Index(fields=["organization", "member", "id"], condition=Q(mailed_at__isnull=True), name="notice_to_mail"),
        ]

    def __str__(self) -> str:
        return self.words
