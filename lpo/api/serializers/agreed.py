"""What was agreed: contract versions with their clauses, purchase orders with what is left."""

from __future__ import annotations

from rest_framework import serializers

from engagements.models import Contract, ContractClause, PurchaseOrder

Read = serializers.ModelSerializer


class ClauseSerializer(Read[ContractClause]):
    class Meta:
        model = ContractClause
        fields = ("number", "title", "text")
        read_only_fields = fields


class ContractSerializer(Read[Contract]):
    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    clauses = ClauseSerializer(many=True, read_only=True)
    signed_file_sha256 = serializers.CharField(source="signed_file.sha256", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Contract
        fields = (
            "engagement", "number", "effective_from", "signed_on", "signed_file_sha256", "time_zone", "currency", "payment_days",
            "contest_days", "acceptance_days", "at_risk_percent", "cap_period", "credit_base", "incident_credits", "choice_days",
            "baseline_period", "baseline_volume", "baseline_unit", "baseline_amount", "volume_ceiling", "rework_terms",
            "turnaround_credits", "purchase_order", "clauses",
        )  # fmt: skip
        read_only_fields = fields


class OrderSerializer(Read[PurchaseOrder]):
    engagement = serializers.CharField(source="engagement.reference", read_only=True)
    drawn = serializers.DecimalField(max_digits=16, decimal_places=4, read_only=True)
    remaining = serializers.DecimalField(max_digits=16, decimal_places=4, read_only=True)

    class Meta:
        model = PurchaseOrder
        fields = ("engagement", "number", "amount", "currency", "valid_from", "valid_to", "note", "drawn", "remaining", "version")
        read_only_fields = fields
