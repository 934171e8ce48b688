"""Names of companies and people as a conflict check compares them. Pure."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum

# Legal forms, as the words that `name_key` makes of them: "S.A." is "s a", joined again below.
_FORMS = frozenset(
    """ab ag aktiengesellschaft as asa bhd bv bvba co company corp corporation cv eirl ev gesellschaft gmbh gbr inc incorporated kg kgaa kk
    lda limited limitada llc llp lp ltd ltda limitee mbh nv ohg oy oyj pc plc pllc pte pty pvt sa sab sarl sas sasu sca scs se sen sl slu
    snc spa spk spzoo srl srls sro ug aps unlimited""".split()  # noqa: SIM905 -- read as a list of words
)
# What names share without their bearers having anything to do with each other.
_COMMON = frozenset(
    """a an and associates at bank capital center centre consulting d da das de del der des di die do du e el et europe european ventures
    financial for foundation france fur germany global group groupe gruppe health healthcare holding holdings in industries insurance
    international investment investments l la las law le legal les los management media new of on partners partnership products resources
    school service services solutions systems technologies technology the trading trust und uk university us usa van von y""".split()  # noqa: SIM905
)


def name_key(name: str) -> str:
    """A name as it is compared: case, accents, punctuation and repeated spaces aside. "Société d'Été, S.A." → "societe d ete s a"."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(char))
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


def _joined(words: list[str]) -> list[str]:
    """Single letters that stand together are one abbreviation: `s a` → `sa`, `k k` → `kk`."""
    found: list[str] = []
    run = ""
    for word in [*words, ""]:
        if len(word) == 1:
            run += word
            continue
        if run:
            found.append(run)
            run = ""
        if word:
            found.append(word)
    return found


def core(name: str) -> tuple[str, ...]:
    """The words of a name without its legal form: "Osprey Holdings, S.A." → ("osprey", "holdings")."""
    words = _joined(name_key(name).split())
    kept = list(words)
    while len(kept) > 1 and kept[-1] in _FORMS:
        kept.pop()
    return tuple(word for word in kept if word != "the") or tuple(words)


def telling(name: str) -> frozenset[str]:
    """The words that tell a name from others; all of them where every one is common."""
    words = core(name)
    return frozenset(word for word in words if word not in _COMMON and len(word) > 1) or frozenset(words)


def index_words(name: str) -> frozenset[str]:
    """Under which words a name is kept, and looked for: its telling words, and all of it without spaces."""
    words = core(name)
    return telling(name) | {"".join(words)} if words else frozenset()


class Strength(IntEnum):
    """How alike two names are; the higher, the more."""

    WORDS = 1
    PART = 2
    FORM = 3
    SAME = 4


@dataclass(frozen=True)
class Likeness:
    strength: Strength
    why: str


def likeness(asked: str, found: str) -> Likeness | None:
    """Why two names are alike, in words; None when they are not.

    Half of the telling words of the shorter name must be shared: a check had better show one name too many than one too few.
    """
    if name_key(asked) == name_key(found):
        return Likeness(Strength.SAME, "Same name")
    ours, theirs = core(asked), core(found)
    if ours == theirs:
        return Likeness(Strength.FORM, "Same name but for the legal form")
    if "".join(ours) == "".join(theirs):
        return Likeness(Strength.FORM, "Same name but for spaces")
    if sorted(ours) == sorted(theirs):
        return Likeness(Strength.FORM, "Same words in another order")
    mine, yours = telling(asked), telling(found)
    shared = mine & yours
    if not shared:
        return None
    if shared in (mine, yours):
        whole = set(ours) <= set(theirs) or set(theirs) <= set(ours)
        return Likeness(Strength.PART, f"{'One name is part of the other' if whole else 'Alike but for common words'}: {_quoted(shared)}")
    if 2 * len(shared) >= min(len(mine), len(yours)):
        return Likeness(Strength.WORDS, f"Both have {_quoted(shared)}")
    return None


def _quoted(words: frozenset[str]) -> str:
    return ", ".join(f"“{word}”" for word in sorted(words))
