"""The ledger of what waits on clients: since when, why, what shows it, and what it does to the due date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from engagements import listing, paging, panels
from engagements.models import Client, Matter, Pause
from engagements.panels import PauseEffect
from engagements.views.edges import address
from lpo.accounts.access import TenantRequest, requires
from lpo.accounts.roles import Permission as P
from lpo.core.exports import Cell, write_csv

MOST_IN_FILE = 5_000
_AT_ONCE = 500
_HEADER = [
    *["Client", "Matter", "Item", "External ID", "Reason", "Note", "Since", "Until", "Recorded", "Recorded by", "Evidence"],
    *["Contest by", "Contested", "Service level", "Due", "Due without it"],
]


@dataclass(frozen=True)
class Filters:
    client: str = ""
    matter: str = ""
    show: str = ""

    def as_query(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


def _filters(values: Any) -> Filters:
    return Filters(**{name: str(values.get(name, ""))[:40] for name in Filters.__annotations__})


def _pauses(filters: Filters) -> QuerySet[Any]:
    """Pauses of the client's party that count; those that still run unless all are asked for."""
    rows: QuerySet[Any] = Pause.objects.filter(party="client", withdrawn_at__isnull=True)
    if filters.show != "all":
        rows = rows.filter(ended_at__isnull=True)
    if filters.client:
        rows = rows.filter(client_id__in=Client.objects.filter(code=filters.client).values("id"))
    if filters.matter:
        rows = rows.filter(matter_id__in=Matter.objects.filter(reference=filters.matter).values("id"))
    return rows


@dataclass(frozen=True)
class Row:
    pause: Any
    matter: Matter
    number: int
    effect: PauseEffect | None

    @property
    def client(self) -> Client:
        client: Client = self.matter.client
        return client


def _rows(pauses: Sequence[Any]) -> list[Row]:
    """With matters, clients and effects: a number of statements that does not grow with the rows."""
    matters = Matter.objects.select_related("client").in_bulk({pause.matter_id for pause in pauses})
    effects: dict[int, PauseEffect] = {}
    for source in panels.pause_effects:
        effects.update(source(pauses))
    numbers: dict[int, int] = {}
    seen: dict[int, int] = {}
    listed = Pause.objects.filter(item_id__in={pause.item_id for pause in pauses}).order_by("started_at", "id")
    for pk, item_id in listed.values_list("id", "item_id"):
        seen[item_id] = numbers[pk] = seen.get(item_id, 0) + 1
    return [Row(pause, matters[pause.matter_id], numbers[pause.pk], effects.get(pause.pk)) for pause in pauses]


_COLUMNS = {
    "client": "Client, matter",
    "needed": "What is needed",
    "since": "Since",
    "recorded": "Recorded",
    "contest": "Contest by",
    "due": "Due",
    "without": "Without it",
}
_MEASURED = ("due", "without")
_USUAL = ("client", "needed", "since", "contest", *_MEASURED)
_GROUPS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "client": ("Client", lambda row: row.client.name),
    "matter": ("Matter", lambda row: f"{row.matter.reference} {row.matter.title}"),
    "reason": ("What is needed", lambda row: str(row.pause.get_reason_display())),
}
_SORTS = [("", "Longest first"), ("newest", "Newest first")]


def _layout(measured: bool) -> listing.Layout:
    """Dues are no column where nothing measures them, or for who may not see them."""
    columns = {name: label for name, label in _COLUMNS.items() if measured or name not in _MEASURED}
    return listing.Layout(columns, [name for name in _USUAL if name in columns], _SORTS, _GROUPS)


@requires(P.VIEW_WORK)
def waiting(request: TenantRequest, organization: str) -> HttpResponse:
    asked = listing.asked(request, "waiting")
    filters = _filters(asked.values)
    rows = _pauses(filters)
    query = asked.query | listing.position(request)
    newest = asked.values["sort"] == "newest"
    listed = rows.select_related("item")
    page = paging.page_of(listed, query, keys=("started_at", "id"), parsers=(paging.instant, int), descending=newest)
    page = paging.counted(page, rows)
    shown, measured = _rows(page.rows), bool(panels.pause_effects) and request.membership.may(P.VIEW_LEVELS)
    context = {
        "page": page,
        "rows": shown,
        "filters": filters,
        "chosen": filters.as_query(),
        "asked": asked,
        "problems": [],
        "may_save": request.membership.may(P.SAVE_VIEWS),
        "clients": [(c.code, c.name) for c in Client.objects.order_by("name")[:200]],
        "matters": [(m.reference, f"{m.reference} {m.title}") for m in Matter.objects.filter(status="open").order_by("reference")[:500]],
        **_layout(measured).of(asked, shown),
        "csv_url": _csv_url(organization, filters),
        "may_read": request.membership.may(P.VIEW_WORK_PRODUCT),
    }
    return render(request, "engagements/waiting.html", context)


def _csv_url(organization: str, filters: Filters) -> str:
    chosen = urlencode(filters.as_query())
    return address("waiting_csv", organization) + (f"?{chosen}" if chosen else "")


@requires(P.VIEW_WORK)
def waiting_csv(request: TenantRequest, organization: str) -> HttpResponse:
    """The same rows as a file, oldest first; instants in UTC."""
    pauses = list(_pauses(_filters(request.GET)).select_related("item").order_by("started_at", "id")[:MOST_IN_FILE])
    lines = [_line(row) for start in range(0, len(pauses), _AT_ONCE) for row in _rows(pauses[start : start + _AT_ONCE])]
    headers = {"Content-Disposition": 'attachment; filename="waiting-on-clients.csv"'}
    return HttpResponse(write_csv(_HEADER, lines), content_type="text/csv; charset=utf-8", headers=headers)


def _line(row: Row) -> list[Cell]:
    pause, effect = row.pause, row.effect
    due: list[datetime | None] = [effect.due_at, effect.without] if effect else [None, None]
    return [
        *[row.client.code, row.matter.reference, pause.item.reference, pause.item.external_id or ""],
        *[pause.get_reason_display(), pause.note, pause.started_at, pause.ended_at, pause.recorded_at, pause.by_label],
        *["yes" if pause.evidence_id else "no", pause.contest_by, pause.contested_at, effect.level if effect else "", *due],
    ]
