"""Keyset pagination: a page continues after the last row seen, so it costs the same on the thousandth page as on the first."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

if TYPE_CHECKING:  # the settings name these classes, and rest_framework.views reads the settings while it is imported
    from rest_framework.views import APIView

if TYPE_CHECKING:
    from rest_framework.views import APIView  # importing it in earnest would read the setting that names this module

MAXIMUM = 500


class KeysetPagination(BasePagination):
    """Newest first by id. `limit` 1–500, `after` an opaque cursor taken from `next`."""

    default = 50

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        self.request = request
        limit = self._limit(request)
        after = request.query_params.get("after")
        rows = queryset.order_by("-id")
        if after:
            rows = rows.filter(id__lt=self._decode(after))
        found = list(rows[: limit + 1])
        self.next = self._encode(found[limit - 1].pk) if len(found) > limit else None
        return found[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next_address(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {"next": {"type": "string", "format": "uri", "nullable": True}, "results": schema},
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MAXIMUM, "default": self.default}},
            {"name": "after", "in": "query", "description": "The cursor of the previous page's `next`.", "schema": {"type": "string"}},
        ]

    def _limit(self, request: Request) -> int:
        value = request.query_params.get("limit", str(self.default))
        if not (value.isascii() and value.isdigit() and len(value) <= 4 and 1 <= int(value) <= MAXIMUM):
            raise ValidationError({"limit": [f"Write a whole number from 1 to {MAXIMUM}."]})
        return int(value)

    def _next_address(self) -> str | None:
        if self.next is None:
            return None
        return str(replace_query_param(self.request.build_absolute_uri(), "after", self.next))

    @staticmethod
    def _encode(pk: int) -> str:
        return urlsafe_b64encode(f"i{pk}".encode()).decode().rstrip("=")

    @staticmethod
    def _decode(cursor: str) -> int:
        try:
            text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
            if text[0] != "i" or not text[1:].isdigit() or len(text) > 19:
                raise ValueError
            return int(text[1:])
        except (ValueError, IndexError, UnicodeError):
            raise ValidationError({"after": ["This is no cursor of ours. Take it from `next`."]}) from None
