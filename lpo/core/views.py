"""Error pages and the component gallery."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from lpo.core import gallery


def _answer(request: HttpRequest, status: int, **details: object) -> HttpResponse:
    """A plain page, or for htmx a banner to stand where the fragment would have.

    Rendered without context processors: they may be what failed.
    """
    context = {"request_id": getattr(request, "request_id", ""), "request": request, "status": status, **details}
    fragment = request.headers.get("HX-Request") == "true"
    name = "components/error_fragment.html" if fragment else f"{status}.html"
    response = HttpResponse(render_to_string(name, context), status=status)
    if fragment and request.method == "GET":
        # A failed poll or panel leaves what was on the page; its own element shows the banner.
        response["HX-Reswap"] = "innerHTML"
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`CSRF_FAILURE_VIEW`: most often a form left open past the end of its session."""
    return _answer(request, 403, stale_form=True)


def conflict(request: HttpRequest, *, yours: str = "", theirs: str = "", changed_by: str = "", back: str = "") -> HttpResponse:
    """A save that came too late: both values are shown and nothing was overwritten."""
    return _answer(request, 409, yours=yours, theirs=theirs, changed_by=changed_by, back=back)


def too_large(request: HttpRequest, *, most: str) -> HttpResponse:
    """An upload above the limit, `most` in words: nothing of the form it came with was saved."""
    return _answer(request, 413, most=most)


def server_error(request: HttpRequest) -> HttpResponse:
    return _answer(request, 500)


def unavailable(request: HttpRequest, *, retry_seconds: int = 30) -> HttpResponse:
    response = _answer(request, 503, retry_seconds=retry_seconds)
    response["Retry-After"] = str(retry_seconds)
    return response


def component_gallery(request: HttpRequest) -> HttpResponse:
    """Every component in every state; it shows invented figures only and needs no sign-in."""
    return render(request, "core/gallery.html", gallery.context(request.GET.get("shell", "staff")))
