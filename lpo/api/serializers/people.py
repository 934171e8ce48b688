"""Assignments and time, as the API reads and writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers

from engagements import utbms
from engagements.models import TimeEntry, Workstream
from engagements.narrative import warnings
from lpo.api.fields import ReferenceField
from lpo.api.serializers.strict import Strict


class AssignmentSerializer(Strict):
    assignee = serializers.EmailField(allow_null=True, help_text="Who gets the item; null takes it back from whoever has it.")


class TimeSerializer(Strict):
    """One entry of the token's maker. The same external id again returns the entry that is there already."""

    number = serializers.IntegerField(read_only=True)
    workstream: Any = ReferenceField(Workstream, "item_prefix", help_text="The workstream's item prefix.")
    item = serializers.CharField(max_length=24, required=False, allow_null=True, default=None, source="item.reference")
    day = serializers.DateField(help_text="The day on the clock of who did the work.")
    minutes = serializers.DecimalField(max_digits=7, decimal_places=2, min_value=Decimal("0.01"), max_value=Decimal(1440))
    narrative = serializers.CharField(max_length=1000, default="", allow_blank=True)
    task_code = serializers.ChoiceField(choices=utbms.choices(utbms.TASKS), required=False, help_text="The work's usual one if left out.")
    activity_code = serializers.ChoiceField(choices=utbms.choices(utbms.ACTIVITIES), required=False)
    billable = serializers.BooleanField(default=True)
    external_id = serializers.CharField(max_length=120, required=False, allow_null=True, default=None)
    status = serializers.CharField(read_only=True)
    warnings = serializers.SerializerMethodField()

    def get_warnings(self, entry: TimeEntry) -> list[str]:
        return warnings(entry.narrative, entry.minutes)
