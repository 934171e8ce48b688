"""What several of a unit are called. Pure.

A contract names its unit in the singular, and whoever writes the term may say what several are called; else English's rule decides.
"""

from __future__ import annotations

from decimal import Decimal

from lpo.core.plurals import plural_of


def several(unit: str, plural: str = "") -> str:
    """`letters`, `NDAs`, `packages of 100 letters`; `plural` where somebody said it."""
    return plural or plural_of(unit)


def counted_in(quantity: Decimal, unit: str, plural: str = "") -> str:
    """The unit beside a quantity: one of anything, owed or taken back, is singular; all else, 0 and 0.5 too, is plural."""
    return unit if abs(quantity) == 1 else several(unit, plural)
