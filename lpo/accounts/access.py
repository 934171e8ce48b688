"""Which permission each method of a view needs, as data on the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseNotAllowed
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
    who is not told what exists.
    """
    required = {**({"GET": permission} if permission else {}), **methods}
    if "GET" in required:
        required["HEAD"] = required["GET"]

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            method = cast(str, request.method)
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


def public(view: View) -> View:
    """Marks a view outside any organization as meant to be so; a guard test fails for an unmarked one."""
    view.public = True  # type: ignore[attr-defined]
    return view
