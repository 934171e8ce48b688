"""Milestones with their slips, and blockers, to read."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from engagements.models import Blocker, Milestone
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import coordination as s
from lpo.api.views.base import View

_ENGAGEMENT = [OpenApiParameter("engagement", str, description="Reference of one engagement.")]


class MilestoneView(View):
    """Every milestone. `slip_days` counts from the first day agreed, as of today."""

    required = {"GET": P.VIEW_WORK}
    serializer_class = s.MilestoneSerializer

    def get_queryset(self) -> Any:
        return Milestone.objects.select_related("engagement", "matter", "workstream")

    @extend_schema(parameters=_ENGAGEMENT)
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("engagement"):
            rows = rows.filter(engagement__reference=reference)
        page: Any = self.paginate_queryset(rows)
        today = timezone.localdate()
        for row in page:
            row.slip_days = row.slip(today)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class BlockerView(View):
    """What stands in the way, resolved or not."""

    required = {"GET": P.VIEW_WORK}
    serializer_class = s.BlockerSerializer

    def get_queryset(self) -> Any:
        return Blocker.objects.select_related("engagement", "matter", "item", "milestone")

    @extend_schema(parameters=_ENGAGEMENT)
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("engagement"):
            rows = rows.filter(engagement__reference=reference)
        return self.paged(rows)  # type: ignore[no-any-return]
