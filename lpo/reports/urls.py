"""Pages composed of several rooms. Included before the rooms below, whose plainer pages some of these replace."""

from __future__ import annotations

from django.urls import path

from lpo.reports.views import publish

app_name = "reports"

urlpatterns = [path("matters/<str:reference>/publish/", publish.publish, name="publish")]
