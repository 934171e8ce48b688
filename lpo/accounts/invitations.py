"""Invitation links: how a token becomes an invitation, and how the session remembers the one being accepted."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone

from lpo.accounts.models import Invitation

LIFETIME = timedelta(days=7)
SESSION_KEY = "invitation"


def new_token() -> str:
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored: 32 random bytes need no salt and no stretching."""
    return hashlib.sha256(token.encode()).hexdigest()


def by_token(token: str) -> Invitation | None:
    """The invitation a link names, open or not."""
    return Invitation.objects.select_related("organization", "invited_by__user").filter(token_digest=digest(token)).first()


def is_open(invitation: Invitation) -> bool:
    return invitation.accepted_at is None and invitation.revoked_at is None and invitation.expires_at > timezone.now()


def remember(request: HttpRequest, invitation: Invitation) -> None:
    request.session[SESSION_KEY] = invitation.token_digest


def forget(request: HttpRequest) -> None:
    request.session.pop(SESSION_KEY, None)


def of_session(request: HttpRequest) -> Invitation | None:
    """The open invitation this browser is about to accept. Read anew each time: it may have been revoked a moment ago."""
    found = request.session.get(SESSION_KEY)
    if not found:
        return None
    invitation = Invitation.objects.select_related("organization").filter(token_digest=found).first()
    return invitation if invitation is not None and is_open(invitation) else None
