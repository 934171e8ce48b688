"""What the API's views share: finding by reference, the actor, an empty query set while the schema is drawn."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404
from rest_framework import viewsets
from rest_framework.request import Request

from engagements.queries import staff
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused

M = TypeVar("M", bound=Model)


def actor_of(request: Request) -> Actor:
    actor: Actor = request._request.actor  # type: ignore[attr-defined]
    return actor


def found_or_404(queryset: QuerySet[M], **where: Any) -> M:
    """Another tenant's object is not found: the query set is rooted at the token's organization. A NUL matches nothing."""
    if any(isinstance(value, str) and "\x00" in value for value in where.values()):
        raise Http404
    found = queryset.filter(**where).first()
    if found is None:
        raise Http404
    return found


def person_or_refused(email: str | None, field: str) -> Membership | None:
    """The active member of staff with this address. Raises `Refused`; no address is nobody."""
    found: Membership | None = staff().filter(user__email=email.lower()).first() if email else None
    if email and found is None:
        raise Refused("This is no active member of staff.", field)
    return found


class View(viewsets.GenericViewSet[Any]):
    """`required` says which permission each method needs."""

    required: dict[str, Permission]

    def paged(self, queryset: QuerySet[Any]) -> Any:
        """One keyset page, serialized."""
        page = self.paginate_queryset(queryset)
        assert page is not None  # noqa: S101 -- every list is paged
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def checked(self, request: Request, serializer: Any = None, **kwargs: Any) -> dict[str, Any]:
        """The body as `serializer`, or else the view's own, reads it."""
        data = (serializer or self.get_serializer)(data=request.data, **kwargs)
        data.is_valid(raise_exception=True)
        return dict(data.validated_data)

    def parameter(self, name: str) -> str:
        """A query parameter as text; empty when absent."""
        return self.request.query_params.get(name, "").replace("\x00", "")
