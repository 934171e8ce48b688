"""What happened, and the files that prove it. Both tables only ever grow."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from lpo.audit.wording import kind_of
from lpo.tenancy.models import TenantForeignKey, TenantModel


class Event(TenantModel):
    """One audited act: who, what, on which object, before and after."""

    at = models.DateTimeField(default=timezone.now)
    actor_kind = models.CharField(max_length=10)
    actor_member = TenantForeignKey("accounts.Membership", null=True)
    actor_token_id = models.BigIntegerField(null=True)
    actor_label = models.CharField(max_length=200)
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=60)
    object_id = models.BigIntegerField(null=True)
    object_reference = models.CharField(max_length=120, blank=True)
    client_id = models.BigIntegerField(null=True)
    matter_id = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    # A bulk action is one event with the count and a hash over its ids.
    count = models.PositiveIntegerField(default=1)
    ids_hash = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "-id"], include=["matter_id"], name="event_recent"),
            models.Index(fields=["organization", "object_type", "object_id", "-id"], name="event_object"),
            models.Index(fields=["organization", "action", "-id"], name="event_action"),
            models.Index(fields=["organization", "object_reference", "-id"], name="event_reference"),
            models.Index(fields=["organization", "actor_member", "-id"], name="event_person"),
            models.Index(fields=["organization", "at"], name="event_at"),
        ]

    @property
    def kind(self) -> str:
        """What people call the thing it is about."""
        return kind_of(self.object_type)

    def __str__(self) -> str:
        return f"{self.action} {self.object_reference}"


class Seal(TenantModel):
    """A link of the hash chain over events, in sealing order. Written by a job; never changed."""

    sequence = models.BigIntegerField()
    event = TenantForeignKey(Event)
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "sequence"], name="seal_sequence_once"),
            models.UniqueConstraint(fields=["organization", "event"], name="seal_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash[:12]}"


class Document(TenantModel):
    """Bytes under their SHA-256: a rendered invoice, an imported file, the evidence of a pause. Insert-only."""

    kind = models.CharField(max_length=30)
    client_id = models.BigIntegerField(null=True)
    matter_id = models.BigIntegerField(null=True)
    reference = models.CharField(max_length=120, blank=True)
    file_name = models.CharField(max_length=200)
    media_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    content = models.BinaryField()
    # Decided once, at insertion: what the client may read, it may read from the start.
    published = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    created_by_label = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "kind", "-id"], name="document_kind"),
            models.Index(fields=["organization", "sha256"], name="document_sha256"),
        ]

    def __str__(self) -> str:
        return self.file_name
