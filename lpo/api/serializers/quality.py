"""Samples and checks, replays and credit claims."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engagements.models import WorkItem, Workstream
from lpo.api.fields import ReferenceField
from lpo.api.serializers.strict import Strict
from sla.models import Calendar, CreditClaim, QualityCheck, SampleItem, SamplePlan, Scenario

Read = serializers.ModelSerializer
_OR_NONE: dict[str, Any] = {"required": False, "allow_null": True}
_SHARE: dict[str, Any] = {"max_digits": 7, "decimal_places": 4, "min_value": Decimal(0), "max_value": Decimal(100)}
_MOST = 2**31 - 1


class StratumSerializer(serializers.Serializer[Any]):
    label: Any = serializers.CharField()
    population = serializers.IntegerField()
    size = serializers.IntegerField()


class PlanSerializer(Read[SamplePlan]):
    """A random sample as it was declared and how far it has come. `seed` and `population_sha256` let anybody draw it again. `rate`:
    errors ÷ units after adjudication, strata weighted where the plan says so; null while nothing is checked. A plan is declared and
    drawn by a person, on its page."""

    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True)
    extends = serializers.IntegerField(source="extends.number", read_only=True, allow_null=True, default=None)
    strata = StratumSerializer(many=True, read_only=True)
    checked = serializers.IntegerField(source="standing.checked", read_only=True)
    disputed = serializers.IntegerField(source="standing.disputed", read_only=True, help_text="Waiting for adjudication.")
    units = serializers.IntegerField(source="standing.rate.units", read_only=True)
    errors: Any = serializers.IntegerField(source="standing.rate.errors", read_only=True)
    rate = serializers.SerializerMethodField()
    low = serializers.SerializerMethodField(help_text="Lower end of the 95 % interval.")
    high = serializers.SerializerMethodField(help_text="Upper end of the 95 % interval.")
    verdict = serializers.CharField(source="standing.verdict", read_only=True, help_text="Of an acceptance plan; else empty.")

    class Meta:
        model = SamplePlan
        fields = (
            "workstream", "number", "purpose", "disposition", "from_at", "to_at", "sizing", "confidence_percent", "margin_percent",
            "expected_percent", "accepted_errors", "strata_by", "allocation", "adjudicator", "extends", "population", "size", "strata",
            "seed", "population_sha256", "drawn_at", "checked", "disputed", "units", "errors", "rate", "low", "high", "verdict",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "number", "nullable": True})
    def get_rate(self, plan: Any) -> float | None:
        share = plan.standing.share
        return None if share is None else float(share)

    @extend_schema_field({"type": "number", "nullable": True})
    def get_low(self, plan: Any) -> float | None:
        interval = plan.standing.interval
        return None if interval is None else interval.low

    @extend_schema_field({"type": "number", "nullable": True})
    def get_high(self, plan: Any) -> float | None:
        interval = plan.standing.interval
        return None if interval is None else interval.high


class SampledSerializer(Read[SampleItem]):
    """One item of a plan, in the order in which it was drawn. Who called it first is not told: the second review is blind."""

    item = serializers.CharField(source="item.reference", read_only=True)
    external_id = serializers.CharField(source="item.external_id", read_only=True, allow_null=True)
    stratum = serializers.IntegerField(read_only=True, help_text="Its place in the plan's strata, from 0.")

    class Meta:
        model = SampleItem
        fields = ("position", "item", "external_id", "stratum", "state")
        read_only_fields = fields


class QualityCheckSerializer(Read[QualityCheck]):
    """`plan` and `position` where it is of a random sample, null where somebody chose the item. `counted_errors`: after adjudication."""

    item = serializers.CharField(source="item.reference", read_only=True)
    workstream = serializers.CharField(source="item.workstream.item_prefix", read_only=True)
    plan = serializers.IntegerField(source="sampled.plan.number", read_only=True, allow_null=True, default=None)
    position = serializers.IntegerField(source="sampled.position", read_only=True, allow_null=True, default=None)
    counted_errors = serializers.IntegerField(read_only=True)
    adjudicated = serializers.BooleanField(read_only=True)

    class Meta:
        model = QualityCheck
        fields = (
            "workstream", "item", "checked_at", "units", "errors", "counted_errors", "adjudicated", "plan", "position", "note",
            "recorded_at",
        )  # fmt: skip
        read_only_fields = fields


class NewQualityCheckSerializer(Strict):
    """A targeted check. Sent again with the same instant and counts it is the same check."""

    item: Any = ReferenceField(WorkItem, "reference")
    checked_at = serializers.DateTimeField(help_text="When it was read.")
    units = serializers.IntegerField(min_value=1, max_value=_MOST, help_text="Documents, fields or clauses looked at.")
    errors: Any = serializers.IntegerField(min_value=0, max_value=_MOST)
    note = serializers.CharField(max_length=500, default="", allow_blank=True)


class AlikeSerializer(serializers.Serializer[Any]):
    """Another claim over the same missed items; of many items the first fifty."""

    level = serializers.CharField(source="claim.inputs.level", read_only=True)
    label: Any = serializers.CharField(source="claim.inputs.window", read_only=True)
    percent = serializers.DecimalField(source="claim.percent", max_digits=13, decimal_places=10, read_only=True)
    items_shared = serializers.IntegerField(source="number", read_only=True)
    items = serializers.ListField(child=serializers.CharField(), read_only=True)


class ClaimSerializer(Read[CreditClaim]):
    """What a missed window entitles the client to, in percent of the credit base that billing resolves. Provisional until the window
    is closed and nothing in it can be contested any more."""

    workstream = serializers.CharField(source="level.workstream.item_prefix", read_only=True)
    level = serializers.CharField(source="level.name", read_only=True)
    label: Any = serializers.CharField(source="attainment.label", read_only=True)
    window_start = serializers.DateTimeField(source="attainment.window_start", read_only=True)
    revision = serializers.IntegerField(source="attainment.revision", read_only=True)
    replaces_revision = serializers.IntegerField(source="replaces.attainment.revision", read_only=True, allow_null=True, default=None)
    inputs = serializers.JSONField(read_only=True)
    incident_rule = serializers.CharField(
        source="incident.rule", read_only=True, allow_null=True, default=None,
        help_text="Why it waits with others for one of them to be paid: choice (the client's), larger, waits; null where it does not.",
    )  # fmt: skip
    choose_by = serializers.DateField(source="incident.choose_by", read_only=True, allow_null=True, default=None)
    shares = AlikeSerializer(many=True, read_only=True)
    paid_instead = serializers.CharField(
        source="yields_to.inputs.level",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The level whose claim is paid instead.",
    )

    earned_back_by = serializers.CharField(
        source="earned_in.label",
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The last of the windows that earned the credit back; `inputs.earned_back` has their figures.",
    )

    class Meta:
        model = CreditClaim
        fields = (
            "workstream", "level", "label", "window_start", "revision", "replaces_revision", "percent", "state", "formula", "inputs",
            "contestable_until", "created_at", "final_at", "incident_rule", "choose_by", "shares", "paid_instead", "earned_back_by",
            "note",
        )  # fmt: skip
        read_only_fields = fields


class ScenarioSerializer(Read[Scenario]):
    """A replay. `status`: done, running (with `items_done` of `items_total`) or failed; `result` is null until it is done."""

    workstream = serializers.CharField(source="level.workstream.item_prefix", read_only=True)
    level = serializers.CharField(source="level.name", read_only=True)
    number = serializers.IntegerField(read_only=True, help_text="Its place among the replays of its workstream, from 1.")
    status = serializers.SerializerMethodField()
    items_done = serializers.IntegerField(read_only=True, allow_null=True)
    items_total = serializers.IntegerField(read_only=True, allow_null=True)
    proposal = serializers.JSONField(read_only=True)
    result = serializers.JSONField(read_only=True, allow_null=True)

    class Meta:
        model = Scenario
        fields: tuple[str, ...] = (
            "workstream", "level", "number", "name", "first_month", "last_month", "effective_from", "created_at", "status", "items_done",
            "items_total", "computed_at", "proposal", "result",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "string", "enum": ["done", "running", "failed"]})
    def get_status(self, scenario: Any) -> str:
        return str(scenario.status)


class ListedScenarioSerializer(ScenarioSerializer):
    """Without what it came to."""

    class Meta(ScenarioSerializer.Meta):
        fields = tuple(name for name in ScenarioSerializer.Meta.fields if name not in ("proposal", "result"))
        read_only_fields = fields


class ChangesSerializer(Strict):
    """What the proposal says otherwise than the version in force. `target` in seconds, or in days for business days; `calendar` by
    its name, as its last version has it."""

    unit = serializers.ChoiceField(choices=["elapsed", "business", "business_days"], required=False)
    target = serializers.IntegerField(min_value=1, max_value=_MOST, required=False)
    calendar: Any = ReferenceField(Calendar, "name", **_OR_NONE)
    decides = serializers.ChoiceField(choices=["first", "last"], required=False)
    pausing_parties = serializers.ListField(
        child=serializers.ChoiceField(choices=["client", "third_party", "provider"]), max_length=3, required=False
    )
    expected_percent = serializers.DecimalField(required=False, **_SHARE)
    minimum_percent = serializers.DecimalField(**_OR_NONE, **_SHARE)
    max_error_percent = serializers.DecimalField(required=False, **_SHARE)
    misses_before_default = serializers.IntegerField(min_value=0, max_value=12, required=False)
    allowed_misses = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(min_value=0, max_value=_MOST), min_length=2, max_length=2),
        max_length=50,
        required=False,
        help_text="[[9, 0], [29, 1]]: up to so many counted, so many misses allowed, in order.",
    )
    roll_up_below = serializers.IntegerField(min_value=0, max_value=_MOST, required=False)
    no_credit_below = serializers.IntegerField(min_value=0, max_value=_MOST, required=False)
    credit_percent = serializers.DecimalField(required=False, **_SHARE)
    earn_back_percent = serializers.DecimalField(**_OR_NONE, **_SHARE)
    earn_back_windows = serializers.IntegerField(min_value=1, max_value=12, **_OR_NONE)


class NewScenarioSerializer(Strict):
    """Replays the months from the first to the last as if the version in force, with `changes`, had held for work received from
    `effective_from` on. Nothing that holds is touched. Sent again within a minute it is the same replay."""

    workstream: Any = ReferenceField(Workstream, "item_prefix")
    level = serializers.CharField(max_length=120, help_text="Name of the service level.")
    name = serializers.CharField(max_length=120)
    first_month = serializers.DateField(help_text="Any day of it.")
    last_month = serializers.DateField(help_text="Any day of it.")
    effective_from = serializers.DateField()
    changes = ChangesSerializer()
