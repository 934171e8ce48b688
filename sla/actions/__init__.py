"""The only writers of the room. Verb first, keyword-only, `by=` an actor, atomic, audited."""

from sla.actions.calendars import add_calendar_version, create_calendar, public_holidays, regions
from sla.actions.closing import claim_in_words, close_window, contestable_until, default_of, finalize_claims, publish_attainment
from sla.actions.levels import (
    Promise,
    add_level_version,
    complete,
    create_level,
    exclude_item,
    recompute,
    record_quality_check,
    update_level,
    withdraw_exclusion,
)
from sla.actions.restating import differences, latest_closed, restate_window
from sla.actions.sampling import (
    CHECKERS,
    SET_ASIDE,
    Declared,
    Found,
    adjudicate,
    assign_checks,
    check_sampled,
    draw_plan,
    extend_plan,
    may_adjudicate,
)

__all__ = [
    "CHECKERS",
    "SET_ASIDE",
    "Declared",
    "Found",
    "Promise",
    "add_calendar_version",
    "add_level_version",
    "adjudicate",
    "assign_checks",
    "check_sampled",
    "claim_in_words",
    "close_window",
    "complete",
    "contestable_until",
    "create_calendar",
    "create_level",
    "default_of",
    "differences",
    "draw_plan",
    "exclude_item",
    "extend_plan",
    "finalize_claims",
    "latest_closed",
    "may_adjudicate",
    "public_holidays",
    "publish_attainment",
    "recompute",
    "record_quality_check",
    "regions",
    "restate_window",
    "update_level",
    "withdraw_exclusion",
]
