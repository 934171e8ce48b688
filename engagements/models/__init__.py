from engagements.models.bulk import BulkAction, BulkKind, BulkRow
from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.comments import Comment, CommentEdit, CommentFile
from engagements.models.contracts import ContractClause, PurchaseOrder
from engagements.models.decisions import ClientDecision, DeliveryNotice, ErrorNotice, LateEntry, Question, Source, What
from engagements.models.escalations import Escalation, EscalationStep, Notice, Trigger
from engagements.models.import_parts import ImportChunk, ImportPart
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.items import Assignment, Pause, Transition, WorkItem
from engagements.models.milestones import Blocker, Milestone, MilestoneDate, MilestoneNeed
from engagements.models.notes import ItemNote, ItemTag
from engagements.models.parties import MatterParty
from engagements.models.people import Absence, Admission, Conflict, ReviewerProfile, SpokenLanguage, Training
from engagements.models.protocols import ProtocolVersion
from engagements.models.team import EndedTerm, TeamMember
from engagements.models.time import TimeEntry, TimeLock, WorkTimer
from engagements.models.views import DefaultView, SavedView

__all__ = [
    "Absence",
    "Admission",
    "Assignment",
    "Blocker",
    "BulkAction",
    "BulkKind",
    "BulkRow",
    "Client",
    "ClientDecision",
    "Comment",
    "CommentEdit",
    "CommentFile",
    "Conflict",
    "Contract",
    "ContractClause",
    "DefaultView",
    "DeliveryNotice",
    "EndedTerm",
    "Engagement",
    "ErrorNotice",
    "Escalation",
    "EscalationStep",
    "ImportBatch",
    "ImportChunk",
    "ImportMapping",
    "ImportPart",
    "ImportRow",
    "ItemNote",
    "ItemTag",
    "LateEntry",
    "LegalEntity",
    "Matter",
    "MatterInsider",
    "MatterParty",
    "Milestone",
    "MilestoneDate",
    "MilestoneNeed",
    "Notice",
    "Pause",
    "ProtocolVersion",
    "PurchaseOrder",
    "Question",
    "ReviewerProfile",
    "SavedView",
    "Source",
    "SpokenLanguage",
    "StatusUpdate",
    "TeamMember",
    "TimeEntry",
    "TimeLock",
    "Training",
    "Transition",
    "Trigger",
    "What",
    "WorkItem",
    "WorkTimer",
    "Workstream",
]
