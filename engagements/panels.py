"""Slots on the pages of work, and in its search, that rooms above fill in their AppConfig.ready; engagements knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lpo.accounts.roles import Permission

if TYPE_CHECKING:
    from engagements.models import Pause
    from lpo.accounts.access import TenantRequest


@dataclass(frozen=True)
class Panel:
    """One titled box: rendered with `template`, which reads `panel.context`, and shown only to who holds `permission`."""

    title: str
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    permission: Permission = Permission.VIEW_WORK
    note: str = ""
    flush: bool = False
    aside: bool = False


PanelSource = Callable[["TenantRequest", Any], Panel | None]

item_panels: list[PanelSource] = []
workstream_panels: list[PanelSource] = []
matter_panels: list[PanelSource] = []
engagement_panels: list[PanelSource] = []
placement_panels: list[PanelSource] = []


@dataclass(frozen=True)
class Hit:
    """One thing that a search found: what it is called, what it says, where it is."""

    reference: str
    title: str
    url: str


# (request, text, most) → the hits of one kind; each source shows only what the viewer may see.
SearchSource = Callable[["TenantRequest", str, int], Sequence[Hit]]
searches: dict[str, SearchSource] = {}


def collect(sources: Iterable[PanelSource], request: TenantRequest, obj: Any) -> list[Panel]:
    """The panels of one object that this viewer may see, in the order they were registered."""
    found = [panel for source in sources if (panel := source(request, obj)) is not None]
    return [panel for panel in found if request.membership.may(panel.permission)]


@dataclass(frozen=True)
class PauseEffect:
    """What one wait does to a promise: when the item is due, and when it would be had it not waited."""

    level: str
    due_at: datetime
    without: datetime

    @property
    def moved(self) -> bool:
        return self.due_at != self.without


# By pause id; a pause that no promise knows of is left out. Each source takes as many statements for many pauses as for one.
PauseEffects = Callable[["Sequence[Pause]"], Mapping[int, PauseEffect]]
pause_effects: list[PauseEffects] = []
