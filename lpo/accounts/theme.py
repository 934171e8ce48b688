"""The page's theme lies in a cookie too, because the server draws sign-in pages before it knows who comes."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponseBase

COOKIE = "theme"
_YEAR = 365 * 24 * 3600


def remember_theme(response: HttpResponseBase, theme: str) -> None:
    """`light` and `dark` are kept; `system` leaves the choice to the browser. Scripts read and write the cookie, so it is not HttpOnly."""
    if theme == "system":
        response.delete_cookie(COOKIE, samesite="Lax")
    else:
        response.set_cookie(COOKIE, theme, max_age=_YEAR, samesite="Lax", secure=settings.SECURE_COOKIES)
