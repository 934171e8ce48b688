"""Calendars: open hours in versions."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from lpo.tenancy.models import TenantForeignKey, TenantModel


class Calendar(TenantModel):
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="calendar_name_once")]

    def __str__(self) -> str:
        return self.name


class CalendarVersion(TenantModel):
    """Open hours, frozen. `weekly` maps "0".."6" (Monday first) to [[start minute, end minute], …]; `holidays` are ISO dates.

    A version that follows the sun has `sites` instead, each with name, calendar, version, time_zone, weekly, holidays, exceptions and
    names as they were then: open whenever one of them is. Its business days are dates of its own zone.
    """

    calendar = TenantForeignKey(Calendar)
    number = models.PositiveSmallIntegerField()
    time_zone = models.CharField(max_length=64)
    weekly = models.JSONField()
    holidays = models.JSONField(default=list)
    exceptions = models.JSONField(default=dict)
    sites = models.JSONField(default=list)
    # What a holiday is called, and why a date is an exception, by ISO date. Said, not counted by.
    names = models.JSONField(default=dict)
    holiday_source = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "calendar", "number"], name="calendarversion_once")]

    def __str__(self) -> str:
        return f"version {self.number}, {self.time_zone}"
