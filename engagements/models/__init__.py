from engagements.models.bulk import BulkAction, BulkKind, BulkRow
from engagements.models.clients import Client, Contract, Engagement, LegalEntity, Matter, MatterInsider, StatusUpdate, Workstream
from engagements.models.comments import Comment, CommentEdit, CommentFile
from engagements.models.conflicts import (
    ConflictCheck,
    ConflictFinding,
    ConflictMatch,
    ConflictOutcome,
    ConflictRule,
    NameKind,
    NameWord,
    Occasion,
    Verdict,
)
from engagements.models.contracts import ContractClause, PurchaseOrder
from engagements.models.decisions import ClientDecision, DeliveryNotice, ErrorNotice, LateEntry, Question, Source, What
from engagements.models.deliverables import ChecklistPoint, Deliverable, DeliverableTick
from engagements.models.escalations import Escalation, EscalationStep, Notice, Trigger
from engagements.models.holds import LegalHold
from engagements.models.import_parts import ImportChunk, ImportPart
from engagements.models.imports import ImportBatch, ImportMapping, ImportRow
from engagements.models.item_types import ItemType
from engagements.models.items import Assignment, Pause, Transition, WorkItem
from engagements.models.milestones import Blocker, Milestone, MilestoneDate, MilestoneNeed
from engagements.models.notes import ItemNote, ItemTag
from engagements.models.parties import MatterParty
from engagements.models.people import Absence, Admission, Conflict, ReviewerProfile, SpokenLanguage, Training, WeekCapacity
from engagements.models.placements import Placement, PlacementAbsence, PlacementTerms, Timesheet, TimesheetDay
from engagements.models.protocols import ProtocolVersion
from engagements.models.supervision import SampledItem, SupervisionReport, SupervisionSample, SupervisionTerm
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
    "ChecklistPoint",
    "Client",
    "ClientDecision",
    "Comment",
    "CommentEdit",
    "CommentFile",
    "Conflict",
    "ConflictCheck",
    "ConflictFinding",
    "ConflictMatch",
    "ConflictOutcome",
    "ConflictRule",
    "Contract",
    "ContractClause",
    "DefaultView",
    "Deliverable",
    "DeliverableTick",
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
    "ItemType",
    "LateEntry",
    "LegalEntity",
    "LegalHold",
    "Matter",
    "MatterInsider",
    "MatterParty",
    "Milestone",
    "MilestoneDate",
    "MilestoneNeed",
    "NameKind",
    "NameWord",
    "Notice",
    "Occasion",
    "Pause",
    "Placement",
    "PlacementAbsence",
    "PlacementTerms",
    "ProtocolVersion",
    "PurchaseOrder",
    "Question",
    "ReviewerProfile",
    "SampledItem",
    "SavedView",
    "Source",
    "SpokenLanguage",
    "StatusUpdate",
    "SupervisionReport",
    "SupervisionSample",
    "SupervisionTerm",
    "TeamMember",
    "TimeEntry",
    "TimeLock",
    "Timesheet",
    "TimesheetDay",
    "Training",
    "Transition",
    "Trigger",
    "Verdict",
    "WeekCapacity",
    "What",
    "WorkItem",
    "WorkTimer",
    "Workstream",
]
