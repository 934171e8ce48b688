"""The one writer of a timesheet's state."""

from __future__ import annotations

from typing import Any

from engagements import states
from engagements.models import Timesheet
from lpo.core.errors import Refused


def move_sheet(sheet: Timesheet, to: str, **values: Any) -> Timesheet:
    """Bring a locked timesheet to another state, with what goes with it. Raises `Refused` where the table has no such move."""
    try:
        states.check_sheet(sheet.state, to)
    except states.MoveRefused as error:
        raise Refused(f"This timesheet is {sheet.get_state_display().lower()}.") from error
    for name, value in values.items():
        setattr(sheet, name, value)
    sheet.state = to
    sheet.version += 1
    sheet.save(update_fields=["state", "version", *values])
    return sheet
