"""Addresses of the audit log, below `/<organization>/`."""

from __future__ import annotations

from django.urls import path

from lpo.audit import views

app_name = "audit"
urlpatterns = [
    path("audit/", views.event_list, name="list"),
    path("audit/<int:number>/", views.event_detail, name="detail"),
]
