"""Quality checks."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel
from sla.models.samples import SampleItem


class QualityCheck(TenantModel):
    """How many units of an item were looked at and how many were wrong: of a random plan where it has `sampled`, else targeted.

    In a sample of what was set aside `errors` are the relevant ones found. `reviewer` is whose calls were checked.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey("engagements.WorkItem", via=["client_id", "matter_id"])
    checked_at = models.DateTimeField()
    units = models.PositiveIntegerField(help_text="Documents, fields or clauses looked at.")
    errors = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=500, blank=True)
    sampled = TenantForeignKey(SampleItem, via=["client_id", "matter_id"], null=True, blank=True)
    reviewer = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(errors__lte=F("units"), units__gt=0), name="qualitycheck_counts"),
            models.UniqueConstraint(fields=["organization", "sampled"], name="qualitycheck_once_sampled"),
        ]
        indexes = [models.Index(fields=["organization", "item", "checked_at"], name="qualitycheck_by_item")]

    def __str__(self) -> str:
        return f"{self.errors} of {self.units}"
