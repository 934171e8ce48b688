"""What a list was asked to show: its query string, a saved view, or the viewer's default; and why a filter finds nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q

from engagements.models import DefaultView, SavedView
from lpo.accounts.access import TenantRequest


@dataclass(frozen=True)
class Listed:
    """A list whose views can be saved: what it is called, the name of its address, and what a view keeps besides where one is in its
    pages."""

    title: str
    url: str
    kept: tuple[str, ...]


# Rooms above add their own lists once the applications are loaded.
lists: dict[str, Listed] = {
    "queue": Listed(
        "Work queue",
        "engagements:queue",
        ("client", "workstream", "state", "kind", "assignee", "paused", "priority", "type", "columns", "sort", "group"),
    ),
    "engagements": Listed("Engagements", "engagements:engagements", ("status", "client", "manager", "columns", "sort", "group")),
    "matters": Listed("Matters", "engagements:matters", ("client", "status", "columns", "sort", "group")),
    "waiting": Listed("Waiting on clients", "engagements:waiting", ("client", "matter", "show", "columns", "sort", "group")),
}
# What says how the rows are shown, not which.
LAYOUT = ("columns", "sort", "group")
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
    def url(self) -> str:
        """The name of the list's address."""
        return lists[self.page].url

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
    def narrowed(self) -> bool:
        """Whether a filter may have left rows out."""
        return any(value for name, value in self.values.items() if name not in LAYOUT)

    @property
    def encoded(self) -> str:
        return urlencode(self.filters)


def said(values: Any, names: Sequence[str]) -> dict[str, str]:
    """What the query string says of these names; several values of one name are joined, as columns are."""
    return {name: ",".join(part[:60] for part in values.getlist(name) if part)[:300] for name in names}


def asked(request: TenantRequest, page: str) -> Asked:
    """One statement: the views of the page that this person may use, with the default marked."""
    names = lists[page].kept
    mine = Q(owner=request.membership) | Q(shared=True)
    chosen = DefaultView.objects.filter(member=request.membership, page=page, view=OuterRef("pk"))
    views: list[Any] = list(SavedView.objects.filter(mine, page=page).annotate(opens=Exists(chosen)).order_by("name", "id")[:200])
    default = next((row.pk for row in views if row.opens), None)
    explicit = any(name in request.GET for name in names)
    wanted = request.GET.get("view", "")
    if wanted:
        view = next((row for row in views if str(row.number) == wanted), None)
        missing = view is None and wanted != "0"
    else:
        view = None if explicit else next((row for row in views if row.pk == default), None)
        missing = False
    kept = {name: str(view.query.get(name, "")) if view else "" for name in names}
    values = said(request.GET, names) if explicit else kept
    return Asked(page, values, view, view is not None and values != kept, missing, views, default)


def position(request: TenantRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in _POSITION if name in request.GET}


@dataclass(frozen=True)
class Layout:
    """What a list may be shown as: its columns with those it opens with, its orders, and what its rows may stand under, by name."""

    columns: Mapping[str, str]
    usual: Sequence[str]
    sorts: Sequence[tuple[str, str]]
    groups: Mapping[str, tuple[str, Callable[[Any], str]]]

    def of(self, asked: Asked, rows: Sequence[Any]) -> dict[str, Any]:
        """For the page's template: what was chosen of each, and the rows of the page under their headings."""
        asked_for = asked.values["columns"].split(",")
        chosen = [name for name in self.columns if name in asked_for] or list(self.usual)
        return {
            "columns": chosen,
            "headings": [(name, self.columns[name]) for name in chosen],
            "offered_columns": [(name, label, name in chosen) for name, label in self.columns.items()],
            "sorts": self.sorts,
            "group_choices": [("", "No groups"), *((name, label) for name, (label, _) in self.groups.items())],
            "groups": self._grouped(rows, asked.values["group"]),
        }

    def _grouped(self, rows: Sequence[Any], by: str) -> list[tuple[str, list[Any]]]:
        """Under headings in the order in which each first comes; one nameless group otherwise."""
        if by not in self.groups:
            return [("", list(rows))]
        found: dict[str, list[Any]] = {}
        for row in rows:
            found.setdefault(self.groups[by][1](row), []).append(row)
        return list(found.items())


def unknown(values: Mapping[str, str], choices: Mapping[str, Sequence[tuple[str, str]]], names: Mapping[str, str]) -> list[str]:
    """In words, the filters that nothing answers to any more."""
    return [
        f"{names[name]} “{values[name]}” is not among those to choose from any more: nothing is listed until the filter is changed."
        for name, offered in choices.items()
        if values.get(name) and values[name] not in {value for value, _ in offered}
    ]
