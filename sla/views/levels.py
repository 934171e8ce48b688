"""Service levels: what was promised, in versions, and how it is being kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from engagements import paging
from engagements import queries as work
from engagements.contract_forms import offer_clauses
from engagements.models import Workstream
from engagements.placing import credit_note
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.exports import write_csv
from lpo.core.templatetags.formats import duration
from sla import actions, board, counting, queries, slots, wording, worth
from sla.attain import percent
from sla.augmentation import credit_applies, note_on
from sla.businesstime import CalendarError
from sla.forms import TEMPLATES, LevelForm, PromiseForm, UpdateLevelForm, initial_of
from sla.models import Clock, DirtyWindow, LevelKind, ServiceLevel, ServiceLevelVersion
from sla.queries import Figure, first_day
from sla.scorecard import chart_of
from sla.views.edges import acting, address, attempt, level_or_404, number_of
from sla.worked import cases

MONTHS = 12
NEAREST = 5


def level_url(name: str, slug: str, level: ServiceLevel, number: int, *parts: object) -> str:
    return address(name, slug, level.workstream.item_prefix, number, *parts)


def window_url(slug: str, figure: Figure, number: int) -> str:
    return level_url("window", slug, figure.level, number, first_day(figure.start, figure.version))


def crumbs(organization: str, level: ServiceLevel, number: int) -> list[tuple[str, str]]:
    return [("Service levels", address("levels", organization)), (level.name, level_url("level", organization, level, number))]


def numbers_of(levels: Sequence[ServiceLevel]) -> dict[int, int]:
    """Each level's number within its workstream, in one statement."""
    streams = {level.workstream_id for level in levels}
    counted: dict[int, int] = {}
    found: dict[int, int] = {}
    for pk, stream in ServiceLevel.objects.filter(workstream_id__in=streams).order_by("id").values_list("id", "workstream_id"):
        counted[stream] = counted.get(stream, 0) + 1
        found[pk] = counted[stream]
    return found


@requires(P.VIEW_LEVELS)
def levels(request: TenantRequest, organization: str) -> HttpResponse:
    """Every level with its running window, by workstream."""
    known = ServiceLevel.objects.select_related("workstream__client", "workstream__matter")
    page = paging.page_of(known, request.GET.dict(), keys=("workstream_id", "id"), parsers=(int, int))
    numbers = numbers_of(page.rows)
    figures = queries.current_figures(page.rows, timezone.now())
    rows = [
        (
            figure,
            level_url("level", organization, figure.level, numbers[figure.level.pk]),
            window_url(organization, figure, numbers[figure.level.pk]),
        )
        for figure in figures
    ]
    context = {"rows": rows, "page": page, "may_edit": request.membership.may(P.EDIT_LEVELS)}
    return render(request, "sla/levels.html", context)


@requires(P.VIEW_LEVELS)
def level(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    found, now = level_or_404(prefix, number), timezone.now()
    versions = queries.versions_of([found])[found.pk]
    current = queries.in_force_at(versions, now)
    figures = queries.history(found, versions, MONTHS)
    (present,) = queries.current_figures([found], now)
    running = figures[0].attainment if figures and not figures[0].closed else None
    context = {
        "level": found,
        "workstream": found.workstream,
        "version": current,
        "promise": wording.promise(current, credited=credit_applies(current, now)),
        "credit_note": note_on(current, now),
        "present": present,
        "present_url": window_url(organization, present, number),
        "figures": [(figure, window_url(organization, figure, number)) for figure in figures],
        "chart": chart_of(found.name, current, list(reversed(figures))) if figures else None,
        "versions": [(version, wording.short_target(version)) for version in reversed(versions)],
        "turnaround": _turnaround(running),
        **_what_if(request, present, now),
        "counting": DirtyWindow.objects.filter(level=found).exists(),
        "csv_url": level_url("level_csv", organization, found, number),
        "edit_url": level_url("edit_level", organization, found, number),
        "version_url": level_url("new_version", organization, found, number),
        "recompute_url": level_url("recompute", organization, found, number),
        "scenario_url": level_url("new_scenario", organization, found, number),
        "scenarios_url": address("scenarios", organization, prefix),
        "may_edit": request.membership.may(P.EDIT_LEVELS),
        "crumbs": [*crumbs(organization, found, number)[:1], (found.name, "")],
    }
    return render(request, "sla/level.html", context)


def _what_if(request: TenantRequest, present: Figure, now: datetime) -> dict[str, Any]:
    """How many further misses the running window bears, what the next ones cost, and the open items that could become one."""
    if present.attainment is None or present.closed:
        return {}
    found = present.bearing(counting.misses_before(present.version, present.start))
    if found is None:
        return {}
    percent = worth.earned(present.version, present.start, found.ruling)
    money = slots.in_money(request, present.version, present.start, percent) if percent else ""
    clocks = Clock.objects.filter(level=present.level, window_start=present.start, cycle=1, excluded=False, cancelled=False)
    nearest = clocks.filter(stopped_at__isnull=True, held_since__isnull=True, due_at__gte=now).order_by("due_at", "id")
    rows = [(clock, *board.standing(clock, now)) for clock in board.with_details(nearest)[:NEAREST]]
    return {"bears": wording.bears(found, present.version), "costs": wording.costs(found, present.version, percent, money), "nearest": rows}


def _turnaround(attainment: Any) -> str:
    if attainment is None or attainment.median_seconds is None:
        return ""
    return f"{duration(attainment.median_seconds)}, {duration(attainment.p90_seconds)}"


@requires(P.VIEW_LEVELS)
def level_csv(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    """Attainment by window, the figures of the chart and the table."""
    found = level_or_404(prefix, number)
    figures = queries.history(found, queries.versions_of([found])[found.pk], 120)
    header = ["window", "starts", "ends", "state", "numerator", "denominator", "percent", "target_percent", "pending", "excluded", "result"]
    rows = [
        [
            figure.label,
            figure.start,
            figure.end,
            "closed" if figure.closed else "open",
            figure.numerator,
            figure.denominator,
            percent(figure.share) if figure.share is not None else None,
            Decimal(wording.number(figure.goal * 100)),
            figure.attainment.pending if figure.attainment else 0,
            figure.attainment.excluded if figure.attainment else 0,
            figure.state,
        ]
        for figure in figures
    ]
    return csv_answer(write_csv(header, rows), f"{prefix}-{number}-attainment.csv")


def csv_answer(content: bytes, name: str) -> HttpResponse:
    return HttpResponse(content, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _read_back(form: PromiseForm, kind: str, name: str) -> dict[str, object]:
    """The promise in words with three worked cases, once the form holds one."""
    if not form.is_valid():
        return {"promise": "", "cases": [], "doubt": ""}
    try:
        values = actions.complete(kind, form.promise())
        version = ServiceLevelVersion(
            level=ServiceLevel(kind=kind, name=name), effective_from=form.cleaned_data["effective_from"], **values
        )
        return {"promise": wording.promise(version), "cases": cases(version, timezone.now()), "doubt": ""}
    except (Refused, CalendarError) as error:
        return {"promise": "", "cases": [], "doubt": str(error)}


def _credit_note(workstream: Workstream, kind: str) -> str:
    """What a form for a level says of its credit on staff augmentation."""
    engagement = workstream.matter.engagement
    if kind != LevelKind.TURNAROUND or engagement.delivery_model != "augmentation":
        return ""
    return credit_note(engagement, work.contract_on(engagement, timezone.localdate()))


def promise_page(request: TenantRequest, form: PromiseForm, **context: Any) -> HttpResponse:
    """The form with its read-back; for htmx the read-back alone. Looking at it refuses nothing."""
    looking = request.POST.get("do") == "preview" or bool(request.htmx)
    # An untouched form is read back too: what it begins with is a promise already.
    read = form if form.is_bound else PromiseForm(form.initial, initial=form.initial, kind=form.kind, types=form.types)
    read_back = _read_back(read, form.kind, context["title"])
    if request.htmx:
        return render(request, "sla/_read_back.html", read_back)
    status = 422 if form.is_bound and form.errors and not looking else 200
    return render(request, "sla/level_form.html", {"form": form, **read_back, **context}, status=status)


def workstream_or_404(prefix: str) -> Workstream:
    found: Workstream | None = Workstream.objects.filter(item_prefix=prefix).select_related("client", "matter__engagement").first()
    if found is None:
        raise Http404("No such page.")
    return found


@requires(P.EDIT_LEVELS)
def choose(request: TenantRequest, organization: str) -> HttpResponse:
    """A new level begins with its workstream and its kind."""
    streams = Workstream.objects.filter(status="open").select_related("client", "matter").order_by("client_id", "id")[:200]
    chosen = request.GET.get("workstream", "")
    if chosen and request.GET.get("kind") in LevelKind.values:
        return HttpResponseRedirect(address("new_level", organization, workstream_or_404(chosen).item_prefix, request.GET["kind"]))
    said = {
        LevelKind.TURNAROUND: "95 % of standard NDAs reviewed within 24 hours",
        LevelKind.RESPONSE: "every enquiry acknowledged within 2 business hours",
        LevelKind.ERROR_RESOLUTION: "critical errors corrected within 4 hours of notification",
        LevelKind.ACCURACY: "less than 1 % of documents coded wrongly",
        LevelKind.THROUGHPUT: "at least 1,200 documents a week",
    }
    kinds = [(kind.value, kind.label, said[kind]) for kind in LevelKind]
    trail = [("Service levels", address("levels", organization)), ("New level", "")]
    return render(request, "sla/choose.html", {"streams": streams, "chosen": chosen, "kinds": kinds, "crumbs": trail})


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_level(request: TenantRequest, organization: str, prefix: str, kind: str) -> HttpResponse:
    workstream = workstream_or_404(prefix)
    if kind not in LevelKind.values:
        raise Http404("No such page.")
    contract = work.contract_on(workstream.matter.engagement_id, timezone.localdate())
    initial = {
        "decides": "first",
        "window": "month",
        **TEMPLATES[kind],
        "effective_from": contract.effective_from if contract else timezone.localdate(),
        "time_zone": contract.time_zone if contract else workstream.client.time_zone,
    }
    form = LevelForm(request.POST or None, initial=initial, kind=kind, types=work.types_of(workstream.pk))
    offer_clauses(form, work.clauses_on(workstream.matter.engagement_id, timezone.localdate()))
    if request.POST and request.POST.get("do") != "preview" and not request.htmx:
        made = attempt(form, lambda: _create(request, workstream, kind, form))
        if made is not None:
            return HttpResponseRedirect(level_url("level", organization, made.level, number_of(made.level)))
    trail = [("Service levels", address("levels", organization)), (f"New level for {workstream.title}", "")]
    note = _credit_note(workstream, kind)
    return promise_page(request, form, title=f"New level: {LevelKind(kind).label.lower()}", submit="Add level", crumbs=trail, note=note)


def _create(request: TenantRequest, workstream: Workstream, kind: str, form: LevelForm) -> ServiceLevelVersion:
    data = form.cleaned_data
    return actions.create_level(
        workstream=workstream, kind=kind, name=data["name"], effective_from=data["effective_from"], by=request.actor, **form.promise()
    )


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_version(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    found = level_or_404(prefix, number)
    latest = queries.versions_of([found])[found.pk][-1]
    form = PromiseForm(request.POST or None, initial=initial_of(latest), kind=found.kind, types=work.types_of(found.workstream_id))
    offer_clauses(form, work.clauses_on(found.workstream.matter.engagement_id, timezone.localdate()))
    if request.POST and request.POST.get("do") != "preview" and not request.htmx:
        made = attempt(
            form,
            lambda: actions.add_level_version(
                level=found, effective_from=form.cleaned_data["effective_from"], by=request.actor, **form.promise()
            ),
        )
        if made is not None:
            return HttpResponseRedirect(level_url("level", organization, found, number))
    note = "Clocks keep the version they started under. A new version counts for work received from its date on."
    trail = [*crumbs(organization, found, number), ("New version", "")]
    return promise_page(request, form, title=f"New version of {found.name}", submit="Add version", crumbs=trail, note=note)


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def edit_level(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    found = level_or_404(prefix, number)
    form = UpdateLevelForm(request.POST or None, initial={"version": found.version, "name": found.name, "active": found.active})
    saved = attempt(form, lambda: actions.update_level(level=found, by=request.actor, **form.cleaned_data))
    here = level_url("level", organization, found, number)
    if saved is not None:
        return HttpResponseRedirect(here)
    trail = [*crumbs(organization, found, number), ("Edit", "")]
    context = {"form": form, "title": f"Edit {found.name}", "submit": "Save", "crumbs": trail, "cancel_url": here, "note": ""}
    return render(request, "engagements/form.html", context, status=422 if form.is_bound else 200)


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def recompute(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    """By explicit choice: clocks anew from the facts, open ones under the version now in force."""
    found = level_or_404(prefix, number)
    here = level_url("level", organization, found, number)
    word, error = f"RECOMPUTE {prefix}", ""
    if request.method == "POST":
        if request.POST.get("confirmation", "").strip() == word:
            actions.recompute(level=found, by=request.actor, repin=True)
            return HttpResponseRedirect(here)
        error = f"Type {word} exactly."
    context = {"level": found, "word": word, "error": error, "url": request.path, "cancel_url": here}
    return render(
        request,
        "sla/recompute.html",
        {**context, "crumbs": [*crumbs(organization, found, number), ("Recompute", "")]},
        status=422 if error else 200,
    )
