"""Scenarios: a past replayed under a proposed contract, side by side with what holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Min
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from engagements import queries as work
from engagements.contract_forms import offer_clauses
from engagements.models import WorkItem
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.exports import write_csv
from lpo.core.localtime import from_epoch, to_epoch
from lpo.core.periods import add_months
from lpo.core.templatetags.formats import duration, error_percent, percent
from lpo.jobs.models import Job, JobState
from sla import actions, queries, wording
from sla.attain import percent as percent_of
from sla.deciding import checks_with_errors
from sla.forms import ScenarioForm, initial_of
from sla.incidents import paid_elsewhere
from sla.models import Scenario, ServiceLevel, ServiceLevelVersion
from sla.replay import HOLDS, PROPOSED, total_credit
from sla.verdict import Basis
from sla.views.edges import acting, address, attempt, level_or_404
from sla.views.levels import crumbs, csv_answer, level_url, numbers_of, promise_page, workstream_or_404
from sla.windows import period

USUAL_MONTHS = 6
MOST_OFFERED = 240
SHOWN = 50
# Undecided, though something was counted.
_LATER = {Basis.ROLLED_UP.value: "Judged with its quarter", Basis.SHORT.value: "Not decided"}
_KINDS = {"met": "met", "missed": "breach", "pending": "progressing", "excluded": "draft"}


def _scenario_or_404(level: ServiceLevel, number: int) -> Scenario:
    """The nth scenario of a level: they are never removed, so the number stays."""
    found: Scenario | None = None
    if number:
        rows = Scenario.objects.filter(level=level).select_related("calendar_version__calendar").order_by("id")
        found = rows[number - 1 : number].first()
    if found is None:
        raise Http404("No such page.")
    found.level = level
    return found


def _url(name: str, slug: str, level: ServiceLevel, number: int, scenario: int) -> str:
    return level_url(name, slug, level, number, scenario)


@requires(P.VIEW_LEVELS)
def scenarios(request: TenantRequest, organization: str, prefix: str) -> HttpResponse:
    """The replays of a workstream's levels, the last ones first, and a way to ask for another."""
    stream = workstream_or_404(prefix)
    levels = list(ServiceLevel.objects.filter(workstream=stream).order_by("id"))
    for level in levels:
        level.workstream = stream
    numbers, ordinals = numbers_of(levels), dict[int, int]()
    counted: dict[int, int] = {}
    for pk, level_id in Scenario.objects.filter(level__in=levels).order_by("id").values_list("id", "level_id"):
        counted[level_id] = ordinals[pk] = counted.get(level_id, 0) + 1
    by_id = {level.pk: level for level in levels}
    recent = Scenario.objects.filter(level__in=levels).defer("result", "proposal").order_by("-id")[:SHOWN]
    rows = [
        (row, by_id[row.level_id], _url("scenario", organization, by_id[row.level_id], numbers[row.level_id], ordinals[row.pk]))
        for row in recent
    ]
    context = {
        "workstream": stream,
        "rows": rows,
        "levels": [(level, level_url("new_scenario", organization, level, numbers[level.pk])) for level in levels],
        "may_edit": request.membership.may(P.EDIT_LEVELS),
        "crumbs": [("Service levels", address("levels", organization)), (f"Replays for {stream.title}", "")],
    }
    return render(request, "sla/scenarios.html", context)


def _months(level: ServiceLevel) -> list[date]:
    """The months that can be replayed, newest first: from the first item the workstream ever received to the present one."""
    today = timezone.localdate().replace(day=1)
    oldest = WorkItem.objects.filter(workstream_id=level.workstream_id).aggregate(at=Min("received_at"))["at"]
    first = min(today, oldest.date().replace(day=1)) if oldest is not None else today
    span = (today.year - first.year) * 12 + today.month - first.month + 1
    return [add_months(today, -back) for back in range(min(span, MOST_OFFERED))]


@requires(P.EDIT_LEVELS, POST=P.EDIT_LEVELS)
@acting
def new_scenario(request: TenantRequest, organization: str, prefix: str, number: int) -> HttpResponse:
    """The form of a proposal begins with what holds, or with an earlier scenario's proposal (`?like=`)."""
    found = level_or_404(prefix, number)
    months = _months(found)
    form = ScenarioForm(
        request.POST or None,
        initial=_initial(request, found, months),
        kind=found.kind,
        months=months,
        types=work.types_of(found.workstream_id),
    )
    offer_clauses(form, work.clauses_on(found.workstream.matter.engagement_id, timezone.localdate()))
    if request.POST and request.POST.get("do") != "preview" and not request.htmx:
        made = attempt(form, lambda: _replay(request, found, form))
        if made is not None:
            place = Scenario.objects.filter(level=found, id__lte=made.pk).count()
            return HttpResponseRedirect(_url("scenario", organization, found, number, place))
    trail = [*crumbs(organization, found, number), ("Replay", "")]
    note = "The past is computed again as if this had been the contract. Clocks, figures and credits that hold stay untouched."
    return promise_page(request, form, title=f"Replay {found.name} under another contract", submit="Replay", crumbs=trail, note=note)


def _initial(request: TenantRequest, level: ServiceLevel, months: list[date]) -> dict[str, Any]:
    versions = queries.versions_of([level])[level.pk]
    like = request.GET.get("like", "")
    if like.isdigit():
        earlier = _scenario_or_404(level, int(like))
        spans = {"first_month": earlier.first_month.isoformat(), "last_month": earlier.last_month.isoformat()}
        proposal = initial_of(actions.proposed_version(earlier))
        return {**proposal, **spans, "effective_from": earlier.effective_from, "name": earlier.name}
    last = months[1] if len(months) > 1 else months[0]
    first = max(months[-1], add_months(last, 1 - USUAL_MONTHS))
    spans = {"first_month": first.isoformat(), "last_month": last.isoformat()}
    return {**initial_of(queries.in_force_at(versions, timezone.now())), **spans, "effective_from": versions[0].effective_from}


def _replay(request: TenantRequest, level: ServiceLevel, form: ScenarioForm) -> Scenario:
    asked = {name: form.cleaned_data[name] for name in ("name", "first_month", "last_month", "effective_from")}
    return actions.replay_level(level=level, by=request.actor, **asked, **form.promise())


@requires(P.VIEW_LEVELS)
def scenario(request: TenantRequest, organization: str, prefix: str, number: int, scenario: int) -> HttpResponse:
    """Both sides of each window, their credits, and the items that decide; or how far the replay is."""
    found = level_or_404(prefix, number)
    row = _scenario_or_404(found, scenario)
    version = actions.proposed_version(row)
    holds = queries.in_force_at(queries.versions_of([found])[found.pk], timezone.now())
    context = {
        "level": found,
        "scenario": row,
        "job": _job(row),
        "promise": wording.promise(version),
        "holds": wording.promise(holds),
        "zone": version.time_zone,
        "accuracy": version.max_error_percent is not None,
        "shown_rows": SHOWN,
        "like_url": f"{level_url('new_scenario', organization, found, number)}?like={scenario}",
        "again_url": _url("scenario_again", organization, found, number, scenario),
        "csv_url": _url("scenario_csv", organization, found, number, scenario),
        "may_edit": request.membership.may(P.EDIT_LEVELS),
        "crumbs": [*crumbs(organization, found, number), (row.name, "")],
        **(_result(row.result, version.max_error_percent is not None) if row.result is not None else {}),
        "elsewhere": paid_elsewhere(found.pk, [w["start"] for w in row.result["sides"][HOLDS]]) if row.result is not None else [],
        "wrong": _wrong(version, row.result["sides"]) if row.result is not None and version.max_error_percent is not None else [],
    }
    return render(request, "sla/scenario.html", context)


def _wrong(version: ServiceLevelVersion, sides: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Checks with errors in the proposal's windows, as they are recorded now; first those of windows that come out differently."""
    verdicts = [{window["start"]: window["met"] for window in sides[name]} for name in (HOLDS, PROPOSED)]
    starts = sorted(verdicts[1])
    if not starts:
        return []
    turned = {start for start in starts if start in verdicts[0] and verdicts[0][start] != verdicts[1][start]}
    end = period(starts[-1], version.time_zone, version.window).end
    rows = []
    for check in checks_with_errors(version, from_epoch(starts[0]), from_epoch(end), SHOWN):
        window = period(to_epoch(check.checked_at), version.time_zone, version.window)
        weighs = wording.number(check.weighted) if check.weighted != check.errors else ""
        rows.append({"check": check, "window": window.label, "turned": window.start in turned, "weighs": weighs})
    return sorted(rows, key=lambda row: not row["turned"])


def _job(row: Scenario) -> Job | None:
    """The job that computes it, while one does or where it failed."""
    job: Job | None = Job.objects.filter(key=actions.key_of(row)).order_by("-id").first()
    return None if job is None or job.state == JobState.DONE else job


def _result(result: Mapping[str, Any], accuracy: bool) -> dict[str, Any]:
    sides = result["sides"]
    return {
        "windows": list(_windows(sides, accuracy)),
        "credits": [_credits(sides[name]) for name in (HOLDS, PROPOSED)],
        "met": [_met(sides[name]) for name in (HOLDS, PROPOSED)],
        "items": result["items"],
        "differing": result["differing"],
        "kept": [_entry(row) for row in result["kept"][:SHOWN]],
        "near": [_entry(row) for row in result["near"]],
    }


def _credits(windows: list[dict[str, Any]]) -> dict[str, Any]:
    due = [window for window in windows if Decimal(window["credit"])]
    return {"count": len(due), "percent": wording.number(total_credit(windows))}


def _met(windows: list[dict[str, Any]]) -> dict[str, int]:
    judged = [window for window in windows if window["met"] is not None]
    return {"met": sum(window["met"] for window in judged), "judged": len(judged)}


def _windows(sides: Mapping[str, list[dict[str, Any]]], accuracy: bool) -> Iterator[dict[str, Any]]:
    """Windows by their first day, with what stands on each side; one side may have none where the proposal measures by another."""
    by_start: dict[tuple[int, str], dict[str, Any]] = {}
    for name in (HOLDS, PROPOSED):
        for window in sides[name]:
            by_start.setdefault((window["start"], window["label"]), {"label": window["label"]})[name] = _shown(window, accuracy)
    for _, pair in sorted(by_start.items()):
        yield {"holds": None, "proposed": None, **pair}


def _shown(window: dict[str, Any], accuracy: bool) -> dict[str, Any]:
    goal, share, closed = Fraction(Decimal(window["goal"])) / 100, _share(window), window["closed"]
    return {
        **window,
        "actual": error_percent(share, goal) if accuracy else percent(share, goal),
        "kind": {True: "met", False: "breach", None: "progressing" if window["basis"] in _LATER else "draft"}[window["met"]],
        "state": _state(window),
        "closed": wording.result(*closed[:2], weighed=Fraction(closed[2]) if len(closed) > 2 else None) if closed else "",
        "credit": window["credit"] if Decimal(window["credit"]) else "",
    }


def _share(window: Mapping[str, Any]) -> Fraction | None:
    """What is compared: as weighed, where severities or strata weigh."""
    if window.get("weighed") is not None:
        return Fraction(window["weighed"])
    return Fraction(window["numerator"], window["denominator"]) if window["denominator"] else None


def _state(window: dict[str, Any]) -> str:
    if window["met"] is None:
        return _LATER.get(window["basis"], "Not measured")
    word = "Met" if window["met"] else "Missed"
    return word if window["ended"] else f"{word} so far"


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    sides = {name: None if row[name] is None else _side(row[name]) for name in (HOLDS, PROPOSED)}
    proposed = row[PROPOSED]
    margin = ""
    if proposed is not None and proposed["outcome"] in ("met", "missed"):
        margin = f"{duration(row['distance'])} {'to spare' if proposed['outcome'] == 'met' else 'late'}"
    stopped = None if row["stopped"] is None else from_epoch(row["stopped"])
    return {"reference": row["reference"], "stopped": stopped, "margin": margin, **sides}


def _side(side: dict[str, Any]) -> dict[str, Any]:
    return {"kind": _KINDS[side["outcome"]], "text": str(side["outcome"]).capitalize(), "due": from_epoch(side["due"])}


@requires(POST=P.EDIT_LEVELS)
@acting
def scenario_again(request: TenantRequest, organization: str, prefix: str, number: int, scenario: int) -> HttpResponse:
    found = level_or_404(prefix, number)
    actions.replay_again(scenario=_scenario_or_404(found, scenario), by=request.actor)
    return HttpResponseRedirect(_url("scenario", organization, found, number, scenario))


@requires(P.VIEW_LEVELS)
def scenario_csv(request: TenantRequest, organization: str, prefix: str, number: int, scenario: int) -> HttpResponse:
    """Each window of each side in a row."""
    found = level_or_404(prefix, number)
    row = _scenario_or_404(found, scenario)
    header = ["side", "window", "promise", "numerator", "denominator", "percent", "pending", "excluded", "result", "credit_percent", "note"]
    rows = [
        [
            name,
            window["label"],
            window["promise"],
            window["numerator"],
            window["denominator"],
            None if (share := _share(window)) is None else percent_of(share),
            window["pending"],
            window["excluded"],
            _state(window),
            Decimal(window["credit"]),
            window["why"] or window["judged"],
        ]
        for name in (HOLDS, PROPOSED)
        for window in (row.result["sides"][name] if row.result is not None else [])
    ]
    return csv_answer(write_csv(header, rows), f"{prefix}-{number}-scenario-{scenario}.csv")
