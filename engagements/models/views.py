"""Lists as people keep them: filters, columns, order and grouping under a name."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel


class SavedView(TenantModel):
    """One list as somebody keeps it; `query` is what its query string would say, `page` the
    list's name among `engagements.listing.lists`. Shared ones are offered to every colleague."""

    number = models.PositiveIntegerField()
    page = models.CharField(max_length=12)
    name = models.CharField(max_length=60)
    query = models.JSONField(default=dict, blank=True)
    owner = TenantForeignKey("accounts.Membership")
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="savedview_number_once"),
            models.UniqueConstraint(
                fields=["organization", "owner", "page", "name"],
                name="savedview_name_once",
                violation_error_message="You have a view of this name.",
            ),
        ]
        indexes = [models.Index(fields=["organization", "page", "name"], name="savedview_by_page")]

    def __str__(self) -> str:
        return self.name


class DefaultView(TenantModel):
    """The view a list opens with for one person."""

    member = TenantForeignKey("accounts.Membership")
    page = models.CharField(max_length=12)
    view = TenantForeignKey(SavedView)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "member", "page"], name="defaultview_once")]

    def __str__(self) -> str:
        return f"{self.page} of {self.member_id}"
