"""Requests per minute, counted for each token."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView  # importing it in earnest would read the setting that names this module


logger = logging.getLogger(__name__)


class TokenThrottle(SimpleRateThrottle):
    scope = "token"

    def allow_request(self, request: Request, view: APIView) -> bool:
        """While the counter is away nobody is counted: a program's work is worth more than a limit."""
        try:
            return bool(super().allow_request(request, view))
        except (RedisError, OSError) as error:
            logger.warning("The request counter is away. (%s)", type(error).__name__)
            return True

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        token: Any = request.auth
        return None if token is None else f"throttle:{token.organization_id}:{token.pk}"
