"""Who gets an item, and the time that was spent."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from engagements import actions
from engagements.models import TimeEntry, WorkItem
from lpo.accounts.roles import Permission as P
from lpo.api.serializers import people as s
from lpo.api.serializers import work
from lpo.api.views.base import View, actor_of, found_or_404, person_or_refused
from lpo.api.views.work import ItemActionView
from lpo.core.errors import Refused


class AssignmentView(ItemActionView):
    """Refused with the reason where the person must not have the work: a conflict, a wall, a lapsed admission."""

    required = {"POST": P.TRACK_ITEMS}
    serializer_class = s.AssignmentSerializer

    @extend_schema(responses={200: work.ItemDetailSerializer})
    def create(self, request: Request, reference: str) -> Response:
        item = found_or_404(self.get_queryset(), reference=reference)
        member = person_or_refused(self.checked(request)["assignee"], "assignee")
        actions.assign_item(item=item, by=actor_of(request), member=member)
        return self.answer(reference)


class TimeView(View):
    """One's own time: that of whoever made the token."""

    required = {"GET": P.VIEW_WORK, "POST": P.RECORD_TIME}
    serializer_class = s.TimeSerializer

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = TimeEntry.objects.select_related("workstream", "item")
        return rows

    def list(self, request: Request) -> Response:
        return self.paged(self.get_queryset().filter(member_id=actor_of(request).member_id))  # type: ignore[no-any-return]

    def create(self, request: Request) -> Response:
        """What the client's rules may refuse comes back as `warnings`; the entry is kept all the same."""
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        reference = values.pop("item", {"reference": None})["reference"]
        item = WorkItem.objects.filter(reference=reference).first() if reference else None
        if reference and item is None:
            raise Refused("There is no such item.", "item")
        entry = actions.add_time(by=actor_of(request), item=item, source="api", **values)
        return Response(self.get_serializer(entry).data, status=status.HTTP_201_CREATED)
