"""Publish an update: what the client will see, before it does."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from engagements.models import Matter
from engagements.queries import figures_of
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission
from lpo.reports import actions, queries
from lpo.reports.forms import UpdateForm
from lpo.reports.wording import decisions, effect


@requires(GET=Permission.EDIT_WORK, POST=Permission.EDIT_WORK)
def publish(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """GET shows the preview; POST publishes the figures of that moment with the note."""
    matter = get_object_or_404(Matter.objects.select_related("client", "engagement"), reference=reference)
    back = f"/{organization}/matters/{matter.reference}/"
    form = UpdateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        actions.publish_status(matter=matter, by=request.actor, note=form.cleaned_data["note"])
        return redirect(back)
    now = timezone.now()
    figures = {"workstreams": figures_of(matter), **queries.figures(matter, now)}
    context = {
        "matter": matter,
        "form": form,
        "figures": figures,
        "waiting": [(row, effect(row)) for row in figures["waiting"]],
        "decisions": decisions(figures),
        "now": now,
        "back": back,
        "crumbs": [("Matters", f"/{organization}/matters/"), (matter.reference, back), ("Publish update", "")],
    }
    return render(request, "reports/publish.html", context, status=422 if form.errors else 200)
