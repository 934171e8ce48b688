"""Milestones and blockers."""

from __future__ import annotations

from rest_framework import serializers

from engagements.models import Blocker, Milestone

Read = serializers.ModelSerializer


class MilestoneSerializer(Read[Milestone]):
    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    matter = serializers.CharField(source="matter.reference", read_only=True, allow_null=True, default=None)
    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True, allow_null=True, default=None)
    slip_days = serializers.IntegerField(read_only=True)

    class Meta:
        model = Milestone
        fields = (
            "engagement", "number", "name", "matter", "workstream", "baseline_on", "due_on", "slip_days", "done_on", "withdrawn_at",
            "volume", "volume_from", "published_at", "version",
        )  # fmt: skip
        read_only_fields = fields


class BlockerSerializer(Read[Blocker]):
    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    matter = serializers.CharField(source="matter.reference", read_only=True, allow_null=True, default=None)
    item = serializers.CharField(source="item.reference", read_only=True, allow_null=True, default=None)
    milestone = serializers.IntegerField(source="milestone.number", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Blocker
        fields = ("engagement", "number", "text", "party", "matter", "item", "milestone", "since", "resolved_at", "resolution")
        read_only_fields = fields
