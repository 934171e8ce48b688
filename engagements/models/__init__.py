from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.contracts import ContractClause, PurchaseOrder
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.items import Assignment, Pause, Transition, WorkItem

__all__ = [
    "Assignment",
    "Client",
    "Contract",
    "ContractClause",
    "Engagement",
    "ImportBatch",
    "ImportMapping",
    "ImportRow",
    "LegalEntity",
    "Matter",
    "MatterInsider",
    "Pause",
    "PurchaseOrder",
    "StatusUpdate",
    "Transition",
    "WorkItem",
    "Workstream",
]
