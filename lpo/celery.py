"""The worker's and the beat's entrance: `celery -A lpo worker`, `celery -A lpo beat`."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lpo.settings")

from lpo.jobs.broker import app

app.autodiscover_tasks()

__all__ = ["app"]
