"""Which scope each API view needs, as data on the view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView  # importing it in earnest would read the setting that names this module

SAFE = {"GET", "HEAD", "OPTIONS"}


class HasScope(BasePermission):
    """A view names `read_scope` and, when it writes, `write_scope`. One without is refused: nothing is open by omission."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        token: Any = request.auth
        if token is None:
            raise NotAuthenticated("Send a token that is valid, in the header: Authorization: Bearer lpo_…")
        needed = getattr(view, "read_scope" if request.method in SAFE else "write_scope", None)
        self.message = f"The token lacks the scope {needed}." if needed else "No token may do this."
        return needed is not None and needed in token.scopes
