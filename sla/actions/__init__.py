"""The only writers of the room. Verb first, keyword-only, `by=` an actor, atomic, audited."""

from sla.actions.calendars import (
    add_calendar_version,
    change_calendar,
    create_calendar,
    proposed_calendar_version,
    public_holidays,
    regions,
)
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
from sla.actions.scenarios import key_of, proposed_version, replay_again, replay_level

__all__ = [
    "Promise",
    "add_calendar_version",
    "add_level_version",
    "change_calendar",
    "claim_in_words",
    "close_window",
    "complete",
    "contestable_until",
    "create_calendar",
    "create_level",
    "default_of",
    "differences",
    "exclude_item",
    "finalize_claims",
    "key_of",
    "latest_closed",
    "proposed_calendar_version",
    "proposed_version",
    "public_holidays",
    "publish_attainment",
    "recompute",
    "record_quality_check",
    "regions",
    "replay_again",
    "replay_level",
    "restate_window",
    "update_level",
    "withdraw_exclusion",
]
