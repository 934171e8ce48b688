"""The audit log as people read it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.forms import EventSearch
from lpo.audit.models import Event, Seal
from lpo.audit.wording import name_of
from lpo.core.paging import newest_first


@requires(P.VIEW_AUDIT)
def event_list(request: TenantRequest, organization: str) -> HttpResponse:
    form = EventSearch(request.GET, organization=request.organization, zone=request.member_zone)
    valid = form.is_valid()
    events = form.narrow(Event.objects.defer("before", "after")) if valid else Event.objects.none()
    last = Seal.objects.order_by("-sequence").first()
    filtered = any(request.GET.get(name) for name in form.fields)
    context = {
        "form": form,
        "page": newest_first(events, request.GET.dict()),
        "last": last,
        "filtered": filtered,
        "chosen": form.chosen() if valid else [],
        "invalid": not valid,
    }
    return render(request, "audit/list.html", context, status=200 if valid else 422)


@requires(P.VIEW_AUDIT)
def event_detail(request: TenantRequest, organization: str, number: int) -> HttpResponse:
    event = get_object_or_404(Event, id=number)
    seal = Seal.objects.filter(event=event).first()
    crumbs = [("Audit log", reverse("audit:list", args=[organization])), (event.action, "")]
    return render(request, "audit/detail.html", {"event": event, "seal": seal, "changes": changes_of(event), "crumbs": crumbs})


def changes_of(event: Event) -> list[dict[str, Any]]:
    """Before and after side by side, one row for each value either of them names."""
    before, after = event.before or {}, event.after or {}
    names = [*before, *(name for name in after if name not in before)]
    return [
        {"name": name_of(name), "before": before.get(name), "after": after.get(name), "changed": before.get(name) != after.get(name)}
        for name in names
    ]
