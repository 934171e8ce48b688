"""Requests per minute, counted for each token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView  # importing it in earnest would read the setting that names this module


class TokenThrottle(SimpleRateThrottle):
    scope = "token"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        token: Any = request.auth
        return None if token is None else f"throttle:{token.organization_id}:{token.pk}"
