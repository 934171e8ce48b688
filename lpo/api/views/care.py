"""Deliverables, to read."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from engagements.models import Deliverable, Matter
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import care as s
from lpo.api.views.base import View

_FILTERS = [
    OpenApiParameter("matter", str, description="Reference of one matter."),
    OpenApiParameter("item", str, description="Reference of one item."),
]


class DeliverableView(View):
    """Every version with its hash, whether it was published, and what the client decided of it."""

    required = {"GET": P.VIEW_WORK}
    serializer_class = s.DeliverableSerializer

    def get_queryset(self) -> Any:
        return Deliverable.objects.all()

    @extend_schema(parameters=_FILTERS)
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("matter"):
            rows = rows.filter(matter_id__in=Matter.objects.filter(reference=reference).values("id"))
        if item := self.parameter("item"):
            rows = rows.filter(reference=item)
        return self.paged(rows)  # type: ignore[no-any-return]
