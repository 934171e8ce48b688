"""Errors as problem+json (RFC 9457): what is wrong, and with which field."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from lpo.accounts.actor import NotPermitted
from lpo.core.errors import Conflicting, Refused, StaleVersion
from lpo.core.logs import current_request_id

TITLES = {
    400: "The request cannot be read",
    401: "A valid token is needed",
    403: "The token may not do this",
    404: "No such thing",
    405: "This method is not offered here",
    406: "None of the accepted media types is offered here",
    409: "Something else is there already",
    415: "This media type is not read here",
    422: "A value is refused",
    429: "Too many requests",
}


MEDIA_TYPE = "application/problem+json"


def _body(code: int, detail: str) -> dict[str, Any]:
    body: dict[str, Any] = {"type": "about:blank", "title": TITLES.get(code, "Error"), "status": code, "detail": detail}
    request_id = current_request_id()
    return body | ({"request_id": request_id} if request_id else {})


def problem(code: int, detail: str, errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None) -> Response:
    body = _body(code, detail) | ({"errors": errors} if errors else {})
    return Response(body, status=code, headers=headers, content_type=MEDIA_TYPE)


def is_api(request: HttpRequest) -> bool:
    """Whether an address is meant for the API, also where an organization is written before it, whose name the token alone says."""
    return "api" in request.path.split("/")[1:3]


def no_such_address(request: HttpRequest) -> HttpResponse:
    """For what no view of the API takes, such as a number below 0: told as its views tell it."""
    return JsonResponse(_body(404, "There is nothing at this address."), status=404, content_type=MEDIA_TYPE)


def flatten(detail: Any, prefix: str = "") -> list[dict[str, str]]:
    """DRF's nested errors as a list of {field, message}; a row of a list is named `items[3].title`."""
    if isinstance(detail, dict):
        found = []
        for key, value in detail.items():
            found += flatten(value, _name(key, prefix))
        return found
    if isinstance(detail, list):
        found = []
        for index, value in enumerate(detail):
            found += flatten(value, f"{prefix}[{index}]") if isinstance(value, (dict, list)) else [{"field": prefix, "message": str(value)}]
        return found
    return [{"field": prefix, "message": str(detail)}]


def _name(key: Any, prefix: str) -> str:
    if key == "non_field_errors":
        return prefix
    if isinstance(key, int):  # a row of a list
        return f"{prefix}[{key}]"
    return f"{prefix}.{key}" if prefix else str(key)


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None lets an unforeseen error reach the 500 handler and the log."""
    set_rollback()
    match error:
        case StaleVersion():
            return problem(409, str(error))
        case Conflicting():
            return problem(409, str(error), [{"field": error.field, "message": str(error)}] if error.field else None)
        case Refused():
            return problem(422, str(error), [{"field": error.field, "message": str(error)}] if error.field else None)
        case NotPermitted() | PermissionDenied():
            return problem(403, str(error) or "Not permitted.")
        case Http404():
            return problem(404, "Nothing at this address belongs to your organization.")
        case exceptions.ValidationError():
            errors = flatten(error.detail)
            return problem(status.HTTP_422_UNPROCESSABLE_ENTITY, "; ".join(f"{e['field']}: {e['message']}" for e in errors[:3]), errors)
        case exceptions.APIException():
            headers = {}
            if getattr(error, "auth_header", None):
                headers["WWW-Authenticate"] = str(error.auth_header)  # type: ignore[attr-defined]
            if getattr(error, "wait", None):
                headers["Retry-After"] = str(int(error.wait) + 1)  # type: ignore[attr-defined]
            return problem(error.status_code, str(error.detail), headers=headers)
    return None
