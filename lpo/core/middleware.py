"""The outermost and the privacy middleware: what every request is logged as, and what every response says about itself."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from lpo.core.logs import bind

log = logging.getLogger("lpo.request")

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# A proxy's id is taken over only if it is plainly an id; anything else could forge log lines.
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_PERMISSIONS = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"
# Links out of e-mails: whoever reads the log must not be able to follow them.
_SECRET_LINK = re.compile(r"^(/invitations/|/accounts/password/reset/key/|/accounts/confirm-email/)[^/]+")
_QUIET = frozenset({"/healthz", "/readyz"})


class RequestLogMiddleware:
    """Names each request (`X-Request-ID`, `request.request_id`) and writes one line when it is answered.

    The line holds the path without its query string, because filters and tokens may be in it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if _ACCEPTABLE_ID.fullmatch(offered) else uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        started = time.perf_counter()
        with bind(request_id=request_id, organization=""):
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            level = logging.ERROR if response.status_code >= 500 else logging.DEBUG if request.path in _QUIET else logging.INFO
            path = _SECRET_LINK.sub(r"\1…", request.path)
            fields = {"method": request.method, "path": path, "status": response.status_code, "ms": milliseconds}
            log.log(level, "%s %s %s", request.method, path, response.status_code, extra=fields)
        return response


class PrivateResponseMiddleware:
    """Keeps answers out of caches and apart by `HX-Request`, and closes what no page uses.

    "Signed in" is read from the credentials sent rather than from `request.user`: that costs no query, and it errs on the
    private side for someone halfway through signing in.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        session = settings.SESSION_COOKIE_NAME
        if session in request.COOKIES or session in response.cookies or "Authorization" in request.headers:
            response["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["HX-Request"])
        response.setdefault("Permissions-Policy", _PERMISSIONS)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class PlainTextMiddleware:
    """Refuses what no row can hold: a number larger than PostgreSQL's, a NUL in an address, its query or a posted form.

    Stands behind the check for forgery, which reads the form anyway; a file's content is read by whoever asked for it. The API
    answers for itself, in its own form.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if request.resolver_match is not None and "api" in request.resolver_match.namespaces:
            return
        if any(isinstance(value, int) and value > _LARGEST_NUMBER for value in kwargs.values()):
            raise Http404("No such page.")
        written = [request.path, *_texts(request.GET)]
        if request.content_type in _FORMS:
            written += _texts(request.POST)
        if any("\x00" in text for text in written):
            raise BadRequest("A NUL character was sent.")


_LARGEST_NUMBER = 2**63 - 1  # of PostgreSQL, in which a place in a list is counted too
_FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


def _texts(values: QueryDict) -> list[str]:
    return [text for name, listed in values.lists() for text in (name, *listed)]
