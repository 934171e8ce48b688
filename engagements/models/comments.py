"""What the provider's people say to each other about an item, a matter or an engagement. No client and no outside counsel reads it."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from engagements.models.clients import Engagement, Matter
from engagements.models.items import WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel

# So long its author may put a comment right; what it said before is kept.
EDITABLE = timedelta(minutes=10)


class Comment(TenantModel):
    client_id = models.BigIntegerField()
    engagement = TenantForeignKey(Engagement, via=["client_id"])
    matter = TenantForeignKey(Matter, via=["client_id", "engagement_id"], null=True, blank=True)
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"], null=True, blank=True)
    text = models.TextField(max_length=4000)
    at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(item__isnull=True) | Q(matter__isnull=False), name="comment_matter_of_item"),
        ]
        indexes = [
            models.Index(fields=["organization", "item", "at", "id"], condition=Q(item__isnull=False), name="comment_by_item"),
            models.Index(fields=["organization", "matter", "at", "id"], condition=Q(item__isnull=True), name="comment_by_matter"),
            models.Index(
                fields=["organization", "engagement", "at", "id"],
                condition=Q(item__isnull=True),
                include=["matter"],
                name="comment_by_engagement",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class CommentEdit(TenantModel):
    """What a comment said before it was put right. Append-only."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    comment = TenantForeignKey(Comment)
    text = models.TextField(max_length=4000)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["organization", "comment", "id"], name="commentedit_by_comment")]

    def __str__(self) -> str:
        return self.text[:60]


class CommentFile(TenantModel):
    """A file that came with a comment. Append-only."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    comment = TenantForeignKey(Comment)
    document = TenantForeignKey("audit.Document")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "comment", "document"], name="commentfile_once")]

    def __str__(self) -> str:
        return f"{self.document_id} with {self.comment_id}"
