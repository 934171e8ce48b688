"""Boxes of this room on its own pages, placed by the same slots that rooms above use."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from engagements import beside, budget, conflicts, orders, panels, placing, queries, slips
from engagements.actions.blockers import RAISING
from engagements.actions.comments import may_edit
from engagements.contracts import governing
from engagements.models import (
    Blocker,
    Comment,
    CommentFile,
    Engagement,
    Escalation,
    EscalationStep,
    Matter,
    SupervisionTerm,
    WorkItem,
    Workstream,
)
from engagements.panels import Panel
from lpo.accounts.access import TenantRequest
from lpo.accounts.roles import Permission as P
from lpo.tenancy.context import current_organization_id, in_organization

_UNCLEAR = 5
# What a page of an engagement holds; the page over all of them pages through the rest.
_MILESTONES, _DONE, _BLOCKERS, _TOLD, _COMMENTS = 50, 5, 20, 5, 20


def register() -> None:
    """Called once the applications are loaded."""
    engagement_sources = (
        milestones_panel,
        placements_panel,
        budget_panel,
        team_panel,
        engagement_conflicts,
        escalation_panel,
        orders_panel,
        engagement_comments,
    )
    found: list[tuple[list[Any], tuple[Any, ...]]] = [
        (panels.engagement_panels, engagement_sources),
        (panels.matter_panels, (matter_milestones, supervision_panel, conflicts_panel, matter_comments)),
        (panels.workstream_panels, (workstream_protocol,)),
        (panels.item_panels, (item_protocol, item_blockers, item_escalations, item_comments)),
    ]
    for slots, sources in found:
        slots.extend(source for source in sources if source not in slots)


def workstream_protocol(request: TenantRequest, workstream: Workstream) -> Panel | None:
    """The protocol in force, and what waits for a signature."""
    may_edit = request.membership.may(P.EDIT_WORK) and workstream.status == "open"
    rows = queries.protocols_of(workstream)
    if not rows and not may_edit:
        return None
    in_force = queries.protocols_in_force([workstream.id], timezone.now()).get(workstream.id) if rows else None
    waiting = [row for row in rows if row.signed_at is None and (in_force is None or row.number > in_force.number)]
    context = {"workstream": workstream, "matter": workstream.matter, "protocol": in_force, "waiting": waiting[:1], "may_edit": may_edit}
    return Panel("Protocol", "engagements/_protocol_panel.html", context)


def item_protocol(request: TenantRequest, item: WorkItem) -> Panel | None:
    """The protocol in force, at hand where the work is done."""
    in_force = queries.protocols_in_force([item.workstream_id], timezone.now()).get(item.workstream_id)
    if in_force is None:
        return None
    context = {"workstream": item.workstream, "matter": item.workstream.matter, "protocol": in_force, "waiting": [], "may_edit": False}
    return Panel("Protocol", "engagements/_protocol_panel.html", context)


def conflicts_panel(request: TenantRequest, matter: Matter) -> Panel | None:
    """How the conflict check of a matter stands; what it found only for who may see profiles."""
    standing = conflicts.standings([matter])[matter.pk]
    context = {"matter": matter, "standing": standing, "may_open": request.membership.may(P.VIEW_STAFF)}
    return Panel("Conflicts", "engagements/_conflicts_panel.html", context, aside=True)


def supervision_panel(request: TenantRequest, matter: Matter) -> Panel | None:
    """Who supervises, by which admission and since when."""
    term = SupervisionTerm.objects.filter(matter=matter, ends_at__isnull=True).first()
    return Panel("Supervision", "engagements/_supervision_panel.html", {"matter": matter, "term": term}, aside=True)


def engagement_conflicts(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """The conflict checks of its client and its open matters, those first that are not clear."""
    matters = beside.latest_open_matters(engagement)
    found = conflicts.standings(matters, engagement.client)
    unclear = [(matter, found[matter.pk]) for matter in matters if not found[matter.pk].clear]
    context = {
        "client": engagement.client,
        "standing": found[None],
        "clear": len(matters) - len(unclear),
        "total": len(matters),
        "unclear": unclear[:_UNCLEAR],
        "more": max(0, len(unclear) - _UNCLEAR),
        "may_open": request.membership.may(P.VIEW_STAFF),
    }
    return Panel("Conflicts", "engagements/_engagement_conflicts.html", context, aside=True)


def placements_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """Who is placed with the client, and how far their timesheets are."""
    hands = engagement.delivery_model == "augmentation"
    rows = placing.placements_of(engagement)
    if not rows and not hands:
        return None
    today = timezone.localdate()
    terms, latest = placing.terms_of([row.pk for row in rows]), placing.latest_sheets([row.pk for row in rows])
    may_edit = request.membership.may(P.EDIT_WORK) and engagement.status == "open"
    contract = governing(beside.contracts_of(engagement), today)
    shown = [
        {
            "placement": row,
            "terms": placing.terms_on(terms[row.pk], today),
            "status": placing.status_of(row, today),
            "sheet": latest.get(row.pk),
            "kind": placing.KINDS[latest[row.pk].state] if row.pk in latest else "",
            "may_read": placing.READERS & request.actor.permissions or row.member_id == request.membership.pk,
        }
        for row in rows
    ]
    context = {
        "rows": shown,
        "may_edit": may_edit,
        "matters": beside.first_open_matters(engagement) if may_edit else [],
        "credit_note": placing.credit_note(engagement, contract) if hands else "",
    }
    return Panel("Placements", "engagements/_placements_panel.html", context, flush=True)


def milestones_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """What the engagement is to reach by when and what stands in the way: open ones, and the last few that are done."""
    return _milestones(request, engagement, None)


def matter_milestones(request: TenantRequest, matter: Matter) -> Panel | None:
    """The matter's own milestones and blockers; those of the whole engagement are on its page."""
    return _milestones(request, matter.engagement, matter)


def _milestones(request: TenantRequest, engagement: Engagement, matter: Matter | None) -> Panel | None:
    today, permissions = timezone.localdate(), request.actor.permissions
    rows = slips.standings_of(engagement, matter, today, most=_MILESTONES, done=_DONE)
    of_blockers = Blocker.objects.filter(engagement=engagement, resolved_at__isnull=True).select_related("item", "milestone", "owner__user")
    if matter is not None:
        of_blockers = of_blockers.filter(matter=matter)
    blocked = list(of_blockers.order_by("since", "id")[:_BLOCKERS])
    for blocker in blocked:
        blocker.engagement = engagement
    open_now = engagement.status == "open"
    context = {
        "engagement": engagement,
        "rows": rows,
        "blocked": blocked,
        "may_track": open_now and P.TRACK_ITEMS in permissions,
        "may_raise": open_now and bool(RAISING & permissions),
    }
    if not rows and not blocked and not context["may_track"]:
        return None
    return Panel("Milestones and blockers", "engagements/_milestones_panel.html", context, flush=True)


def item_blockers(request: TenantRequest, item: WorkItem) -> Panel | None:
    """What holds the item up, and a way to say so."""
    rows = list(Blocker.objects.filter(item=item).select_related("owner__user").order_by("resolved_at", "-id")[:_BLOCKERS])
    engagement = item.workstream.matter.engagement
    may_raise = not item.finished and engagement.status == "open" and bool(RAISING & request.actor.permissions)
    if not rows and not may_raise:
        return None
    context = {"rows": rows, "engagement": engagement, "item": item, "may_raise": may_raise}
    return Panel("Blockers", "engagements/_item_blockers.html", context, aside=True)


def escalation_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """The last that was told of the engagement, and the way to its path."""
    rows = _told(Escalation.objects.filter(engagement=engagement))
    steps = 0 if rows else EscalationStep.objects.filter(engagement=engagement, removed_at__isnull=True).count()
    if not rows and not steps and not request.membership.may(P.EDIT_WORK):
        return None
    return Panel("Escalation", "engagements/_escalation_panel.html", {"engagement": engagement, "rows": rows, "steps": steps}, aside=True)


def item_escalations(request: TenantRequest, item: WorkItem) -> Panel | None:
    """Who was told of the item when, and who took it on."""
    rows = _told(Escalation.objects.filter(item=item))
    if not rows:
        return None
    context = {"engagement": item.workstream.matter.engagement, "rows": rows, "steps": 0}
    return Panel("Escalation", "engagements/_escalation_panel.html", context, aside=True)


def _told(rows: QuerySet[Escalation]) -> list[Escalation]:
    return list(rows.select_related("item", "milestone", "blocker", "question", "matter").order_by("-id")[:_TOLD])


def item_comments(request: TenantRequest, item: WorkItem) -> Panel | None:
    return _comments(request, Q(item=item), "item", item.reference)


def matter_comments(request: TenantRequest, matter: Matter) -> Panel | None:
    return _comments(request, Q(matter=matter, item__isnull=True), "matter", matter.reference)


def engagement_comments(request: TenantRequest, engagement: Engagement) -> Panel | None:
    return _comments(request, Q(engagement=engagement, matter__isnull=True), "engagement", engagement.reference)


def _comments(request: TenantRequest, which: Q, kind: str, reference: str) -> Panel | None:
    """The last that colleagues said, and a place to answer; further ones are in the activity."""
    if not request.membership.may(P.COMMENT):
        return None
    attached = CommentFile.objects.filter(comment=OuterRef("pk")).order_by("id").values("document__file_name")
    rows: Any = Comment.objects.filter(which).annotate(file_names=ArraySubquery(attached)).order_by("-at", "-id")[:_COMMENTS]
    slug = request.organization.slug
    context = {
        "rows": [(row, list(enumerate(row.file_names, 1)), may_edit(row, request.actor)) for row in rows],
        "url": reverse(f"engagements:comment_{kind}", args=[slug, reference]),
        "activity_url": reverse(f"engagements:{kind}_activity", args=[slug, reference]),
        "may_read": request.membership.may(P.VIEW_WORK_PRODUCT),
    }
    return Panel("Comments", "engagements/_comments_panel.html", context, P.COMMENT)


def budget_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """Delivered volume against the contract's baseline and ceiling."""
    rows = budget.delivered(engagement, versions=beside.contracts_of(engagement))
    if not rows:
        return None
    return Panel("Volume against the baseline", "engagements/_budget_panel.html", {"rows": rows}, flush=True)


def team_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """Who works here, those whose part is over last."""
    today = timezone.localdate()
    numbered = list(enumerate(beside.team_of(engagement), 1))
    over = [(number, row, True) for number, row in numbered if row.ends_on is not None and row.ends_on < today]
    here = [(number, row, False) for number, row in numbered if row.ends_on is None or row.ends_on >= today]
    may_edit = request.membership.may(P.EDIT_WORK) and engagement.status == "open"
    if not numbered and not may_edit:
        return None
    context = {"engagement": engagement, "rows": [*here, *over], "may_edit": may_edit}
    return Panel("Team", "engagements/_team_panel.html", context, aside=True)


def orders_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """Every purchase order with what is left of it."""
    may_edit = request.membership.may(P.EDIT_WORK)
    found = beside.orders_of(engagement)
    if not request.membership.may(P.VIEW_MONEY) or not (found or may_edit):
        return None
    with in_organization(current_organization_id()):
        balances = orders.balances_of(found)
    today = timezone.localdate()
    rows = [(number, row, _status(row, row.valid_on(today), row.order.valid_from > today)) for number, row in enumerate(balances, 1)]
    context = {"engagement": engagement, "rows": rows, "may_edit": may_edit}
    return Panel("Purchase orders", "engagements/_orders_panel.html", context, P.VIEW_MONEY, flush=bool(rows))


def _status(row: orders.Balance, valid: bool, later: bool) -> tuple[str, str]:
    if row.remaining < 0:
        return "breach", "Overdrawn"
    if valid:
        return ("risk", "Used up") if row.remaining == 0 else ("met", "Valid")
    return ("draft", "Not yet valid") if later else ("breach", "Expired")
