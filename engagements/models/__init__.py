from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.contracts import ContractClause, PurchaseOrder
from engagements.models.decisions import ClientDecision, DeliveryNotice, ErrorNotice, LateEntry, Question, Source, What
from engagements.models.import_parts import ImportChunk, ImportPart
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.items import Assignment, Pause, Transition, WorkItem
from engagements.models.parties import MatterParty
from engagements.models.protocols import ProtocolVersion
from engagements.models.team import EndedTerm, TeamMember

__all__ = [
    "Assignment",
    "Client",
    "ClientDecision",
    "Contract",
    "ContractClause",
    "DeliveryNotice",
    "EndedTerm",
    "Engagement",
    "ErrorNotice",
    "ImportBatch",
    "ImportChunk",
    "ImportMapping",
    "ImportPart",
    "ImportRow",
    "LateEntry",
    "LegalEntity",
    "Matter",
    "MatterInsider",
    "MatterParty",
    "Pause",
    "ProtocolVersion",
    "PurchaseOrder",
    "Question",
    "Source",
    "StatusUpdate",
    "TeamMember",
    "Transition",
    "What",
    "WorkItem",
    "Workstream",
]
