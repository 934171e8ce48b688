from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.import_parts import ImportChunk, ImportPart
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.items import Assignment, Pause, Transition, WorkItem

__all__ = [
    "Assignment",
    "Client",
    "Contract",
    "Engagement",
    "ImportBatch",
    "ImportChunk",
    "ImportMapping",
    "ImportPart",
    "ImportRow",
    "LegalEntity",
    "Matter",
    "MatterInsider",
    "Pause",
    "StatusUpdate",
    "Transition",
    "WorkItem",
    "Workstream",
]
