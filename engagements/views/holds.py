"""Legal holds of a matter or a client: what is in force, set, release."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, holds
from engagements.care_forms import HoldForm, ReleaseForm
from engagements.models import Client, LegalHold, Matter
from engagements.views.edges import acting, attempt, client_crumbs, client_or_404, matter_crumbs, matter_or_404, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


@requires(P.VIEW_WORK, POST=P.EDIT_WORK)
@acting
def matter_hold(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    matter = matter_or_404(reference)
    return _page(request, matter.client, matter)


@requires(P.VIEW_WORK, POST=P.EDIT_WORK)
@acting
def client_hold(request: TenantRequest, organization: str, code: str) -> HttpResponse:
    return _page(request, client_or_404(code), None)


def _page(request: TenantRequest, client: Client, matter: Matter | None) -> HttpResponse:
    own = list(LegalHold.objects.filter(client=client, matter=matter).order_by("-number")[:50])
    hold_form, release_form, releasing = HoldForm(), ReleaseForm(), 0
    if request.method == "POST":
        if request.POST.get("do") == "release":
            hold = _hold_or_404(own, request.POST.get("number", ""))
            releasing, release_form = hold.number, ReleaseForm(request.POST)
            form: HoldForm = release_form
            done = attempt(form, lambda: actions.release_hold(hold=hold, by=request.actor, **form.cleaned_data))
        else:
            form = hold_form = HoldForm(request.POST)
            done = attempt(form, lambda: actions.set_hold(client=client, matter=matter, by=request.actor, **form.cleaned_data))
        if done is not None:
            return to("matter_hold", request, matter.reference) if matter is not None else to("client_hold", request, client.code)
    slug = request.organization.slug
    context = {
        "client": client,
        "matter": matter,
        "own": own,
        # A hold of the client holds its matters too.
        "above": list(holds.in_force(client.pk, None)) if matter is not None else [],
        "hold_form": hold_form,
        "release_form": release_form,
        "releasing": releasing,
        "may_edit": request.membership.may(P.EDIT_WORK),
        "crumbs": [*(matter_crumbs(slug, matter) if matter is not None else client_crumbs(slug, client)), ("Legal hold", "")],
    }
    return render(request, "engagements/hold.html", context, status=422 if request.method == "POST" else 200)


def _hold_or_404(own: list[LegalHold], number: str) -> LegalHold:
    found = next((hold for hold in own if str(hold.number) == number), None)
    if found is None:
        raise Http404("No such page.")
    return found
