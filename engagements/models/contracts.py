"""What a contract version says, clause by clause."""

from __future__ import annotations

from django.db import models

from engagements.models.clients import Contract
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
