"""What the benchmarks of the chain share: an organization of their own in a migrated database, medians, and how a figure is printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lpo.settings")

import django

django.setup()

from lpo.accounts.models import Organization  # noqa: E402


def organization(slug: str) -> Organization:
    made, _ = Organization.objects.get_or_create(slug=slug, defaults={"name": "Benchmarks", "time_zone": "America/New_York"})
    return made


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Median time of some rounds."""
    times = []
    for _ in range(rounds):
        begun = perf_counter()
        work()
        times.append(perf_counter() - begun)
    return median(times)


def figure(name: str, measured: str, goal: str = "", *, met: bool = True) -> None:
    print("FIGURE " + json.dumps({"name": name, "measured": measured, "goal": goal, "met": met}), flush=True)
