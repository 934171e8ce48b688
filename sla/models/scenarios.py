"""A past replayed under a proposed contract."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel
from sla.models.calendars import CalendarVersion
from sla.models.levels import ServiceLevel


class Scenario(TenantModel):
    """A past replayed under a proposed contract. Nothing that holds is touched by it: it keeps what was asked and what came of it."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    name = models.CharField(max_length=120)
    first_month = models.DateField()
    last_month = models.DateField()
    effective_from = models.DateField(help_text="Work received on or after this day falls under the proposal.")
    calendar_version = TenantForeignKey(CalendarVersion, null=True, blank=True)
    proposal = models.JSONField(help_text="The other fields of the proposed version.")
    result = models.JSONField(null=True)
    computed_at = models.DateTimeField(null=True)
    by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(first_month__lte=F("last_month")), name="scenario_months_in_order"),
            models.CheckConstraint(
                condition=Q(result__isnull=True, computed_at__isnull=True) | Q(result__isnull=False, computed_at__isnull=False),
                name="scenario_result_and_when",
            ),
        ]
        indexes = [models.Index(fields=["organization", "level", "-id"], name="scenario_by_level")]

    def __str__(self) -> str:
        return self.name
