"""What several of a thing are called, by English's rule. Pure."""

from __future__ import annotations

# Measures are written alike for one and for many.
_SYMBOLS = {"KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "h", "min"}
_IRREGULAR = {"person": "people", "analysis": "analyses", "index": "indices", "matrix": "matrices"}
_SIBILANTS = ("ch", "sh", "x", "ss", "z")


def plural_of(noun: str) -> str:
    """`letters`, `NDAs`, `batches`, `summaries`, `packages of 100 letters`. What ends in a single s is taken for a plural already."""
    head, of, rest = noun.partition(" of ")
    before, space, last = head.rpartition(" ")
    return f"{before}{space}{_word(last)}{of}{rest}" if noun else ""


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
