from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.items import Assignment, Pause, Transition, WorkItem
from engagements.models.people import Absence, Admission, Conflict, ReviewerProfile, SpokenLanguage, Training
from engagements.models.time import TimeEntry, TimeLock, WorkTimer

__all__ = [
    "Absence",
    "Admission",
    "Assignment",
    "Client",
    "Conflict",
    "Contract",
    "Engagement",
    "ImportBatch",
    "ImportMapping",
    "ImportRow",
    "LegalEntity",
    "Matter",
    "MatterInsider",
    "Pause",
    "ReviewerProfile",
    "SpokenLanguage",
    "StatusUpdate",
    "TimeEntry",
    "TimeLock",
    "Training",
    "Transition",
    "WorkItem",
    "WorkTimer",
    "Workstream",
]
