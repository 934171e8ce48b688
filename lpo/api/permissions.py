"""Which permission each API view needs, by method, as data on the view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from lpo.accounts.roles import Permission

if TYPE_CHECKING:  # the settings name these classes, and rest_framework.views reads the settings while it is imported
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """A view's `required` names a permission for each method; one that it does not name is refused: nothing is open by omission.

    What a token holds is its scopes' permissions, never more than its maker's role allows today.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            raise NotAuthenticated("Send a token that is valid, in the header: Authorization: Bearer lpo_…")
        required: dict[str, Permission] = getattr(view, "required", {})
        method = str(request.method)
        needed = required.get("GET" if method in {"HEAD", "OPTIONS"} else method)
        held: Any = request._request.actor.permissions  # type: ignore[attr-defined]
        self.message = f"This token may not {needed.value}." if needed else "No token may do this."
        return needed is not None and needed in held
