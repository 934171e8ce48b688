"""What was delivered: each file a version with its hash, a checklist, and what the client was shown and decided."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from engagements.models.clients import Workstream
from engagements.models.decisions import Source
from engagements.models.items import WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel


class Deliverable(TenantModel):
    """One version of what an item delivers. The file and its label never change; a correction is the next version.

    `decision` and what goes with it follow from the item's transitions (`actions/deliverables.py`): the client's own decision of
    the version it had before it when it decided.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    number = models.PositiveSmallIntegerField()
    label = models.CharField(max_length=200)
    document = TenantForeignKey("audit.Document")
    # As the client reads them: its role reads neither items nor unpublished files.
    reference = models.CharField(max_length=24)
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    kept_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by_label = models.CharField(max_length=200, blank=True)
    published_file = TenantForeignKey("audit.Document", null=True, blank=True)
    decision = models.CharField(max_length=10, blank=True, choices=[("accepted", "Accepted"), ("returned", "Returned")])
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_source = models.CharField(max_length=10, blank=True, choices=Source.choices)
    decided_clause = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "item", "number"], name="deliverable_number_once"),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, published_file__isnull=True, published_by_label="")
                | (Q(published_at__isnull=False, published_file__isnull=False) & ~Q(published_by_label="")),
                name="deliverable_published_at_by",
            ),
            models.CheckConstraint(condition=Q(decision="") | Q(decided_at__isnull=False), name="deliverable_decided_at"),
        ]
        indexes = [
            models.Index(fields=["organization", "matter_id", "-kept_at", "-id"], name="deliverable_by_matter"),
            models.Index(
                fields=["organization", "client_id", "-published_at", "-id"],
                condition=Q(published_at__isnull=False),
                name="deliverable_published",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference}, version {self.number}"


class ChecklistPoint(TenantModel):
    """One point of a workstream's checklist. Its words never change: another wording is another point."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"])
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=200)
    required = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "workstream", "text"], condition=Q(retired_at__isnull=True), name="checklistpoint_once"
            )
        ]

    def __str__(self) -> str:
        return self.text


class DeliverableTick(TenantModel):
    """A point ticked or taken back for one version. Append-only; the latest counts."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    deliverable = TenantForeignKey(Deliverable, via=["client_id", "matter_id"])
    point = TenantForeignKey(ChecklistPoint)
    ticked = models.BooleanField(default=True)
    at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["organization", "deliverable", "id"], include=["matter_id"], name="tick_by_deliverable")]

    def __str__(self) -> str:
        return f"{self.point_id}: {self.ticked}"
