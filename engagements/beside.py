"""What several boxes of one page show of the same engagement or matter, read once and kept with that one instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from engagements import queries
from engagements.models import Contract, Engagement, LegalHold, Matter, MatterParty, PurchaseOrder, TeamMember
from lpo.tenancy.context import current_scope

T = TypeVar("T")
_MATTERS, _MATTERS_OFFERED, _ORDERS, _TEAM, _EVENTS_OF = 200, 6, 100, 200, 100


def _once(of: Model, name: str, read: Callable[[], T]) -> T:
    """What `read` finds, for the scope in force: gone with the instance, which one request read, and never shown across a wall."""
    kept: dict[Any, Any] = of.__dict__.setdefault("_read_once", {})
    key = (name, current_scope())
    if key not in kept:
        kept[key] = read()
    found: T = kept[key]
    return found


def _ends(rows: QuerySet[Any], *ends: QuerySet[Any]) -> QuerySet[Any]:
    """The rows at either end of a long list in one statement: whatever one of `ends` holds, each cut to its length."""
    wanted = Q(pk__in=[])
    for end in ends:
        wanted |= Q(pk__in=end.values("pk"))
    return rows.filter(wanted)


def contracts_of(engagement: Engagement) -> list[Contract]:
    """Every version of its contract, in order of their numbers."""
    return _once(engagement, "contracts", lambda: queries.contracts_of(engagement.pk))


def _matters(engagement: Engagement) -> list[Matter]:
    of = Matter.objects.filter(engagement=engagement)
    still_open = of.filter(status="open")
    ends = (
        of.order_by("reference")[:_MATTERS],
        still_open.order_by("-id")[:_MATTERS],
        still_open.order_by("reference")[:_MATTERS_OFFERED],
    )
    rows = _ends(of, *ends).select_related("supervising_attorney__user").annotate(party_names=party_names())
    found = list(rows.order_by("reference"))
    for matter in found:
        matter.engagement, matter.client = engagement, engagement.client
    return found


def matters_of(engagement: Engagement) -> list[Matter]:
    """The matters of the engagement that the viewer may see, by reference."""
    return _once(engagement, "matters", lambda: _matters(engagement))[:_MATTERS]


def latest_open_matters(engagement: Engagement) -> list[Matter]:
    """Those still open, the latest first."""
    found = _once(engagement, "matters", lambda: _matters(engagement))
    return sorted((row for row in found if row.status == "open"), key=lambda row: -row.pk)[:_MATTERS]


def first_open_matters(engagement: Engagement) -> list[Matter]:
    """A handful of those still open, by reference."""
    found = _once(engagement, "matters", lambda: _matters(engagement))
    return [row for row in found if row.status == "open"][:_MATTERS_OFFERED]


def _orders(engagement: Engagement) -> list[PurchaseOrder]:
    of = PurchaseOrder.objects.filter(engagement=engagement)
    return _once(engagement, "orders", lambda: list(_ends(of, of.order_by("id")[:_ORDERS], of.order_by("-id")[:_EVENTS_OF]).order_by("id")))


def orders_of(engagement: Engagement) -> list[PurchaseOrder]:
    """Its purchase orders, the first first."""
    return _orders(engagement)[:_ORDERS]


def _team(engagement: Engagement) -> list[TeamMember]:
    of = TeamMember.objects.filter(engagement=engagement)
    rows = _ends(of, of.order_by("id")[:_TEAM], of.order_by("-id")[:_EVENTS_OF]).select_related("member__user")
    return _once(engagement, "team", lambda: list(rows.order_by("id")))


def team_of(engagement: Engagement) -> list[TeamMember]:
    """Who is or was on its team, the first first."""
    return _team(engagement)[:_TEAM]


def parts_of(engagement: Engagement) -> list[Any]:
    """Rows whose events belong to the engagement's timeline: the latest orders and members of the team."""
    return [*_orders(engagement)[-_EVENTS_OF:], *_team(engagement)[-_EVENTS_OF:]]


def party_names() -> ArraySubquery:
    """Names of the parties a matter has now, read with the matter as `party_names`."""
    rows = MatterParty.objects.filter(matter=OuterRef("pk"), removed_at__isnull=True)
    return ArraySubquery(rows.order_by("name").values("name"))


def with_parties_and_hold(matters: QuerySet[Any]) -> QuerySet[Any]:
    """Matters with `party_names`, and as `held` whether a legal hold on them or on their client is in force."""
    holds = LegalHold.objects.filter(client_id=OuterRef("client_id"), released_at__isnull=True)
    rows: QuerySet[Any] = matters.annotate(
        party_names=party_names(), held=Exists(holds.filter(Q(matter__isnull=True) | Q(matter_id=OuterRef("pk"))))
    )
    return rows
