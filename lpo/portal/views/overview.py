"""Overview: the three facts on one screen, and twelve months of one level against the contract."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from engagements.models import Client
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission
from lpo.portal import overview as facts
from lpo.portal import queries
from lpo.portal.access import address, own_client, page, portal
from lpo.portal.queries import Level


@requires(Permission.VIEW_PORTAL)
def home(request: TenantRequest, organization: str) -> HttpResponse:
    """The portal's short address leads to the viewer's own client."""
    return redirect(address(request, own_client(request), "overview"))


@portal
def overview(request: TenantRequest, client: Client) -> HttpResponse:
    now = timezone.now()
    updates = queries.latest_updates(client)
    waiting = sorted((row for update in updates for row in update.figures.get("waiting", [])), key=lambda row: str(row["since"]))
    levels = queries.levels(client, updates, now)
    rows = queries.invoices(client).order_by("-id").values_list("currency", "number", "gross", "due_date")[:1000]
    today = now.astimezone(ZoneInfo(client.time_zone)).date()
    charted = [level for level in levels if level.last is not None]
    shown = _chosen(request.GET.get("level", ""), charted)
    context = {
        "headline": facts.headline(waiting, levels, bool(updates)),
        "as_of": updates[0].published_at if updates else None,
        "waiting": facts.waiting_fact(waiting, bool(updates), address(request, client, "matters") if updates else ""),
        "levels_fact": facts.levels_fact(levels, address(request, client, "levels")),
        "owed": facts.owed_fact(facts.owed(list(rows), today), address(request, client, "invoices")),
        "shown": shown,
        "chart": shown.chart() if shown else None,
        "chips": [{"label": level.name, "url": f"?level={level.slug}", "current": level is shown} for level in charted],
    }
    return page(request, client, "overview.html", context)


def _chosen(slug: str, levels: list[Level]) -> Level | None:
    """The level asked for; else the first that is off target, because that is what one comes to see."""
    if slug:
        found = next((level for level in levels if level.slug == slug), None)
        if found is None:
            raise Http404
        return found
    return next((level for level in levels if level.kind == "breach"), levels[0] if levels else None)
