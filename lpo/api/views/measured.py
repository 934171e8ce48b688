"""Service levels, attainment and its rows; charge terms and invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import DateField, DateTimeField, F, Func
from django.db.models.functions import Cast
from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from billing.actions.documents import pdf_of
from billing.models import ChargeTerm, ChargeTermVersion, Invoice, InvoiceLine
from billing.overview import restricted
from engagements.models import Workstream
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import measured as s
from lpo.api.views.base import View, found_or_404
from lpo.audit.documents import content_of
from lpo.audit.models import Document
from sla.models import Attainment, AttainmentRow, ServiceLevel, ServiceLevelVersion

WINDOW = [
    OpenApiParameter("workstream", str, description="Item prefix of one workstream."),
    OpenApiParameter("level", str, description="Name of the service level."),
    OpenApiParameter("window", str, description="A day in the window, as 2026-10-01, in the contract's zone."),
]


def _grouped(rows: Iterable[Any], key: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, key)].append(row)
    return found


class LevelView(View):
    """Service levels with every version."""

    required = {"GET": P.VIEW_LEVELS}
    serializer_class = s.LevelSerializer

    def get_queryset(self) -> Any:
        return ServiceLevel.objects.select_related("workstream")

    @extend_schema(parameters=WINDOW[:1])
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if prefix := self.parameter("workstream"):
            rows = rows.filter(workstream=found_or_404(Workstream.objects.all(), item_prefix=prefix))
        page: Any = self.paginate_queryset(rows)
        versions = _grouped(ServiceLevelVersion.objects.filter(level__in=page).order_by("number"), "level_id")
        for level in page:
            level.versions = versions[level.id]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class AttainmentView(View):
    """Attainment by level and window, newest computed first."""

    required = {"GET": P.VIEW_LEVELS}
    serializer_class: Any = s.AttainmentSerializer

    def get_queryset(self) -> Any:
        return Attainment.objects.select_related("level__workstream")

    def filtered(self) -> Any:
        rows = self.get_queryset()
        if prefix := self.parameter("workstream"):
            rows = rows.filter(level__workstream=found_or_404(Workstream.objects.all(), item_prefix=prefix))
        if level := self.parameter("level"):
            rows = rows.filter(level__name=level)
        if window := self.parameter("window"):
            day = _day(window)
            rows = rows.alias(first=_local_day("window_start"), after=_local_day("window_end")).filter(first__lte=day, after__gt=day)
        return rows

    @extend_schema(parameters=WINDOW)
    def list(self, request: Request) -> Response:
        return self.paged(self.filtered())  # type: ignore[no-any-return]


class AttainmentRowView(AttainmentView):
    """The frozen rows behind one closed figure; workstream, level and window name it."""

    serializer_class = s.AttainmentRowSerializer

    @extend_schema(parameters=WINDOW)
    def list(self, request: Request) -> Response:
        missing = {name: ["Name it."] for name in ("workstream", "level", "window") if not self.parameter(name)}
        if missing:
            raise ValidationError(missing)
        figure = self.filtered().filter(state="closed").order_by("-revision").first()
        if figure is None:
            raise Http404
        return self.paged(AttainmentRow.objects.filter(attainment=figure))  # type: ignore[no-any-return]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationError({"window": ["Write a date as 2026-10-01."]}) from None


def _local_day(instant: str) -> Cast:
    """The day of an instant in the contract's own zone, where windows begin and end at midnight."""
    return Cast(Func(F("level_version__time_zone"), F(instant), function="timezone", output_field=DateTimeField()), DateField())


class TermView(View):
    """Charge terms with every version."""

    required = {"GET": P.VIEW_MONEY}
    serializer_class = s.TermSerializer

    def get_queryset(self) -> Any:
        return ChargeTerm.objects.select_related("engagement")

    @extend_schema(parameters=[OpenApiParameter("engagement", str, description="Reference of one engagement.")])
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if reference := self.parameter("engagement"):
            rows = rows.filter(engagement__reference=reference)
        page: Any = self.paginate_queryset(rows)
        found = (
            ChargeTermVersion.objects.filter(term__in=page).select_related("workstream", "placement", "timekeeper__user").order_by("number")
        )
        versions = _grouped(found, "term_id")
        for term in page:
            term.versions = versions[term.id]
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class InvoiceView(View):
    """Invoices; drafts are listed without a number, issued ones are read by theirs."""

    required = {"GET": P.VIEW_MONEY}
    serializer_class = s.InvoiceSerializer
    lookup_field = "number"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> Any:
        return Invoice.objects.select_related("client", "engagement", "period").exclude(state="discarded")

    @extend_schema(parameters=[OpenApiParameter("state", str, enum=["draft", "in_review", "approved", "issued"])])
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if state := self.parameter("state"):
            rows = rows.filter(state=state)
        return self.paged(rows)  # type: ignore[no-any-return]

    @extend_schema(responses=s.InvoiceDetailSerializer)
    def retrieve(self, request: Request, number: str) -> Response:
        invoice: Any = found_or_404(self.get_queryset().filter(state="issued"), number=number)
        invoice.lines = list(InvoiceLine.objects.filter(invoice=invoice).order_by("position"))
        invoice.restricted = restricted(invoice, invoice.lines)
        return Response(s.InvoiceDetailSerializer(invoice).data)


class InvoicePDFView(View):
    """The stored PDF of an issued invoice: the bytes whose hash was kept."""

    required = {"GET": P.VIEW_MONEY}
    serializer_class = s.InvoiceSerializer
    lookup_field = "number"

    def get_queryset(self) -> Any:
        return Invoice.objects.filter(state="issued")

    @extend_schema(responses={(200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY)})
    def retrieve(self, request: Request, number: str) -> HttpResponse:
        invoice = found_or_404(self.get_queryset(), number=number)
        if restricted(invoice, list(InvoiceLine.objects.filter(invoice=invoice))) is not None:
            raise PermissionDenied("This file holds lines of a restricted matter. The token of a person inside its wall can read it.")
        stored = pdf_of(invoice)
        if stored is None:
            raise Http404
        response = HttpResponse(content_of(Document.objects.get(pk=stored.pk)), content_type=stored.media_type)
        response["Content-Disposition"] = f'attachment; filename="{stored.file_name}"'
        response["Digest"] = f"sha-256={stored.sha256}"
        return response
