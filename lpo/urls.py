"""Every address of the application. What lies below `/<organization>/` is guarded by the tenancy middleware."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic.base import RedirectView

from lpo.api import problems
from lpo.core import views as pages
from lpo.jobs import health

organization: list[URLPattern | URLResolver] = [
    path("", include("lpo.accounts.urls")),
    path("", include("lpo.jobs.urls")),
    path("", include("lpo.audit.urls")),
    path("", include("lpo.portal.urls")),
    # Before the rooms below: its page for publishing an update replaces theirs, which knows of work alone.
    path("", include("lpo.reports.urls")),
    path("", include("engagements.urls")),
    path("", include("sla.urls")),
    path("", include("billing.urls")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("gallery/", pages.component_gallery, name="gallery"),
    path("favicon.ico", RedirectView.as_view(url="/static/icons/favicon.svg", permanent=True)),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("lpo.api.urls")),
    path("", include("lpo.accounts.public_urls")),
    path("<slug:organization>/", include(organization)),
]


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """What no view takes is told in the form that the asker reads: the API's problem, or the page."""
    return problems.no_such_address(request) if problems.is_api(request) else pages.not_found(request, exception)


handler400 = "lpo.core.views.bad_request"
handler403 = "lpo.core.views.permission_denied"
handler404 = not_found
handler500 = "lpo.core.views.server_error"
