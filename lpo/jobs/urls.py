"""Addresses of background work, below `/<organization>/`."""

from __future__ import annotations

from django.urls import path

from lpo.jobs import views

app_name = "jobs"
urlpatterns = [
    path("jobs/", views.job_list, name="list"),
    path("jobs/verify-audit/", views.verify_audit, name="verify_audit"),
    path("jobs/<int:number>/", views.job_detail, name="detail"),
    path("jobs/<int:number>/progress/", views.job_progress, name="progress"),
    path("jobs/<int:number>/cancel/", views.job_cancel, name="cancel"),
    path("jobs/<int:number>/retry/", views.job_retry, name="retry"),
]
