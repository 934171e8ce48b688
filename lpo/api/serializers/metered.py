"""Usage as other systems report it and read it back."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import UsageRecord
from lpo.api.serializers.strict import Strict


class UsageReportSerializer(Strict):
    """One event. Which fields a record has depends on the model of its term; a field left out is empty."""

    engagement = serializers.CharField(max_length=24, help_text="Its reference.")
    term = serializers.CharField(max_length=120, help_text="The charge term's name.")
    source: Any = serializers.RegexField(r"^[a-z0-9][a-z0-9_-]*$", max_length=40, help_text="The system that reports.")
    event_id = serializers.CharField(max_length=120, help_text="One event within its source. Sent again it is the same record.")
    subject = serializers.CharField(max_length=200, help_text="The user or what it was for, in words that name nothing privileged.")
    day = serializers.CharField(max_length=40, help_text="2026-10-01, or an instant with its offset: its day in the legal entity's zone.")
    last_day = serializers.DateField(required=False, allow_null=True, help_text="Of a seat.")
    quantity = serializers.DecimalField(max_digits=18, decimal_places=6, required=False, help_text="Of a volume or of seats.")
    unit = serializers.CharField(max_length=3, required=False, allow_blank=True, help_text="MB, GB, TB, MiB, GiB or TiB.")
    direction = serializers.ChoiceField(choices=["in", "out", "hosted"], required=False, allow_blank=True)
    amount = serializers.DecimalField(max_digits=16, decimal_places=4, required=False, allow_null=True)
    currency = serializers.CharField(max_length=3, required=False, allow_blank=True, help_text="The invoice's, also where left out.")
    code = serializers.CharField(max_length=4, required=False, allow_blank=True, help_text="Of an expense: E101 to E124.")


class UsageSerializer(serializers.ModelSerializer[Any]):
    engagement = serializers.CharField(source="term.engagement.reference", read_only=True)
    term = serializers.CharField(source="term.name", read_only=True)
    day = serializers.DateField(source="starts_on", read_only=True)
    last_day = serializers.DateField(source="ends_on", read_only=True)

    class Meta:
        model = UsageRecord
        fields = (
            "engagement", "term", "source", "event_id", "subject", "day", "last_day", "quantity", "unit", "direction", "amount", "currency",
            "code", "recorded_at", "approved_at", "withdrawn_at",
        )  # fmt: skip
        read_only_fields = fields
