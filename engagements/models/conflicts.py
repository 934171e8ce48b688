"""Conflict checks: the names known here, what a check found, and what a person made of each match."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from engagements.models.clients import Client, Matter
from lpo.tenancy.models import TenantForeignKey, TenantModel


class NameKind(models.TextChoices):
    CLIENT = "client", "Client"
    END_CLIENT = "end_client", "End client"
    PARTY = "party", "Party"
    FORMER_PARTY = "former_party", "Former party"
    STAFF = "staff", "Conflict of a member of staff"


class NameWord(TenantModel):
    """A name known here under one of its words, so that an equality finds it under row-level security.

    Follows from clients, matters and profiles (`actions/names.py`); never edited by itself.
    """

    word = models.CharField(max_length=200)
    kind = models.CharField(max_length=12, choices=NameKind.choices)
    name = models.CharField(max_length=200)
    client = TenantForeignKey(Client, null=True)
    matter = TenantForeignKey(Matter, null=True)
    member = TenantForeignKey("accounts.Membership", null=True)

    class Meta:
        indexes = [
            models.Index(fields=["organization", "word"], include=["matter"], name="nameword_by_word"),
            models.Index(fields=["organization", "client", "kind"], name="nameword_by_client"),
            models.Index(fields=["organization", "matter"], name="nameword_by_matter"),
            models.Index(fields=["organization", "member"], condition=Q(member__isnull=False), name="nameword_by_member"),
        ]

    def __str__(self) -> str:
        return f"{self.word}: {self.name}"


class Occasion(models.TextChoices):
    ONBOARDING = "onboarding", "Onboarding"
    NEW_PARTY = "new_party", "New party"
    PROFILE = "profile", "Conflict of a member of staff"
    MID_PROJECT = "mid_project", "Found during the work"


class ConflictCheck(TenantModel):
    """One search of a client's or a matter's names, and who ran it on what occasion. Append-only."""

    client = TenantForeignKey(Client)
    # Empty: the client as a whole, before it has a matter.
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    number = models.PositiveIntegerField()
    occasion = models.CharField(max_length=12, choices=Occasion.choices, default=Occasion.ONBOARDING)
    # [[name, what it is]], as they were then: a name that is not among them was not checked.
    names = models.JSONField()
    known_before = models.PositiveIntegerField(default=0, help_text="Matches that an earlier check had found.")
    note = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "client", "matter", "number"], name="conflictcheck_number_once", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["organization", "matter", "-id"], name="conflictcheck_by_matter")]

    def __str__(self) -> str:
        return f"Conflict check {self.number}"


class ConflictMatch(TenantModel):
    """A name that is like one of the subject's. What was found where is kept apart, behind the wall of where it was found."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    check_run = TenantForeignKey(ConflictCheck, via=["client_id"])
    position = models.PositiveIntegerField()
    asked = models.CharField(max_length=200)
    asked_as = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, choices=NameKind.choices)
    strength = models.PositiveSmallIntegerField()
    why = models.CharField(max_length=300)
    # The same finding of a later check is this one again.
    identity = models.CharField(max_length=64)
    member = TenantForeignKey("accounts.Membership", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "client_id", "matter", "position"], name="conflictmatch_position_once", nulls_distinct=False
            ),
            models.UniqueConstraint(
                fields=["organization", "client_id", "matter", "identity"], name="conflictmatch_once", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["organization", "matter", "id"], name="conflictmatch_by_matter")]

    def __str__(self) -> str:
        return f"{self.asked}: {self.why}"


class ConflictFinding(TenantModel):
    """What a match found, as it read then. `matter` is the matter it was found in; whoever may not see that one does not see this."""

    match = TenantForeignKey(ConflictMatch)
    matter = TenantForeignKey(Matter, null=True, blank=True)
    name = models.CharField(max_length=200)
    place = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "match"], name="conflictfinding_once")]

    def __str__(self) -> str:
        return self.name


class Verdict(models.TextChoices):
    NONE = "none", "No conflict"
    WAIVED = "waived", "Waived with consent"
    CONFLICT = "conflict", "Conflict"


class ConflictOutcome(TenantModel):
    """What a person made of a match. Append-only; the latest counts. A waiver carries who consented, to what, and the message."""

    client_id = models.BigIntegerField()
    matter = TenantForeignKey(Matter, via=["client_id"], null=True, blank=True)
    match = TenantForeignKey(ConflictMatch, via=["client_id"])
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    note = models.CharField(max_length=500)
    consented_by = models.CharField(max_length=200, blank=True)
    consent_scope = models.CharField(max_length=500, blank=True)
    message = TenantForeignKey("audit.Document", null=True, blank=True)
    at = models.DateTimeField(default=timezone.now)
    by_member = TenantForeignKey("accounts.Membership", null=True, blank=True)
    by_label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(verdict="waived") | (~Q(consented_by="") & ~Q(consent_scope="") & Q(message__isnull=False)),
                name="conflictoutcome_consent_kept",
                violation_error_message="A waiver names who consented and to what, with the message that says so.",
            ),
            models.CheckConstraint(condition=~Q(note=""), name="conflictoutcome_says_why"),
        ]
        indexes = [models.Index(fields=["organization", "match", "-id"], include=["matter"], name="conflictoutcome_by_match")]

    def __str__(self) -> str:
        return self.get_verdict_display()


class ConflictRule(TenantModel):
    """What the organization does about a matter whose check is missing, out of date or open."""

    blocks = models.BooleanField("no work before the check is clear", default=False)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization"], name="conflictrule_once")]

    def __str__(self) -> str:
        return "Blocks work" if self.blocks else "Says so"
