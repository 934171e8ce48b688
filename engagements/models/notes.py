"""What those who work on an item write down about it. The client sees none of it."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from engagements.models.items import WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel


class ItemNote(TenantModel):
    """A note on an item. Append-only."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    text = models.TextField(max_length=2000)
    at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["organization", "item", "id"], name="itemnote_by_item")]

    def __str__(self) -> str:
        return self.text[:60]


class ItemTag(TenantModel):
    """A word by which items are found again."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    name = models.CharField(
        max_length=40, validators=[RegexValidator(r"^[a-z0-9][a-z0-9 _-]*$", "Use lower-case letters, digits, spaces and hyphens.")]
    )
    at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "item", "name"], name="itemtag_once")]

    def __str__(self) -> str:
        return self.name
