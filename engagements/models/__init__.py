from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.decisions import ClientDecision, DeliveryNotice, ErrorNotice, LateEntry, Question, Source, What
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.items import Assignment, Pause, Transition, WorkItem

__all__ = [
    "Assignment",
    "Client",
    "ClientDecision",
    "Contract",
    "DeliveryNotice",
    "Engagement",
    "ErrorNotice",
    "ImportBatch",
    "ImportMapping",
    "ImportRow",
    "LateEntry",
    "LegalEntity",
    "Matter",
    "MatterInsider",
    "Pause",
    "Question",
    "Source",
    "StatusUpdate",
    "Transition",
    "What",
    "WorkItem",
    "Workstream",
]
