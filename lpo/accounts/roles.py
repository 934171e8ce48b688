"""Permissions as data: what each kind of person may do. One test walks every URL, method and role against a readable matrix."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class Permission(StrEnum):
    ENTER = "enter"  # everybody who belongs to the organization: to be led to one's own first page
    VIEW_WORK = "view work"
    EDIT_WORK = "edit work"  # clients, engagements, matters, workstreams
    TRACK_ITEMS = "track items"  # add, import, assign, schedule
    WORK_ITEMS = "work items"  # start, deliver
    VIEW_WORK_PRODUCT = "view work product"
    PAUSE = "pause"
    APPROVE_PAUSE = "approve pause"
    CHECK_QUALITY = "check quality"
    VIEW_LEVELS = "view service levels"
    EDIT_LEVELS = "edit service levels"
    REPLAY_LEVELS = "replay service levels"  # a past under a proposed contract: writes nothing but itself
    CLOSE_WINDOWS = "close windows"
    VIEW_MONEY = "view money"
    EDIT_TERMS = "edit charge terms"
    RECORD_USAGE = "record usage"  # seats, volumes, expenses and outcomes that terms charge
    DRAFT_INVOICES = "draft invoices"
    APPROVE_INVOICES = "approve invoices"
    ISSUE_INVOICES = "issue invoices"
    EXPORT_INVOICES = "export invoices"
    DECIDE_FOR_CLIENT = "decide for the client"  # the supervising attorney's own sign-in
    VIEW_AUDIT = "view audit"
    VIEW_JOBS = "view jobs"
    RETRY_JOBS = "retry jobs"
    MANAGE_PEOPLE = "manage people"
    MANAGE_ORGANIZATION = "manage organization"
    MANAGE_TOKENS = "manage tokens"
    VIEW_PORTAL = "view portal"
    VIEW_STAFF = "view profiles"  # languages, admissions, capacity, conflicts, absences of others
    EDIT_STAFF = "edit profiles"
    RECORD_TIME = "record time"  # one's own
    APPROVE_TIME = "approve time"  # another's
    TAKE_NOTICE = "take notices"  # be told of what goes wrong, and take it on
    SAVE_VIEWS = "save views"  # of lists, for oneself or to share
    COMMENT = "comment"  # read and write what the provider's people say to each other; outside counsel does not


P = Permission


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMINISTRATOR = "administrator", "Administrator"
    PROJECT_MANAGER = "project_manager", "Project manager"
    COORDINATOR = "coordinator", "Coordinator"
    REVIEWER = "reviewer", "Reviewer"
    BILLING = "billing", "Billing"
    ATTORNEY = "attorney", "Supervising attorney"
    AUDITOR = "auditor", "Auditor"
    CLIENT_VIEWER = "client_viewer", "Client viewer"


_PROJECT_MANAGER = frozenset(
    {
        P.VIEW_WORK,
        P.EDIT_WORK,
        P.TRACK_ITEMS,
        P.WORK_ITEMS,
        P.VIEW_WORK_PRODUCT,
        P.PAUSE,
        P.APPROVE_PAUSE,
        P.CHECK_QUALITY,
        P.VIEW_LEVELS,
        P.EDIT_LEVELS,
        P.REPLAY_LEVELS,
        P.CLOSE_WINDOWS,
        P.VIEW_MONEY,
        P.VIEW_JOBS,
        P.VIEW_STAFF,
        P.EDIT_STAFF,
        P.RECORD_TIME,
        P.APPROVE_TIME,
        P.TAKE_NOTICE,
        P.SAVE_VIEWS,
        P.COMMENT,
    }
)
_BILLING = frozenset(
    {
        P.VIEW_WORK,
        P.VIEW_LEVELS,
        P.VIEW_MONEY,
        P.EDIT_TERMS,
        P.RECORD_USAGE,
        P.DRAFT_INVOICES,
        P.APPROVE_INVOICES,
        P.ISSUE_INVOICES,
        P.EXPORT_INVOICES,
        P.VIEW_JOBS,
        P.TAKE_NOTICE,
        P.SAVE_VIEWS,
        P.COMMENT,
    }
)
_ADMINISTRATOR = frozenset({P.VIEW_AUDIT, P.VIEW_JOBS, P.RETRY_JOBS, P.MANAGE_PEOPLE, P.MANAGE_ORGANIZATION, P.MANAGE_TOKENS})

_OWN: dict[Role, frozenset[Permission]] = {
    Role.OWNER: (_PROJECT_MANAGER | _BILLING | _ADMINISTRATOR),
    Role.ADMINISTRATOR: _ADMINISTRATOR
    | {P.VIEW_WORK, P.VIEW_LEVELS, P.EDIT_WORK, P.EDIT_LEVELS, P.REPLAY_LEVELS, P.VIEW_MONEY, P.EDIT_TERMS, P.VIEW_STAFF, P.EDIT_STAFF}
    | {P.RECORD_USAGE, P.TAKE_NOTICE, P.SAVE_VIEWS, P.COMMENT},
    Role.PROJECT_MANAGER: _PROJECT_MANAGER,
    Role.COORDINATOR: frozenset({P.VIEW_WORK, P.TRACK_ITEMS, P.PAUSE, P.VIEW_LEVELS, P.VIEW_JOBS, P.VIEW_STAFF, P.RECORD_TIME})
    | {P.TAKE_NOTICE, P.SAVE_VIEWS, P.COMMENT},
    # Levels too: the day of whoever works begins on Today, by the time that is left.
    Role.REVIEWER: frozenset({P.VIEW_WORK, P.WORK_ITEMS, P.VIEW_WORK_PRODUCT, P.VIEW_LEVELS, P.RECORD_TIME})
    | {P.TAKE_NOTICE, P.SAVE_VIEWS, P.COMMENT},
    Role.BILLING: _BILLING,
    Role.ATTORNEY: frozenset(
        {P.VIEW_WORK, P.VIEW_WORK_PRODUCT, P.VIEW_LEVELS, P.CHECK_QUALITY, P.DECIDE_FOR_CLIENT, P.TAKE_NOTICE, P.SAVE_VIEWS}
    ),
    Role.AUDITOR: frozenset({P.VIEW_WORK, P.VIEW_LEVELS, P.VIEW_MONEY, P.VIEW_AUDIT, P.VIEW_JOBS}),
    Role.CLIENT_VIEWER: frozenset({P.VIEW_PORTAL}),
}
ROLE_PERMISSIONS = {role: own | {P.ENTER} for role, own in _OWN.items()}


def permissions_of(role: str) -> frozenset[Permission]:
    return ROLE_PERMISSIONS[Role(role)]
