"""The description of the API names every answer, refusals included: each operation lists the problems it may answer with."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from lpo.api.problems import TITLES
from lpo.api.serializers.strict import Strict

PROBLEM_TYPE = "application/problem+json"
EVERYWHERE = (400, 401, 403, 404, 405, 406, 422, 429)
WITH_A_BODY = (409, 415)


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457: what is wrong, and with which field."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)
    errors: Any = FieldErrorSerializer(many=True, required=False)
    request_id = serializers.CharField(required=False)


class DescribedSchema(AutoSchema):
    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code in (*EVERYWHERE, *(WITH_A_BODY if self.method in {"POST", "PATCH", "PUT"} else ())):
            described = self._get_response_for_code(ProblemSerializer, str(code), media_types=[PROBLEM_TYPE], direction=direction)  # type: ignore[no-untyped-call]
            bodies.setdefault(str(code), {**described, "description": TITLES.get(code, "Error")})
        return bodies

    def _map_basic_serializer(self, serializer: Any, direction: Literal["request", "response"]) -> Any:
        """What refuses unknown names says so."""
        mapped = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        return {**mapped, "additionalProperties": False} if direction == "request" and isinstance(serializer, Strict) else mapped

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        """A choice that may be left empty is described so where it is only read, too."""
        mapped: dict[str, Any] = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, serializers.ChoiceField) and field.read_only and _may_be_empty(field):
            return {**mapped, "enum": [*mapped["enum"], ""]}
        return mapped


def _may_be_empty(field: serializers.ChoiceField) -> bool:
    model = getattr(getattr(field.parent, "Meta", None), "model", None)
    return model is not None and "" not in field.choices and bool(model._meta.get_field(field.source).blank)
