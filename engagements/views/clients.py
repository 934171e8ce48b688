"""Clients: the list, one of them, create, edit, close."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from engagements import actions, conflicts, holds, paging, queries
from engagements.forms import ClientEditForm, ClientForm
from engagements.models import Client, Engagement, Matter
from engagements.views.edges import acting, address, attempt, client_crumbs, client_or_404, fields_of, form_page, posted, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


@requires(P.VIEW_WORK)
def clients(request: TenantRequest, organization: str) -> HttpResponse:
    rows = Client.objects.all()
    page = paging.page_of(rows, request.GET.dict(), keys=("name", "id"), parsers=(str, int))
    ids = [client.id for client in page.rows]
    engagements, matters = queries.engagement_counts(ids), queries.matter_counts(ids)
    listed = [(client, engagements.get(client.id, 0), matters.get(client.id, 0)) for client in page.rows]
    return render(request, "engagements/clients.html", {"page": page, "listed": listed, "may_edit": request.membership.may(P.EDIT_WORK)})


@requires(P.VIEW_WORK)
def client(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    client = client_or_404(code)
    context = {
        "client": client,
        "engagements": Engagement.objects.filter(client=client).select_related("manager__user").order_by("reference")[:200],
        "matters": Matter.objects.filter(client=client).order_by("-id")[:50],
        "events": queries.events_about(client),
        "crumbs": [*client_crumbs(organization, client)[:1], (client.name, "")],
        "may_edit": request.membership.may(P.EDIT_WORK),
        "held": holds.in_force(client.pk, None).exists(),
        "conflicts": conflicts.standing_of_client(client),
        "may_check": request.membership.may(P.VIEW_STAFF),
    }
    return render(request, "engagements/client.html", context)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_client(request: TenantRequest, organization: str) -> HttpResponse:
    form = ClientForm(posted(request))
    made = attempt(form, lambda: actions.create_client(by=request.actor, **fields_of(form)))
    if made is not None:
        return to("client", request, made.code)
    return form_page(request, form, title="New client", submit="Create client", crumbs=[("Clients", address("clients", organization))])


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_client(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    client = client_or_404(code)
    form = ClientEditForm(posted(request), instance=client, initial={"version": client.version})
    saved = attempt(
        form, lambda: actions.update_client(client=client, by=request.actor, version=form.cleaned_data["version"], **fields_of(form))
    )
    if saved is not None:
        return to("client", request, code)
    return form_page(request, form, title="Edit client", submit="Save", crumbs=client_crumbs(organization, client_or_404(code)))
