"""Maintenance of stored second factors."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from lpo.accounts import ciphers


@transaction.atomic
def reencrypt_second_factors() -> int:
    """Every authenticator app's secret and every seed of recovery codes under the first key; how many. All or none: raises `InvalidToken`.

    Belongs to no organization and changes nothing a person could notice, so no audit event is written.
    """
    rows = list(Authenticator.objects.select_for_update().order_by("id"))
    for row in rows:
        row.data = _rotated(row.data)
        row.save(update_fields=["data"])
    return len(rows)


def _rotated(data: dict[str, Any]) -> dict[str, Any]:
    kept = dict(data)
    for name in ("secret", "seed"):
        if name in kept:
            kept[name] = ciphers.rotate(kept[name])
    if kept.get("migrated_codes"):
        kept["migrated_codes"] = [ciphers.rotate(code) for code in kept["migrated_codes"]]
    return kept
