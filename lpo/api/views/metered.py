"""Usage reported by other systems: seats, volumes, expenses and outcomes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from billing import actions
from billing.models import ChargeTerm, UsageRecord
from billing.queries import currency_of
from billing.usage import COLUMNS, Reported, reported
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import metered as s
from lpo.api.views.base import View, actor_of
from lpo.core.errors import Refused

_FILTERS = [
    OpenApiParameter("engagement", str, description="Reference of one engagement."),
    OpenApiParameter("term", str, description="Name of a charge term."),
    OpenApiParameter("source", str, description="The system that reported."),
]
# What a record is named by, beside what it says.
_NAMED = {"engagement", "term", "source", "event_id"}


class UsageView(View):
    """Records of usage, withdrawn ones too, by which a term that is fed from outside is charged."""

    required = {"GET": P.VIEW_MONEY, "POST": P.RECORD_USAGE}
    serializer_class = s.UsageSerializer

    def get_queryset(self) -> Any:
        return UsageRecord.objects.select_related("term__engagement")

    @extend_schema(parameters=_FILTERS)
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        for name, path in (("engagement", "term__engagement__reference"), ("term", "term__name"), ("source", "source")):
            if value := self.parameter(name):
                rows = rows.filter(**{path: value})
        return self.paged(rows)  # type: ignore[no-any-return]

    @extend_schema(request=s.UsageReportSerializer, responses={200: s.UsageSerializer, 201: s.UsageSerializer})
    def create(self, request: Request) -> Response:
        """201 for a new record, 200 for one that is known, 409 where the event was reported before with other values."""
        data = self.checked(request, s.UsageReportSerializer)
        term = _term(data["engagement"], data["term"])
        values = _reported(term, {name: value for name, value in data.items() if name not in _NAMED})
        said = {name: getattr(values, name) for name in Reported.__dataclass_fields__}
        row, new = actions.record_usage(term=term, source=data["source"], event_id=data["event_id"], by=actor_of(request), **said)
        row.term = term
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)


def _term(engagement: str, name: str) -> ChargeTerm:
    rows = ChargeTerm.objects.filter(engagement__reference=engagement).select_related("engagement__client", "engagement__legal_entity")
    found: ChargeTerm | None = rows.filter(name=name).first()
    if found is None:
        raise Refused(f"{engagement} has no charge term called {name}.", "term")
    return found


def _reported(term: ChargeTerm, data: dict[str, Any]) -> Reported:
    """The body as a record of its term. Raises `Refused` for a field the term's model has no use for."""
    cells = {name: "" if value is None else str(value) for name, value in data.items()}
    foreign = [name for name, value in cells.items() if value and name not in COLUMNS.get(term.model, ())]
    if foreign and term.model in COLUMNS:
        raise Refused(f"{term.name} has no use for it.", foreign[0])
    if term.model not in COLUMNS:
        raise Refused(f"{term.name} is not charged by reported usage.", "term")
    return reported(term, cells, term.engagement.legal_entity.time_zone, currency_of(term.engagement))
