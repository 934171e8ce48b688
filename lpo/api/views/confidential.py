"""Parties of matters, conflict checks, legal holds, supervision. What a person decides or signs in person is read here, not written."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from engagements import actions, conflicts, supervision
from engagements.models import (
    Client,
    ConflictCheck,
    ConflictFinding,
    ConflictMatch,
    LegalHold,
    Matter,
    MatterParty,
    SampledItem,
    SupervisionTerm,
)
from lpo.accounts.middleware import zone_of
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import confidential as s
from lpo.api.views.base import View, actor_of, found_or_404
from lpo.core.errors import Refused

_SUBJECT = [
    OpenApiParameter("client", str, description="Code of one client."),
    OpenApiParameter("matter", str, description="Reference of one matter."),
]


class _OfMatter(View):
    """What belongs to one matter, named in the address."""

    lookup_field = "reference"

    def matter(self, reference: str) -> Matter:
        return found_or_404(Matter.objects.select_related("client"), reference=reference)


class PartyView(_OfMatter):
    """Names on a matter besides the client's, those that were removed included."""

    required = {"GET": P.VIEW_WORK, "PUT": P.EDIT_WORK}
    serializer_class: Any = s.PartySerializer

    def get_queryset(self) -> Any:
        return MatterParty.objects.all()

    def list(self, request: Request, reference: str) -> Response:
        return self.paged(self.get_queryset().filter(matter=self.matter(reference)))  # type: ignore[no-any-return]

    @extend_schema(request=s.PartiesSerializer, responses={200: s.PartiesSerializer})
    def update(self, request: Request, reference: str) -> Response:
        """Say who the parties are. The same ones again change nothing."""
        matter, values = self.matter(reference), self.checked(request, s.PartiesSerializer)
        saved = actions.update_matter(matter=matter, by=actor_of(request), version=values.get("version", matter.version), **_named(values))
        names = self.get_queryset().filter(matter=matter, removed_at__isnull=True).order_by("name").values_list("name", flat=True)
        return Response({"parties": list(names), "version": saved.version})


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {"parties": values["parties"]}


class _Subjects(View):
    """Rows of clients and matters: all, or those of one."""

    def of_subject(self, rows: Any, client: str = "client") -> Any:
        """Of a matter's client only what is the matter's own."""
        if code := self.parameter("client"):
            rows = rows.filter(**{client: found_or_404(Client.objects.all(), code=code).pk})
        if reference := self.parameter("matter"):
            rows = rows.filter(matter=found_or_404(Matter.objects.all(), reference=reference))
        return rows


class CheckView(_Subjects):
    """Conflict checks of clients and matters: who looked for which names on what occasion."""

    required = {"GET": P.VIEW_STAFF, "POST": P.EDIT_WORK}
    serializer_class = s.CheckSerializer

    def get_queryset(self) -> Any:
        found: QuerySet[Any] = ConflictMatch.objects.filter(check_run=OuterRef("pk")).order_by().values("check_run")
        count = Subquery(found.annotate(n=Count("id")).values("n"), output_field=IntegerField())
        return ConflictCheck.objects.select_related("client", "matter").annotate(new_matches=Coalesce(count, 0))

    @extend_schema(parameters=_SUBJECT)
    def list(self, request: Request) -> Response:
        return self.paged(self.of_subject(self.get_queryset()))  # type: ignore[no-any-return]

    @extend_schema(request=s.NewCheckSerializer, responses={201: s.CheckSerializer})
    def create(self, request: Request) -> Response:
        """Look for the names of a client, or of one of its matters, among all that are known here, across walls."""
        made = actions.run_check(by=actor_of(request), **self.checked(request, s.NewCheckSerializer))
        return Response(self.get_serializer(self.get_queryset().get(pk=made.pk)).data, status=status.HTTP_201_CREATED)


class MatchView(_Subjects):
    """What conflict checks found, and what was made of it. A person signed in decides a match, on its page."""

    required = {"GET": P.VIEW_STAFF}
    serializer_class = s.MatchSerializer

    def get_queryset(self) -> Any:
        return conflicts.judged(ConflictMatch.objects.select_related("matter", "check_run__client"))

    @extend_schema(parameters=[*_SUBJECT, OpenApiParameter("undecided", str, enum=["true"], description="Those that nobody decided.")])
    def list(self, request: Request) -> Response:
        rows = self.of_subject(self.get_queryset(), "client_id")
        if undecided := self.parameter("undecided"):
            if undecided != "true":
                raise ValidationError({"undecided": ["Write true, or leave it out."]})
            rows = rows.filter(verdict__isnull=True)
        page: Any = self.paginate_queryset(rows)
        found = {row.match_id: row for row in ConflictFinding.objects.filter(match__in=[match.pk for match in page])}
        for match in page:
            _told(match, found.get(match.pk))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


def _told(match: Any, finding: ConflictFinding | None) -> None:
    """As the match's own page tells it: nothing of what lies behind a wall but that there is something."""
    match.restricted = finding is None
    match.name, match.place = (finding.name, finding.place) if finding is not None else (None, None)
    if finding is None:
        match.kind = None


class HoldView(_Subjects):
    """Legal holds, released or in force."""

    required = {"GET": P.VIEW_WORK, "POST": P.EDIT_WORK}
    serializer_class: Any = s.HoldSerializer

    def get_queryset(self) -> Any:
        return LegalHold.objects.select_related("client", "matter")

    @extend_schema(parameters=_SUBJECT)
    def list(self, request: Request) -> Response:
        return self.paged(self.of_subject(self.get_queryset()))  # type: ignore[no-any-return]

    @extend_schema(request=s.NewHoldSerializer, responses={201: s.HoldSerializer})
    def create(self, request: Request) -> Response:
        """Keep everything of a matter, or of all a client has, until it is released."""
        made = actions.set_hold(by=actor_of(request), **self.checked(request, s.NewHoldSerializer))
        return Response(s.HoldSerializer(self.get_queryset().get(pk=made.pk)).data, status=status.HTTP_201_CREATED)


class ReleaseView(HoldView):
    """End a hold, saying why and on whose word. Released already: nothing happens."""

    required = {"POST": P.EDIT_WORK}
    serializer_class = s.ReleaseSerializer

    @extend_schema(responses={200: s.HoldSerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(request)
        number = values.pop("number")
        hold = self.get_queryset().filter(client=values.pop("client"), matter=values.pop("matter"), number=number).first()
        if hold is None:
            raise Refused(f"There is no hold {number} here.", "number")
        released = actions.release_hold(hold=hold, by=actor_of(request), **values)
        return Response(s.HoldSerializer(self.get_queryset().get(pk=released.pk)).data)


class SupervisionView(_OfMatter):
    """The record of supervision of one matter."""

    required = {"GET": P.VIEW_WORK}
    serializer_class = s.SupervisionSerializer

    def get_queryset(self) -> Any:
        return SupervisionTerm.objects.all()

    def retrieve(self, request: Request, reference: str) -> Response:
        matter = self.matter(reference)
        found = {"attorneys": supervision.terms_of(matter), "entries": supervision.entries_of(matter)}
        return Response(self.get_serializer(found).data)


class AdmissionView(_OfMatter):
    """By which admission the present attorney supervises, where the profile does not say. Once stated it stays."""

    required = {"POST": P.EDIT_WORK}
    serializer_class = s.AdmissionSerializer

    def get_queryset(self) -> Any:
        return SupervisionTerm.objects.all()

    @extend_schema(responses={200: s.SupervisionTermSerializer})
    def create(self, request: Request, reference: str) -> Response:
        said = actions.state_admission(matter=self.matter(reference), by=actor_of(request), **self.checked(request))
        return Response(s.SupervisionTermSerializer(said).data)


class SampleView(_OfMatter):
    """Draw delivered items at random for the attorney. The same draw within a minute is answered again."""

    required = {"POST": P.EDIT_WORK}
    serializer_class = s.NewSampleSerializer

    def get_queryset(self) -> Any:
        return SupervisionTerm.objects.all()

    @extend_schema(responses={201: s.SampleSerializer})
    def create(self, request: Request, reference: str) -> Response:
        matter, values = self.matter(reference), self.checked(request)
        stream = values["workstream"]
        if stream is not None and stream.matter_id != matter.pk:
            raise Refused("This workstream belongs to another matter.", "workstream")
        zone = zone_of(request._request.membership)  # type: ignore[attr-defined]
        from_at, to_at = _midnight(values["from_day"], zone), _midnight(values["to_day"] + timedelta(days=1), zone)
        drawn: Any = actions.draw_sample(
            matter=matter, by=actor_of(request), from_at=from_at, to_at=to_at, size=values["size"], workstream=stream
        )
        items = SampledItem.objects.filter(sample=drawn).order_by("position").annotate(of=F("item__reference"))
        drawn.items = list(items.values_list("of", flat=True))
        return Response(s.SampleSerializer(drawn).data, status=status.HTTP_201_CREATED)


def _midnight(day: Any, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


class ReportView(_OfMatter):
    """Freeze the record of supervision as it stands for the client. Unchanged since the last one: that one."""

    required = {"POST": P.EDIT_WORK}
    serializer_class = s.ReportSerializer

    def get_queryset(self) -> Any:
        return SupervisionTerm.objects.all()

    @extend_schema(request=None, responses={200: s.ReportSerializer})
    def create(self, request: Request, reference: str) -> Response:
        return Response(self.get_serializer(actions.publish_supervision(matter=self.matter(reference), by=actor_of(request))).data)
