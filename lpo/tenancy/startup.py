"""A start-up check: a process that could see past row-level security does not start."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

_QUESTION = """
SELECT current_user, r.rolsuper, r.rolbypassrls,
       EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user),
       COALESCE((SELECT pg_has_role(current_user, p.oid, 'USAGE') FROM pg_roles p WHERE p.rolname = 'lpo_portal'), true)
FROM pg_roles r WHERE r.rolname = current_user
"""


def refuse_unsafe_role() -> None:
    """Raise `ImproperlyConfigured` when the database role bypasses row-level security, owns tables or inherits the portal's."""
    with connection.cursor() as cursor:
        cursor.execute(_QUESTION)
        user, superuser, bypass, owner, inherits_portal = cursor.fetchone()
    connection.close()
    reasons = [
        text
        for wrong, text in (
            (superuser, "is a superuser"),
            (bypass, "bypasses row-level security"),
            (owner, "owns tables"),
            (inherits_portal, "inherits lpo_portal, whose restrictions would bind staff (or that role is missing)"),
        )
        if wrong
    ]
    if reasons:
        raise ImproperlyConfigured(
            f"DATABASE_URL signs in as {user}, which {' and '.join(reasons)}. Use lpo_app as lpo/tenancy/roles.sql makes it."
        )
