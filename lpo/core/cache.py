"""The cache, which outlives its server."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class CounterCache(RedisCache):
    """Redis; while it is away, the memory of this process.

    What is kept here counts attempts and requests. Counting per process for a while is better than letting nobody sign in, and
    better than counting nobody.
    """

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._own = LocMemCache("while Redis is away", params)


def _falling_back(name: str) -> Callable[..., Any]:
    def method(self: CounterCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(RedisCache, name)(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            logger.warning("The cache is away: counting in this process. (%s)", type(error).__name__)
            return getattr(self._own, name)(*args, **kwargs)

    return method


for _name in ("add", "get", "set", "touch", "delete", "get_many", "has_key", "incr", "set_many", "delete_many", "clear"):
    setattr(CounterCache, _name, _falling_back(_name))
