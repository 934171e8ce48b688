"""A cache that tells what it was asked."""

from __future__ import annotations

from django.core.cache.backends.locmem import LocMemCache


class Noted(LocMemCache):
    """A cache that remembers the keys it was asked for."""

    keys: list[str] = []

    def validate_key(self, key: str) -> None:
        Noted.keys.append(key)
        super().validate_key(key)
