"""Deliverables: those of a matter, one version with its checklist, the next version, publishing; and a workstream's checklist."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Max, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import render

from engagements import actions, paging, states
from engagements.care_forms import ChecklistForm, DeliverableForm
from engagements.deliverables import checklist_of, deliverables_of, points_of, status_of
from engagements.models import ChecklistPoint, Deliverable, DeliveryNotice, Matter, WorkItem, Workstream
from engagements.queries import events_about
from engagements.views.edges import (
    acting,
    address,
    attempt,
    item_or_404,
    matter_crumbs,
    matter_or_404,
    posted,
    refused_too_large,
    says_too_large,
    to,
    workstream_crumbs,
    workstream_or_404,
)
from engagements.views.messages import download
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

_SHOW = {"": "All", "published": "Published", "unpublished": "Not published", "accepted": "Accepted", "returned": "Returned"}


def _chosen(matter: Matter, values: Any) -> tuple[QuerySet[Any], dict[str, str]]:
    rows: QuerySet[Any] = Deliverable.objects.filter(matter_id=matter.pk)
    show, stream = str(values.get("show", "")), str(values.get("workstream", ""))[:8]
    if show in {"published", "unpublished"}:
        rows = rows.filter(published_at__isnull=show == "unpublished")
    elif show in {"accepted", "returned"}:
        rows = rows.filter(decision=show)
    if stream:
        rows = rows.filter(item__in=WorkItem.objects.filter(workstream__item_prefix=stream, matter_id=matter.pk).values("id"))
    return rows, {name: value for name, value in (("show", show if show in _SHOW else ""), ("workstream", stream)) if value}


def _listed(rows: Any) -> list[tuple[Deliverable, tuple[str, str]]]:
    """With their status; whether a version is its item's newest is read for all in one statement."""
    items = {row.item_id for row in rows}
    latest = dict(Deliverable.objects.filter(item_id__in=items).order_by().values_list("item_id").annotate(last=Max("number")))
    return [(row, status_of(row, row.number == latest[row.item_id])) for row in rows]


@requires(P.VIEW_WORK)
def deliverables(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Every version kept in a matter, the latest first."""
    matter = matter_or_404(reference)
    rows, chosen = _chosen(matter, request.GET)
    query = chosen | {name: request.GET[name] for name in ("after", "before") if name in request.GET}
    page = paging.page_of(rows.select_related("item"), query, keys=("kept_at", "id"), parsers=(paging.instant, int), descending=True)
    context = {
        "matter": matter,
        "page": paging.counted(page, rows),
        "rows": _listed(page.rows),
        "chosen": chosen,
        "shows": list(_SHOW.items()),
        "streams": list(Workstream.objects.filter(matter=matter).order_by("item_prefix")[:100]),
        "crumbs": [*matter_crumbs(organization, matter), ("Deliverables", "")],
    }
    return render(request, "engagements/deliverables.html", context)


def _version_or_404(item: WorkItem, number: int) -> tuple[list[Deliverable], Deliverable]:
    versions = deliverables_of(item)
    if not 1 <= number <= len(versions):
        raise Http404("No such page.")
    return versions, versions[number - 1]


@requires(P.VIEW_WORK)
def deliverable(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    return _page(request, item_or_404(reference), number, forms.Form())


def _page(request: TenantRequest, item: WorkItem, number: int, form: forms.Form) -> HttpResponse:
    versions, row = _version_or_404(item, number)
    points = points_of(row, item.workstream)
    missing = [point.point.text for point in points if point.point.required and point.tick is None]
    context = {
        "item": item,
        "row": row,
        "status": status_of(row, row.number == len(versions)),
        "versions": [(each, status_of(each, each.number == len(versions))) for each in reversed(versions)],
        "points": points,
        "silence": _silence(item),
        "missing": missing,
        "may_tick": request.membership.may(P.WORK_ITEMS) and row.published_at is None,
        "may_publish": request.membership.may(P.EDIT_WORK) and row.published_at is None,
        "undelivered": item.first_delivered_at is None,
        "may_add": request.membership.may(P.WORK_ITEMS),
        "may_edit": request.membership.may(P.EDIT_WORK),
        "may_read": request.membership.may(P.VIEW_WORK_PRODUCT),
        "events": events_about(row),
        "form": form,
        "crumbs": [*_crumbs(request, item), (f"Version {number}", "")],
    }
    return render(request, "engagements/deliverable.html", context, status=422 if form.errors else 200)


def _silence(item: WorkItem) -> DeliveryNotice | None:
    """The notice from which silence will count as acceptance, while the client has not decided."""
    notices = DeliveryNotice.objects.filter(item=item, settled=False, deemed_at__isnull=False)
    found: DeliveryNotice | None = notices.order_by("-id").first() if item.state == states.DELIVERED else None
    return found


def _crumbs(request: TenantRequest, item: WorkItem) -> list[tuple[str, str]]:
    slug = request.organization.slug
    return [*workstream_crumbs(slug, item.workstream), (item.reference, address("item", slug, item.reference))]


class _Shown(forms.Form):
    """An action without fields of its own: what it refuses is said at the top of the page."""

    def refuse(self, refusal: Any) -> None:
        self.add_error(None, refusal.message)


@requires(POST=P.WORK_ITEMS)
@acting
def tick(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    item, form = item_or_404(reference), _Shown(request.POST)
    _, row = _version_or_404(item, number)
    points = ChecklistPoint.objects.filter(workstream=item.workstream)
    position = request.POST.get("point", "")
    point = points.filter(pk=int(position)).first() if position.isdecimal() and len(position) < 19 else None
    if point is None:
        raise Http404("No such page.")
    on = request.POST.get("do") != "untick"
    if attempt(form, lambda: actions.tick_point(deliverable=row, point=point, by=request.actor, ticked=on) or True) is not None:
        return to("deliverable", request, reference, number)
    return _page(request, item, number, form)


@requires(POST=P.EDIT_WORK)
@acting
def publish(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    item, form = item_or_404(reference), _Shown(request.POST)
    _, row = _version_or_404(item, number)
    if attempt(form, lambda: actions.publish_deliverable(deliverable=row, by=request.actor)) is not None:
        return to("deliverable", request, reference, number)
    return _page(request, item, number, form)


@requires(P.WORK_ITEMS, POST=P.WORK_ITEMS)
@acting
@says_too_large
def new_deliverable(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    """Keep the next version of what an item delivers."""
    item = item_or_404(reference)
    form = DeliverableForm(posted(request), request.FILES or None)
    made = None if refused_too_large(request, form) else attempt(form, lambda: _keep(request, item, form))
    if made is not None:
        return to("deliverable", request, reference, made.number)
    crumbs = _crumbs(request, item)
    context = {"form": form, "item": item, "cancel_url": crumbs[-1][1], "crumbs": [*crumbs, ("New version", "")]}
    return render(request, "engagements/deliverable_form.html", context, status=422 if form.is_bound else 200)


def _keep(request: TenantRequest, item: WorkItem, form: DeliverableForm) -> Deliverable:
    file = form.cleaned_data["file"]
    facts = {"file_name": file.name, "media_type": file.content_type or "", "label": form.cleaned_data["label"]}
    return actions.keep_deliverable(item=item, by=request.actor, content=file.read(), **facts)


@requires(P.VIEW_WORK_PRODUCT)
def deliverable_file(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    _, row = _version_or_404(item_or_404(reference), number)
    return download(row.document, row.file_name)


@requires(P.EDIT_WORK, POST=P.EDIT_WORK)
@acting
def checklist(request: TenantRequest, organization: str, reference: str, prefix: str) -> HttpResponse:
    """What is ticked before a version goes to the client."""
    workstream = workstream_or_404(reference, prefix)
    points = checklist_of(workstream)
    texts = {name: "\n".join(p.text for p in points if p.required == must) for name, must in (("required", True), ("optional", False))}
    form = ChecklistForm(posted(request), initial=texts)
    saved = attempt(form, lambda: actions.set_checklist(workstream=workstream, by=request.actor, **form.cleaned_data))
    if saved is not None:
        return to("workstream", request, reference, prefix)
    crumbs = workstream_crumbs(organization, workstream)
    context = {"form": form, "cancel_url": crumbs[-1][1], "crumbs": [*crumbs, ("Checklist", "")]}
    return render(request, "engagements/checklist.html", context, status=422 if form.is_bound else 200)
