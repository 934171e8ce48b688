"""API tokens. The tenancy middleware has resolved the token and set its organization before a view runs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from lpo.accounts.models import ApiToken


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer lpo_…`. No session authentication: the organization comes from the token alone."""

    def authenticate(self, request: Request) -> tuple[None, ApiToken] | None:
        token = getattr(request._request, "api_token", None)
        return None if token is None else (None, token)

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="lpo"'


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API token of one organization."}
