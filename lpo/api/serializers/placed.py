"""People placed with clients and their timesheets, to read. No prices: those are charge terms."""

from __future__ import annotations

from decimal import Decimal

from rest_framework import serializers

from engagements.models import Placement, PlacementTerms, Timesheet, TimesheetDay

Read = serializers.ModelSerializer


class PlacementTermsSerializer(Read[PlacementTerms]):
    class Meta:
        model = PlacementTerms
        fields = ("number", "effective_from", "role", "level", "supervisor", "location", "hours_per_week", "weekdays")
        read_only_fields = fields


class PlacementSerializer(Read[Placement]):
    matter = serializers.CharField(source="matter.reference", read_only=True)
    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True, allow_null=True, default=None)
    replaces = serializers.IntegerField(source="replaces.number", read_only=True, allow_null=True, default=None)
    terms = PlacementTermsSerializer(many=True, read_only=True)

    class Meta:
        model = Placement
        fields = (
            "matter", "number", "name", "workstream", "starts_on", "ends_on", "cycle", "replaces", "published_at", "terms", "version",
        )  # fmt: skip
        read_only_fields = fields


class TimesheetDaySerializer(Read[TimesheetDay]):
    hours = serializers.DecimalField(max_digits=4, decimal_places=2, min_value=Decimal(0), read_only=True)

    class Meta:
        model = TimesheetDay
        fields = ("day", "hours", "contracted", "away", "away_hours", "handover")
        read_only_fields = fields


class TimesheetSerializer(Read[Timesheet]):
    matter = serializers.CharField(source="placement.matter.reference", read_only=True)
    placement = serializers.IntegerField(source="placement.number", read_only=True)
    person = serializers.CharField(source="placement.name", read_only=True)
    days = TimesheetDaySerializer(many=True, read_only=True)

    class Meta:
        model = Timesheet
        fields = (
            "matter", "placement", "person", "period_start", "label", "number", "starts_on", "ends_on", "state", "submitted_at",
            "decided_at", "source", "published_at", "days", "version",
        )  # fmt: skip
        read_only_fields = fields
