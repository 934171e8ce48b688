"""Legal holds: as long as one is in force, nothing of its matter or client is deleted."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from engagements.models.clients import Client, Matter
from lpo.tenancy.models import TenantForeignKey, TenantModel


class LegalHold(TenantModel):
    """An order to keep everything, of a matter or of all a client has. Set once, released once, with a reason each."""

    client = TenantForeignKey(Client)
    # Empty: everything of the client.
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    number = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=500)
    ordered_by = models.CharField(max_length=200, help_text="Who ordered it: a court, the client's counsel, our own.")
    set_at = models.DateTimeField(default=timezone.now)
    set_by_label = models.CharField(max_length=200)
    released_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.CharField(max_length=500, blank=True)
    release_ordered_by = models.CharField(max_length=200, blank=True)
    released_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "client", "matter", "number"], name="hold_number_once", nulls_distinct=False),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True, release_reason="", release_ordered_by="", released_by_label="")
                | (Q(released_at__isnull=False) & ~Q(release_reason="") & ~Q(release_ordered_by="") & ~Q(released_by_label="")),
                name="hold_released_with_reason",
            ),
        ]
        indexes = [models.Index(fields=["organization", "client", "matter"], condition=Q(released_at__isnull=True), name="hold_in_force")]

    def __str__(self) -> str:
        return f"Legal hold {self.number}"
