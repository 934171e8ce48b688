"""Which permission each method of a view needs, as data on the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import Resolver404, resolve
from django_htmx.middleware import HtmxDetails

from lpo.accounts.actor import Actor
from lpo.accounts.models import ApiToken, Membership, Organization, User
from lpo.accounts.roles import Permission, Role

View = Callable[..., HttpResponseBase]


class TenantRequest(HttpRequest):
    """A request inside an organization, as the tenancy middleware leaves it."""

    user: User
    organization: Organization
    membership: Membership
    actor: Actor
    htmx: HtmxDetails
    request_id: str

    member_zone: ZoneInfo
    api_token: ApiToken


def requires(permission: Permission | None = None, /, **methods: Permission) -> Callable[[View], View]:
    """Guard a view of an organization: `@requires(P.VIEW_WORK, POST=P.EDIT_WORK)`. The positional permission is GET's.

    A method that is not listed answers 405; a role without the permission 403, or 404 for a client viewer on a staff page,
    who is not told what exists. Where only a form is sent to, a reload after its refusal leads back to the form's page.
    """
    required = {**({"GET": permission} if permission else {}), **methods}
    if "GET" in required:
        required["HEAD"] = required["GET"]

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            method = cast(str, request.method)
            if method in {"GET", "HEAD"} and "POST" in required and method not in required:
                return HttpResponseRedirect(page_above(request))
            if method not in required:
                return HttpResponseNotAllowed(sorted(required))
            membership = cast(TenantRequest, request).membership
            if not membership.may(required[method]):
                if membership.role == Role.CLIENT_VIEWER:
                    raise Http404
                raise PermissionDenied(f"Your role, {membership.role_label.lower()}, may not {required[method].value}.")
            return view(request, *args, **kwargs)

        guarded.required = required  # type: ignore[attr-defined]
        return guarded

    return decorate


def page_above(request: HttpRequest) -> str:
    """The nearest address above that can be read: what is sent to lies below the page its form is on."""
    assert request.resolver_match is not None  # noqa: S101 -- a view was found
    route, path = request.resolver_match.route, request.path
    while (path := path.rstrip("/").rpartition("/")[0] + "/") != "/":
        try:
            found = resolve(path)
        except Resolver404:
            continue
        # `people/invitations/` is no page of a person called invitations.
        if "GET" in (getattr(found.func, "required", None) or {}) and route.startswith(found.route):
            return path
    raise Http404("No such page.")


def public(view: View) -> View:
    """Marks a view outside any organization as meant to be so; a guard test fails for an unmarked one."""
    view.public = True  # type: ignore[attr-defined]
    return view
