"""Time spent on work, as it was recorded: raw minutes. What they are rounded to and cost is decided where they are billed."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from engagements import utbms
from engagements.models.clients import Workstream
from engagements.models.items import WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel


class EntryStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    SUBMITTED = "submitted", "Submitted"
    RETURNED = "returned", "Returned"
    APPROVED = "approved", "Approved"


class TimeEntry(TenantModel):
    """Minutes of one person on one day for one workstream, with the item where it was one. Approved ones are final."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"])
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"], null=True, blank=True)
    member = TenantForeignKey("accounts.Membership")
    # 1, 2, 3 … of each person: how an entry is named on pages.
    number = models.PositiveIntegerField()
    # The day on the clock of who did the work.
    day = models.DateField()
    minutes = models.DecimalField(max_digits=7, decimal_places=2, validators=[MinValueValidator(0), MaxValueValidator(1440)])
    narrative = models.TextField(blank=True, max_length=1000)
    task_code = models.CharField("task", max_length=4, blank=True, choices=utbms.choices(utbms.TASKS))
    activity_code = models.CharField("activity", max_length=4, blank=True, choices=utbms.choices(utbms.ACTIVITIES))
    billable = models.BooleanField(default=True)
    source = models.CharField(max_length=5, choices=[("hand", "By hand"), ("timer", "Timer"), ("api", "API")], default="hand")
    external_id = models.CharField(max_length=120, null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=9, choices=EntryStatus.choices, default=EntryStatus.DRAFT)
    submitted_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = TenantForeignKey("accounts.Membership", null=True, blank=True)
    decision_note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member", "number"], name="timeentry_number_once"),
            models.UniqueConstraint(fields=["organization", "member", "external_id"], name="timeentry_external_once"),
            models.CheckConstraint(condition=models.Q(minutes__gt=0, minutes__lte=1440), name="timeentry_minutes"),
            models.CheckConstraint(
                condition=~models.Q(status="approved") | models.Q(decided_by__isnull=False, decided_at__isnull=False),
                name="timeentry_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="approved") | ~models.Q(decided_by=models.F("member")), name="timeentry_not_approved_by_oneself"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "member", "day", "id"], include=["matter_id"], name="timeentry_by_day"),
            models.Index(
                fields=["organization", "day", "member"],
                condition=models.Q(status="submitted"),
                include=["matter_id"],
                name="timeentry_submitted",
            ),
            models.Index(fields=["organization", "workstream", "day"], include=["matter_id"], name="timeentry_by_workstream"),
        ]

    def __str__(self) -> str:
        return f"{self.minutes} min on {self.day}"


class TimeLock(TenantModel):
    """Through which day time is closed, and for how many days after it late entries are still taken. One row an organization."""

    locked_through = models.DateField(null=True, blank=True)
    grace_days = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(90)])
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization"], name="timelock_once")]

    def __str__(self) -> str:
        return f"Through {self.locked_through}"


class WorkTimer(TenantModel):
    """A running or ended timer on one item. `seen_at` is when its person was last seen at work: it ends there when they go idle."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    member = TenantForeignKey("accounts.Membership")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    idle = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "member"], condition=models.Q(ended_at__isnull=True), name="timer_one_running"),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_at__gte=models.F("started_at")), name="timer_order"
            ),
        ]
        indexes = [models.Index(fields=["organization", "member", "started_at"], include=["matter_id"], name="timer_by_member")]

    def __str__(self) -> str:
        return f"{self.member_id} since {self.started_at}"
