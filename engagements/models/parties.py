"""Names on a matter besides the client's, kept as they are compared."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from engagements.models.clients import Matter
from lpo.tenancy.models import TenantForeignKey, TenantModel


class MatterParty(TenantModel):
    """A party to a matter. One that is no longer a party keeps its row: a conflict may lie in the past."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200)
    added_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "matter", "name_key"], condition=models.Q(removed_at__isnull=True), name="party_once_while_named"
            )
        ]
        indexes = [models.Index(fields=["organization", "name_key"], include=["matter"], name="party_by_name")]

    def __str__(self) -> str:
        return self.name
