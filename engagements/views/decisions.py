"""What the client decided, was told and asked about one item, and what was written down late about it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, paging
from engagements.decision_forms import ErrorNoticeForm, LateForm, NoticeForm, SeverityForm
from engagements.models import Client, ClientDecision, DeliveryNotice, ErrorNotice, LateEntry, WorkItem
from engagements.views.edges import acting, attempt, item_or_404, to
from engagements.views.items import item_page
from engagements.views.messages import download, message_of
from engagements.views.timeline import described
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused

_KEPT: dict[str, tuple[Any, str]] = {
    "message": (ClientDecision, "message"),
    "notice": (DeliveryNotice, "evidence"),
    "late": (LateEntry, "evidence"),
    "error": (ErrorNotice, "evidence"),
}
_PROBLEM = "approvals_problem"


def nth(model: Any, item: WorkItem, number: int) -> Any:
    """The item's nth record of a kind, as its page numbers them."""
    found = list(model.objects.filter(item=item).order_by("id")[number - 1 : number]) if number > 0 else []
    if not found:
        raise Http404("No such page.")
    return found[0]


@requires(P.VIEW_WORK_PRODUCT)
def kept(request: TenantRequest, organization: str, reference: str, kind: str, number: int) -> HttpResponse:
    if kind not in _KEPT:
        raise Http404("No such page.")
    model, name = _KEPT[kind]
    document = getattr(nth(model, item_or_404(reference), number), name)
    if document is None:
        raise Http404("No such page.")
    return download(document)


@requires(POST=P.VIEW_WORK)
@acting
def notice(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """The client was told of the delivery. Those who track or work items record it."""
    if not {P.TRACK_ITEMS, P.WORK_ITEMS} & request.actor.permissions:
        request.actor.need(P.TRACK_ITEMS)
    item, form = item_or_404(reference), NoticeForm(request.POST, request.FILES)

    def act() -> DeliveryNotice:
        data, evidence = form.cleaned_data, message_of(request, form, item, item.workstream.matter)
        told = {"channel": data["channel"], "recipient": data["recipient"], "sent_at": data["sent_at"]}
        return actions.record_notice(item=item, by=request.actor, evidence=evidence, **told)

    return to("item", request, reference) if attempt(form, act) is not None else item_page(request, item, notice_form=form)


@requires(POST=P.VIEW_WORK)
@acting
def severity(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """How grave the client says an error is."""
    if not {P.TRACK_ITEMS, P.EDIT_WORK, P.DECIDE_FOR_CLIENT} & request.actor.permissions:
        request.actor.need(P.TRACK_ITEMS)
    item, form = item_or_404(reference), SeverityForm(request.POST, request.FILES)

    def act() -> WorkItem:
        data, message = form.cleaned_data, message_of(request, form, item, item.workstream.matter)
        return actions.set_severity(item=item, severity=data["severity"], note=data["note"], by=request.actor, message=message)

    return to("item", request, reference) if attempt(form, act) is not None else item_page(request, item, severity_form=form)


@requires(POST=P.TRACK_ITEMS)
@acting
def error_notice(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """One more telling of an error; the first by any channel is the notification."""
    item, form = item_or_404(reference), ErrorNoticeForm(request.POST, request.FILES)

    def act() -> ErrorNotice:
        data, evidence = form.cleaned_data, message_of(request, form, item, item.workstream.matter)
        said = {"channel": data["channel"], "at": data["at"], "reporter": data["reporter"]}
        return actions.record_error_notice(item=item, by=request.actor, evidence=evidence, **said)

    return to("item", request, reference) if attempt(form, act) is not None else item_page(request, item, error_form=form)


@requires(P.APPROVE_PAUSE)
def approvals(request: TenantRequest, organization: str) -> HttpResponse:
    """Everything written down late that waits for a second person, oldest first."""
    rows = LateEntry.objects.filter(state="waiting")
    listed = rows.select_related("item__workstream")
    page = paging.page_of(listed, request.GET, keys=("recorded_at", "id"), parsers=(paging.instant, int))
    page = paging.counted(page, rows)
    numbers = _numbers([row.item_id for row in page.rows])
    context = {
        "page": page,
        "rows": [(row, described(row), numbers[row.pk], row.by_member_id == request.membership.pk) for row in page.rows],
        "clients": Client.objects.in_bulk({row.client_id for row in page.rows}),
        "problem": request.session.pop(_PROBLEM, "") if _PROBLEM in request.session else "",
        "may_read": request.membership.may(P.VIEW_WORK_PRODUCT),
    }
    return render(request, "engagements/approvals.html", context)


def _numbers(item_ids: list[int]) -> dict[int, int]:
    """How the page of its item numbers each late entry."""
    found: dict[int, int] = {}
    seen: dict[int, int] = {}
    for pk, item_id in LateEntry.objects.filter(item_id__in=item_ids).order_by("id").values_list("id", "item_id"):
        seen[item_id] = found[pk] = seen.get(item_id, 0) + 1
    return found


@requires(POST=P.APPROVE_PAUSE)
@acting
def decide_late(request: TenantRequest, organization: str, reference: str, number: int, what: str) -> HttpResponse:
    if what not in ("approve", "refuse"):
        raise Http404("No such page.")
    item = item_or_404(reference)
    entry, form = nth(LateEntry, item, number), LateForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else ""
    act = actions.approve_late if what == "approve" else actions.refuse_late
    try:
        act(entry=entry, by=request.actor, note=note)
    except Refused as refusal:
        request.session[_PROBLEM] = f"{item.reference}: {refusal.message}"
        return to("approvals", request)
    return to("approvals", request) if request.POST.get("from") == "list" else to("item", request, reference)
