"""What is still open when an engagement is closed. Rooms above add their part through `sources`; all are asked across walls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engagements.models import Engagement
from lpo.accounts.roles import Permission


@dataclass(frozen=True)
class Unfinished:
    """A kind of thing that is open: how many, what one and what several are called, and where to see them."""

    count: int
    one: str
    several: str
    url: str = ""
    permission: Permission = Permission.VIEW_WORK

    @property
    def text(self) -> str:
        return self.one if self.count == 1 else self.several


# (organization's slug, engagement) → what is open. A count names nothing, so it is told to everyone who may close.
Source = Callable[[str, Engagement], Iterable[Unfinished]]
sources: list[Source] = []
