"""Calendars, service levels, clocks, quality checks, attainment and credit claims. No money lives here."""

from sla.models.attainment import Attainment, AttainmentRow, CreditClaim, DirtyWindow
from sla.models.calendars import Calendar, CalendarVersion
from sla.models.checks import QualityCheck
from sla.models.clocks import Clock
from sla.models.levels import (
    UNCLOCKED,
    WINDOWS,
    Exclusion,
    Importance,
    LevelKind,
    Population,
    ServiceLevel,
    ServiceLevelVersion,
    Unit,
    VolumeBy,
)
from sla.models.samples import (
    Adjudication,
    Adjudicator,
    Allocation,
    Category,
    Purpose,
    QualityFinding,
    RootCause,
    SampleItem,
    SamplePlan,
    Severity,
    Sizing,
)
from sla.models.scenarios import Scenario

__all__ = [
    "UNCLOCKED",
    "WINDOWS",
    "Adjudication",
    "Adjudicator",
    "Allocation",
    "Attainment",
    "AttainmentRow",
    "Calendar",
    "CalendarVersion",
    "Category",
    "Clock",
    "CreditClaim",
    "DirtyWindow",
    "Exclusion",
    "Importance",
    "LevelKind",
    "Population",
    "Purpose",
    "QualityCheck",
    "QualityFinding",
    "RootCause",
    "SampleItem",
    "SamplePlan",
    "Scenario",
    "ServiceLevel",
    "ServiceLevelVersion",
    "Severity",
    "Sizing",
    "Unit",
    "VolumeBy",
]
