"""Samples and their checks, replays of a past, credit claims."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from engagements.models import WorkItem, Workstream
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import quality as s
from lpo.api.views.base import View, actor_of, found_or_404
from lpo.core.errors import Refused
from lpo.jobs.models import Job, JobState
from sla import actions, quality, queries
from sla.incidents import alike
from sla.models import Adjudication, CalendarVersion, CreditClaim, QualityCheck, SampleItem, SamplePlan, Scenario, ServiceLevel

_STREAM = OpenApiParameter("workstream", str, description="Item prefix of one workstream.")
_LEVEL = OpenApiParameter("level", str, description="Name of the service level.")
_ITEM = OpenApiParameter("item", str, description="Reference of one item.")
_PATH = [
    OpenApiParameter("item_prefix", str, OpenApiParameter.PATH, description="Item prefix of the workstream."),
    OpenApiParameter("number", int, OpenApiParameter.PATH),
]
_LARGEST = 2**31 - 1


class _OfStream(View):
    """What belongs to a workstream; `stream` is the way to it."""

    stream = "workstream"

    def listed(self) -> Any:
        rows = self.get_queryset()
        if prefix := self.parameter("workstream"):
            rows = rows.filter(**{self.stream: found_or_404(Workstream.objects.all(), item_prefix=prefix)})
        return rows


class PlanView(_OfStream):
    """Random samples with their rates, the latest first."""

    required = {"GET": P.VIEW_LEVELS}
    serializer_class: Any = s.PlanSerializer
    lookup_field = "number"

    def get_queryset(self) -> Any:
        return SamplePlan.objects.select_related("workstream", "extends")

    @extend_schema(parameters=[_STREAM])
    def list(self, request: Request) -> Response:
        page: Any = self.paginate_queryset(self.listed())
        return self.get_paginated_response(s.PlanSerializer(_standing(page), many=True).data)

    @extend_schema(parameters=_PATH)
    def retrieve(self, request: Request, item_prefix: str, number: int) -> Response:
        return Response(s.PlanSerializer(_standing([self.found(item_prefix, number)])[0]).data)

    def found(self, item_prefix: str, number: int) -> SamplePlan:
        plan: SamplePlan = found_or_404(self.get_queryset(), workstream__item_prefix=item_prefix, number=min(number, _LARGEST))
        return plan


def _standing(plans: Sequence[Any]) -> Sequence[Any]:
    """With how far each has come: one further statement."""
    for plan, standing in zip(plans, quality.standings(plans), strict=True):
        plan.standing = standing
    return plans


class PlanItemView(PlanView):
    """The items of one plan."""

    serializer_class = s.SampledSerializer

    @extend_schema(parameters=_PATH)
    def list(self, request: Request, item_prefix: str, number: int) -> Response:  # type: ignore[override]
        plan = self.found(item_prefix, number)
        return self.paged(SampleItem.objects.filter(plan=plan).select_related("item"))  # type: ignore[no-any-return]


class CheckView(_OfStream):
    """Every check, of random samples and targeted; the two are never added together."""

    required = {"GET": P.VIEW_LEVELS, "POST": P.CHECK_QUALITY}
    serializer_class: Any = s.QualityCheckSerializer
    stream = "item__workstream"

    def get_queryset(self) -> Any:
        return QualityCheck.objects.select_related("item__workstream", "sampled__plan")

    @extend_schema(parameters=[_STREAM, _ITEM])
    def list(self, request: Request) -> Response:
        rows = self.listed()
        if reference := self.parameter("item"):
            rows = rows.filter(item=found_or_404(WorkItem.objects.all(), reference=reference))
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(s.QualityCheckSerializer(_counted(page), many=True).data)

    @extend_schema(request=s.NewQualityCheckSerializer, responses={201: s.QualityCheckSerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(request, s.NewQualityCheckSerializer)
        made = actions.record_quality_check(by=actor_of(request), **values)
        return Response(s.QualityCheckSerializer(_counted([self.get_queryset().get(pk=made.pk)])[0]).data, status=status.HTTP_201_CREATED)


def _counted(checks: Sequence[Any]) -> Sequence[Any]:
    """With the errors that stand after adjudication: one further statement."""
    decided = dict(Adjudication.objects.filter(quality_check__in=[row.pk for row in checks]).values_list("quality_check_id", "errors"))
    for row in checks:
        row.adjudicated, row.counted_errors = row.pk in decided, decided.get(row.pk, row.errors)
    return checks


class ClaimView(_OfStream):
    """Credit claims, provisional, final and withdrawn."""

    required = {"GET": P.VIEW_LEVELS}
    serializer_class = s.ClaimSerializer
    stream = "level__workstream"

    def get_queryset(self) -> Any:
        return CreditClaim.objects.select_related("level__workstream", "attainment", "replaces__attainment", "yields_to")

    @extend_schema(parameters=[_STREAM, _LEVEL, OpenApiParameter("state", str, enum=["provisional", "final", "withdrawn"])])
    def list(self, request: Request) -> Response:
        rows = self.listed()
        if level := self.parameter("level"):
            rows = rows.filter(level__name=level)
        if state := self.parameter("state"):
            rows = rows.filter(state=state)
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(s.ClaimSerializer(_with_shares(page), many=True).data)


def _with_shares(claims: Sequence[Any]) -> Sequence[Any]:
    """With the claims over the same missed items: one further statement."""
    found = alike(claims)
    for claim in claims:
        claim.shares = found[claim.pk]
    return claims


class ScenarioView(_OfStream):
    """Replays of a past under a proposed contract."""

    required = {"GET": P.VIEW_LEVELS, "POST": P.REPLAY_LEVELS}
    serializer_class: Any = s.ScenarioSerializer
    stream = "level__workstream"
    lookup_field = "number"

    def get_queryset(self) -> Any:
        return Scenario.objects.select_related("level__workstream")

    @extend_schema(parameters=[_STREAM, _LEVEL], responses=s.ListedScenarioSerializer(many=True))
    def list(self, request: Request) -> Response:
        rows = self.listed().defer("proposal", "result")
        if level := self.parameter("level"):
            rows = rows.filter(level__name=level)
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(s.ListedScenarioSerializer(_progress(page), many=True).data)

    @extend_schema(parameters=_PATH)
    def retrieve(self, request: Request, item_prefix: str, number: int) -> Response:
        rows = self.get_queryset().filter(level__workstream=found_or_404(Workstream.objects.all(), item_prefix=item_prefix))
        place = min(number, _LARGEST)
        row = rows.order_by("id")[place - 1 : place].first() if place else None
        return self.answer(found_or_404(rows, pk=row.pk if row else 0))

    @extend_schema(request=s.NewScenarioSerializer, responses={201: s.ScenarioSerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(request, s.NewScenarioSerializer)
        stream, changes = values.pop("workstream"), dict(values.pop("changes"))
        level = ServiceLevel.objects.filter(workstream=stream, name=values.pop("level")).select_related("workstream").first()
        if level is None:
            raise Refused(f"{stream.item_prefix} has no service level of this name.", "level")
        if "calendar" in changes:
            calendar = changes.pop("calendar")
            changes["calendar_version"] = CalendarVersion.objects.filter(calendar=calendar).latest("number") if calendar else None
        holds = queries.in_force_at(queries.versions_of([level])[level.pk], timezone.now())
        promise: Any = {name: getattr(holds, name) for name in actions.Promise.__annotations__} | changes
        by = actor_of(request)
        made = _sent_before(level, values | {"by_label": by.label}, promise) or actions.replay_level(
            level=level, by=by, **values, **promise
        )
        return self.answer(self.get_queryset().get(pk=made.pk), status.HTTP_201_CREATED)

    def answer(self, row: Scenario, code: int = status.HTTP_200_OK) -> Response:
        return Response(s.ScenarioSerializer(_progress([row])[0]).data, status=code)


def _sent_before(level: ServiceLevel, values: dict[str, Any], promise: dict[str, Any]) -> Scenario | None:
    """The same question asked moments ago: its answer was lost on the way."""
    months = {name: values[name].replace(day=1) for name in ("first_month", "last_month")}
    moments_ago = timezone.now() - timedelta(seconds=60)
    asked = Scenario.objects.filter(level=level, created_at__gte=moments_ago, **(values | months)).select_related("calendar_version")
    last: Scenario | None = asked.order_by("-id").first()
    if last is None:
        return None
    last.level = level
    version = actions.proposed_version(last)
    return last if all(getattr(version, name) == value for name, value in promise.items()) else None


def _progress(rows: Sequence[Any]) -> Sequence[Any]:
    """With number and progress: two further statements, whatever their number."""
    streams = {row.level.workstream_id for row in rows}
    places: dict[int, int] = {}
    counted: dict[int, int] = {}
    known = Scenario.objects.filter(level__workstream__in=streams).order_by("id").values_list("id", "level__workstream_id")
    for pk, stream_id in known:
        counted[stream_id] = places[pk] = counted.get(stream_id, 0) + 1
    keys = {actions.key_of(row): row for row in rows}
    jobs: dict[str, Any] = {job.key: job for job in Job.objects.filter(key__in=keys).order_by("id")} if rows else {}
    for key, row in keys.items():
        job = jobs.get(key)
        running = job is not None and job.state not in (JobState.DONE, JobState.DEAD, JobState.CANCELLED)
        row.number = places[row.pk]
        row.status = "running" if running else "done" if row.computed_at else "failed"
        row.items_done, row.items_total = (job.progress_done, job.progress_total) if job is not None and running else (None, None)
    return rows
