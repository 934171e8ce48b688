"""What a list was asked to show: its query string, a saved view, or the viewer's default; and why a filter finds nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q

from engagements.models import DefaultView, SavedView
from lpo.accounts.access import TenantRequest

# What each page keeps in a view, besides where one is in its pages.
KEPT: dict[str, tuple[str, ...]] = {
    "queue": ("client", "workstream", "state", "kind", "assignee", "paused", "priority", "columns", "sort", "group"),
    "engagements": ("status", "client", "manager"),
    "matters": ("client", "status"),
    "waiting": ("client", "matter", "show"),
}
_POSITION = ("after", "before")


@dataclass(frozen=True)
class Asked:
    """What a list shows. `values` hold every name the page keeps, empty where nothing was said; `view` is the saved one behind them,
    `changed` whether the values differ from it."""

    page: str
    values: Mapping[str, str]
    view: SavedView | None = None
    changed: bool = False
    missing: bool = False
    views: Sequence[SavedView] = field(default_factory=tuple)
    default_id: int | None = None

    @property
    def filters(self) -> dict[str, str]:
        return {name: value for name, value in self.values.items() if value}

    @property
    def query(self) -> dict[str, str]:
        """What the links of the page carry on: the view's number alone while nothing differs from it."""
        if self.view is not None:
            named = {"view": str(self.view.number)}
            return named | self.filters if self.changed else named
        # Everything was asked for where the viewer's default would show less.
        return self.filters or ({"view": "0"} if self.default_id is not None else {})

    @property
    def encoded(self) -> str:
        return urlencode(self.filters)


def _said(values: Any, names: Sequence[str]) -> dict[str, str]:
    """What the query string says of these names; several values of one name are joined, as columns are."""
    return {name: ",".join(part[:60] for part in values.getlist(name) if part)[:300] for name in names}


def asked(request: TenantRequest, page: str) -> Asked:
    """One statement: the views of the page that this person may use, with the default marked."""
    names = KEPT[page]
    mine = Q(owner=request.membership) | Q(shared=True)
    views = list(SavedView.objects.filter(mine, page=page).order_by("name", "id")[:200])
    default = DefaultView.objects.filter(member=request.membership, page=page).values_list("view_id", flat=True).first()
    explicit = any(name in request.GET for name in names)
    wanted = request.GET.get("view", "")
    if wanted:
        view = next((row for row in views if str(row.number) == wanted), None)
        missing = view is None and wanted != "0"
    else:
        view = None if explicit else next((row for row in views if row.pk == default), None)
        missing = False
    kept = {name: str(view.query.get(name, "")) if view else "" for name in names}
    values = _said(request.GET, names) if explicit else kept
    return Asked(page, values, view, view is not None and values != kept, missing, views, default)


def position(request: TenantRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in _POSITION if name in request.GET}


def unknown(values: Mapping[str, str], choices: Mapping[str, Sequence[tuple[str, str]]], names: Mapping[str, str]) -> list[str]:
    """In words, the filters that nothing answers to any more."""
    return [
        f"{names[name]} “{values[name]}” is not among those to choose from any more: nothing is listed until the filter is changed."
        for name, offered in choices.items()
        if values.get(name) and values[name] not in {value for value, _ in offered}
    ]
