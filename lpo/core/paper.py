"""Documents on paper: HTML laid out as tagged PDF/A-3a from packaged assets only, the same input giving the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.template import Context, Engine
from fontTools.ttLib import TTFont

_ROOT = Path(__file__).resolve().parent.parent.parent
STATIC = _ROOT / "static"


@dataclass(frozen=True)
class Enclosure:
    """A file inside the PDF, with when it was made."""

    name: str
    content: bytes
    description: str
    at: datetime


@cache
def _engine() -> Engine:
    return Engine(dirs=[str(_ROOT / "templates")], autoescape=True)


@cache
def glyphs() -> frozenset[int]:
    """The code points that the shipped font can print."""
    with TTFont(STATIC / "fonts/Inter-Regular.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())


def written(template: str, values: Mapping[str, Any]) -> str:
    """The page that is laid out: every value in it is text, so no locale and no clock is asked."""
    return str(_engine().get_template(template).render(Context(dict(values), use_l10n=False, use_tz=False)))


def printed(
    html: str, *, stylesheet: str, identifier: bytes, enclosed: Sequence[Enclosure] = (), drawings: Mapping[str, str] | None = None
) -> bytes:
    """`html` as tagged PDF/A-3a bytes. `drawings`: SVG by the name under which the page shows it."""
    # A process's first print takes most of a second longer; every other start is spared it.
    from lpo.core.press import press  # noqa: PLC0415

    return press(html, stylesheet=stylesheet, identifier=identifier, enclosed=enclosed, drawings=drawings)
