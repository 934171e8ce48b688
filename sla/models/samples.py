"""Samples of delivered work, their blind checks, what was found and how a disagreement was decided."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel


class Purpose(models.TextChoices):
    ACCURACY = "accuracy", "Errors in delivered work"
    ELUSION = "elusion", "Relevant documents among what was set aside"


class Sizing(models.TextChoices):
    """What the size of a plan follows from."""

    MARGIN = "margin", "Confidence and margin"
    ACCEPTANCE = "acceptance", "Acceptance plan (n, c)"
    NUMBER = "number", "A number of items"


class Allocation(models.TextChoices):
    PROPORTIONAL = "proportional", "In proportion to each stratum"
    EACH = "each", "The same number from each stratum"


class Adjudicator(models.TextChoices):
    THIRD = "third", "A third person"
    ATTORNEY = "attorney", "The supervising attorney"
    NONE = "none", "Nobody: the check stands"


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    MAJOR = "major", "Major"
    MINOR = "minor", "Minor"


class Category(models.TextChoices):
    WRONG_CALL = "wrong_call", "Wrong call"
    MISSED = "missed", "Missed issue"
    DATA = "data", "Wrong data"
    PRIVILEGE = "privilege", "Privilege or confidentiality"
    DRAFTING = "drafting", "Drafting"
    FORM = "form", "Form"
    OTHER = "other", "Other"


class RootCause(models.TextChoices):
    INSTRUCTION = "instruction", "Instruction unclear"
    PROTOCOL = "protocol", "Protocol not followed"
    TRAINING = "training", "Training"
    OVERSIGHT = "oversight", "Oversight"
    SOURCE = "source", "Source unreadable or incomplete"
    TOOL = "tool", "Tool"
    UNKNOWN = "unknown", "Not known"


class SamplePlan(TenantModel):
    """A random sample declared before anything in it is checked: what it is drawn from, how large, by which seed. Never changes.

    `strata`: [{"key", "label", "population", "size"}, …] in the order of their keys; one without a key where there are none.
    Percentages are 0–100. A plan that extends another is drawn from the same population, without what was drawn before.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey("engagements.Workstream", via=["client_id", "matter_id"])
    number = models.PositiveIntegerField()
    purpose = models.CharField(max_length=8, choices=Purpose.choices, default=Purpose.ACCURACY)
    disposition = models.CharField(max_length=16, blank=True, help_text="Only items of this disposition; empty for all.")
    # First deliveries in [from_at, to_at).
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    sizing = models.CharField(max_length=10, choices=Sizing.choices)
    confidence_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    margin_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    expected_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    accepted_errors = models.PositiveIntegerField(null=True, blank=True)
    strata_by = models.JSONField(default=list, blank=True)
    allocation = models.CharField(max_length=12, choices=Allocation.choices, default=Allocation.PROPORTIONAL)
    strata = models.JSONField()
    population = models.PositiveIntegerField()
    population_quantity = models.DecimalField(max_digits=18, decimal_places=3)
    population_sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    seed = models.CharField(max_length=32)
    adjudicator = models.CharField(max_length=8, choices=Adjudicator.choices, default=Adjudicator.THIRD)
    relevant_found = models.BigIntegerField(null=True, blank=True, help_text="Relevant documents known outside what was set aside.")
    # The number of the first of the plans that extend one another; its own where it extends none.
    root_number = models.PositiveIntegerField()
    extends = TenantForeignKey("self", via=["client_id", "matter_id"], null=True, blank=True)
    drawn_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "workstream", "number"], name="sampleplan_number_once"),
            models.CheckConstraint(condition=Q(to_at__gt=F("from_at")), name="sampleplan_span"),
            models.CheckConstraint(condition=Q(size__gt=0, size__lte=F("population")), name="sampleplan_size"),
            models.CheckConstraint(
                condition=(~Q(sizing="margin") | Q(confidence_percent__isnull=False, margin_percent__gt=0, expected_percent__isnull=False))
                & (Q(sizing="acceptance", accepted_errors__isnull=False) | (~Q(sizing="acceptance") & Q(accepted_errors__isnull=True))),
                name="sampleplan_sizing",
            ),
            models.CheckConstraint(
                condition=Q(relevant_found__isnull=True) | Q(purpose="elusion", relevant_found__gte=0), name="sampleplan_relevant_found"
            ),
        ]

    def __str__(self) -> str:
        return f"Plan {self.number}"


class SampleItem(TenantModel):
    """One item of a plan, and how far its check has come. The first call's author is frozen when the plan is drawn."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    plan = TenantForeignKey(SamplePlan, via=["client_id", "matter_id"])
    item = TenantForeignKey("engagements.WorkItem", via=["client_id", "matter_id"])
    position = models.PositiveIntegerField()
    stratum = models.PositiveSmallIntegerField(help_text="Its place in the plan's strata, from 0.")
    reviewer = TenantForeignKey("accounts.Membership", null=True, blank=True)
    checker = TenantForeignKey("accounts.Membership", null=True, blank=True)
    state = models.CharField(
        max_length=11,
        choices=[("drawn", "To be checked"), ("checked", "Checked"), ("disputed", "To be adjudicated"), ("adjudicated", "Adjudicated")],
        default="drawn",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "plan", "position"], name="sampleitem_position_once"),
            models.UniqueConstraint(fields=["organization", "plan", "item"], name="sampleitem_once"),
            models.CheckConstraint(condition=Q(checker__isnull=True) | ~Q(checker=F("reviewer")), name="sampleitem_second_pair_of_eyes"),
            models.CheckConstraint(condition=Q(state="drawn") | Q(checker__isnull=False), name="sampleitem_checked_by_somebody"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "checker", "id"], condition=Q(state="drawn"), include=["matter_id"], name="sampleitem_to_check"
            ),
            models.Index(fields=["organization", "plan"], condition=Q(state="disputed"), include=["matter_id"], name="sampleitem_disputed"),
            models.Index(fields=["organization", "item"], name="sampleitem_by_item"),
        ]

    def __str__(self) -> str:
        return f"{self.position} of plan {self.plan_id}"


class Adjudication(TenantModel):
    """A third person's word where the second review differs from the first call. Its errors count instead of the check's."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    quality_check = TenantForeignKey("sla.QualityCheck", via=["client_id", "matter_id"])
    errors = models.PositiveIntegerField()
    reason = models.CharField(max_length=500)
    at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "quality_check"], name="adjudication_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="adjudication_says_why"),
        ]

    def __str__(self) -> str:
        return self.reason


class QualityFinding(TenantModel):
    """Errors of one kind found by a check, or left standing by its adjudication: those with one take the place of those without."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    quality_check = TenantForeignKey("sla.QualityCheck", via=["client_id", "matter_id"])
    adjudication = TenantForeignKey(Adjudication, via=["client_id", "matter_id"], null=True, blank=True)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    category = models.CharField(max_length=10, choices=Category.choices)
    root_cause = models.CharField(max_length=11, choices=RootCause.choices, default=RootCause.UNKNOWN)
    errors = models.PositiveIntegerField(default=1)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(errors__gt=0), name="qualityfinding_errors")]
        indexes = [models.Index(fields=["organization", "quality_check", "id"], name="qualityfinding_by_check")]

    def __str__(self) -> str:
        return f"{self.errors} {self.severity}"
