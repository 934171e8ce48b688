"""Values that are well formed and still cannot be meant."""

from __future__ import annotations

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
