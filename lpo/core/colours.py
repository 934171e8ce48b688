"""Colours that people choose, and what can be read on them. Pure."""

from __future__ import annotations

from decimal import Decimal

_LIGHT_INK, _DARK_INK = "#ffffff", "#1a1d23"


def ink_on(colour: str) -> str:
    """White or near-black, whichever stands out more on `colour` (#rrggbb), by relative luminance (WCAG 2)."""
    if len(colour) != 7 or not colour.startswith("#"):
        raise ValueError(f"a colour is written #rrggbb, not {colour!r}")
    red, green, blue = (_linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    luminance = (2126 * red + 7152 * green + 722 * blue) / 10000
    return _LIGHT_INK if luminance < Decimal("0.18") else _DARK_INK


def _linear(channel: int) -> Decimal:
    share = Decimal(channel) / 255
    return share / Decimal("12.92") if share <= Decimal("0.04045") else ((share + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")
