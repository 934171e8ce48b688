"""One window of one level: the rows behind its figure, closing it, publishing it."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from engagements import paging
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.errors import Refused
from lpo.core.localtime import from_epoch
from lpo.core.periods import Period
from lpo.core.sheets import Sheet, workbook
from lpo.tenancy.context import current_scope
from sla import actions, counting, queries, slots, wording
from sla.augmentation import credit_applies, note_on
from sla.exports import in_utc
from sla.models import Attainment, LevelKind, ServiceLevel, ServiceLevelVersion
from sla.queries import Figure, window_key
from sla.restated import SHOWN_CHANGES, restated_of
from sla.rows import HEADER, as_csv, behind, cells, shown
from sla.scorecard import Line
from sla.verify import replayed
from sla.views.edges import CSV, XLSX, acting, level_or_404, streamed, window_or_404
from sla.views.incidents import beside, earning
from sla.views.levels import crumbs, level_url

OUTCOMES = {"": "All", "met": "Met", "missed": "Missed", "pending": "Pending", "excluded": "Excluded"}


class Window:
    """A level's window as its pages need it."""

    def __init__(self, prefix: str, number: int, first_day: date) -> None:
        self.level: ServiceLevel = level_or_404(prefix, number)
        self.number, self.first_day = number, first_day
        version, period = window_or_404(self.level, first_day)
        self.version: ServiceLevelVersion = version
        self.period: Period = period
        self.start, self.end = from_epoch(period.start), from_epoch(period.end)
        latest = Attainment.objects.filter(level=self.level, window_start=self.start).order_by("-revision")
        self.attainment: Attainment | None = latest.first()
        (self.figure,) = queries.with_misses([Figure(self.version, period.label, self.start, self.end, self.attainment)])

    @property
    def accuracy(self) -> bool:
        return str(self.level.kind) == LevelKind.ACCURACY

    @property
    def key(self) -> str:
        """2026-10, or 2026-10-05 for a week: what a person types to confirm, and what files are named by."""
        return window_key(self.start, self.version)

    def url(self, name: str, organization: str) -> str:
        return level_url(name, organization, self.level, self.number, self.first_day)

    def crumbs(self, organization: str) -> list[tuple[str, str]]:
        return crumbs(organization, self.level, self.number)


def _order(window: Window, chosen: str) -> tuple[tuple[str, str], tuple[Any, Any]]:
    """The keys by which the rows are paged."""
    if window.figure.closed:
        return ("outcome", "id"), (str, int)
    if window.figure.throughput:
        return ("received_at" if chosen == "pending" else "first_delivered_at", "id"), (paging.instant, int)
    return ("checked_at" if window.accuracy else "due_at", "id"), (paging.instant, int)


@requires(P.VIEW_LEVELS)
def window(request: TenantRequest, organization: str, prefix: str, number: int, first_day: date) -> HttpResponse:
    """The figure, how it came about, and every row behind it."""
    found, now = Window(prefix, number, first_day), timezone.now()
    chosen = request.GET.get("outcome", "")
    chosen = chosen if chosen in _outcomes(found) else ""
    rows, (keys, parsers) = behind(found.figure, now, chosen), _order(found, chosen)
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
        "rows": list(shown(found.figure, page.rows, now)),
        "page": page,
        "chips": _chips(found, organization, chosen),
        "claim": claim,
        "became": slots.became(request, claim) if claim else [],
        **beside(request, claim, found.url("choose_credit", organization)),
        **earning(found.attainment, claim, lambda day: level_url("window", organization, found.level, number, day), organization),
        "changed": _changed_since(found, now),
        "strength": f"{found.figure.strength} {wording.tested(found.version)}" if found.figure.strength else "",
        "no_credit": _no_credit(found),
        "level_units": found.version.volume_by,
        "ended": found.end <= now,
        "may_close": may_close and found.end <= now and not found.figure.closed,
        "may_publish": may_close and found.attainment is not None and found.figure.closed and found.attainment.published_at is None,
        "may_restate": may_close and found.figure.closed,
        "restate_url": found.url("restate", organization),
        "restated": restated_of(found.attainment, found.version.time_zone) if found.attainment else None,
        "close_url": found.url("close", organization),
        "publish_url": found.url("publish", organization),
        "csv_url": found.url("window_csv", organization),
        "xlsx_url": found.url("window_xlsx", organization),
        "turnaround": Line(found.figure).turnaround,
        "crumbs": [*found.crumbs(organization), (found.period.label, "")],
    }
    return render(request, "sla/window.html", context)


def _outcomes(found: Window) -> dict[str, str]:
    """The outcomes by which its rows can be chosen."""
    if found.accuracy:
        return {"": "All"}
    if not found.figure.throughput:
        return OUTCOMES
    # Of a closed window what was still open is frozen only where it decided what was due.
    pending = {"pending": "Still open"} if not found.figure.closed or (found.attainment and found.attainment.pending) else {}
    return {"": "All", "met": "Delivered", **pending, "excluded": "Excluded"}


def _chips(found: Window, organization: str, chosen: str) -> list[dict[str, object]]:
    figure, here = found.figure, found.url("window", organization)
    pending = figure.attainment.pending if figure.attainment else 0
    excluded = figure.attainment.excluded if figure.attainment else 0
    if figure.throughput:
        # Rows are items, the figure may be in units: a chip only counts what it leads to.
        return [
            {"label": label, "url": here + (f"?outcome={name}" if name else ""), "current": chosen == name}
            for name, label in _outcomes(found).items()
        ]
    if figure.accuracy:
        return []
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
    weighed = None if found.figure.throughput else counted.rate
    return wording.result(count.numerator + carried[0], count.denominator + carried[1], weighed=weighed)


def _no_credit(found: Window) -> str:
    """Why a miss earns nothing, where the contract has a minimum or a number below which it does not."""
    if found.attainment is None or found.attainment.met is not False or not wording.credit_share(found.version):
        return ""
    return "" if found.figure.ruling.due else found.figure.ruling.why


@requires(P.VIEW_LEVELS)
def window_csv(request: TenantRequest, organization: str, prefix: str, number: int, first_day: date) -> StreamingHttpResponse:
    """Every row behind the figure: it adds up to the figure exactly."""
    found = Window(prefix, number, first_day)
    return streamed(as_csv(found.figure, timezone.now(), current_scope()), f"{prefix}-{number}-{found.key}.csv", CSV)


@requires(P.VIEW_LEVELS)
def window_xlsx(request: TenantRequest, organization: str, prefix: str, number: int, first_day: date) -> StreamingHttpResponse:
    """The same rows as a workbook."""
    found = Window(prefix, number, first_day)
    rows = (row for _, row in cells([found.figure], timezone.now(), current_scope()))
    content = workbook([Sheet(found.period.label, in_utc(HEADER), rows)])
    return streamed(content, f"{prefix}-{number}-{found.key}.xlsx", XLSX)


@requires(P.CLOSE_WINDOWS, POST=P.CLOSE_WINDOWS)
@acting
def close(request: TenantRequest, organization: str, prefix: str, number: int, first_day: date) -> HttpResponse:
    found = Window(prefix, number, first_day)
    here, word, error = found.url("window", organization), f"CLOSE {found.key}", ""
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
        "no_credit": _no_credit(found),
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
def publish(request: TenantRequest, organization: str, prefix: str, number: int, first_day: date) -> HttpResponse:
    found = Window(prefix, number, first_day)
    if found.attainment is None or not found.figure.closed:
        raise Http404("No such page.")
    here, word, error = found.url("window", organization), f"PUBLISH {found.key}", ""
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
def restate(request: TenantRequest, organization: str, prefix: str, number: int, first_day: date) -> HttpResponse:
    """Measure a closed window anew, with its reason; shown first is what the records say today."""
    found = Window(prefix, number, first_day)
    here, word, error = found.url("window", organization), f"RESTATE {found.key}", ""
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
