"""The Celery application. Its messages only wake workers up: losing every one of them loses nothing but seconds."""

from __future__ import annotations

from celery import Celery

from lpo.jobs import transport

transport.install()

app = Celery("lpo")
app.config_from_object("django.conf:settings", namespace="CELERY")

WAKE_UP = "lpo.jobs.run"
PULSE = "lpo.jobs.pulse"
QUEUE = "celery"
