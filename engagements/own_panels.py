"""Boxes of this room on its own pages, placed by the same slots that rooms above use."""

from __future__ import annotations

from django.utils import timezone

from engagements import budget, conflicts, orders, panels, placing, queries
from engagements.models import Engagement, Matter, PurchaseOrder, SupervisionTerm, TeamMember, WorkItem, Workstream
from engagements.panels import Panel
from lpo.accounts.access import TenantRequest
from lpo.accounts.roles import Permission as P
from lpo.tenancy.context import current_organization_id, in_organization

_UNCLEAR = 5


def register() -> None:
    """Called once the applications are loaded."""
    for source in (placements_panel, budget_panel, team_panel, engagement_conflicts, orders_panel):
        if source not in panels.engagement_panels:
            panels.engagement_panels.append(source)

    found = (
        (panels.workstream_panels, workstream_protocol),
        (panels.item_panels, item_protocol),
        (panels.matter_panels, supervision_panel),
        (panels.matter_panels, conflicts_panel),
    )
    for slots, place in found:
        if place not in slots:
            slots.append(place)


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
    matters = list(Matter.objects.filter(engagement=engagement, status="open").select_related("client").order_by("-id")[:200])
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
    contract = queries.contract_on(engagement, today)
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
        "matters": list(Matter.objects.filter(engagement=engagement, status="open").order_by("reference")[:6]) if may_edit else [],
        "credit_note": placing.credit_note(engagement, contract) if hands else "",
    }
    return Panel("Placements", "engagements/_placements_panel.html", context, flush=True)


def budget_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """Delivered volume against the contract's baseline and ceiling."""
    rows = budget.delivered(engagement)
    if not rows:
        return None
    return Panel("Volume against the baseline", "engagements/_budget_panel.html", {"rows": rows}, flush=True)


def team_panel(request: TenantRequest, engagement: Engagement) -> Panel | None:
    """Who works here, those whose part is over last."""
    today = timezone.localdate()
    numbered = list(enumerate(TeamMember.objects.filter(engagement=engagement).select_related("member__user").order_by("id")[:200], 1))
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
    found = list(PurchaseOrder.objects.filter(engagement=engagement).order_by("id")[:100])
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
