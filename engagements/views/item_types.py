"""Types of a workstream's items: add one, rename or retire one."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from engagements import actions
from engagements.forms import ItemTypeEditForm, ItemTypeForm
from engagements.models import ItemType, Workstream
from engagements.views.edges import acting, attempt, fields_of, form_page, posted, to, workstream_crumbs, workstream_or_404
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


def _type_or_404(workstream: Workstream, code: str) -> ItemType:
    found: ItemType | None = ItemType.objects.filter(workstream=workstream, code=code).first()
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_type(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    form = ItemTypeForm(posted(request))
    if attempt(form, lambda: actions.add_type(workstream=workstream, by=request.actor, **fields_of(form))) is not None:
        return to("workstream", request, reference, prefix)
    crumbs = workstream_crumbs(organization, workstream)
    return form_page(request, form, title="New type of item", submit="Add type", crumbs=crumbs)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_type(request: TenantRequest, organization: str, reference: str, prefix: str, code: str) -> HttpResponse:
    workstream = workstream_or_404(reference, prefix)
    found = _type_or_404(workstream, code)
    form = ItemTypeEditForm(posted(request), instance=found, initial={"version": found.version})
    saved = attempt(
        form, lambda: actions.update_type(item_type=found, by=request.actor, version=form.cleaned_data["version"], **fields_of(form))
    )
    if saved is not None:
        return to("workstream", request, reference, prefix)
    return form_page(request, form, title=f"Type {code}", submit="Save", crumbs=workstream_crumbs(organization, workstream))
