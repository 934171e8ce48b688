"""Milestones of an engagement, each with a page of its own."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import actions, pace, queries, slips
from engagements.milestone_forms import MilestoneEditForm, MilestoneForm, ReachForm, RedateForm, WithdrawForm
from engagements.models import Blocker, Escalation, Milestone, MilestoneDate, MilestoneNeed
from engagements.views.edges import acting, address, attempt, engagement_crumbs, engagement_or_404, form_page, posted, to
from engagements.views.messages import download
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P

_BESIDE = ("engagement__client", "matter", "workstream", "owner__user")


def milestone_or_404(reference: str, number: int) -> Milestone:
    rows = Milestone.objects.filter(engagement__reference=reference, number=min(number, 2**31 - 1))
    found = rows.select_related(*_BESIDE).first()
    if found is None:
        raise Http404("No such page.")
    return found


def _crumbs(slug: str, row: Milestone) -> list[tuple[str, str]]:
    here = address("milestone", slug, row.engagement.reference, row.number)
    return [*engagement_crumbs(slug, row.engagement), (f"Milestone {row.number}", here)]


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def new_milestone(request: TenantRequest, organization: str, reference: str) -> HttpResponse:
    engagement = engagement_or_404(reference)
    form = MilestoneForm(posted(request), engagement=engagement, initial={"owner": engagement.manager_id})
    made = attempt(form, lambda: _add(request, engagement, form))
    if made is not None:
        return to("milestone", request, reference, made.number)
    return form_page(request, form, title="New milestone", submit="Add milestone", crumbs=engagement_crumbs(organization, engagement))


def _add(request: TenantRequest, engagement: Any, form: MilestoneForm) -> Milestone:
    data = dict(form.cleaned_data)
    needs = data.pop("needs", ())
    made = actions.add_milestone(engagement=engagement, by=request.actor, **data)
    if needs:
        actions.need_milestones(milestone=made, by=request.actor, needs=list(needs))
    return made


def _page(request: TenantRequest, row: Milestone, **bound: Any) -> HttpResponse:
    today, may = timezone.localdate(), request.membership.may
    contract = queries.contract_on(row.engagement, today) if row.volume is not None else None
    needs = list(MilestoneNeed.objects.filter(milestone=row).select_related("needs").order_by("needs__number"))
    context = {
        "row": row,
        "standing": slips.standings([row], today)[0],
        "dates": list(MilestoneDate.objects.filter(milestone=row).order_by("-id")[:50]),
        "needs": slips.standings([need.needs for need in needs], today),
        "needed_by": list(
            Milestone.objects.filter(pk__in=MilestoneNeed.objects.filter(needs=row).values("milestone_id")).order_by("number")
        ),
        "blockers": list(Blocker.objects.filter(milestone=row).select_related("owner__user").order_by("resolved_at", "-id")[:20]),
        "forecast": pace.forecast(row, today, ZoneInfo(contract.time_zone if contract else request.organization.time_zone)),
        "told": list(Escalation.objects.filter(milestone=row).order_by("-id")[:20]),
        "events": queries.events_about(row),
        "crumbs": [*_crumbs(request.organization.slug, row)[:-1], (f"Milestone {row.number}", "")],
        "may_track": may(P.TRACK_ITEMS),
        "may_publish": may(P.EDIT_WORK),
        "may_read": may(P.VIEW_WORK_PRODUCT),
        "may_raise": may(P.TRACK_ITEMS) or may(P.WORK_ITEMS) or may(P.EDIT_WORK),
        "reach_form": ReachForm(auto_id="reach_%s", initial={"version": row.version, "done_on": today}),
        "redate_form": RedateForm(auto_id="redate_%s", initial={"version": row.version}),
        "withdraw_form": WithdrawForm(auto_id="withdraw_%s", initial={"version": row.version}),
        "problem": "",
        **bound,
    }
    return render(request, "engagements/milestone.html", context, status=422 if bound else 200)


@requires(P.VIEW_WORK)
def milestone(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    return _page(request, milestone_or_404(reference, number))


@requires(P.TRACK_ITEMS, POST=P.TRACK_ITEMS)
@acting
def edit_milestone(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    row = milestone_or_404(reference, number)
    had = list(MilestoneNeed.objects.filter(milestone=row).values_list("needs_id", flat=True))
    first = {"version": row.version, "name": row.name, "owner": row.owner_id, "volume": row.volume, "volume_from": row.volume_from}
    form = MilestoneEditForm(posted(request), milestone=row, initial=first | {"needs": had})
    if attempt(form, lambda: _save(request, row, form)) is not None:
        return to("milestone", request, reference, number)
    return form_page(request, form, title="Edit milestone", submit="Save", crumbs=_crumbs(organization, row))


def _save(request: TenantRequest, row: Milestone, form: MilestoneEditForm) -> Milestone:
    data = dict(form.cleaned_data)
    needs, version = data.pop("needs", None), data.pop("version")
    saved = actions.update_milestone(milestone=row, by=request.actor, version=version, **data)
    if needs is not None:
        actions.need_milestones(milestone=row, by=request.actor, needs=list(needs))
    return saved


@requires(POST=P.TRACK_ITEMS)
@acting
def redate_milestone(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    row, form = milestone_or_404(reference, number), RedateForm(request.POST, auto_id="redate_%s")
    if attempt(form, lambda: actions.redate_milestone(milestone=row, by=request.actor, **form.cleaned_data)) is not None:
        return to("milestone", request, reference, number)
    return _page(request, row, redate_form=form)


@requires(POST=P.TRACK_ITEMS)
@acting
def reach_milestone(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    row, form = milestone_or_404(reference, number), ReachForm(request.POST, request.FILES, auto_id="reach_%s")
    if attempt(form, lambda: _reach(request, row, form)) is not None:
        return to("milestone", request, reference, number)
    return _page(request, row, reach_form=form)


def _reach(request: TenantRequest, row: Milestone, form: ReachForm) -> Milestone:
    data = dict(form.cleaned_data)
    if (file := data.pop("evidence")) is not None:
        what = {"content": file.read(), "file_name": file.name, "media_type": file.content_type or ""}
        data["evidence"] = actions.keep_milestone_evidence(milestone=row, by=request.actor, **what)
    return actions.reach_milestone(milestone=row, by=request.actor, **data)


@requires(POST=P.TRACK_ITEMS)
@acting
def withdraw_milestone(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    row, form = milestone_or_404(reference, number), WithdrawForm(request.POST, auto_id="withdraw_%s")
    if attempt(form, lambda: actions.withdraw_milestone(milestone=row, by=request.actor, **form.cleaned_data)) is not None:
        return to("milestone", request, reference, number)
    return _page(request, row, withdraw_form=form)


_DOING = {"reopen": actions.reopen_milestone, "publish": actions.publish_milestone, "hide": actions.hide_milestone}


@requires(POST=P.VIEW_WORK)
@acting
def do_milestone(request: TenantRequest, organization: str, reference: str, number: int, what: str) -> HttpResponse:
    """Reopen, show to the client, or show no longer."""
    if what not in _DOING:
        raise Http404("No such page.")
    request.actor.need(P.TRACK_ITEMS if what == "reopen" else P.EDIT_WORK)
    row, form = milestone_or_404(reference, number), WithdrawForm(request.POST)
    del form.fields["note"]
    if attempt(form, lambda: _DOING[what](milestone=row, by=request.actor, version=form.cleaned_data["version"])) is not None:
        return to("milestone", request, reference, number)
    return _page(request, row, problem=" ".join(message for messages in form.errors.values() for message in map(str, messages)))


@requires(P.VIEW_WORK_PRODUCT)
def milestone_evidence(request: TenantRequest, organization: str, reference: str, number: int) -> HttpResponse:
    row = milestone_or_404(reference, number)
    if row.evidence is None:
        raise Http404("No such page.")
    return download(row.evidence)
