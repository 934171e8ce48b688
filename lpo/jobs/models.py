"""Durable background work. PostgreSQL holds the truth; a Celery message is only a wake-up."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel


class JobState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    DEAD = "dead", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Job(TenantModel):
    """One piece of work. The row commits together with the change that needs it."""

    kind = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    # Two live jobs never share a key: asking again for the same work finds the first.
    key = models.CharField(max_length=160, blank=True)
    title = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    # The fencing number: a worker that lost its lease finds another number here and its commit is refused.
    fence = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    cursor = models.JSONField(default=dict)
    progress_done = models.BigIntegerField(default=0)
    progress_total = models.BigIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict)
    result_url = models.CharField(max_length=300, blank=True)
    cancel_requested = models.BooleanField(default=False)
    created_by = TenantForeignKey("accounts.Membership", null=True)
    # Work on one matter names it: a title or an error may hold what stands behind its wall.
    matter_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "key"],
                condition=~models.Q(key="") & models.Q(state__in=["queued", "running"]),
                name="job_one_live_per_key",
            ),
            models.CheckConstraint(
                condition=models.Q(state="running", lease_until__isnull=False) | ~models.Q(state="running"), name="job_running_has_lease"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state__in=["queued", "running"]), name="job_due"),
            models.Index(fields=["organization", "-id"], name="job_recent"),
        ]

    def __str__(self) -> str:
        return self.title or self.kind

    @property
    def live(self) -> bool:
        return self.state in {JobState.QUEUED, JobState.RUNNING}


class BeatSlot(models.Model):
    """One tick of one schedule. The unique key makes a second beat harmless. Global: it names no tenant."""

    schedule = models.CharField(max_length=60)
    slot = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "slot"], name="beat_slot_once")]

    def __str__(self) -> str:
        return f"{self.schedule} {self.slot}"


class WorkerHeartbeat(models.Model):
    """The last sign of life of each worker process, read by /readyz. Global: it names no tenant."""

    worker = models.CharField(max_length=120, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.worker
