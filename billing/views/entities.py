"""The provider's legal entities: who invoices, in which zone and currency, and where to pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render

from billing.forms import EntityForm
from billing.models import NumberSeries
from billing.views.edges import acting, address, to
from engagements import actions
from engagements.models import LegalEntity
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused


@requires(P.VIEW_MONEY)
def entities(request: TenantRequest, organization: str) -> HttpResponse:
    series = {(row.legal_entity_id): row for row in NumberSeries.objects.order_by("year")}
    rows = [(entity, series.get(entity.id)) for entity in LegalEntity.objects.order_by("name")]
    may_edit = request.membership.may(P.MANAGE_ORGANIZATION)
    return render(request, "billing/entities.html", {"rows": rows, "may_edit": may_edit, "new_url": address("new_entity", organization)})


@requires(P.MANAGE_ORGANIZATION, POST=P.MANAGE_ORGANIZATION)
@acting
def new_entity(request: TenantRequest, organization: str) -> HttpResponse:
    form = EntityForm(request.POST or None)
    return _form(request, form, "New legal entity", lambda fields: actions.create_legal_entity(by=request.actor, **fields))


@requires(P.MANAGE_ORGANIZATION, POST=P.MANAGE_ORGANIZATION)
@acting
def edit_entity(request: TenantRequest, organization: str, prefix: str) -> HttpResponse:
    entity = LegalEntity.objects.filter(number_prefix=prefix).first()
    if entity is None:
        raise Http404("No such page.")
    form = EntityForm(request.POST or None, instance=entity, initial={"version": entity.version})

    def save(fields: dict[str, Any]) -> LegalEntity:
        version = form.cleaned_data["version"]
        return actions.update_legal_entity(entity=entity, version=version, by=request.actor, **fields)

    return _form(request, form, entity.name, save)


def _form(request: TenantRequest, form: EntityForm, title: str, save: Callable[[dict[str, Any]], LegalEntity]) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        fields = {name: value for name, value in form.cleaned_data.items() if name != "version"}
        try:
            saved = save(fields)
        except Refused as refused:
            if refused.field == "version":
                raise
            form.refuse(refused)
        else:
            messages.success(request, f"{saved.name} is saved. Invoices already issued keep what they said.")
            return to("entities", request)
    here = address("entities", request.organization.slug)
    context = {"form": form, "title": title, "crumbs": [("Legal entities", here), (title, "")], "submit": "Save", "cancel_url": here}
    return render(request, "billing/form.html", context, status=422 if form.is_bound else 200)
