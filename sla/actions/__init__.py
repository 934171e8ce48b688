"""The only writers of the room. Verb first, keyword-only, `by=` an actor, atomic, audited."""

from sla.actions.calendars import add_calendar_version, create_calendar, public_holidays, regions
from sla.actions.closing import claim_in_words, close_window, contestable_until, default_of, finalize_claims, publish_attainment
from sla.actions.contests import accept_exclusion, contest_exclusion, withdraw_exclusion
from sla.actions.levels import (
    Promise,
    add_level_version,
    complete,
    create_level,
    exclude_item,
    recompute,
    record_quality_check,
    update_level,
)
from sla.actions.restating import differences, latest_closed, restate_window

__all__ = [
    "Promise",
    "accept_exclusion",
    "add_calendar_version",
    "add_level_version",
    "claim_in_words",
    "close_window",
    "complete",
    "contest_exclusion",
    "contestable_until",
    "create_calendar",
    "create_level",
    "default_of",
    "differences",
    "exclude_item",
    "finalize_claims",
    "latest_closed",
    "public_holidays",
    "publish_attainment",
    "recompute",
    "record_quality_check",
    "regions",
    "restate_window",
    "update_level",
    "withdraw_exclusion",
]
