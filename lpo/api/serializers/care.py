"""What was delivered, version by version."""

from __future__ import annotations

from rest_framework import serializers

from engagements.models import Deliverable

Read = serializers.ModelSerializer


class DeliverableSerializer(Read[Deliverable]):
    """`decision` is the client's, of this version, with its source; empty while there is none."""

    item = serializers.CharField(source="reference", read_only=True)

    class Meta:
        model = Deliverable
        fields = (
            "item", "number", "label", "file_name", "sha256", "size", "kept_at", "published_at", "decision", "decided_at",
            "decided_source", "decided_clause",
        )  # fmt: skip
        read_only_fields = fields
