"""Session limits, and the tenancy middleware that owns each request's transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import logout
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from lpo.accounts.access import TenantRequest
from lpo.accounts.actor import Actor
from lpo.accounts.mfa import mfa_missing, set_up_first
from lpo.accounts.models import RESERVED_SLUGS, ApiToken, Membership, User
from lpo.accounts.roles import Role
from lpo.accounts.tokens import find_token, permissions_of_token
from lpo.core import logs
from lpo.tenancy.context import Scope, scoped

GetResponse = Callable[[HttpRequest], HttpResponseBase]
SEEN_EVERY_SECONDS = 60
# accounts lies below engagements, so its tables are named in SQL only.
_HIDDEN = """
SELECT set_config('lpo.organization_id', %s, true);
SELECT COALESCE(array_agg(m.id ORDER BY m.id), '{}') FROM engagements_matter m
WHERE m.organization_id = %s AND m.walled AND NOT EXISTS (
    SELECT 1 FROM engagements_matterinsider i
    WHERE i.organization_id = m.organization_id AND i.matter_id = m.id AND i.member_id = %s)
"""
_SUPERVISED = """
SELECT COALESCE(array_agg(id ORDER BY id), '{}') FROM engagements_matter WHERE organization_id = %s AND supervising_attorney_id = %s
"""


class SessionLimitMiddleware:
    """Ends a session that idled or grew too old. The stamp is written at most once a minute."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            now = int(time.time())
            session = request.session
            idle = settings.PORTAL_IDLE_SECONDS if session.get("portal") else settings.SESSION_IDLE_SECONDS
            seen, started = session.get("seen", now), session.get("started", now)
            if now - seen > idle or now - started > settings.SESSION_COOKIE_AGE:
                logout(request)
            elif "started" not in session or now - seen >= SEEN_EVERY_SECONDS:
                session["seen"], session["started"] = now, started
        return self.get_response(request)


class TenancyMiddleware:
    """Resolves organization and membership, then sets organization, client, matters and role for one transaction.

    Innermost, so that everything a view or template reads lies inside. The session is saved after the transaction, by the
    application role: the portal's role could not.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with ExitStack() as stack:
            request._tenancy = stack  # type: ignore[attr-defined]
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> HttpResponseBase | None:
        match = request.resolver_match
        if match is not None and "api" in match.namespaces:
            self._enter_by_token(cast(TenantRequest, request))
            return None
        slug = kwargs.get("organization")
        if slug is None:
            return None
        if slug in RESERVED_SLUGS:  # nobody's: to sign in would lead nowhere
            raise Http404("No such page.")
        if not request.user.is_authenticated:
            return sign_in_first(request)
        stack: ExitStack = request._tenancy  # type: ignore[attr-defined]
        stack.enter_context(transaction.atomic())
        membership = self._membership(request, slug)
        if mfa_missing(request, membership):
            return set_up_first(request, membership)
        self._enter(cast(TenantRequest, request), membership, stack)
        return None

    def _enter_by_token(self, request: TenantRequest) -> None:
        """The API's organization comes from the token alone; without a valid one the view answers 401 outside any organization."""
        kind, _, raw = request.headers.get("Authorization", "").partition(" ")
        token = find_token(raw.strip()) if kind.lower() == "bearer" and raw else None
        if token is None:
            return
        stack: ExitStack = request._tenancy  # type: ignore[attr-defined]
        stack.enter_context(transaction.atomic())
        now = timezone.now()
        if token.last_used_at is None or now - token.last_used_at > timedelta(seconds=SEEN_EVERY_SECONDS):
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        request.api_token = token
        request.organization, request.membership = token.organization, token.created_by
        request.actor = Actor.token(token, permissions_of_token(token))
        logs.bind(organization=token.organization.slug, token=token.prefix)
        stack.enter_context(scoped(scope_of(token.created_by), to_the_end=True))

    def _membership(self, request: HttpRequest, slug: str) -> Membership:
        """The signed-in person's active membership. Raises `Http404`: whether the organization exists is not told."""
        membership = (
            Membership.objects.select_related("organization")
            .filter(organization__slug=slug, user=cast(User, request.user), is_active=True)
            .first()
        )
        if membership is None:
            raise Http404("No such page.")
        membership.user = cast(User, request.user)
        now = timezone.now()
        if membership.last_seen_at is None or now - membership.last_seen_at > timedelta(seconds=SEEN_EVERY_SECONDS):
            Membership.objects.filter(pk=membership.pk).update(last_seen_at=now)
        return membership

    def _enter(self, request: TenantRequest, membership: Membership, stack: ExitStack) -> None:
        request.organization = membership.organization
        request.membership = membership
        request.actor = Actor.member(membership)
        logs.bind(organization=membership.organization.slug)
        request.member_zone = zone_of(membership)
        stack.enter_context(timezone.override(request.member_zone))
        portal = membership.role == Role.CLIENT_VIEWER
        if request.session.get("portal", False) != portal:
            request.session["portal"] = portal
        stack.enter_context(scoped(scope_of(membership), to_the_end=True))


def zone_of(membership: Membership) -> ZoneInfo:
    """The person's own zone; the organization's until they chose one."""
    return ZoneInfo(membership.user.time_zone or membership.organization.time_zone)


def scope_of(membership: Membership) -> Scope:
    """What a member may see: a client viewer its own client through the portal's role; staff all but walled matters they stand
    outside of; outside counsel only the matters it supervises."""
    organization_id = membership.organization_id
    if membership.role == Role.CLIENT_VIEWER:
        return Scope(organization_id, client_id=membership.client_id, portal=True)
    with connection.cursor() as cursor:
        cursor.execute(_HIDDEN, [str(organization_id), organization_id, membership.id])
        hidden = tuple(cursor.fetchone()[0])
        if membership.role != Role.ATTORNEY:
            return Scope(organization_id, hidden_matters=hidden)
        cursor.execute(_SUPERVISED, [organization_id, membership.id])
        return Scope(organization_id, hidden_matters=hidden, only_matters=tuple(cursor.fetchone()[0]))


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back. An htmx fragment cannot follow a redirect into the page, so it is told to leave it."""
    target = request.get_full_path() if request.method == "GET" else ""
    address = reverse("account_login") + (f"?{urlencode({'next': target})}" if target else "")
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": reverse("account_login")})
    return HttpResponseRedirect(address)
