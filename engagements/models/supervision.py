"""What shows that an attorney supervised a matter: from when to when, what was sampled and signed, what was told to the client."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from engagements.models.clients import Matter, Workstream
from engagements.models.items import WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel


class SupervisionTerm(TenantModel):
    """Who supervised a matter from when to when, and by which admission. One at a time; a term that ended never changes."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    member = TenantForeignKey("accounts.Membership")
    name = models.CharField(max_length=200)
    admission = models.CharField(max_length=200, blank=True, help_text="Jurisdiction and number.")
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "matter"], condition=Q(ends_at__isnull=True), name="supervision_one_at_a_time"),
            models.CheckConstraint(condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")), name="supervision_order"),
        ]
        indexes = [models.Index(fields=["organization", "matter", "starts_at"], name="supervision_by_matter")]

    def __str__(self) -> str:
        return self.name


class SupervisionSample(TenantModel):
    """Delivered items drawn for the attorney to look at. The seed and the population make the draw repeatable. Append-only."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"], null=True, blank=True)
    number = models.PositiveIntegerField()
    # First deliveries in [from_at, to_at).
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    population = models.PositiveIntegerField()
    size = models.PositiveSmallIntegerField()
    seed = models.CharField(max_length=32)
    drawn_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "matter", "number"], name="supervisionsample_number_once"),
            models.CheckConstraint(condition=Q(to_at__gt=F("from_at")), name="supervisionsample_span"),
            models.CheckConstraint(condition=Q(size__gt=0, size__lte=F("population")), name="supervisionsample_size"),
        ]

    def __str__(self) -> str:
        return f"Sample {self.number}"


class SampledItem(TenantModel):
    """One item of a sample, and what the attorney signed about it. Signed, it never changes."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    sample = TenantForeignKey(SupervisionSample, via=["client_id", "matter_id"])
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    position = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=10, blank=True, choices=[("agreed", "Agreed"), ("not_agreed", "Not agreed")])
    note = models.CharField(max_length=500, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    signed_by = TenantForeignKey("accounts.Membership", null=True, blank=True)
    signed_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "sample", "position"], name="sampleditem_position_once"),
            models.UniqueConstraint(fields=["organization", "sample", "item"], name="sampleditem_once"),
            models.CheckConstraint(
                condition=Q(verdict="", signed_at__isnull=True, signed_by__isnull=True)
                | (~Q(verdict="") & Q(signed_at__isnull=False, signed_by__isnull=False)),
                name="sampleditem_signed_at_by",
            ),
            models.CheckConstraint(condition=~Q(verdict="not_agreed") | ~Q(note=""), name="sampleditem_says_why_not"),
        ]

    def __str__(self) -> str:
        return f"{self.position} of sample {self.sample_id}"


class SupervisionReport(TenantModel):
    """The record of supervision as it was published to the client, frozen. Append-only."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    number = models.PositiveIntegerField()
    snapshot = models.JSONField()
    published_at = models.DateTimeField(default=timezone.now)
    published_by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "matter", "number"], name="supervisionreport_number_once")]
        indexes = [models.Index(fields=["organization", "client_id", "matter", "-id"], name="supervisionreport_recent")]

    def __str__(self) -> str:
        return f"Record of supervision {self.number}"
