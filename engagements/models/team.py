"""Who works on an engagement from when to when, and the terms an engagement has behind it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from engagements.models.clients import DELIVERY_MODELS, Engagement
from lpo.tenancy.models import TenantForeignKey, TenantModel


class TeamRole(models.TextChoices):
    MANAGER = "manager", "Project manager"
    LEAD = "lead", "Team lead"
    REVIEWER = "reviewer", "Reviewer"
    QUALITY = "quality", "Quality control"
    COORDINATOR = "coordinator", "Coordinator"
    ATTORNEY = "attorney", "Supervising attorney"
    BILLING = "billing", "Billing"


class TeamMember(TenantModel):
    """A person's part in an engagement, first and last day inclusive. One part at a time: the database refuses an overlap."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    member = TenantForeignKey("accounts.Membership")
    role = models.CharField(max_length=12, choices=TeamRole.choices, default=TeamRole.REVIEWER)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")),
                name="teammember_dates",
                violation_error_message="The last day lies before the first.",
            ),
        ]
        indexes = [models.Index(fields=["organization", "engagement", "starts_on"], name="teammember_by_engagement")]

    def __str__(self) -> str:
        return f"{self.member_id} on {self.engagement_id}"


class EndedTerm(TenantModel):
    """A term an engagement has behind it, as it was when a pilot was converted or a term renewed. Append-only."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    number = models.PositiveSmallIntegerField()
    delivery_model = models.CharField(max_length=20, choices=DELIVERY_MODELS)
    starts_on = models.DateField()
    ends_on = models.DateField()
    ended_by = models.CharField(max_length=10, choices=[("converted", "Converted"), ("renewed", "Renewed")])
    by_label = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "engagement", "number"], name="endedterm_number_once"),
            models.CheckConstraint(condition=models.Q(ends_on__gte=models.F("starts_on")), name="endedterm_dates"),
        ]

    def __str__(self) -> str:
        return f"{self.get_delivery_model_display()} from {self.starts_on} to {self.ends_on}"
