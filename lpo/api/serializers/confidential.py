"""Parties of matters, conflict checks, legal holds, supervision."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from engagements.actions.supervision import MOST_SAMPLED
from engagements.models import (
    Client,
    ConflictCheck,
    LegalHold,
    Matter,
    MatterParty,
    NameKind,
    Occasion,
    SupervisionReport,
    SupervisionSample,
    SupervisionTerm,
    Verdict,
    Workstream,
)
from lpo.api.fields import ReferenceField
from lpo.api.serializers.coordination import VersionedSerializer
from lpo.api.serializers.strict import Strict
from lpo.core.validators import validate_year

Read = serializers.ModelSerializer
_WHOLE_CLIENT: dict[str, Any] = {"required": False, "allow_null": True, "default": None}
_OF_MATTER: dict[str, Any] = {"source": "matter.reference", "read_only": True, "allow_null": True, "default": None}


class PartySerializer(Read[MatterParty]):
    """One that was removed keeps its row: a conflict may lie in the past."""

    class Meta:
        model = MatterParty
        fields = ("name", "added_at", "removed_at")
        read_only_fields = fields


class PartiesSerializer(VersionedSerializer):
    """The version is the matter's."""

    parties = serializers.ListField(
        child=serializers.CharField(max_length=200),
        max_length=500,
        help_text="Every party there is from now on: who is missing is added, who is not named is removed.",
    )


class SubjectSerializer(Strict):
    """A matter, or a client as a whole where none is named."""

    client: Any = ReferenceField(Client, "code")
    matter: Any = ReferenceField(Matter, "reference", **_WHOLE_CLIENT)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["matter"] is not None and attrs["matter"].client_id != attrs["client"].pk:
            raise serializers.ValidationError({"matter": "This matter belongs to another client."})
        return attrs


class CheckSerializer(Read[ConflictCheck]):
    """`names` are what was looked for; `new_matches` were found by no earlier check, `known_before` were."""

    client = serializers.CharField(source="client.code", read_only=True)
    matter = serializers.CharField(**_OF_MATTER)
    names = serializers.SerializerMethodField()
    new_matches = serializers.IntegerField(read_only=True)

    class Meta:
        model = ConflictCheck
        fields = ("client", "matter", "number", "occasion", "note", "names", "new_matches", "known_before", "at", "by_label")
        read_only_fields = fields

    def get_names(self, row: ConflictCheck) -> list[str]:
        return [name for name, _ in row.names]


class NewCheckSerializer(SubjectSerializer):
    """The same check within a minute is answered again and not run twice."""

    occasion = serializers.ChoiceField(choices=[each for each in Occasion.choices if each[0] != Occasion.PROFILE])
    note = serializers.CharField(max_length=500, default="", allow_blank=True, help_text="What gave rise to it.")


class MatchSerializer(serializers.Serializer[Any]):
    """`restricted`: it was found behind a wall that the token's maker stands outside of; then what was found where is not told."""

    client = serializers.CharField(source="check_run.client.code")
    matter = serializers.CharField(source="matter.reference", allow_null=True, default=None)
    number = serializers.IntegerField(source="position")
    check_number = serializers.IntegerField(source="check_run.number")
    asked = serializers.CharField()
    asked_as = serializers.CharField()
    restricted = serializers.BooleanField()
    kind = serializers.ChoiceField(choices=NameKind.choices, allow_null=True)
    name = serializers.CharField(allow_null=True)
    place = serializers.CharField(allow_null=True)
    why = serializers.CharField()
    strength = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=Verdict.choices, allow_null=True, help_text="Null while nobody has decided it.")


class HoldSerializer(Read[LegalHold]):
    client = serializers.CharField(source="client.code", read_only=True)
    matter = serializers.CharField(**_OF_MATTER)

    class Meta:
        model = LegalHold
        fields = (
            "client", "matter", "number", "reason", "ordered_by", "set_at", "set_by_label", "released_at", "release_reason",
            "release_ordered_by", "released_by_label",
        )  # fmt: skip
        read_only_fields = fields


class NewHoldSerializer(SubjectSerializer):
    """The same hold, still in force, is answered again and not placed twice."""

    reason = serializers.CharField(max_length=500, help_text="What it is for, with its number.")
    ordered_by = serializers.CharField(max_length=200, help_text="A court, the client's counsel, our own counsel.")


class ReleaseSerializer(SubjectSerializer):
    number = serializers.IntegerField(min_value=1, max_value=2**15 - 1, help_text="The hold's number.")
    reason = serializers.CharField(max_length=500)
    ordered_by = serializers.CharField(max_length=200, help_text="On whose word.")


class SupervisionTermSerializer(Read[SupervisionTerm]):
    class Meta:
        model = SupervisionTerm
        fields = ("name", "admission", "starts_at", "ends_at")
        read_only_fields = fields


class EntrySerializer(serializers.Serializer[Any]):
    """`open`: it waits for the attorney."""

    at = serializers.DateTimeField()
    kind = serializers.CharField()
    what = serializers.CharField()
    by = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)
    open = serializers.BooleanField()


class SupervisionSerializer(serializers.Serializer[Any]):
    """Who supervised from when to when, and everything that shows it, the latest first: of each kind the last 500."""

    attorneys = SupervisionTermSerializer(many=True)
    entries = EntrySerializer(many=True)


class AdmissionSerializer(Strict):
    admission = serializers.CharField(max_length=200, help_text="Jurisdiction and number, as “New York 4410982”.")


class NewSampleSerializer(Strict):
    """Both days are of the token's maker's calendar and included."""

    from_day = serializers.DateField(validators=[validate_year], help_text="First delivered from this day …")
    to_day = serializers.DateField(validators=[validate_year], help_text="… to this one.")
    size = serializers.IntegerField(min_value=1, max_value=MOST_SAMPLED)
    workstream: Any = ReferenceField(Workstream, "item_prefix", required=False, allow_null=True, default=None)


class SampleSerializer(Read[SupervisionSample]):
    """Drawn by the order of md5(seed:item id): anybody can draw it again. Each item is signed by the attorney in person."""

    workstream = serializers.CharField(source="workstream.item_prefix", read_only=True, allow_null=True, default=None)
    items: Any = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = SupervisionSample
        fields = ("number", "workstream", "from_at", "to_at", "population", "size", "seed", "drawn_at", "items")
        read_only_fields = fields


class ReportSerializer(Read[SupervisionReport]):
    class Meta:
        model = SupervisionReport
        fields = ("number", "published_at")
        read_only_fields = fields
