"""What the client decided and on whose word, what was told of a delivery, what was written down late, and what counsel was asked."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from engagements import states
from engagements.models.clients import Matter, Workstream
from engagements.models.items import Pause, Transition, WorkItem
from lpo.tenancy.models import TenantForeignKey, TenantModel


class Source(models.TextChoices):
    ATTORNEY = "attorney", "Supervising attorney"
    PROVIDER = "provider", "Recorded by provider"
    DEEMED = "deemed", "Deemed by silence"
    AUTOMATIC = "automatic", "Recorded by the system"


class What(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    RETURNED = "returned", "Returned"
    CONTESTED = "contested", "Pause contested"
    CONCEDED = "conceded", "Contest dropped"
    AGREED = "agreed", "Pause accepted"
    EXCLUSION_CONTESTED = "excl_no", "Exclusion contested"
    EXCLUSION_AGREED = "excl_yes", "Exclusion accepted"
    REPLIED = "replied", "Replied"
    SEVERITY = "severity", "Severity agreed"
    ANSWERED = "answered", "Question answered"
    CREDIT_CHOSEN = "credit", "Credit chosen"
    SHEET_APPROVED = "sheet_yes", "Timesheet approved"
    SHEET_RETURNED = "sheet_no", "Timesheet returned"


class ClientDecision(TenantModel):
    """Something the client decided, with its source. The provider's word alone is none: its record carries the client's message."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"], null=True, blank=True)
    what = models.CharField(max_length=12, choices=What.choices)
    source = models.CharField(max_length=10, choices=Source.choices)
    at = models.DateTimeField(help_text="When the client said it.")
    note = models.CharField(max_length=500, blank=True)
    clause = models.CharField(max_length=200, blank=True)
    message = TenantForeignKey("audit.Document", null=True, blank=True)
    transition = TenantForeignKey(Transition, null=True, blank=True)
    pause = TenantForeignKey(Pause, null=True, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(source="provider") | Q(message__isnull=False), name="clientdecision_message_kept"),
            models.CheckConstraint(condition=~Q(source="deemed") | ~Q(clause=""), name="clientdecision_clause_named"),
            models.UniqueConstraint(
                fields=["organization", "transition"], condition=Q(transition__isnull=False), name="clientdecision_one_a_transition"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "item", "id"], include=["matter"], name="clientdecision_by_item"),
            models.Index(fields=["organization", "matter", "-id"], name="clientdecision_by_matter"),
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()} ({self.get_source_display().lower()})"


class DeliveryNotice(TenantModel):
    """The client was told of a delivery: when, how, to whom, and what shows it. Silence counts from here and from nowhere else.

    `deemed_at` is the end of the contract's acceptance days as the contract stood; empty where it agrees none.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    transition = TenantForeignKey(Transition)
    sent_at = models.DateTimeField()
    channel = models.CharField(
        max_length=10,
        choices=[("email", "E-mail"), ("system", "Client's system"), ("portal", "Portal"), ("courier", "Courier"), ("other", "Other")],
    )
    recipient = models.CharField(max_length=200)
    evidence = TenantForeignKey("audit.Document")
    deemed_at = models.DateTimeField(null=True, blank=True)
    clause = models.CharField(max_length=200, blank=True)
    settled = models.BooleanField(default=False)
    recorded_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "transition"], name="deliverynotice_one_a_delivery"),
            models.CheckConstraint(condition=Q(deemed_at__isnull=True) | ~Q(clause=""), name="deliverynotice_clause_named"),
        ]
        indexes = [
            models.Index(fields=["organization", "item", "id"], include=["matter_id"], name="deliverynotice_by_item"),
            models.Index(fields=["organization", "deemed_at", "id"], condition=Q(settled=False), name="deliverynotice_to_settle"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} to {self.recipient}"


class LateEntry(TenantModel):
    """Something written down more than 15 minutes after it happened. It counts once a second person has approved it.

    Until then no transition and no pause exists for it, so nothing that reads facts can count it.
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    kind = models.CharField(
        max_length=8, choices=[("move", "Move"), ("pause", "Pause"), ("resume", "Resume"), ("receipt", "Time of receipt")]
    )
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16, blank=True, choices=list(states.LABELS.items()))
    party = models.CharField(max_length=12, blank=True, choices=Pause._meta.get_field("party").choices)
    reason = models.CharField(max_length=30, blank=True, choices=Pause._meta.get_field("reason").choices)
    at = models.DateTimeField()
    note = models.CharField(max_length=500, blank=True)
    evidence = TenantForeignKey("audit.Document", null=True, blank=True)
    state = models.CharField(
        max_length=10, default="waiting", choices=[("waiting", "Waiting for approval"), ("approved", "Approved"), ("refused", "Refused")]
    )
    recorded_at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = TenantForeignKey("accounts.Membership", null=True, blank=True)
    decided_by_label = models.CharField(max_length=200, blank=True)
    decision_note = models.CharField(max_length=300, blank=True)
    transition = TenantForeignKey(Transition, null=True, blank=True)
    pause = TenantForeignKey(Pause, null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(by_member__isnull=True) | ~Q(decided_by=F("by_member")),
                name="lateentry_second_person",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True) | (~Q(state="waiting") & Q(decided_at__isnull=False)),
                name="lateentry_decided",
            ),
            models.CheckConstraint(condition=Q(at__lt=F("recorded_at")), name="lateentry_is_late"),
        ]
        indexes = [
            models.Index(fields=["organization", "item", "id"], include=["matter_id"], name="lateentry_by_item"),
            models.Index(
                fields=["organization", "recorded_at", "id"], condition=Q(state="waiting"), include=["matter_id"], name="lateentry_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.at:%Y-%m-%d %H:%M}"


class ErrorNotice(TenantModel):
    """The client told of an error, by any channel. The first of them is the notification. Append-only."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"])
    at = models.DateTimeField()
    channel = models.CharField(
        max_length=10,
        choices=[
            ("email", "E-mail"),
            ("telephone", "Telephone"),
            ("meeting", "Meeting"),
            ("system", "Client's system"),
            ("other", "Other"),
        ],
    )
    reporter = models.CharField(max_length=200, blank=True)
    evidence = TenantForeignKey("audit.Document", null=True, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "item", "at", "channel"], name="errornotice_once"),
        ]
        indexes = [models.Index(fields=["organization", "item", "at", "id"], include=["matter_id"], name="errornotice_by_item")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {self.at:%Y-%m-%d %H:%M}"


class Question(TenantModel):
    """A question to counsel, counsel's answer, and the protocol version it led to. Numbered within its matter."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"])
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"], null=True, blank=True)
    item = TenantForeignKey(WorkItem, via=["client_id", "matter_id"], null=True, blank=True)
    number = models.PositiveIntegerField()
    question = models.TextField(max_length=4000)
    escalation = models.BooleanField(default=False, help_text="Work stops, or a deadline is lost, until it is answered.")
    asked_at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)
    answer = models.TextField(max_length=4000, blank=True)
    decision = TenantForeignKey(ClientDecision, null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    protocol = models.CharField("protocol version", max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "matter", "number"], name="question_number_once"),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, decision__isnull=True, answer="")
                | (Q(answered_at__isnull=False, decision__isnull=False) & ~Q(answer="")),
                name="question_answered_with_source",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "asked_at", "id"], include=["matter"], name="question_recent"),
            models.Index(fields=["organization", "item", "id"], include=["matter"], name="question_by_item"),
        ]

    def __str__(self) -> str:
        return self.question[:80]
