"""How the work of a workstream is to be done, in versions that the supervising attorney signs."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from engagements.models.clients import Workstream
from lpo.tenancy.models import TenantForeignKey, TenantModel


class ProtocolVersion(TenantModel):
    """A protocol as text or file. It counts once it is signed, from its day on; signed, it never changes."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"])
    number = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True, max_length=100_000)
    document = TenantForeignKey("audit.Document", null=True, blank=True)
    effective_from = models.DateField()
    written_at = models.DateTimeField(default=timezone.now)
    written_by_label = models.CharField(max_length=200)
    signed_at = models.DateTimeField(null=True, blank=True)
    signed_by = TenantForeignKey("accounts.Membership", null=True, blank=True)
    signed_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "workstream", "number"], name="protocol_number_once"),
            models.CheckConstraint(
                condition=~models.Q(text="") | models.Q(document__isnull=False),
                name="protocol_says_something",
                violation_error_message="Write the protocol or attach its file.",
            ),
            models.CheckConstraint(
                condition=models.Q(signed_at__isnull=True, signed_by__isnull=True, signed_by_label="")
                | (models.Q(signed_at__isnull=False, signed_by__isnull=False) & ~models.Q(signed_by_label="")),
                name="protocol_signed_at_by",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}, version {self.number}"
