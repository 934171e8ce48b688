"""The rows behind a figure: frozen ones of a closed window, else the clocks or checks as they are. A page at a time, or all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from engagements.models import LateEntry, WorkItem
from lpo.core.exports import Cell, write_csv
from lpo.tenancy.context import Scope, scoped
from sla.evidence import RECORDED_LATE
from sla.models import Adjudication, AttainmentRow, Clock, Exclusion, Population, Purpose, QualityCheck, VolumeBy
from sla.queries import Figure
from sla.volume import UNDELIVERED

KINDS = {"met": "met", "missed": "breach", "pending": "progressing", "excluded": "draft", "checked": "met"}
BATCH = 5_000
_TIMES = ("started_at", "due_at", "stopped_at", "used_seconds", "paused_seconds", "late_seconds")
HEADER = ("reference", "external_id", "outcome", *_TIMES, "units", "errors", "reason")
_EMPTY = {**dict.fromkeys(_TIMES), "units": None, "errors": None}


def outcomes(now: datetime) -> dict[str, Q]:
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


def behind(figure: Figure, now: datetime, outcome: str = "") -> QuerySet[Any]:
    """The rows of one figure, of one outcome where it is named."""
    if figure.closed:
        rows = AttainmentRow.objects.filter(attainment=figure.attainment)
        return rows.filter(outcome=outcome) if outcome else rows
    if figure.accuracy:
        return _checks(figure)
    if figure.throughput:
        return _work(figure, outcome)
    clocks = Clock.objects.filter(level=figure.level, window_start=figure.start, cycle=1).select_related("item")
    return clocks.filter(outcomes(now)[outcome]) if outcome else clocks


def _work(figure: Figure, outcome: str) -> QuerySet[Any]:
    """What was delivered in the window; asked for what is pending, what is still open."""
    version = figure.version
    items = WorkItem.objects.filter(workstream_id=figure.level.workstream_id, kind=version.item_kind)
    items = items.filter(priority=version.priority) if version.priority else items
    items = items.filter(type__in=version.types) if version.types else items
    out = Exclusion.objects.filter(level=figure.level, item=OuterRef("pk"), withdrawn_at__isnull=True)
    if outcome == "pending":
        return items.filter(~Exists(out), first_delivered_at__isnull=True, state__in=UNDELIVERED, received_at__lt=figure.end)
    delivered = items.filter(first_delivered_at__gte=figure.start, first_delivered_at__lt=figure.end)
    if not outcome:
        return delivered
    return delivered.filter(Exists(out) if outcome == "excluded" else ~Exists(out))


def _checks(figure: Figure) -> QuerySet[Any]:
    version = figure.version
    within = QualityCheck.objects.filter(
        checked_at__gte=figure.start,
        checked_at__lt=figure.end,
        item__workstream_id=figure.level.workstream_id,
        item__kind=version.item_kind,
        item__first_delivered_at__isnull=False,
    ).filter(checked_at__gte=F("item__first_delivered_at"))
    # What a sample of work set aside found is a figure of its own.
    within = within.filter(Q(sampled__isnull=True) | Q(sampled__plan__purpose=Purpose.ACCURACY)).select_related("item")
    if version.population == Population.RANDOM:
        within = within.filter(sampled__isnull=False)
    decided = Adjudication.objects.filter(quality_check=OuterRef("pk")).values("errors")
    within = within.annotate(counted_errors=Coalesce(Subquery(decided), "errors"))
    within = within.filter(item__type__in=version.types) if version.types else within
    return within.filter(item__priority=version.priority) if version.priority else within


def shown(figure: Figure, rows: Sequence[Any], now: datetime) -> Iterator[dict[str, Any]]:
    """Rows alike, whatever they come from."""
    reasons: dict[int, str] = {}
    late: set[int] = set()
    if not figure.closed:
        ids = {row.pk if isinstance(row, WorkItem) else row.item_id for row in rows}
        live = Exclusion.objects.filter(level=figure.level, item_id__in=ids, withdrawn_at__isnull=True)
        reasons = dict(live.values_list("item_id", "reason"))
        late = set(LateEntry.objects.filter(item_id__in=ids, state="approved").values_list("item_id", flat=True))
    for row in rows:
        if isinstance(row, Clock):
            outcome = outcome_of(row, now)
            otherwise = "Cancelled before it was due" if row.cancelled else RECORDED_LATE if row.item_id in late else ""
            reason = reasons.get(row.item_id, otherwise)
            yield _shown_row(row, row.item.reference, row.item.external_id or "", outcome, reason)
        elif isinstance(row, WorkItem):
            outcome = "excluded" if row.pk in reasons else "met" if row.first_delivered_at is not None else "pending"
            units = row.quantity if figure.version.volume_by == VolumeBy.UNITS else Decimal(1)
            times = {"started_at": row.received_at, "stopped_at": row.first_delivered_at, "units": units}
            named = {"reference": row.reference, "external_id": row.external_id or "", "outcome": outcome, "kind": KINDS[outcome]}
            yield {**_EMPTY, **times, **named, "reason": reasons.get(row.pk, "")}
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
                "units": row.weighted if figure.throughput else row.units,
                "errors": row.errors,
            }


def _shown_row(row: Any, reference: str, external_id: str, outcome: str, reason: str) -> dict[str, Any]:
    facts = {name: getattr(row, name) for name in _TIMES}
    named = {"reference": reference, "external_id": external_id, "outcome": outcome, "kind": KINDS[outcome], "reason": reason}
    return {**_EMPTY, **facts, **named}


def batches(figure: Figure, now: datetime, scope: Scope) -> Iterator[list[dict[str, Any]]]:
    """Every row in the order of their numbers. A file outlives the request's transaction, so each batch enters the viewer's scope
    again; half a million rows are never held at once."""
    after = 0
    while True:
        with scoped(scope):
            rows = list(behind(figure, now).filter(id__gt=after).order_by("id")[:BATCH])
            found = list(shown(figure, rows, now))
        if not rows:
            return
        after = rows[-1].pk
        yield found


def cells(figures: Iterable[Figure], now: datetime, scope: Scope) -> Iterator[tuple[Figure, list[Cell]]]:
    """The rows of several figures as cells below `HEADER`, each with the figure it stands behind."""
    for figure in figures:
        for batch in batches(figure, now, scope):
            for row in batch:
                yield figure, [row[name] for name in HEADER]


def as_csv(figure: Figure, now: datetime, scope: Scope) -> Iterator[bytes]:
    yield write_csv(HEADER, [])
    for batch in batches(figure, now, scope):
        yield write_csv(HEADER, [[row[name] for name in HEADER] for row in batch]).partition(b"\r\n")[2]
