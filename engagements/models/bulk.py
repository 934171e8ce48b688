"""What was done to many items at once, item by item, so that it can be read and taken back."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from engagements.models.items import Pause, Transition, WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel


class BulkKind(models.TextChoices):
    ASSIGN = "assign", "Assign"
    MOVE = "move", "Move"
    HOLD = "hold", "Put on hold"
    RESUME = "resume", "Resume"
    PRIORITY = "priority", "Set the priority"
    TYPE = "type", "Set the type"
    UNDO = "undo", "Undo"


class BulkAction(TenantModel):
    """One action over many items. `words` say what was done, `undoes` what it takes back. Append-only."""

    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=BulkKind.choices)
    words = models.CharField(max_length=200)
    terms = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)
    changed = models.PositiveIntegerField()
    already = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    undoes = TenantForeignKey("self", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="bulkaction_number_once"),
            models.UniqueConstraint(fields=["organization", "undoes"], condition=Q(undoes__isnull=False), name="bulkaction_undone_once"),
            models.CheckConstraint(
                condition=Q(kind="undo", undoes__isnull=False) | (~Q(kind="undo") & Q(undoes__isnull=True)), name="bulkaction_undo_of_one"
            ),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="bulkaction_recent")]

    def __str__(self) -> str:
        return self.words


class BulkRow(TenantModel):
    """One item of a bulk action: what it had before and its version after, or why it was left alone. Append-only.

    `before` is what the action wrote over: the assignee's number, the priority, the type. `transition` and `pause` are the rows it
    appended.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    bulk = TenantForeignKey(BulkAction)
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    refused = models.CharField(max_length=300, blank=True)
    before = models.CharField(max_length=40, blank=True)
    version = models.PositiveIntegerField()
    transition = TenantForeignKey(Transition, null=True)
    pause = TenantForeignKey(Pause, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "bulk", "item"], name="bulkrow_once")]
        indexes = [
            models.Index(fields=["organization", "bulk", "id"], condition=~Q(refused=""), include=["matter_id"], name="bulkrow_refused"),
            models.Index(fields=["organization", "bulk", "id"], include=["matter_id"], name="bulkrow_by_bulk"),
        ]

    def __str__(self) -> str:
        return self.refused or "changed"
