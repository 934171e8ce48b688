"""The Celery application: settings from Django, tasks from the jobs room."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lpo.settings")

app = Celery("lpo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["lpo.jobs"])
