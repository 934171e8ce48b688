"""One window of one level: the rows behind its figure, closing it, publishing it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone

from engagements import paging
from engagements.models import LateEntry
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.exports import write_csv
from lpo.core.localtime import from_epoch
from lpo.core.periods import Period
from sla import actions, counting, queries, slots, wording
from sla.augmentation import credit_applies, note_on
from sla.evidence import RECORDED_LATE
from sla.models import (
    Adjudication,
    Attainment,
    AttainmentRow,
    Clock,
    Exclusion,
    LevelKind,
    Population,
    QualityCheck,
    ServiceLevel,
    ServiceLevelVersion,
)
from sla.queries import Figure
from sla.restated import SHOWN_CHANGES, restated_of
from sla.samples import Purpose
from sla.verify import replayed
from sla.views.edges import acting, level_or_404, window_or_404
from sla.views.levels import crumbs, csv_answer, level_url

OUTCOMES = {"": "All", "met": "Met", "missed": "Missed", "pending": "Pending", "excluded": "Excluded"}
KINDS = {"met": "met", "missed": "breach", "pending": "progressing", "excluded": "draft", "checked": "met"}
MOST_IN_FILE = 100_000


def _outcome(now: datetime) -> dict[str, Q]:
    """The outcomes of `counting.OUTCOME` as filters over clocks."""
    counts = Q(excluded=False, cancelled=False)
    met = counts & Q(stopped_at__isnull=False, stopped_at__lte=F("due_at"))
    overdue = Q(stopped_at__gt=F("due_at")) | Q(stopped_at__isnull=True, held_since__isnull=True, due_at__lt=now)
    waiting = Q(stopped_at__isnull=True) & (Q(held_since__isnull=False) | Q(due_at__gte=now))
    return {"met": met, "missed": counts & overdue, "pending": counts & waiting, "excluded": Q(excluded=True) | Q(cancelled=True)}


def outcome_of(clock: Clock, now: datetime) -> str:
    if clock.excluded or clock.cancelled:
        return "excluded"
    if clock.stopped_at is not None:
        return "met" if clock.stopped_at <= clock.due_at else "missed"
    return "missed" if clock.held_since is None and clock.due_at < now else "pending"


class Window:
    """A level's window as its pages need it."""

    def __init__(self, prefix: str, number: int, year: int, month: int) -> None:
        self.level: ServiceLevel = level_or_404(prefix, number)
        self.number, self.year, self.month = number, year, month
        version, period = window_or_404(self.level, year, month)
        self.version: ServiceLevelVersion = version
        self.period: Period = period
        self.start, self.end = from_epoch(period.start), from_epoch(period.end)
        latest = Attainment.objects.filter(level=self.level, window_start=self.start).order_by("-revision")
        self.attainment: Attainment | None = latest.first()
        self.figure = Figure(self.version, period.label, self.start, self.end, self.attainment)

    @property
    def accuracy(self) -> bool:
        return str(self.level.kind) == LevelKind.ACCURACY

    def url(self, name: str, organization: str) -> str:
        return level_url(name, organization, self.level, self.number, self.year, self.month)

    def crumbs(self, organization: str) -> list[tuple[str, str]]:
        return crumbs(organization, self.level, self.number)


def _rows(window: Window, outcome: str, now: datetime) -> tuple[QuerySet[Any], tuple[str, str], tuple[Any, Any]]:
    """The rows behind the figure with the keys they are paged by: frozen ones of a closed window, else clocks or checks."""
    if window.figure.closed:
        rows = AttainmentRow.objects.filter(attainment=window.attainment)
        return (rows.filter(outcome=outcome) if outcome else rows), ("outcome", "id"), (str, int)
    if window.accuracy:
        return _checks(window), ("checked_at", "id"), (paging.instant, int)
    clocks = Clock.objects.filter(level=window.level, window_start=window.start, cycle=1).select_related("item")
    return (clocks.filter(_outcome(now)[outcome]) if outcome else clocks), ("due_at", "id"), (paging.instant, int)


def _checks(window: Window) -> QuerySet[Any]:
    within = QualityCheck.objects.filter(checked_at__gte=window.start, checked_at__lt=window.end)
    version = window.version
    within = within.filter(
        item__workstream_id=window.level.workstream_id,
        item__kind=version.item_kind,
        item__first_delivered_at__isnull=False,
    ).filter(checked_at__gte=F("item__first_delivered_at"))
    # What a sample of work set aside found is a figure of its own.
    within = within.filter(Q(sampled__isnull=True) | Q(sampled__plan__purpose=Purpose.ACCURACY)).select_related("item")
    if version.population == Population.RANDOM:
        within = within.filter(sampled__isnull=False)
    decided = Adjudication.objects.filter(quality_check=OuterRef("pk")).values("errors")
    within = within.annotate(counted_errors=Coalesce(Subquery(decided), "errors"))
    return within.filter(item__priority=version.priority) if version.priority else within


def _shown(window: Window, rows: Any, now: datetime) -> Iterator[dict[str, Any]]:
    """Rows alike for the template, whatever they come from."""
    reasons: dict[int, str] = {}
    late: set[int] = set()
    if not window.figure.closed:
        ids = {row.item_id for row in rows}
        live = Exclusion.objects.filter(level=window.level, item_id__in=ids, withdrawn_at__isnull=True)
        reasons = dict(live.values_list("item_id", "reason"))
        late = set(LateEntry.objects.filter(item_id__in=ids, state="approved").values_list("item_id", flat=True))
    for row in rows:
        if isinstance(row, Clock):
            outcome = outcome_of(row, now)
            otherwise = "Cancelled before it was due" if row.cancelled else RECORDED_LATE if row.item_id in late else ""
            reason = reasons.get(row.item_id, otherwise)
            yield _shown_row(row, row.item.reference, row.item.external_id or "", outcome, reason)
        elif isinstance(row, QualityCheck):
            outcome = "excluded" if row.item_id in reasons else "checked"
            stands: Any = row
            checked = {
                "started_at": row.item.received_at,
                "stopped_at": row.checked_at,
                "units": row.units,
                "errors": stands.counted_errors,
            }
            yield {
                **_EMPTY,
                **checked,
                "reference": row.item.reference,
                "external_id": row.item.external_id or "",
                "outcome": outcome,
                "kind": KINDS[outcome],
                "reason": reasons.get(row.item_id, row.note),
            }
        else:
            yield {
                **_shown_row(row, row.item_reference, row.external_id, row.outcome, row.reason),
                "units": row.units,
                "errors": row.errors,
            }


_NAMES = ("started_at", "due_at", "stopped_at", "used_seconds", "paused_seconds", "late_seconds")
_EMPTY = {**dict.fromkeys(_NAMES), "units": None, "errors": None}


def _shown_row(row: Any, reference: str, external_id: str, outcome: str, reason: str) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in _NAMES}
    named = {"reference": reference, "external_id": external_id, "outcome": outcome, "kind": KINDS[outcome], "reason": reason}
    return {**_EMPTY, **facts, **named}


@requires(P.VIEW_LEVELS)
def window(request: TenantRequest, organization: str, prefix: str, number: int, year: int, month: int) -> HttpResponse:
    """The figure, how it came about, and every row behind it."""
    found, now = Window(prefix, number, year, month), timezone.now()
    chosen = request.GET.get("outcome", "")
    chosen = chosen if chosen in OUTCOMES and not found.accuracy else ""
    rows, keys, parsers = _rows(found, chosen, now)
    # Frozen rows backwards by outcome: missed before met.
    page = paging.page_of(rows, request.GET.dict(), keys=keys, parsers=parsers, descending=found.figure.closed)
    claim = queries.claim_of(found.attainment) if found.attainment else None
    may_close = request.membership.may(P.CLOSE_WINDOWS)
    context = {
        "window": found,
        "figure": found.figure,
        "level": found.level,
        "zone": found.version.time_zone,
        "promise": wording.promise(found.version, credited=credit_applies(found.version, found.start)),
        "credit_note": note_on(found.version, found.start),
        "result": found.figure.result,
        "rows": list(_shown(found, page.rows, now)),
        "page": page,
        "chips": _chips(found, organization, chosen),
        "claim": claim,
        "became": slots.became(request, claim) if claim else [],
        "changed": _changed_since(found, now),
        "strength": f"{found.figure.strength} {wording.tested(found.version)}" if found.figure.strength else "",
        "no_credit": _no_credit(found),
        "ended": found.end <= now,
        "may_close": may_close and found.end <= now and not found.figure.closed,
        "may_publish": may_close and found.attainment is not None and found.figure.closed and found.attainment.published_at is None,
        "may_restate": may_close and found.figure.closed,
        "restate_url": found.url("restate", organization),
        "restated": restated_of(found.attainment, found.version.time_zone) if found.attainment else None,
        "close_url": found.url("close", organization),
        "publish_url": found.url("publish", organization),
        "csv_url": found.url("window_csv", organization),
        "crumbs": [*found.crumbs(organization), (found.period.label, "")],
    }
    return render(request, "sla/window.html", context)


def _chips(found: Window, organization: str, chosen: str) -> list[dict[str, object]]:
    if found.accuracy:
        return []
    figure, here = found.figure, found.url("window", organization)
    pending = figure.attainment.pending if figure.attainment else 0
    excluded = figure.attainment.excluded if figure.attainment else 0
    counts = {
        "": figure.denominator + pending + excluded,
        "met": figure.numerator,
        "missed": figure.missed,
        "pending": pending,
        "excluded": excluded,
    }
    return [
        {"label": label, "url": here + (f"?outcome={name}" if name else ""), "current": chosen == name, "count": f"{counts[name]:,}"}
        for name, label in OUTCOMES.items()
    ]


def _changed_since(found: Window, now: datetime) -> str:
    """What the facts say today, where that differs from a closed figure."""
    if not found.figure.closed:
        return ""
    count = counting.measure(found.version, found.start, found.end, now)
    _, carried = counting.rolled_up(found.version, found.start)
    frozen = found.attainment
    assert frozen is not None  # noqa: S101 -- a closed figure has one
    if (count.numerator, count.denominator, *carried, count.measured) == (
        frozen.numerator, frozen.denominator, frozen.carried_numerator, frozen.carried_denominator, frozen.measured,
    ):  # fmt: skip
        return ""
    counted = count.counted(carried)
    return wording.result(count.numerator + carried[0], count.denominator + carried[1], weighed=counted.rate)


def _no_credit(found: Window) -> str:
    """Why a miss earns nothing, where the contract has a minimum or a number below which it does not."""
    if found.attainment is None or found.attainment.met is not False or not wording.credit_share(found.version):
        return ""
    ruling = actions.default_of(found.attainment, found.version)
    return "" if ruling.due else ruling.why


@requires(P.VIEW_LEVELS)
def window_csv(request: TenantRequest, organization: str, prefix: str, number: int, year: int, month: int) -> HttpResponse:
    """Every row behind the figure: it adds up to the figure exactly."""
    found, now = Window(prefix, number, year, month), timezone.now()
    rows, keys, _ = _rows(found, "", now)
    names = ["reference", "external_id", "outcome", *_NAMES, "units", "errors", "reason"]
    shown = _shown(found, list(rows.order_by(*keys)[:MOST_IN_FILE]), now)
    content = write_csv(names, [[row[name] for name in names] for row in shown])
    return csv_answer(content, f"{prefix}-{number}-{year}-{month:02d}.csv")


@requires(P.CLOSE_WINDOWS, POST=P.CLOSE_WINDOWS)
@acting
def close(request: TenantRequest, organization: str, prefix: str, number: int, year: int, month: int) -> HttpResponse:
    found = Window(prefix, number, year, month)
    here, word, error = found.url("window", organization), f"CLOSE {year}-{month:02d}", ""
    if found.figure.closed:
        return HttpResponseRedirect(here)
    if request.method == "POST":
        try:
            if request.POST.get("confirmation", "").strip() != word:
                raise Refused(f"Type {word} exactly.")
            actions.close_window(level=found.level, window_start=found.start, by=request.actor, publish="publish" in request.POST)
            return HttpResponseRedirect(here)
        except Refused as refusal:
            error = refusal.message
    context = {
        "window": found,
        "figure": found.figure,
        "result": found.figure.result,
        "credit": actions.claim_in_words(found.attainment, found.version) if found.attainment is not None and found.figure.credit else "",
        "word": word,
        "error": error,
        "url": request.path,
        "cancel_url": here,
        "title": f"Close {found.level.name}, {found.period.label}",
        "crumbs": [*found.crumbs(organization), (found.period.label, here), ("Close", "")],
    }
    return render(request, "sla/close.html", context, status=422 if error else 200)


@requires(P.CLOSE_WINDOWS, POST=P.CLOSE_WINDOWS)
@acting
def publish(request: TenantRequest, organization: str, prefix: str, number: int, year: int, month: int) -> HttpResponse:
    found = Window(prefix, number, year, month)
    if found.attainment is None or not found.figure.closed:
        raise Http404("No such page.")
    here, word, error = found.url("window", organization), f"PUBLISH {year}-{month:02d}", ""
    if request.method == "POST":
        if request.POST.get("confirmation", "").strip() == word:
            actions.publish_attainment(attainment=found.attainment, by=request.actor)
            return HttpResponseRedirect(here)
        error = f"Type {word} exactly."
    context = {
        "window": found,
        "result": found.figure.result,
        "client": found.level.workstream.client,
        "word": word,
        "error": error,
        "url": request.path,
        "cancel_url": here,
        "title": f"Publish {found.level.name}, {found.period.label}",
        "crumbs": [*found.crumbs(organization), (found.period.label, here), ("Publish", "")],
    }
    return render(request, "sla/publish.html", context, status=422 if error else 200)


@requires(P.CLOSE_WINDOWS, POST=P.CLOSE_WINDOWS)
@acting
def restate(request: TenantRequest, organization: str, prefix: str, number: int, year: int, month: int) -> HttpResponse:
    """Measure a closed window anew, with its reason; shown first is what the records say today."""
    found = Window(prefix, number, year, month)
    here, word, error = found.url("window", organization), f"RESTATE {year}-{month:02d}", ""
    if not found.figure.closed or found.attainment is None:
        raise Http404("No such page.")
    reason = request.POST.get("reason", "")
    if request.method == "POST":
        try:
            if request.POST.get("confirmation", "").strip() != word:
                raise Refused(f"Type {word} exactly.")
            actions.restate_window(
                level=found.level, window_start=found.start, reason=reason, by=request.actor, publish="publish" in request.POST
            )
            return HttpResponseRedirect(here)
        except Refused as refusal:
            error = refusal.message
    context = {
        "window": found,
        "figure": found.figure,
        "result": found.figure.result,
        "changed": _changed_since(found, timezone.now()),
        "differing": list(islice(replayed(found.attainment), SHOWN_CHANGES)),
        "reason": reason,
        "word": word,
        "error": error,
        "url": request.path,
        "cancel_url": here,
        "title": f"Restate {found.level.name}, {found.period.label}",
        "crumbs": [*found.crumbs(organization), (found.period.label, here), ("Restate", "")],
    }
    return render(request, "sla/restate.html", context, status=422 if error else 200)
