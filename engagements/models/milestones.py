"""What was agreed to be reached by when, what became of the date, and what stands in the way."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from engagements.models.clients import Engagement, Matter, Workstream
from engagements.models.items import Pause, WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel


class Milestone(TenantModel):
    """Something reached by a day. Of an engagement, or of one of its matters or workstreams, and then behind that matter's wall.

    `baseline_on` is the first day agreed and never moves; `due_on` is the last. What the client reads are the `shown_` columns,
    written when it is published and not before. With a `volume` (in the workstream's unit) it is reached by deliveries since
    `volume_from`.
    """

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    matter = TenantForeignKey(Matter, via=["client_id", "engagement_id"], null=True, blank=True)
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"], null=True, blank=True)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    baseline_on = models.DateField("first agreed")
    due_on = models.DateField("due")
    owner = TenantForeignKey("accounts.Membership", null=True, blank=True)
    volume = models.DecimalField(max_digits=14, decimal_places=3, null=True, blank=True, validators=[MinValueValidator(0)])
    volume_from = models.DateField(null=True, blank=True)
    done_on = models.DateField(null=True, blank=True)
    done_by_label = models.CharField(max_length=200, blank=True)
    done_note = models.CharField(max_length=500, blank=True)
    evidence = TenantForeignKey("audit.Document", null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_note = models.CharField(max_length=300, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    shown_name = models.CharField(max_length=200, blank=True)
    shown_baseline_on = models.DateField(null=True, blank=True)
    shown_due_on = models.DateField(null=True, blank=True)
    shown_done_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "engagement", "number"], name="milestone_number_once"),
            models.CheckConstraint(condition=Q(workstream__isnull=True) | Q(matter__isnull=False), name="milestone_matter_of_workstream"),
            models.CheckConstraint(
                condition=Q(volume__isnull=True, volume_from__isnull=True)
                | Q(volume__gt=0, volume_from__isnull=False, workstream__isnull=False),
                name="milestone_volume_of_a_workstream",
                violation_error_message="A volume is counted in a workstream.",
            ),
            models.CheckConstraint(
                condition=Q(done_on__isnull=True, done_by_label="") | (Q(done_on__isnull=False) & ~Q(done_by_label="")),
                name="milestone_done_on_by",
            ),
            models.CheckConstraint(condition=Q(done_on__isnull=True) | Q(withdrawn_at__isnull=True), name="milestone_done_or_withdrawn"),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True)
                | (Q(shown_due_on__isnull=False, shown_baseline_on__isnull=False) & ~Q(shown_name="")),
                name="milestone_shown_when_published",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "due_on", "id"],
                condition=Q(done_on__isnull=True, withdrawn_at__isnull=True),
                include=["matter", "baseline_on"],
                name="milestone_open",
            ),
            models.Index(fields=["organization", "engagement", "due_on"], include=["matter"], name="milestone_by_engagement"),
            models.Index(fields=["organization", "done_on", "id"], condition=Q(done_on__isnull=False), name="milestone_done"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def open(self) -> bool:
        return self.done_on is None and self.withdrawn_at is None

    def slip(self, today: date) -> int:
        """Days behind the first agreed day, never negative: of the day it was done, else of the day now due, else of today."""
        last = self.done_on or max(self.due_on, today)
        return max(0, (last - self.baseline_on).days) if self.done_on or last > self.baseline_on else 0

    @property
    def told_otherwise(self) -> bool:
        """Whether the client reads something else than what stands here now."""
        shown = (self.shown_name, self.shown_baseline_on, self.shown_due_on, self.shown_done_on)
        return self.published_at is not None and shown != (self.name, self.baseline_on, self.due_on, self.done_on)


class MilestoneDate(TenantModel):
    """A day agreed for a milestone, with the reason it is not the one before. The first is the baseline. Append-only."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    milestone = TenantForeignKey(Milestone, via=["client_id"])
    due_on = models.DateField()
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["organization", "milestone", "id"], name="milestonedate_by_milestone")]

    def __str__(self) -> str:
        return f"{self.due_on}"


class MilestoneNeed(TenantModel):
    """A milestone that cannot be reached before another of the same engagement."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    milestone = TenantForeignKey(Milestone, via=["client_id", "engagement_id"])
    needs = TenantForeignKey(Milestone, via=["client_id", "engagement_id"])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "milestone", "needs"], name="milestoneneed_once"),
            models.CheckConstraint(condition=~Q(milestone=F("needs")), name="milestoneneed_another"),
        ]
        indexes = [models.Index(fields=["organization", "engagement"], name="milestoneneed_by_engagement")]

    def __str__(self) -> str:
        return f"{self.milestone_id} needs {self.needs_id}"


PARTIES: Any = Pause._meta.get_field("party").choices


class Blocker(TenantModel):
    """Something that stands in the way: what, who must act, since when; resolved with a note. Of an item, a milestone, or neither."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    matter = TenantForeignKey(Matter, via=["client_id", "engagement_id"], null=True, blank=True)
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"], null=True, blank=True)
    milestone = TenantForeignKey(Milestone, via=["client_id", "engagement_id"], null=True, blank=True)
    number = models.PositiveIntegerField()
    text = models.CharField("what is in the way", max_length=300)
    party = models.CharField("who must act", max_length=12, choices=PARTIES)
    owner = TenantForeignKey("accounts.Membership", null=True, blank=True)
    since = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=500, blank=True)
    resolved_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "engagement", "number"], name="blocker_number_once"),
            models.CheckConstraint(condition=Q(item__isnull=True) | Q(matter__isnull=False), name="blocker_matter_of_item"),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolution="", resolved_by_label="")
                | (Q(resolved_at__gte=F("since")) & ~Q(resolution="") & ~Q(resolved_by_label="")),
                name="blocker_resolved_how_by",
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "since", "id"], condition=Q(resolved_at__isnull=True), include=["matter"], name="blocker_open"
            ),
            models.Index(fields=["organization", "engagement", "-id"], include=["matter"], name="blocker_by_engagement"),
            models.Index(fields=["organization", "item"], condition=Q(item__isnull=False), name="blocker_by_item"),
        ]

    def __str__(self) -> str:
        return self.text
