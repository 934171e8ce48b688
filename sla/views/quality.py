"""What is recorded on one item for its levels: a quality check, an exclusion."""

from __future__ import annotations

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from engagements import states
from engagements.models import WorkItem
from engagements.views.messages import download
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.audit.documents import store
from lpo.core.errors import Refused
from sla import actions
from sla.models import Exclusion, QualityCheck
from sla.quality_forms import ExclusionForm, QualityForm
from sla.views.edges import acting, address, attempt, item_or_404


def _item_url(organization: str, reference: str) -> str:
    return reverse("engagements:item", args=[organization, reference])


@requires(P.CHECK_QUALITY, POST=P.CHECK_QUALITY)
@acting
def check(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item = item_or_404(reference)
    form, here = QualityForm(request.POST or None), _item_url(organization, reference)
    made = attempt(form, lambda: _record(request, item, form))
    if made is not None:
        return HttpResponseRedirect(here)
    note = (
        "Checks of delivered work count for accuracy; what is found before the delivery does not."
        " A check recorded here is a targeted one: it enters no rate of a random sample."
    )
    context = {"form": form, "title": f"Quality check of {reference}", "submit": "Record check", "cancel_url": here, "note": note}
    trail = [(reference, here), ("Quality check", "")]
    return render(request, "engagements/form.html", {**context, "crumbs": trail}, status=422 if form.is_bound else 200)


def _record(request: TenantRequest, item: WorkItem, form: QualityForm) -> QualityCheck:
    data = form.cleaned_data
    return actions.record_quality_check(
        item=item, units=data["units"], errors=data["wrong"], checked_at=data["checked_at"], note=data["note"], by=request.actor
    )


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def exclude(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    item = item_or_404(reference)
    form, here = ExclusionForm(request.POST or None, request.FILES or None, item=item), _item_url(organization, reference)
    made = attempt(form, lambda: _exclude(request, item, form))
    if made is not None:
        return HttpResponseRedirect(here)
    note = "The item leaves the level's fraction. It stays in the list behind the figure, with this reason."
    title = f"{reference} is not our error" if item.kind == states.ERROR else f"Exclude {reference} from a level"
    context = {"form": form, "title": title, "submit": "Exclude", "cancel_url": here, "note": note}
    trail = [(reference, here), ("Exclude", "")]
    return render(request, "engagements/form.html", {**context, "crumbs": trail}, status=422 if form.is_bound else 200)


def _exclude(request: TenantRequest, item: WorkItem, form: ExclusionForm) -> Exclusion:
    data, file, document = form.cleaned_data, form.cleaned_data["evidence"], None
    if file is not None:
        document = store(
            kind="evidence",
            content=file.read(),
            file_name=file.name,
            media_type=file.content_type or "application/octet-stream",
            by=request.actor,
            client_id=item.client_id,
            matter_id=item.matter_id,
            reference=item.reference,
        )
    return actions.exclude_item(level=data["level"], item=item, reason=data["reason"], by=request.actor, evidence=document)


@requires(P.VIEW_WORK_PRODUCT)
def exclusion_evidence(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """What the nth exclusion of an item rests on, as a download of no particular type."""
    rows = list(Exclusion.objects.filter(item=item_or_404(reference)).order_by("id")[number - 1 : number]) if number else []
    if not rows or rows[0].evidence is None:
        raise Http404("No such page.")
    return download(rows[0].evidence)


@requires(POST=P.EDIT_LEVELS)
@acting
def include(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    """Withdraw the nth exclusion of an item."""
    item = item_or_404(reference)
    rows = list(Exclusion.objects.filter(item=item).select_related("level", "item").order_by("id")[number - 1 : number]) if number else []
    if not rows:
        raise Http404("No such page.")
    try:
        actions.withdraw_exclusion(exclusion=rows[0], by=request.actor)
    except Refused:
        # The client contests it: the form asks for the word with which the dispute ends.
        return HttpResponseRedirect(address("decide_exclusion", organization, reference, number, "withdraw"))
    return HttpResponseRedirect(_item_url(organization, reference))
