"""Clients to work items, as the API reads and writes them. Writing goes through the room's actions."""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from billing.codes import COUNTRIES, CURRENCIES
from engagements import states
from engagements.models import Client, ClientDecision, Engagement, LateEntry, LegalEntity, Matter, Pause, Transition, WorkItem, Workstream
from lpo.api.fields import ReferenceField
from lpo.api.serializers.strict import Strict

Read = serializers.ModelSerializer


class ClientSerializer(Strict, Read[Client]):
    class Meta:
        model = Client
        fields = (
            "code", "name", "legal_name", "billing_address", "country", "tax_id", "tax_category", "tax_rate", "currency", "time_zone",
            "accounts_payable", "accounts_payable_email", "billing_cycle", "status", "created_at", "version",
        )  # fmt: skip
        read_only_fields = ("status", "created_at")

    def validate_country(self, value: str) -> str:
        return _known(value, COUNTRIES, "an ISO 3166-1 country code, as in US")

    def validate_currency(self, value: str) -> str:
        return _known(value, CURRENCIES, "an ISO 4217 currency code in use, as in USD")


def _known(value: str, codes: Container[str], what: str) -> str:
    if value not in codes:
        raise serializers.ValidationError(f"“{value}” is not {what}.")
    return value


class EngagementSerializer(Strict, Read[Engagement]):
    client: Any = ReferenceField(Client, "code")
    legal_entity: Any = ReferenceField(LegalEntity, "name")

    class Meta:
        model = Engagement
        fields = (
            "reference", "client", "legal_entity", "title", "delivery_model", "location", "starts_on", "ends_on", "renewal",
            "renewal_months", "notice_days", "notice_given_on", "status", "created_at", "version",
        )  # fmt: skip
        read_only_fields = ("reference", "status", "created_at")


class MatterSerializer(Strict, Read[Matter]):
    engagement: Any = ReferenceField(Engagement, "reference")
    client = serializers.CharField(source="client.code", read_only=True)

    class Meta:
        model = Matter
        fields = (
            "reference", "client", "engagement", "client_matter_id", "own_matter_id", "title", "jurisdiction", "end_client", "bill_to",
            "status", "published_at", "created_at", "version",
        )  # fmt: skip
        read_only_fields = ("reference", "status", "published_at", "created_at")


class WorkstreamSerializer(Strict, Read[Workstream]):
    matter: Any = ReferenceField(Matter, "reference")
    client = serializers.CharField(source="client.code", read_only=True)

    class Meta:
        model = Workstream
        fields = ("item_prefix", "client", "matter", "kind", "title", "unit", "item_count", "status", "created_at", "version")
        read_only_fields = ("item_count", "status", "created_at")


class ItemSerializer(Read[WorkItem]):
    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True)
    assignee = serializers.EmailField(source="assignee.user.email", read_only=True, allow_null=True, default=None)

    class Meta:
        model = WorkItem
        fields: tuple[str, ...] = (
            "reference", "workstream", "kind", "source", "external_id", "title", "quantity", "priority", "type", "language",
            "disposition", "severity", "received_at", "state", "state_at", "finished", "paused", "first_delivered_at", "assignee",
            "created_at", "version",
        )  # fmt: skip
        read_only_fields = fields


class TransitionSerializer(Read[Transition]):
    class Meta:
        model = Transition
        fields = ("from_state", "to_state", "at", "recorded_at", "by_label", "reason")
        read_only_fields = fields


class PauseSerializer(Read[Pause]):
    class Meta:
        model = Pause
        fields = ("party", "reason", "note", "started_at", "ended_at", "contest_by", "contested_at", "withdrawn_at")
        read_only_fields = fields


class DecisionSerializer(Read[ClientDecision]):
    """What the client decided, and on whose word."""

    class Meta:
        model = ClientDecision
        fields = ("what", "source", "at", "recorded_at", "by_label", "note", "clause")
        read_only_fields = fields


class LateEntrySerializer(Read[LateEntry]):
    """What was recorded late: it counts once its state is approved."""

    class Meta:
        model = LateEntry
        fields = ("kind", "to_state", "party", "at", "note", "state", "recorded_at", "by_label", "decided_at", "decided_by_label")
        read_only_fields = fields


class ItemDetailSerializer(ItemSerializer):
    transitions = TransitionSerializer(many=True, read_only=True)
    pauses = PauseSerializer(many=True, read_only=True)
    decisions = DecisionSerializer(many=True, read_only=True)
    late_entries = LateEntrySerializer(many=True, read_only=True)

    class Meta(ItemSerializer.Meta):
        fields = (*ItemSerializer.Meta.fields, "transitions", "pauses", "decisions", "late_entries")
        read_only_fields = fields


class NewItemSerializer(Strict):
    """One item on its way in. `external_id` makes it idempotent: the same id again updates the same item."""

    external_id = serializers.CharField(max_length=120)
    title = serializers.CharField(max_length=300)
    kind = serializers.ChoiceField(choices=list(states.KINDS.items()), default=states.WORK)
    received_at = serializers.DateTimeField()
    quantity = serializers.DecimalField(max_digits=14, decimal_places=3, min_value=Decimal(0), default=Decimal(1))
    priority = serializers.CharField(max_length=20, default="standard")
    type = serializers.CharField(
        max_length=60,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="The code of one of the workstream's types; left out, an item keeps what it has.",
    )
    language = serializers.CharField(max_length=16, default="", allow_blank=True)
    disposition = serializers.ChoiceField(choices=["machine_coded", "human_reviewed", "discarded"], default="", allow_blank=True)
    severity = serializers.ChoiceField(choices=["critical", "major", "minor"], default="", allow_blank=True)


class UpsertSerializer(Strict):
    """Up to 500 items of one workstream, checked as a whole before the first is written."""

    workstream: Any = ReferenceField(Workstream, "item_prefix", help_text="The workstream's item prefix.")
    source: Any = serializers.RegexField(r"^[\w.:-]+$", max_length=40, default="api")
    items: Any = serializers.ListField(child=NewItemSerializer(), allow_empty=False, max_length=500)


class UpsertResultSerializer(serializers.Serializer[Any]):
    external_id = serializers.CharField()
    reference = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["created", "changed", "unchanged"])


class UpsertedSerializer(serializers.Serializer[Any]):
    results = UpsertResultSerializer(many=True)


class WithMessage(Strict):
    message = serializers.CharField(
        max_length=20_000,
        default="",
        allow_blank=True,
        help_text="What the client wrote, with its sender and date. Needed for what the client decides: a token is nobody's sign-in.",
    )


class MoveSerializer(WithMessage):
    to = serializers.ChoiceField(choices=list(states.LABELS.items()))
    at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        default=None,
        help_text="When it happened; now when left out. Longer than 15 minutes ago it counts once a second person has approved it.",
    )
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)
    version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1, max_value=2**31 - 1)


class NewPauseSerializer(Strict):
    party = serializers.ChoiceField(choices=["client", "provider", "third_party"])
    reason = serializers.ChoiceField(choices=["information", "signature", "documents", "access", "instruction", "internal", "other"])
    note = serializers.CharField(max_length=500, default="", allow_blank=True)
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class ResumeSerializer(WithMessage):
    party = serializers.ChoiceField(choices=["client", "provider", "third_party"], required=False, allow_null=True, default=None)
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)
