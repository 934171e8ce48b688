"""What a client's billing rules would say of a time entry, told while it can still be mended. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

FEWEST_WORDS = 3
LONG = Decimal(8 * 60)
# Beginnings of what one does; two of different kinds in one entry are two tasks.
_VERBS = (
    *("review", "draft", "revis", "research", "analy", "prepar", "attend", "call", "confer", "email", "e-mail", "negotiat", "summari"),
    *("redact", "cod", "check", "proofread", "translat", "fil", "search", "train", "meet", "met", "wrote", "writ", "compar", "redlin"),
)
_PIECE = re.compile(r"[;.\n]|,\s|\band then\b|\band\b|\bthen\b|&", re.IGNORECASE)


def tasks_in(narrative: str) -> list[str]:
    """The verbs with which pieces of the narrative begin, each kind once."""
    found: dict[str, str] = {}
    for piece in _PIECE.split(narrative):
        word = piece.strip().partition(" ")[0].lower()
        for verb in _VERBS:
            if word.startswith(verb):
                found.setdefault(verb, word)
                break
    return list(found.values())


def warnings(narrative: str, minutes: Decimal) -> list[str]:
    """What is likely to be refused: no narrative, too short a one, several tasks in one entry, a very long day."""
    words = narrative.split()
    if not words:
        return ["There is no narrative. Say what was done, to what, and about which issue."]
    found = []
    if len(words) < FEWEST_WORDS:
        found.append("The narrative is very short. Say what was done, to what, and about which issue.")
    if len(tasks := tasks_in(narrative)) > 1:
        found.append(f"Several tasks in one entry ({', '.join(tasks)}). Clients refuse block billing: enter them apart.")
    if minutes > LONG:
        found.append("More than eight hours in one entry.")
    return found
