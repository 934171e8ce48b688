"""Samples: declaring and drawing a plan, giving it out, checking one item blind, adjudicating."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from engagements import paging
from engagements import queries as work
from engagements.models import Deliverable, Workstream
from engagements.views.edges import posted, workstream_crumbs
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import ROLE_PERMISSIONS
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from sla import actions, quality
from sla.frames import drawn_again
from sla.models import Adjudicator, Allocation, Purpose, QualityCheck, QualityFinding, SampleItem, SamplePlan
from sla.quality_forms import INITIAL, AdjudicateForm, CheckersForm, CheckForm, ExtendForm, PlanForm, finding_rows
from sla.views.edges import acting, address, attempt

_MOST = 2**31 - 1
CHECKER_ROLES = [role.value for role, held in ROLE_PERMISSIONS.items() if actions.CHECKERS & held]


def stream_or_404(prefix: str) -> Workstream:
    found: Workstream | None = Workstream.objects.filter(item_prefix=prefix).select_related("client", "matter__engagement__client").first()
    if found is None:
        raise Http404("No such page.")
    return found


def plan_or_404(prefix: str, number: int) -> SamplePlan:
    rows = SamplePlan.objects.filter(workstream__item_prefix=prefix, number=min(number, _MOST))
    found: SamplePlan | None = rows.select_related("workstream__client", "workstream__matter__engagement__client", "extends").first()
    if found is None:
        raise Http404("No such page.")
    return found


def sampled_or_404(plan: SamplePlan, position: int) -> SampleItem:
    rows = SampleItem.objects.filter(plan=plan, position=min(position, _MOST)).select_related("item")
    found: SampleItem | None = rows.first()
    if found is None:
        raise Http404("No such page.")
    found.plan = plan
    return found


def crumbs_of(slug: str, stream: Workstream) -> list[tuple[str, str]]:
    return [*workstream_crumbs(slug, stream)[-2:], ("Quality", address("quality", slug, stream.item_prefix))]


def plan_url(slug: str, plan: SamplePlan, name: str = "plan", *parts: object) -> str:
    return address(name, slug, plan.workstream.item_prefix, plan.number, *parts)


def checkers() -> Any:
    return work.staff().filter(role__in=CHECKER_ROLES)


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_plan(request: TenantRequest, organization: str, prefix: str) -> HttpResponse:
    """Declare and draw. Looking at what it would be draws nothing."""
    stream, today = stream_or_404(prefix), timezone.localdate()
    form = PlanForm(posted(request), initial={**INITIAL, "from_day": today - timedelta(days=30), "to_day": today})
    looking = request.POST.get("do") == "preview" or bool(request.htmx)
    if request.method == "POST" and not looking:
        made = attempt(form, lambda: actions.draw_plan(workstream=stream, declared=form.declared(request.member_zone), by=request.actor))
        if made is not None:
            return HttpResponseRedirect(address("plan", organization, prefix, made.number))
    read = form if form.is_bound else PlanForm({name: value for name, value in form.initial.items() if value is not None})
    context = {"form": form, "crumbs": [*crumbs_of(organization, stream), ("New plan", "")], **_read_back(request, stream, read)}
    if request.htmx:
        return render(request, "sla/_plan_read_back.html", context)
    status = 422 if form.is_bound and form.errors and not looking else 200
    return render(request, "sla/plan_form.html", {**context, "stream": stream}, status=status)


def _read_back(request: TenantRequest, stream: Workstream, form: PlanForm) -> dict[str, object]:
    """The plan in plain English with what each stratum would give, once the form holds one."""
    if not form.is_valid():
        return {"said": "", "strata": [], "doubt": ""}
    try:
        declared = form.declared(request.member_zone).checked()
        frame = declared.frame(stream)
        sizes = frame.sizes(declared.size(), declared.allocation, declared.number)
    except Refused as refusal:
        return {"said": "", "strata": [], "doubt": refusal.message}
    expected = 50 if declared.expected_percent is None else declared.expected_percent
    said = quality.said_of(
        sum(sizes),
        frame.population,
        declared.sizing,
        declared.margin_percent,
        declared.confidence_percent,
        expected,
        declared.accepted_errors,
    )
    strata = [(row.label, row.population, size) for row, size in zip(frame.strata, sizes, strict=True)] if declared.strata_by else []
    return {"said": said, "strata": strata, "doubt": "", "clean": quality.clean_would_show(sum(sizes), 0.01)}


@requires(P.VIEW_LEVELS)
def plan(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    return _plan_page(request, plan_or_404(prefix, number))


def _plan_page(
    request: TenantRequest, found: SamplePlan, checking: CheckersForm | None = None, extending: ExtendForm | None = None
) -> HttpResponse:
    slug, may = request.organization.slug, request.membership.may
    (standing,) = quality.standings([found])
    rows = SampleItem.objects.filter(plan=found).select_related("item")
    page = paging.page_of(rows, request.GET.dict(), keys=("position", "id"), parsers=(int, int))
    later = SamplePlan.objects.filter(extends=found).first()
    bound = [form for form in (checking, extending) if form is not None]
    context = {
        "plan": found,
        "stream": found.workstream,
        "standing": standing,
        "said": quality.size_in_words(found),
        "last_day": found.to_at - timedelta(seconds=1),
        "again": drawn_again(found) if "again" in request.GET else "unasked",
        "again_url": f"{plan_url(slug, found)}?again",
        "rows": _rows(request, found, page.rows),
        "page": page,
        "later": later,
        "weighs": found.allocation == Allocation.EACH,
        "elusion": found.purpose == Purpose.ELUSION,
        "may_edit": may(P.EDIT_LEVELS),
        "checking": checking or CheckersForm(people=checkers()),
        "extending": extending or ExtendForm(),
        "may_extend": may(P.EDIT_LEVELS) and later is None and found.size < found.population,
        "errors_of": bound[0] if bound else None,
        "crumbs": [*crumbs_of(slug, found.workstream), (str(found), "")],
    }
    return render(request, "sla/plan.html", context, status=422 if bound else 200)


def _rows(request: TenantRequest, found: SamplePlan, rows: Any) -> list[dict[str, Any]]:
    """Items with their checks. Whoever still has to check an item sees neither its reviewer nor what was found in it."""
    slug, me = request.organization.slug, request.membership
    names = quality.names_of(pk for row in rows for pk in (row.reviewer_id, row.checker_id))
    checks = {row.sampled_id: row for row in QualityCheck.objects.filter(sampled_id__in=[row.pk for row in rows])}
    named = me.may(P.CHECK_QUALITY) or me.may(P.EDIT_LEVELS)
    shown = []
    for row in rows:
        mine = row.state == "drawn" and row.checker_id == me.pk
        third = row.state == "disputed" and me.may(P.CHECK_QUALITY) and me.pk not in (row.reviewer_id, row.checker_id)
        name = "sampled" if mine else "adjudicate" if third else ""
        shown.append(
            {
                "row": row,
                "stratum": found.strata[row.stratum]["label"] if named and not mine else "",
                "reviewer": names.get(row.reviewer_id, "Not known") if named and not mine else "",
                "checker": names.get(row.checker_id, "") if named or mine else "",
                "check": checks.get(row.pk),
                "url": plan_url(slug, found, name, row.position) if name else "",
                "verb": "Check" if mine else "Adjudicate",
                "kind": {"drawn": "draft", "checked": "met", "disputed": "risk", "adjudicated": "met"}[row.state],
            }
        )
    return shown


@requires(POST=P.EDIT_LEVELS)
@acting
def assign(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    found = plan_or_404(prefix, number)
    form = CheckersForm(request.POST, people=checkers())
    given = attempt(form, lambda: actions.assign_checks(plan=found, checkers=list(form.cleaned_data["checkers"]), by=request.actor))
    return _plan_page(request, found, checking=form) if given is None else HttpResponseRedirect(plan_url(organization, found))


@requires(POST=P.EDIT_LEVELS)
@acting
def extend(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    found = plan_or_404(prefix, number)
    form = ExtendForm(request.POST)
    made = attempt(form, lambda: actions.extend_plan(plan=found, number=form.cleaned_data["number"], by=request.actor))
    if made is None:
        return _plan_page(request, found, extending=form)
    return HttpResponseRedirect(address("plan", organization, prefix, made.number))


@requires(P.VIEW_WORK_PRODUCT)
def checks(request: TenantRequest, organization: str) -> HttpResponse:
    """What waits for the signed-in person's second review, in the order it was given out."""
    rows = SampleItem.objects.filter(checker_id=request.membership.pk, state="drawn")
    rows = rows.select_related("item", "plan__workstream__client")
    page = paging.page_of(rows, request.GET.dict(), keys=("plan_id", "position"), parsers=(int, int))
    shown = [(row, plan_url(organization, row.plan, "sampled", row.position)) for row in page.rows]
    return render(request, "sla/checks.html", {"rows": shown, "page": page})


@requires(P.VIEW_WORK_PRODUCT, POST=P.VIEW_WORK_PRODUCT)
@acting
def sampled(request: TenantRequest, organization: str, prefix: str, number: int, position: int) -> HttpResponse:
    """One item, checked blind: nothing here says whose call it was or what others found."""
    row = sampled_or_404(plan_or_404(prefix, number), position)
    if row.checker_id != request.membership.pk:
        raise PermissionDenied("This was given to somebody else to check.")
    elusion = row.plan.purpose == Purpose.ELUSION
    form, rows = CheckForm(posted(request), elusion=elusion), ([] if elusion else finding_rows(posted(request)))
    if request.method == "POST" and request.POST.get("do") != "more" and all([form.is_valid(), *(each.is_valid() for each in rows)]):
        made = attempt(form, lambda: _check(request, row, form, rows))
        if made is not None:
            return HttpResponseRedirect(_next(request, row))
    context = {
        "row": row,
        "item": row.item,
        "plan": row.plan,
        "form": form,
        "finding_rows": rows,
        "files": list(Deliverable.objects.filter(item=row.item).order_by("-number")[:5]),
        "elusion": elusion,
        "crumbs": [("To check", address("checks", organization)), (f"{row.plan}, {position} of {row.plan.size}", "")],
    }
    failed = form.is_bound and (form.errors or any(each.errors for each in rows)) and request.POST.get("do") != "more"
    return render(request, "sla/sampled.html", context, status=422 if failed else 200)


def _check(request: TenantRequest, row: SampleItem, form: CheckForm, rows: list[Any]) -> QualityCheck:
    data = form.cleaned_data
    found = [each for each in (one.found() for one in rows) if each is not None]
    said = {"note": data["note"], "relevant": data.get("relevant")}
    return actions.check_sampled(sampled=row, units=data["units"], found=found, by=request.actor, **said)


def _next(request: TenantRequest, row: SampleItem) -> str:
    """The next item of the same plan, else the list."""
    rows = SampleItem.objects.filter(plan_id=row.plan_id, checker_id=request.membership.pk, state="drawn")
    following = rows.order_by("position").first()
    slug = request.organization.slug
    return plan_url(slug, row.plan, "sampled", following.position) if following is not None else address("checks", slug)


@requires(P.CHECK_QUALITY, POST=P.CHECK_QUALITY)
@acting
def adjudicate(request: TenantRequest, organization: str, prefix: str, number: int, position: int) -> HttpResponse:
    """What the second review found, to be upheld or struck by a third person, who sees no names either."""
    row = sampled_or_404(plan_or_404(prefix, number), position)
    check = QualityCheck.objects.filter(sampled=row).select_related("item").first()
    if check is None:
        raise Http404("No such page.")
    check.sampled = row
    actions.may_adjudicate(row, check, request.actor)
    elusion = row.plan.purpose == Purpose.ELUSION
    rows_found = QualityFinding.objects.filter(quality_check=check, adjudication=None).order_by("id")
    found: list[Any] = list(rows_found.annotate(wrong=F("errors")).values("severity", "category", "root_cause", "wrong", "note"))
    form = AdjudicateForm(posted(request), initial={"relevant": check.errors}, elusion=elusion)
    rows = [] if elusion else finding_rows(posted(request), found)
    if request.method == "POST" and request.POST.get("do") != "more" and all([form.is_valid(), *(each.is_valid() for each in rows)]):
        made = attempt(form, lambda: _adjudicate(request, check, form, rows))
        if made is not None:
            return HttpResponseRedirect(plan_url(organization, row.plan))
    context = {
        "row": row,
        "item": row.item,
        "plan": row.plan,
        "check": check,
        "form": form,
        "finding_rows": rows,
        "elusion": elusion,
        "decided": row.state == "adjudicated",
        "attorney": row.plan.adjudicator == Adjudicator.ATTORNEY,
        "crumbs": [*crumbs_of(organization, row.plan.workstream), (str(row.plan), plan_url(organization, row.plan)), ("Adjudicate", "")],
    }
    failed = form.is_bound and (form.errors or any(each.errors for each in rows)) and request.POST.get("do") != "more"
    return render(request, "sla/adjudicate.html", context, status=422 if failed else 200)


def _adjudicate(request: TenantRequest, check: QualityCheck, form: AdjudicateForm, rows: list[Any]) -> Any:
    data = form.cleaned_data
    stands = [each for each in (one.found() for one in rows) if each is not None]
    return actions.adjudicate(check=check, stands=stands, reason=data["reason"], relevant=data.get("relevant"), by=request.actor)
