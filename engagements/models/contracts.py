"""What a contract version says, clause by clause."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from engagements.models.clients import Contract, Engagement
from lpo.tenancy.models import TenantForeignKey, TenantModel


class ContractClause(TenantModel):
    """A clause that service levels and charge terms cite by its number."""

    engagement_id = models.BigIntegerField()
    contract = TenantForeignKey(Contract, via=["engagement_id"])
    position = models.PositiveSmallIntegerField()
    number = models.CharField(max_length=60, help_text="As it is cited: “Schedule B 2.1”.")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True, max_length=20_000)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "contract", "number"], name="clause_number_once"),
            models.UniqueConstraint(fields=["organization", "contract", "position"], name="clause_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class PurchaseOrder(TenantModel):
    """What the client released for an engagement. How much is left is computed from what was invoiced, never stored."""

    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    number = models.CharField(max_length=60)
    amount = models.DecimalField(max_digits=16, decimal_places=4, help_text="Before tax.")
    currency = models.CharField(max_length=3)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "engagement", "number"], name="purchaseorder_number_once"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0), name="purchaseorder_amount", violation_error_message="The amount is above zero."
            ),
            models.CheckConstraint(
                condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gte=models.F("valid_from")),
                name="purchaseorder_dates",
                violation_error_message="The last day lies before the first.",
            ),
        ]

    def __str__(self) -> str:
        return self.number
