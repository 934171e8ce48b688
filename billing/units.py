"""What several of a unit are called. Pure.

A contract names its unit in the singular, and whoever writes the term may say what several are called; else English's rule decides.
"""

from __future__ import annotations

from decimal import Decimal

# Measures are written alike for one and for many.
_SYMBOLS = {"KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "h", "min"}
_IRREGULAR = {"person": "people", "analysis": "analyses", "index": "indices", "matrix": "matrices"}
_SIBILANTS = ("ch", "sh", "x", "ss", "z")


def several(unit: str, plural: str = "") -> str:
    """`letters`, `NDAs`, `batches`, `summaries`, `packages of 100 letters`; `plural` where somebody said it.

    What ends in a single s is taken for a plural already.
    """
    if plural or not unit:
        return plural
    noun, of, rest = unit.partition(" of ")
    before, space, last = noun.rpartition(" ")
    return f"{before}{space}{_word(last)}{of}{rest}"


def _word(word: str) -> str:
    if word in _SYMBOLS:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith(_SIBILANTS):
        return f"{word}es"
    if word.endswith("s"):
        return word
    if word.endswith("y") and word[-2:-1] not in {"a", "e", "i", "o", "u", ""}:
        return f"{word[:-1]}ies"
    return f"{word}s"


def counted_in(quantity: Decimal, unit: str, plural: str = "") -> str:
    """The unit beside a quantity: one of anything, owed or taken back, is singular; all else, 0 and 0.5 too, is plural."""
    return unit if abs(quantity) == 1 else several(unit, plural)
