"""Milestones with their slips, and blockers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from engagements import actions
from engagements.actions.blockers import RAISING
from engagements.actions.checks import need_any
from engagements.models import Blocker, Engagement, Milestone, MilestoneNeed
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import coordination as s
from lpo.api.views.base import View, actor_of, found_or_404, person_or_refused
from lpo.core.errors import Refused

_ENGAGEMENT = [OpenApiParameter("engagement", str, description="Reference of one engagement.")]
_PATH = [
    OpenApiParameter("reference", str, OpenApiParameter.PATH, description="Reference of the engagement."),
    OpenApiParameter("number", int, OpenApiParameter.PATH),
]
_ONE = extend_schema(parameters=_PATH)
_LARGEST = 2**31 - 1


class _Numbered(View):
    """What is counted within its engagement."""

    lookup_field = "number"

    def listed(self) -> Any:
        rows = self.get_queryset()
        if reference := self.parameter("engagement"):
            rows = rows.filter(engagement__reference=reference)
        return rows

    def found(self, reference: str, number: int) -> Any:
        return found_or_404(self.get_queryset(), engagement__reference=reference, number=min(number, _LARGEST))


class MilestoneView(_Numbered):
    """Every milestone. `slip_days` counts from the first day agreed, as of today."""

    required = {"GET": P.VIEW_WORK, "POST": P.TRACK_ITEMS, "PATCH": P.TRACK_ITEMS}
    serializer_class = s.MilestoneSerializer

    def get_queryset(self) -> Any:
        return Milestone.objects.select_related("engagement", "matter", "workstream", "owner__user")

    @extend_schema(parameters=_ENGAGEMENT)
    def list(self, request: Request) -> Response:
        page: Any = self.paginate_queryset(self.listed())
        return self.get_paginated_response(self.get_serializer(_beside(page), many=True).data)

    @_ONE
    def retrieve(self, request: Request, reference: str, number: int) -> Response:
        return self.answer(self.found(reference, number))

    @extend_schema(request=s.NewMilestoneSerializer, responses={201: s.MilestoneSerializer})
    def create(self, request: Request) -> Response:
        values = self.checked(request, s.NewMilestoneSerializer)
        needs, owner = values.pop("needs", []), person_or_refused(values.pop("owner"), "owner")
        by, engagement = actor_of(request), values.pop("engagement")
        with transaction.atomic():
            made = actions.add_milestone(engagement=engagement, by=by, owner=owner, **values)
            if needs:
                actions.need_milestones(milestone=made, by=by, needs=_named(engagement, needs))
        return self.answer(self.found(engagement.reference, made.number), status.HTTP_201_CREATED)

    @extend_schema(parameters=_PATH, request=s.MilestonePatchSerializer, responses=s.MilestoneSerializer)
    def partial_update(self, request: Request, reference: str, number: int) -> Response:
        """Its day is changed by `date`, with a reason; where it belongs stays."""
        row, by = self.found(reference, number), actor_of(request)
        values = self.checked(request, s.MilestonePatchSerializer, partial=True)
        needs, version = values.pop("needs", None), values.pop("version", row.version)
        if "owner" in values:
            values["owner"] = person_or_refused(values["owner"], "owner")
        with transaction.atomic():
            actions.update_milestone(milestone=row, by=by, version=version, **values)
            if needs is not None:
                actions.need_milestones(milestone=row, by=by, needs=_named(row.engagement, needs))
        return self.answer(self.found(reference, number))

    def answer(self, row: Milestone, code: int = status.HTTP_200_OK) -> Response:
        return Response(s.MilestoneSerializer(_beside([row])[0]).data, status=code)


def _beside(rows: Sequence[Any]) -> Sequence[Any]:
    """With slip and needs: one further statement, whatever their number. What is behind a wall is not named."""
    today, needs = timezone.localdate(), defaultdict(list)
    links = MilestoneNeed.objects.filter(milestone__in=[row.pk for row in rows]).order_by("needs__number")
    for milestone_id, number in links.values_list("milestone_id", "needs__number"):
        needs[milestone_id].append(number)
    for row in rows:
        row.slip_days, row.needs = row.slip(today), needs[row.pk]
    return rows


def _named(engagement: Engagement, numbers: Iterable[int]) -> list[Milestone]:
    """The milestones of these numbers. Raises `Refused` for one that is not there."""
    wanted = set(numbers)
    found = {row.number: row for row in Milestone.objects.filter(engagement=engagement, number__in=wanted)}
    if missing := sorted(wanted - found.keys()):
        raise Refused(f"{engagement.reference} has no milestone {missing[0]}.", "needs")
    return list(found.values())


class _MilestoneAct(MilestoneView):
    """What happens to one milestone."""

    serializer_class: Any = s.VersionedSerializer

    def act(self, request: Request, row: Milestone, version: int, values: dict[str, Any]) -> None:
        raise NotImplementedError

    @extend_schema(parameters=_PATH, responses={200: s.MilestoneSerializer})
    def create(self, request: Request, reference: str, number: int) -> Response:  # type: ignore[override]
        row, values = self.found(reference, number), self.checked(request)
        self.act(request, row, values.pop("version", row.version), values)
        return self.answer(self.found(reference, number))


class MilestoneDateView(_MilestoneAct):
    """Agree on another day. The first and every one between stay on record."""

    required = {"POST": P.TRACK_ITEMS}
    serializer_class = s.RedateSerializer

    def act(self, request: Request, row: Milestone, version: int, values: dict[str, Any]) -> None:
        actions.redate_milestone(milestone=row, by=actor_of(request), version=version, **values)


class MilestoneDoneView(_MilestoneAct):
    """Reached, with what shows it. Done already on that day: nothing happens."""

    required = {"POST": P.TRACK_ITEMS}
    serializer_class = s.ReachSerializer

    @transaction.atomic
    def act(self, request: Request, row: Milestone, version: int, values: dict[str, Any]) -> None:
        by, text = actor_of(request), values.pop("evidence").strip()
        if text and row.done_on != values["done_on"]:
            kept = {"content": text.encode(), "file_name": "evidence.txt", "media_type": "text/plain"}
            values["evidence"] = actions.keep_milestone_evidence(milestone=row, by=by, **kept)
        actions.reach_milestone(milestone=row, by=by, version=version, **values)


class MilestoneWithdrawnView(_MilestoneAct):
    """No longer to be reached; the client is not shown it any more."""

    required = {"POST": P.TRACK_ITEMS}
    serializer_class = s.WithdrawSerializer

    def act(self, request: Request, row: Milestone, version: int, values: dict[str, Any]) -> None:
        actions.withdraw_milestone(milestone=row, by=actor_of(request), version=version, **values)


class MilestoneReopenedView(_MilestoneAct):
    """Not done after all, or withdrawn by mistake."""

    required = {"POST": P.TRACK_ITEMS}

    def act(self, request: Request, row: Milestone, version: int, values: dict[str, Any]) -> None:
        actions.reopen_milestone(milestone=row, by=actor_of(request), version=version)


class MilestonePublicationView(_MilestoneAct):
    """Show it to the client as it stands now, or no longer."""

    required = {"POST": P.EDIT_WORK}
    serializer_class = s.PublicationSerializer

    def act(self, request: Request, row: Milestone, version: int, values: dict[str, Any]) -> None:
        act = actions.publish_milestone if values["published"] else actions.hide_milestone
        act(milestone=row, by=actor_of(request), version=version)


class BlockerView(_Numbered):
    """What stands in the way, resolved or not."""

    required = {"GET": P.VIEW_WORK, "POST": P.VIEW_WORK}  # the action asks for one of three permissions
    serializer_class: Any = s.BlockerSerializer

    def get_queryset(self) -> Any:
        return Blocker.objects.select_related("engagement", "matter", "item", "milestone", "owner__user")

    @extend_schema(parameters=_ENGAGEMENT)
    def list(self, request: Request) -> Response:
        return self.paged(self.listed())  # type: ignore[no-any-return]

    @_ONE
    def retrieve(self, request: Request, reference: str, number: int) -> Response:
        return Response(s.BlockerSerializer(self.found(reference, number)).data)

    @extend_schema(request=s.NewBlockerSerializer, responses={201: s.BlockerSerializer})
    def create(self, request: Request) -> Response:
        need_any(actor_of(request), RAISING)
        values = self.checked(request, s.NewBlockerSerializer)
        engagement, number = values.pop("engagement"), values.pop("milestone")
        values["owner"] = person_or_refused(values["owner"], "owner")
        if number is not None:
            values["milestone"] = Milestone.objects.filter(engagement=engagement, number=number).first()
            if values["milestone"] is None:
                raise Refused(f"{engagement.reference} has no milestone {number}.", "milestone")
        given: Any = {name: value for name, value in values.items() if value is not None}
        made = actions.raise_blocker(engagement=engagement, by=actor_of(request), **given)
        row = self.found(engagement.reference, made.number)
        return Response(s.BlockerSerializer(row).data, status=status.HTTP_201_CREATED)


class ResolutionView(BlockerView):
    """Out of the way, and how. Resolved the same way already: nothing happens."""

    required = {"POST": P.VIEW_WORK}
    serializer_class = s.ResolutionSerializer

    @extend_schema(parameters=_PATH, responses={200: s.BlockerSerializer})
    def create(self, request: Request, reference: str, number: int) -> Response:  # type: ignore[override]
        need_any(actor_of(request), RAISING)
        row = self.found(reference, number)
        actions.resolve_blocker(blocker=row, by=actor_of(request), **self.checked(request))
        return Response(s.BlockerSerializer(self.found(reference, number)).data)
