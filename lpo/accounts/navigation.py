"""The side navigation and the palette's commands: only what the member may open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse

from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.accounts.roles import Permission as P
from lpo.tenancy.context import has_scope

# accounts lies below engagements, so its tables are named in SQL only.
_UNREAD = """
SELECT count(*) FROM (SELECT 1 FROM engagements_notice n
                      WHERE n.organization_id = %s AND n.member_id = %s AND n.read_at IS NULL LIMIT 99) AS unread
"""


@dataclass(frozen=True)
class Entry:
    """One page of the navigation. `key` follows `g` on the keyboard."""

    label: str
    view: str
    permission: Permission
    key: str = ""


@dataclass
class NavItem:
    label: str
    url: str
    key: str
    current: bool
    count: int | None = None


@dataclass
class NavGroup:
    title: str
    items: list[NavItem] = field(default_factory=list)


# Rooms above accounts are named by address only, so nothing is imported.
GROUPS: list[tuple[str, list[Entry]]] = [
    (
        "",
        [
            Entry("Today", "sla:today", P.VIEW_LEVELS, "t"),
            Entry("Desk", "sla:desk", P.WORK_ITEMS, "y"),
            Entry("Work queue", "engagements:queue", P.VIEW_WORK, "q"),
            Entry("Notices", "engagements:notices", P.TAKE_NOTICE, "n"),
        ],
    ),
    (
        "Work",
        [
            Entry("Clients", "engagements:clients", P.VIEW_WORK, "c"),
            Entry("Engagements", "engagements:engagements", P.VIEW_WORK, "e"),
            Entry("Matters", "engagements:matters", P.VIEW_WORK, "m"),
            Entry("Milestones", "engagements:coordination", P.VIEW_WORK, "o"),
            Entry("Team", "engagements:team", P.VIEW_STAFF, "u"),
            Entry("Time", "engagements:time", P.RECORD_TIME, "h"),
            Entry("Waiting on clients", "engagements:waiting", P.VIEW_WORK, "w"),
            Entry("Decision log", "engagements:questions", P.VIEW_WORK, "d"),
            Entry("Conflicts", "engagements:conflict_search", P.VIEW_STAFF, "f"),
            Entry("Approvals", "engagements:approvals", P.APPROVE_PAUSE, "v"),
        ],
    ),
    (
        "Measure",
        [
            Entry("Service levels", "sla:levels", P.VIEW_LEVELS, "l"),
            Entry("To check", "sla:checks", P.VIEW_WORK_PRODUCT, "x"),
            Entry("Calendars", "sla:calendars", P.VIEW_LEVELS, "k"),
        ],
    ),
    (
        "Bill",
        [
            Entry("Month's run", "billing:run", P.VIEW_MONEY, "b"),
            Entry("Invoices", "billing:invoices", P.VIEW_MONEY, "i"),
            Entry("Legal entities", "billing:entities", P.VIEW_MONEY),
        ],
    ),
    (
        "Organization",
        [
            Entry("People", "accounts:people", P.MANAGE_PEOPLE, "p"),
            Entry("Settings", "accounts:settings", P.MANAGE_ORGANIZATION, "s"),
            Entry("API tokens", "accounts:tokens", P.MANAGE_TOKENS),
            Entry("Background work", "jobs:list", P.VIEW_JOBS, "j"),
            Entry("Audit log", "audit:list", P.VIEW_AUDIT, "a"),
        ],
    ),
]


def navigation(request: HttpRequest) -> dict[str, Any]:
    membership: Membership | None = getattr(request, "membership", None)
    base: dict[str, Any] = {"organization": None, "membership": None, "nav": [], "commands": [], "organizations": []}
    if membership is None:
        return base
    nav = _groups(request, membership)
    commands = [
        {"label": item.label, "url": item.url, "keys": f"g {item.key}" if item.key else ""} for group in nav for item in group.items
    ]
    others = Membership.objects.filter(user_id=membership.user_id, is_active=True).exclude(pk=membership.pk).select_related("organization")
    return {
        "organization": membership.organization,
        "membership": membership,
        "nav": nav,
        "commands": commands,
        # Lazy: the portal's role cannot read memberships, and only the staff shell shows the switch.
        "organizations": others,
    }


def _groups(request: HttpRequest, membership: Membership) -> list[NavGroup]:
    slug = membership.organization.slug
    groups = []
    for title, entries in GROUPS:
        items = []
        for entry in entries:
            if membership.may(entry.permission):
                url = reverse(entry.view, args=[slug])
                count = _unread(membership) if entry.view == "engagements:notices" else None
                items.append(NavItem(entry.label, url, entry.key, request.path.startswith(url), count))
        if items:
            groups.append(NavGroup(title, items))
    _only_the_nearest(groups)
    return groups


def _unread(membership: Membership) -> int | None:
    """Notices the member has not read, to at most 99; none where there is no scope, as on pages of errors."""
    if not has_scope():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_UNREAD, [membership.organization_id, membership.pk])
        return int(cursor.fetchone()[0]) or None


def _only_the_nearest(groups: list[NavGroup]) -> None:
    """One page may lie below another's address; the longest that matches is where one is."""
    current = [item for group in groups for item in group.items if item.current]
    for item in sorted(current, key=lambda item: len(item.url))[:-1]:
        item.current = False
