"""Clocks: one item against one level, as its facts have it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Least
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel
from sla.models.levels import ServiceLevel, ServiceLevelVersion


class Clock(TenantModel):
    """One item against one level, one cycle: a stored projection, replaced whenever the item's facts change.

    Seconds are of the level's own unit. `due_at` is the projected due instant; while `held_since` is set it is what would be
    due if the pause ended at the moment of projection, and the clock cannot breach. `decided_at` = min(stop, due).
    """

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    item = TenantForeignKey("engagements.WorkItem", via=["client_id", "matter_id"])
    level = TenantForeignKey(ServiceLevel, via=["client_id", "matter_id"])
    level_version = TenantForeignKey(ServiceLevelVersion)
    cycle = models.PositiveSmallIntegerField(default=1)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    held_since = models.DateTimeField(null=True)
    cancelled = models.BooleanField(default=False)
    excluded = models.BooleanField(default=False)
    target_seconds = models.BigIntegerField()
    used_seconds = models.BigIntegerField(default=0)
    paused_seconds = models.BigIntegerField(default=0)
    late_seconds = models.BigIntegerField(null=True)
    # Start of the window (contract zone) that holds `due_at`, and that of `stopped_at`: which one counts depends on now only
    # while the clock is open.
    window_start = models.DateTimeField()
    computed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "item", "level", "cycle"], name="clock_once"),
            models.CheckConstraint(condition=Q(stopped_at__isnull=True) | Q(stopped_at__gte=F("started_at")), name="clock_order"),
        ]
        indexes = [
            models.Index(
                fields=["organization", "level", "window_start"],
                include=["stopped_at", "due_at", "held_since", "excluded", "cancelled", "used_seconds"],
                name="clock_window",
            ),
            models.Index(
                fields=["organization", "due_at", "id"],
                condition=Q(stopped_at__isnull=True, cancelled=False),
                include=["matter_id"],
                name="clock_open",
            ),
            models.Index(
                fields=["organization", "held_since", "id"],
                condition=Q(stopped_at__isnull=True, cancelled=False, held_since__isnull=False),
                include=["matter_id"],
                name="clock_held",
            ),
            # By when they were, or will be, decided: min(stop, due).
            models.Index(
                F("organization"),
                F("level"),
                Least("stopped_at", "due_at").desc(),
                condition=Q(cycle=1, cancelled=False, excluded=False),
                name="clock_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level_id} on {self.item_id}"
