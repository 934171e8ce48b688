"""Placements and timesheets, to read."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import F
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from engagements.models import Matter, Placement, Timesheet, TimesheetDay
from engagements.placing import terms_of
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import placed as s
from lpo.api.views.base import View, found_or_404

_MATTER = OpenApiParameter("matter", str, description="Reference of one matter.")
_STATE = OpenApiParameter("state", str, description="draft, submitted, approved, returned, withdrawn or superseded.")


class PlacementView(View):
    """People placed with clients, each with every version of their terms."""

    required = {"GET": P.VIEW_WORK}
    serializer_class = s.PlacementSerializer

    def get_queryset(self) -> Any:
        return Placement.objects.select_related("matter", "workstream", "replaces")

    @extend_schema(parameters=[_MATTER])
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("matter"):
            rows = rows.filter(matter=found_or_404(Matter.objects.all(), reference=reference))
        page: Any = self.paginate_queryset(rows)
        terms = terms_of([row.pk for row in page])
        for row in page:
            row.terms = terms[row.pk]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class TimesheetView(View):
    """Every version of every timesheet with its days, in hours as decimals."""

    required = {"GET": P.VIEW_WORK}
    serializer_class = s.TimesheetSerializer

    def get_queryset(self) -> Any:
        return Timesheet.objects.select_related("placement__matter")

    @extend_schema(parameters=[_MATTER, _STATE])
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("matter"):
            rows = rows.filter(matter_id=found_or_404(Matter.objects.all(), reference=reference).pk)
        if state := self.parameter("state"):
            rows = rows.filter(state=state)
        page: Any = self.paginate_queryset(rows)
        days: dict[int, list[TimesheetDay]] = defaultdict(list)
        # What a sheet only looks back at belongs to the one before it.
        own = TimesheetDay.objects.filter(timesheet__in=page, day__gte=F("timesheet__starts_on"))
        for day in own.order_by("day"):
            days[day.timesheet_id].append(day)
        for sheet in page:
            sheet.days = days[sheet.pk]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
