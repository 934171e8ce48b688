"""Time on a level's clock, in templates."""

from __future__ import annotations

from django import template

from sla import wording
from sla.models import ServiceLevelVersion

register = template.Library()


@register.filter
def on_clock(seconds: int | None, version: ServiceLevelVersion) -> str:
    """1 d 3 h 24 min; 27 h 24 min where a day is not 24 hours, as on a clock of business hours. An em dash for no time at all."""
    return "—" if seconds is None else wording.in_full(seconds, version)
