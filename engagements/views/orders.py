"""Purchase orders: add one, change one."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from engagements import actions
from engagements.contract_forms import OrderEditForm, OrderForm
from engagements.models import Engagement, PurchaseOrder
from engagements.queries import latest_contract
from engagements.views.edges import acting, attempt, engagement_crumbs, engagement_or_404, fields_of, form_page, posted, to
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P


def _order_or_404(engagement: Engagement, number: int) -> PurchaseOrder:
    """The engagement's nth order, as its page numbers them."""
    found: list[PurchaseOrder] = (
        list(PurchaseOrder.objects.filter(engagement=engagement).order_by("id")[number - 1 : number]) if 0 < number < 2**31 else []
    )
    if not found:
        raise Http404("No such page.")
    return found[0]


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def new_order(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    form = OrderForm(posted(request), initial={"currency": latest_contract(engagement).currency, "valid_from": engagement.starts_on})
    if attempt(form, lambda: actions.add_order(engagement=engagement, by=request.actor, **fields_of(form, keep={"number"}))) is not None:
        return to("engagement", request, reference)
    crumbs = engagement_crumbs(organization, engagement)
    return form_page(request, form, title="New purchase order", submit="Add order", crumbs=crumbs)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def edit_order(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    engagement = engagement_or_404(reference)
    order = _order_or_404(engagement, number)
    form = OrderEditForm(posted(request), instance=order, initial={"version": order.version})
    saved = attempt(
        form,
        lambda: actions.change_order(
            order=order, by=request.actor, version=form.cleaned_data["version"], **fields_of(form, keep={"number"})
        ),
    )
    if saved is not None:
        return to("engagement", request, reference)
    crumbs = engagement_crumbs(organization, engagement)
    return form_page(request, form, title=f"Purchase order {order.number}", submit="Save", crumbs=crumbs)
