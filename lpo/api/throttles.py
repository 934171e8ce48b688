"""Requests per minute, counted for each token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:  # the settings name these classes, and rest_framework.views reads the settings while it is imported
    from rest_framework.views import APIView

if TYPE_CHECKING:
    from rest_framework.views import APIView  # importing it in earnest would read the setting that names this module


class TokenThrottle(SimpleRateThrottle):
    scope = "token"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        if request.auth is None:
            return None
        return f"throttle:{request.auth.organization_id}:{request.auth.pk}"
