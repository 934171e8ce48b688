"""Clients, engagements, matters, workstreams and items."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from engagements import actions
from engagements.models import Client, ClientDecision, Engagement, LateEntry, Matter, Pause, Transition, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import work as s
from lpo.api.views.base import View, actor_of, found_or_404


class Noun(View):
    """List, read, create and change one noun by its reference, through the room's actions.

    `settled` fields are given once, when it is created.
    """

    settled: tuple[str, ...] = ()

    lookup_value_regex = "[^/]+"

    def found(self, value: str) -> Any:
        return found_or_404(self.get_queryset(), **{self.lookup_field: value})

    def list(self, request: Request) -> Response:
        return self.paged(self.get_queryset())  # type: ignore[no-any-return]

    def retrieve(self, request: Request, **where: str) -> Response:
        return Response(self.get_serializer(self.found(where[self.lookup_field])).data)

    def create(self, request: Request) -> Response:
        made = self.make(self._checked(request))
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, **where: str) -> Response:
        """`version` is the one you read; if somebody saved since, the answer is 409."""
        row = self.found(where[self.lookup_field])
        values = dict(self._checked(request, row, partial=True).validated_data)
        moved = {name: ["It cannot be changed."] for name in self.settled if name in values and values[name] != getattr(row, name)}
        if moved:
            raise ValidationError(moved)
        version = values.pop("version", row.version)
        return Response(self.get_serializer(self.change(row, version, values)).data)

    def _checked(self, request: Request, row: Any = None, *, partial: bool = False) -> BaseSerializer[Any]:
        serializer = self.get_serializer(row, data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return serializer

    def make(self, serializer: BaseSerializer[Any]) -> Any:
        raise NotImplementedError

    def change(self, row: Any, version: int, values: dict[str, Any]) -> Any:
        raise NotImplementedError


def _without(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in {"version", *names}}


class ClientView(Noun):
    required = {"GET": P.VIEW_WORK, "POST": P.EDIT_WORK, "PATCH": P.EDIT_WORK}
    serializer_class = s.ClientSerializer
    lookup_field = "code"
    settled = ("code",)

    def get_queryset(self) -> Any:
        return Client.objects.all()

    def make(self, serializer: BaseSerializer[Any]) -> Client:
        return actions.create_client(by=actor_of(self.request), **_without(serializer.validated_data))

    def change(self, row: Client, version: int, values: dict[str, Any]) -> Client:
        return actions.update_client(client=row, by=actor_of(self.request), version=version, **_without(values, *self.settled))


class EngagementView(Noun):
    required = {"GET": P.VIEW_WORK, "POST": P.EDIT_WORK, "PATCH": P.EDIT_WORK}
    serializer_class = s.EngagementSerializer
    lookup_field = "reference"
    settled = ("client",)

    def get_queryset(self) -> Any:
        return Engagement.objects.select_related("client", "legal_entity")

    def make(self, serializer: BaseSerializer[Any]) -> Engagement:
        values = _without(serializer.validated_data)
        return actions.create_engagement(by=actor_of(self.request), **values)

    def change(self, row: Engagement, version: int, values: dict[str, Any]) -> Engagement:
        return actions.update_engagement(engagement=row, by=actor_of(self.request), version=version, **_without(values, *self.settled))


class MatterView(Noun):
    required = {"GET": P.VIEW_WORK, "POST": P.EDIT_WORK, "PATCH": P.EDIT_WORK}
    serializer_class = s.MatterSerializer
    lookup_field = "reference"
    settled = ("engagement",)

    def get_queryset(self) -> Any:
        return Matter.objects.select_related("client", "engagement")

    def make(self, serializer: BaseSerializer[Any]) -> Matter:
        return actions.create_matter(by=actor_of(self.request), **_without(serializer.validated_data))

    def change(self, row: Matter, version: int, values: dict[str, Any]) -> Matter:
        return actions.update_matter(matter=row, by=actor_of(self.request), version=version, **_without(values, *self.settled))


class WorkstreamView(Noun):
    required = {"GET": P.VIEW_WORK, "POST": P.EDIT_WORK, "PATCH": P.EDIT_WORK}
    serializer_class = s.WorkstreamSerializer
    lookup_field = "item_prefix"
    settled = ("matter", "item_prefix")

    def get_queryset(self) -> Any:
        return Workstream.objects.select_related("client", "matter")

    def make(self, serializer: BaseSerializer[Any]) -> Workstream:
        return actions.create_workstream(by=actor_of(self.request), **_without(serializer.validated_data))

    def change(self, row: Workstream, version: int, values: dict[str, Any]) -> Workstream:
        kept = _without(values, *self.settled)
        return actions.update_workstream(workstream=row, by=actor_of(self.request), version=version, **kept)


class ItemView(View):
    """Work items. Writing is idempotent on (workstream, source, external id)."""

    required = {"GET": P.VIEW_WORK, "POST": P.TRACK_ITEMS}
    serializer_class = s.ItemSerializer
    lookup_field = "reference"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> Any:
        return WorkItem.objects.select_related("workstream", "assignee__user")

    @extend_schema(
        parameters=[
            OpenApiParameter("workstream", str, description="Item prefix of one workstream."),
            OpenApiParameter("state", str),
            OpenApiParameter("type", str, description="Code of one type of item."),
            OpenApiParameter("external_id", str),
        ]
    )
    def list(self, request: Request) -> Response:
        rows = self.get_queryset()
        if prefix := self.parameter("workstream"):
            rows = rows.filter(workstream=found_or_404(Workstream.objects.all(), item_prefix=prefix))
        for name in ("state", "type", "external_id"):
            if value := self.parameter(name):
                rows = rows.filter(**{name: value})
        return self.paged(rows)  # type: ignore[no-any-return]

    @extend_schema(responses=s.ItemDetailSerializer)
    def retrieve(self, request: Request, reference: str) -> Response:
        return Response(_detail(found_or_404(self.get_queryset(), reference=reference)))

    @extend_schema(request=s.UpsertSerializer, responses={200: s.UpsertedSerializer})
    def create(self, request: Request) -> Response:
        """Add or update up to 500 items. The whole request is checked first; nothing is written when one item is refused."""
        data = s.UpsertSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = data.validated_data
        by = actor_of(request)
        with transaction.atomic():
            done = actions.upsert_items(by=by, workstream=values["workstream"], source=values["source"], rows=values["items"])
            refused = {f"items[{n}].{row.field}": [row.reason] for n, row in enumerate(done) if row.outcome == "refused"}
            if refused:
                raise ValidationError(refused)  # leaves the transaction: nothing was written
        return Response({"results": [{"external_id": row.external_id, "reference": row.reference, "outcome": row.outcome} for row in done]})


class ItemActionView(View):
    """What happens to one item."""

    serializer_class: Any = s.MoveSerializer
    lookup_field = "reference"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> Any:
        return WorkItem.objects.select_related("workstream", "assignee__user")

    def answer(self, reference: str) -> Response:
        return Response(_detail(found_or_404(self.get_queryset(), reference=reference)))


class MoveView(ItemActionView):
    required = {"POST": P.VIEW_WORK}  # the action asks for the permission of the move itself
    serializer_class = s.MoveSerializer

    @extend_schema(responses={200: s.ItemDetailSerializer})
    def create(self, request: Request, reference: str) -> Response:
        item = found_or_404(self.get_queryset(), reference=reference)
        actions.move_item(item=item, by=actor_of(request), **_with_message(item, self.checked(request), actor_of(request)))
        return self.answer(reference)


class PauseView(ItemActionView):
    required = {"POST": P.PAUSE}
    serializer_class = s.NewPauseSerializer

    @extend_schema(responses={200: s.ItemDetailSerializer})
    def create(self, request: Request, reference: str) -> Response:
        item = found_or_404(self.get_queryset(), reference=reference)
        actions.pause_item(item=item, by=actor_of(request), **self.checked(request))
        return self.answer(reference)


class ResumeView(ItemActionView):
    required = {"POST": P.PAUSE}
    serializer_class = s.ResumeSerializer

    @extend_schema(responses={200: s.ItemDetailSerializer})
    def create(self, request: Request, reference: str) -> Response:
        item = found_or_404(self.get_queryset(), reference=reference)
        actions.resume_item(item=item, by=actor_of(request), **_with_message(item, self.checked(request), actor_of(request)))
        return self.answer(reference)


def _with_message(item: WorkItem, values: dict[str, Any], by: Actor) -> dict[str, Any]:
    """The same values, the client's words kept as a document."""
    text = values.pop("message").strip()
    if not text:
        return values
    matter = Matter.objects.get(pk=item.matter_id)
    kept = actions.keep_message(item=item, matter=matter, content=text.encode(), file_name="message.txt", media_type="text/plain", by=by)
    return {**values, "message": kept}


def _detail(item: WorkItem) -> Any:
    shown: Any = item
    shown.transitions = list(Transition.objects.filter(item=item).order_by("at", "id"))
    shown.pauses = list(Pause.objects.filter(item=item).order_by("started_at", "id"))
    shown.decisions = list(ClientDecision.objects.filter(item=item).order_by("id"))
    shown.late_entries = list(LateEntry.objects.filter(item=item).order_by("id"))
    return s.ItemDetailSerializer(shown).data
