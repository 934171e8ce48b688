"""The pages of the shell alone, and views that fail on purpose."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import include, path

from lpo.core import views


def breaks(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


def denies(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def suspects(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("on purpose")


def collides(request: HttpRequest) -> HttpResponse:
    return views.conflict(request, yours="95 %", theirs="97 %", changed_by="Rosa Okafor", back="/gallery/")


def progresses(request: HttpRequest) -> HttpResponse:
    """A poll's answer: the component alone, finished at the third time of asking."""
    asked = int(request.GET.get("asked", "0")) + 1
    values = {"done": asked * 100, "total": 300, "url": f"/progresses/?asked={asked}", "finished": asked >= 3}
    return HttpResponse(Template('{% progress done total "Importing" url=url finished=finished %}').render(RequestContext(request, values)))


def fragments(request: HttpRequest) -> HttpResponse:
    """A page whose parts are fetched by htmx."""
    body = """{% extends "base.html" %}{% block content %}<h1>Fragments</h1>{% progress 0 300 "Importing" url="/progresses/" %}
    <form hx-post="/echoes/" hx-target="#answer"><input name="name" value="Rosa" aria-label="Name">{% button "Send" %}</form>
    <button type="button" class="button" hx-post="/breaks/" hx-target="#answer">Break</button><div id="answer"></div>{% endblock %}"""
    return HttpResponse(Template(body).render(RequestContext(request)))


def echoes(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST.get("name", "nothing"))


urlpatterns = [
    path("", views.component_gallery, name="home"),
    path("gallery/", views.component_gallery, name="gallery"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("breaks/", breaks),
    path("denies/", denies),
    path("suspects/", suspects),
    path("collides/", collides),
    path("unavailable/", views.unavailable),
    path("echoes/", echoes),
    path("progresses/", progresses),
    path("fragments/", fragments),
]
handler400 = "lpo.core.views.bad_request"
handler403 = "lpo.core.views.permission_denied"
handler404 = "lpo.core.views.not_found"
handler500 = "lpo.core.views.server_error"
