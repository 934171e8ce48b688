"""Fields that name another object of the organization by its public reference."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from lpo.tenancy.models import TenantModel


@extend_schema_field({"type": "string", "maxLength": 200})
class ReferenceField(serializers.Field[Any, Any, Any, Any]):
    """`client: "ACME"`, `matter: "ACME-0003"`. An unknown one is refused as a value, not told apart from another tenant's."""

    default_error_messages = {"does_not_exist": "No such {model}: {value}.", "invalid": "Write its reference as text."}

    def __init__(self, model: type[TenantModel], key: str, **kwargs: Any) -> None:
        self.model = model
        self.key = key
        super().__init__(**kwargs)

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, self.key))

    def to_internal_value(self, data: Any) -> TenantModel:
        if not isinstance(data, str) or "\x00" in data:
            self.fail("invalid")
        found = self.model.objects.filter(**{self.key: data}).first()
        if found is None:
            self.fail("does_not_exist", model=self.model._meta.verbose_name, value=data[:60])
        return found
