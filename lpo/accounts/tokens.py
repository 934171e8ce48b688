"""API tokens: `lpo_<8 characters>_<secret>`. The first part names the token on pages and in logs, the whole is stored as a digest."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Iterable
from enum import StrEnum

from django.utils import timezone

from lpo.accounts.models import ApiToken
from lpo.accounts.roles import Permission as P

MAX_DAYS = 365
_ALPHABET = string.ascii_lowercase + string.digits


class Scope(StrEnum):
    """What a token may do, in the words of the page that makes it."""

    WORK_READ = "work:read"
    WORK_WRITE = "work:write"
    CONFLICTS_READ = "conflicts:read"
    LEVELS_READ = "levels:read"
    LEVELS_REPLAY = "levels:replay"
    BILLING_READ = "billing:read"
    USAGE_WRITE = "usage:write"


SCOPE_PERMISSIONS: dict[Scope, frozenset[P]] = {
    Scope.WORK_READ: frozenset({P.VIEW_WORK}),
    Scope.WORK_WRITE: frozenset({P.VIEW_WORK, P.EDIT_WORK, P.TRACK_ITEMS, P.WORK_ITEMS, P.PAUSE, P.CHECK_QUALITY, P.RECORD_TIME}),
    Scope.CONFLICTS_READ: frozenset({P.VIEW_STAFF}),
    Scope.LEVELS_READ: frozenset({P.VIEW_LEVELS}),
    Scope.LEVELS_REPLAY: frozenset({P.VIEW_LEVELS, P.REPLAY_LEVELS}),
    Scope.BILLING_READ: frozenset({P.VIEW_MONEY}),
    Scope.USAGE_WRITE: frozenset({P.RECORD_USAGE}),
}
SCOPE_LABELS: dict[Scope, str] = {
    Scope.WORK_READ: "Read clients, matters, workstreams and items",
    Scope.WORK_WRITE: "Add and change them, import items, record quality results and one's own time",
    Scope.CONFLICTS_READ: "Read conflict checks and what they found",
    Scope.LEVELS_READ: "Read service levels, attainment, samples, checks and credit claims",
    Scope.LEVELS_REPLAY: "Read them, and replay a past under a proposed contract",
    Scope.BILLING_READ: "Read charge terms, usage and invoices",
    Scope.USAGE_WRITE: "Report usage: seats, volumes, expenses and outcomes",
}


def new_token() -> tuple[str, str]:
    """A fresh token and its public prefix."""
    prefix = "lpo_" + "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{prefix}_{secrets.token_urlsafe(32)}", prefix


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def permissions_of_scopes(scopes: Iterable[str]) -> frozenset[P]:
    """Scopes this version does not know grant nothing."""
    known = {scope.value for scope in Scope}
    return frozenset().union(*(SCOPE_PERMISSIONS[Scope(scope)] for scope in scopes if scope in known))


def find_token(raw: str) -> ApiToken | None:
    """The live token of this text: not revoked, not expired, its maker still a member."""
    found = ApiToken.objects.select_related("organization", "created_by__user").filter(digest=digest(raw)).first()
    if found is None or found.revoked_at is not None or found.expires_at <= timezone.now() or not found.created_by.is_active:
        return None
    return found


def permissions_of_token(token: ApiToken) -> frozenset[P]:
    """What the token may do now: its scopes, and never more than its maker's role allows today."""
    return permissions_of_scopes(token.scopes) & token.created_by.permissions
