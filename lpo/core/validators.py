"""Values that are well formed and still cannot be meant."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from django.core.exceptions import ValidationError

# Beyond these a slip of the pen, and arithmetic with zones and months leaves the calendar Python knows.
FIRST_YEAR, LAST_YEAR = 1970, 2199
WRONG_YEAR = f"The year cannot be right: years from {FIRST_YEAR} to {LAST_YEAR} are read."


def plausible(day: date) -> bool:
    """Whether a date, or the instant of a datetime, lies in a year that somebody can mean."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def validate_year(day: date) -> None:
    """A form field's validator. Raises `ValidationError`."""
    if not plausible(day):
        raise ValidationError(WRONG_YEAR)


# What no keyboard means to write into a name: control characters, line and paragraph separators, marks that turn the direction
# of the text around them, and halves of surrogate pairs, which are no characters at all.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BETWEEN_LINES = re.compile("[\t\r\n]")
_SAID = {"\t": "a tab", "\n": "a line break", "\r": "a line break", "\x00": "a NUL character"}
NOTHING_TO_READ = "This has no character that can be read."


def problem_of_text(text: str, *, lines: bool = False) -> str:
    """Why `text` cannot be a name, a title or another line that people read; empty when nothing stands against it.

    `lines` for a text of several lines: tabs and line breaks are its own.
    """
    for found in _CONTROL.finditer(text):
        sign = found.group()
        if lines and _BETWEEN_LINES.match(sign):
            continue
        said = _SAID.get(sign, f"a control character (U+{ord(sign):04X})")
        return f"Character {found.start() + 1} is {said}. Leave it out."
    return "" if not text or readable(text) else NOTHING_TO_READ


def readable(text: str) -> bool:
    """Whether there is anything to see in it: not only white space, joiners and marks without width."""
    return any(unicodedata.category(character) not in _UNSEEN for character in text)


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})


def validate_line(text: str) -> None:
    """A form field's validator for names and titles. Raises `ValidationError`."""
    if problem := problem_of_text(text):
        raise ValidationError(problem)


def validate_lines(text: object) -> None:
    """The same for a text of several lines. What a field has made something else of, tiers say, is not looked at."""
    if isinstance(text, str) and (problem := problem_of_text(text, lines=True)):
        raise ValidationError(problem)
