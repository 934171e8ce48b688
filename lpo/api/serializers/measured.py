"""Service levels, attainment and invoices, as the API reads them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from billing.models import Charge, ChargeTerm, ChargeTermVersion, Invoice, InvoiceLine
from sla.models import Attainment, AttainmentRow, ServiceLevel, ServiceLevelVersion

Read = serializers.ModelSerializer


class LevelVersionSerializer(Read[ServiceLevelVersion]):
    types = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Codes of the types covered; empty for all.")

    class Meta:
        model = ServiceLevelVersion
        fields = (
            "number", "effective_from", "clause", "item_kind", "priority", "severity", "types", "unit", "target", "start_state",
            "stop_state", "decides", "pausing_parties", "expected_percent", "max_error_percent", "error_unit", "window", "time_zone",
            "credit_percent", "minimum_percent", "misses_before_default", "allowed_misses", "roll_up_below", "no_credit_below",
            "importance", "pool_percent", "allocation_percent", "test", "test_confidence_percent", "accepted_sample", "accepted_errors",
            "severity_weights", "population", "adjudicator", "min_volume", "volume_by", "volume_offered",
            "earn_back_percent", "earn_back_windows",
        )  # fmt: skip
        read_only_fields = fields


class LevelSerializer(Read[ServiceLevel]):
    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True)
    versions = LevelVersionSerializer(many=True, read_only=True)

    class Meta:
        model = ServiceLevel
        fields = ("workstream", "name", "kind", "active", "versions")
        read_only_fields = fields


class AttainmentSerializer(Read[Attainment]):
    """`met` is null where nothing was measured, where the window is judged with its quarter (`basis` rolled_up), or where less was
    delivered than is due and the window still runs (`basis` running). numerator and denominator are the exact fraction; of a throughput
    level what was delivered and what was due, in whole units. What was rolled up into the window is in the carried ones."""

    level = serializers.CharField(source="level.name", read_only=True)
    workstream = serializers.CharField(source="level.workstream.item_prefix", read_only=True)

    class Meta:
        model = Attainment
        fields = (
            "workstream", "level", "label", "window_start", "window_end", "revision", "state", "numerator", "denominator", "pending",
            "excluded", "carried_numerator", "carried_denominator", "basis", "met", "below_minimum", "median_seconds", "p90_seconds",
            "computed_at", "closed_at", "published_at", "snapshot_sha256",
        )  # fmt: skip
        read_only_fields = fields


class AttainmentRowSerializer(Read[AttainmentRow]):
    class Meta:
        model = AttainmentRow
        fields = (
            "item_reference", "external_id", "outcome", "started_at", "due_at", "stopped_at", "used_seconds", "paused_seconds",
            "late_seconds", "units", "errors", "reason",
        )  # fmt: skip
        read_only_fields = fields


class TermVersionSerializer(Read[ChargeTermVersion]):
    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True, allow_null=True, default=None)
    types = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Codes of the types priced; empty for all.")
    timekeeper = serializers.EmailField(source="timekeeper.user.email", read_only=True, allow_null=True, default=None)
    person = serializers.CharField(source="placement.name", read_only=True, allow_null=True, default=None)

    class Meta:
        model = ChargeTermVersion
        fields = (
            "number", "effective_from", "effective_to", "clause", "shape", "price", "tiers", "package_size", "free_units",
            "discount_percent", "cap", "minimum", "unit", "unit_plural", "workstream", "disposition", "types", "billable_state",
            "recurring", "prorate", "credit_base", "rate_per", "month_basis", "staff_level", "person", "overtime", "overtime_price",
            "charged_away", "overlap_charged", "unapproved", "measure", "direction", "percent", "event_cap", "markup_percent",
            "timekeeper", "role", "increment", "increment_minutes",
        )  # fmt: skip
        read_only_fields = fields


class TermSerializer(Read[ChargeTerm]):
    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    versions = TermVersionSerializer(many=True, read_only=True)

    class Meta:
        model = ChargeTerm
        fields = ("engagement", "name", "model", "active", "position", "versions")
        read_only_fields = fields


class InvoiceSerializer(Read[Invoice]):
    client = serializers.CharField(source="client.code", read_only=True)
    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    period = serializers.CharField(source="period.label", read_only=True)

    class Meta:
        model = Invoice
        fields: tuple[str, ...] = (
            "number", "client", "engagement", "period", "state", "currency", "net", "tax", "gross", "issue_date", "due_date",
            "issued_at", "snapshot_sha256", "version",
        )  # fmt: skip
        read_only_fields = fields


class ChargeSerializer(Read[Charge]):
    class Meta:
        model = Charge
        fields = ("reference", "source_key", "happened_at", "quantity")
        read_only_fields = fields


class LineSerializer(Read[InvoiceLine]):
    explanation = serializers.JSONField(read_only=True, help_text="A tree whose leaves sum to the amount exactly.")

    class Meta:
        model = InvoiceLine
        fields = (
            "position", "group", "description", "detail", "quantity", "unit", "unit_plural", "unit_price", "amount", "tax_category",
            "tax_rate", "task_code", "activity_code", "expense_code", "explanation",
        )  # fmt: skip
        read_only_fields = fields


class RestrictedSerializer(serializers.Serializer[Any]):
    """Lines of restricted matters: how many are not shown, and what they come to."""

    count = serializers.IntegerField()
    amount = serializers.DecimalField(max_digits=16, decimal_places=4)


class InvoiceDetailSerializer(InvoiceSerializer):
    """`net` is the sum of `lines` and of `restricted.amount`; `restricted` is null where every line is shown."""

    lines: Any = LineSerializer(many=True, read_only=True)
    restricted: Any = RestrictedSerializer(read_only=True, allow_null=True)

    class Meta(InvoiceSerializer.Meta):
        fields = (*InvoiceSerializer.Meta.fields, "lines", "restricted")
        read_only_fields = fields
