"""Waiting for one another where there is no row to lock."""

from __future__ import annotations

from django.db import connection


def hold_key(organization_id: int, *key: object) -> None:
    """Who comes with the same key waits until this transaction has ended, and then finds what it made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [":".join(map(str, (organization_id, *key)))])
