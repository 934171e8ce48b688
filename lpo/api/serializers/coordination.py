"""Milestones and blockers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from engagements.actions.milestones import MOST_NEEDS
from engagements.models import Blocker, Engagement, Matter, Milestone, WorkItem, Workstream
from engagements.models.milestones import PARTIES
from lpo.api.fields import ReferenceField
from lpo.api.serializers.strict import Strict

Read = serializers.ModelSerializer
_NUMBER: dict[str, Any] = {"min_value": 1, "max_value": 2**31 - 1}
_OR_NONE: dict[str, Any] = {"required": False, "allow_null": True, "default": None}


class MilestoneSerializer(Read[Milestone]):
    """`needs`: numbers of the milestones of its engagement that come before it."""

    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    matter = serializers.CharField(source="matter.reference", read_only=True, allow_null=True, default=None)
    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True, allow_null=True, default=None)
    owner = serializers.EmailField(source="owner.user.email", read_only=True, allow_null=True, default=None)
    needs = serializers.ListField(child=serializers.IntegerField(), read_only=True)
    slip_days = serializers.IntegerField(read_only=True)

    class Meta:
        model = Milestone
        fields = (
            "engagement", "number", "name", "matter", "workstream", "owner", "needs", "baseline_on", "due_on", "slip_days", "done_on",
            "done_note", "withdrawn_at", "withdrawn_note", "volume", "volume_from", "published_at", "version",
        )  # fmt: skip
        read_only_fields = fields


class MilestoneEditSerializer(Strict):
    """Where it belongs and its day are not among these: the first stays, the second is changed with a reason."""

    name = serializers.CharField(max_length=200)
    owner = serializers.EmailField(help_text="Address of a member of staff, or null.", **_OR_NONE)
    volume = serializers.DecimalField(max_digits=14, decimal_places=3, min_value=Decimal("0.001"), **_OR_NONE)
    volume_from = serializers.DateField(help_text="Deliveries count from this day; today where it is left out.", **_OR_NONE)
    needs = serializers.ListField(
        child=serializers.IntegerField(**_NUMBER),
        max_length=MOST_NEEDS,
        required=False,
        help_text="Numbers of the milestones of the same engagement that come before it.",
    )


class NewMilestoneSerializer(MilestoneEditSerializer):
    engagement: Any = ReferenceField(Engagement, "reference")
    due_on = serializers.DateField(help_text="The first day agreed. It stays on record.")
    matter: Any = ReferenceField(Matter, "reference", **_OR_NONE)
    workstream: Any = ReferenceField(Workstream, "item_prefix", **_OR_NONE)


class VersionedSerializer(Strict):
    version = serializers.IntegerField(required=False, help_text="The one you read; if somebody saved since, the answer is 409.", **_NUMBER)


class MilestonePatchSerializer(VersionedSerializer, MilestoneEditSerializer):
    pass


class RedateSerializer(VersionedSerializer):
    due_on = serializers.DateField()
    reason = serializers.CharField(max_length=300)


class ReachSerializer(VersionedSerializer):
    """What shows that it is done: a note, the text of a message or report, or both."""

    done_on = serializers.DateField()
    note = serializers.CharField(max_length=500, default="", allow_blank=True)
    evidence = serializers.CharField(max_length=20_000, default="", allow_blank=True, help_text="Kept as a text file under its hash.")


class WithdrawSerializer(VersionedSerializer):
    note = serializers.CharField(max_length=300)


class PublicationSerializer(VersionedSerializer):
    published = serializers.BooleanField(help_text="Whether the client is shown it, as it stands now.")


class BlockerSerializer(Read[Blocker]):
    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    matter = serializers.CharField(source="matter.reference", read_only=True, allow_null=True, default=None)
    item = serializers.CharField(source="item.reference", read_only=True, allow_null=True, default=None)
    milestone = serializers.IntegerField(source="milestone.number", read_only=True, allow_null=True, default=None)
    owner = serializers.EmailField(source="owner.user.email", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Blocker
        fields = ("engagement", "number", "text", "party", "owner", "matter", "item", "milestone", "since", "resolved_at", "resolution")
        read_only_fields = fields


class NewBlockerSerializer(Strict):
    """The same one, still open, is answered again and not raised twice."""

    engagement: Any = ReferenceField(Engagement, "reference")
    text = serializers.CharField(max_length=300, help_text="What is in the way.")
    party = serializers.ChoiceField(choices=PARTIES, help_text="Who must act.")
    owner = serializers.EmailField(help_text="Who follows it up: address of a member of staff.", **_OR_NONE)
    matter: Any = ReferenceField(Matter, "reference", **_OR_NONE)
    item: Any = ReferenceField(WorkItem, "reference", **_OR_NONE)
    milestone = serializers.IntegerField(required=False, allow_null=True, default=None, help_text="Its number.", **_NUMBER)
    since = serializers.DateTimeField(help_text="Now, if left out.", **_OR_NONE)


class ResolutionSerializer(Strict):
    resolution = serializers.CharField(max_length=500, help_text="How it was resolved.")
