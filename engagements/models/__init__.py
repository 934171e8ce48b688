from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.contracts import ContractClause, PurchaseOrder
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.items import Assignment, Pause, Transition, WorkItem
from engagements.models.parties import MatterParty
from engagements.models.protocols import ProtocolVersion
from engagements.models.team import EndedTerm, TeamMember

__all__ = [
    "Assignment",
    "Client",
    "Contract",
    "ContractClause",
    "EndedTerm",
    "Engagement",
    "ImportBatch",
    "ImportMapping",
    "ImportRow",
    "LegalEntity",
    "Matter",
    "MatterInsider",
    "MatterParty",
    "Pause",
    "ProtocolVersion",
    "PurchaseOrder",
    "StatusUpdate",
    "TeamMember",
    "Transition",
    "WorkItem",
    "Workstream",
]
