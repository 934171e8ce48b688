"""Everything with a clock, what happened to it and when it waited."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from engagements import states
from engagements.models.clients import Workstream
from lpo.tenancy.models import TenantForeignKey, TenantManager, TenantModel, TenantQuerySet


class WorkItem(TenantModel):
    """An NDA, a review batch, a draft; a client's enquiry; a reported error."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"])
    kind = models.CharField(max_length=8, choices=list(states.KINDS.items()), default=states.WORK)
    reference = models.CharField(max_length=24)
    # Unique per workstream and source: the same row imported twice is one item.
    source = models.CharField(max_length=40, blank=True)
    external_id = models.CharField(max_length=120, null=True, blank=True)
    title = models.CharField(max_length=300)
    quantity = models.DecimalField(max_digits=14, decimal_places=3, default=1)
    priority = models.CharField(max_length=20, default="standard")
    # The code of one of its workstream's types; the key that holds it to them is in the database.
    type = models.CharField(max_length=20, null=True, blank=True)
    language = models.CharField(max_length=16, blank=True)
    disposition = models.CharField(
        max_length=16,
        blank=True,
        choices=[("machine_coded", "Machine-coded"), ("human_reviewed", "Human-reviewed"), ("discarded", "Discarded")],
    )
    severity = models.CharField(max_length=10, blank=True, choices=[("critical", "Critical"), ("major", "Major"), ("minor", "Minor")])
    received_at = models.DateTimeField()
    due_hint = models.DateTimeField(null=True, blank=True)
    assignee = TenantForeignKey("accounts.Membership", null=True, blank=True)
    state = models.CharField(max_length=16, choices=list(states.LABELS.items()))
    state_at = models.DateTimeField()
    finished = models.BooleanField(default=False)
    paused = models.BooleanField(default=False)
    first_delivered_at = models.DateTimeField(null=True, blank=True)
    batch = TenantForeignKey("engagements.ImportBatch", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "reference"], name="workitem_reference_once"),
            models.UniqueConstraint(fields=["organization", "workstream", "source", "external_id"], name="workitem_external_once"),
            models.CheckConstraint(condition=models.Q(quantity__gte=0), name="workitem_quantity_not_negative"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "workstream", "-received_at", "-id"], include=["matter_id"], name="workitem_by_workstream"
            ),
            models.Index(
                fields=["organization", "received_at", "id"],
                condition=models.Q(finished=False),
                include=["matter_id"],
                name="workitem_open",
            ),
            models.Index(
                fields=["organization", "assignee", "received_at", "id"], condition=models.Q(finished=False), name="workitem_by_assignee"
            ),
            models.Index(fields=["organization", "batch"], name="workitem_by_batch"),
            # What a budget counts: delivered volume of a month, without reading the rows.
            models.Index(
                fields=["organization", "workstream", "first_delivered_at"],
                condition=models.Q(kind="work", first_delivered_at__isnull=False),
                include=["matter_id", "quantity"],
                name="workitem_delivered",
            ),
            models.Index(fields=["organization", "external_id"], name="workitem_by_external_id"),
            models.Index(fields=["organization", "workstream", "state"], include=["matter_id"], name="workitem_by_state"),
            models.Index(
                fields=["organization", "workstream"], condition=models.Q(paused=True), include=["matter_id"], name="workitem_on_hold"
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class TransitionQuerySet(TenantQuerySet["Transition"]):
    def effective(self) -> TransitionQuerySet:
        """Neither reversing rows nor reversed ones, in the order of what happened."""
        taken_back = Transition.objects.filter(reverses=models.OuterRef("pk"))
        queryset: TransitionQuerySet = self.filter(~models.Exists(taken_back), reverses__isnull=True).order_by("at", "id")
        return queryset


class TransitionManager(TenantManager.from_queryset(TransitionQuerySet)):  # type: ignore[misc]
    """Rooted at the organization, as every manager of a tenant table."""


class Transition(TenantModel):
    """One move of one item. `at` is when it happened, `recorded_at` when it was written down. Append-only."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True)
    by_label = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True)
    # An undo or correction appends a row that takes an earlier one back; readers use `effective()`.
    reverses = TenantForeignKey("self", null=True)
    batch = TenantForeignKey("engagements.ImportBatch", null=True)

    objects = TransitionManager()  # type: ignore[misc]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "reverses"], condition=models.Q(reverses__isnull=False), name="transition_reversed_once"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "item", "at", "id"], name="transition_by_item"),
            models.Index(fields=["organization", "to_state", "at"], include=["item", "matter_id"], name="transition_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}"


class Pause(TenantModel):
    """A span in which the item waited, and on whom. Half-open [started_at, ended_at)."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    party = models.CharField(max_length=12, choices=[("client", "Client"), ("provider", "Provider"), ("third_party", "Third party")])
    reason = models.CharField(
        max_length=30,
        choices=[
            ("information", "Information needed"),
            ("signature", "Signature or authority needed"),
            ("documents", "Documents missing"),
            ("access", "Access missing"),
            ("instruction", "Instruction awaited"),
            ("internal", "Internal"),
            ("other", "Other"),
        ],
    )
    note = models.CharField(max_length=500, blank=True)
    evidence = TenantForeignKey("audit.Document", null=True, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    contest_by = models.DateField(null=True, blank=True)
    contested_at = models.DateTimeField(null=True, blank=True)
    contest_note = models.CharField(max_length=500, blank=True)
    # The client's word, or the end of a dispute; silence until the contest-by date settles a pause without either.
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=500, blank=True, db_default="")
    # Since when the client reads it in its ledger, and the item's reference as it reads it there.
    published_at = models.DateTimeField(null=True, blank=True)
    shown_as = models.CharField(max_length=24, blank=True, db_default="")
    recorded_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    batch = TenantForeignKey("engagements.ImportBatch", null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_at__gte=models.F("started_at")), name="pause_order"
            ),
            models.UniqueConstraint(
                fields=["organization", "item", "party"],
                condition=models.Q(ended_at__isnull=True, withdrawn_at__isnull=True),
                name="pause_one_open_per_party",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "item", "started_at"], name="pause_by_item"),
            models.Index(
                fields=["organization", "party", "started_at"],
                condition=models.Q(ended_at__isnull=True, withdrawn_at__isnull=True),
                name="pause_open",
            ),
            models.Index(
                fields=["organization", "recorded_at", "id"],
                condition=models.Q(party__in=["client", "third_party"]),
                include=["matter_id"],
                name="pause_recorded",
            ),
            models.Index(
                fields=["organization", "client_id", "recorded_at", "id"],
                condition=models.Q(published_at__isnull=False),
                name="pause_published",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.get_party_display()})"


class Assignment(TenantModel):
    """Who was given an item, when and by whom. Append-only; the item carries the latest."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    member = TenantForeignKey("accounts.Membership", null=True)
    at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["organization", "item", "id"], name="assignment_by_item")]

    def __str__(self) -> str:
        return f"{self.item_id} to {self.member_id}"
