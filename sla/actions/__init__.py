"""The only writers of the room. Verb first, keyword-only, `by=` an actor, atomic, audited."""

from sla.actions.calendars import (
    add_calendar_version,
    change_calendar,
    create_calendar,
    proposed_calendar_version,
    public_holidays,
    regions,
)
from sla.actions.claims import claim_in_words, contestable_until, default_of
from sla.actions.closing import close_window, publish_attainment
from sla.actions.contests import accept_exclusion, contest_exclusion, withdraw_exclusion
from sla.actions.incidents import choose_credit, finalize_claims
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
from sla.actions.scenarios import key_of, proposed_version, replay_again, replay_level

__all__ = [
    "CHECKERS",
    "SET_ASIDE",
    "Declared",
    "Found",
    "Promise",
    "accept_exclusion",
    "add_calendar_version",
    "add_level_version",
    "adjudicate",
    "assign_checks",
    "change_calendar",
    "check_sampled",
    "choose_credit",
    "claim_in_words",
    "close_window",
    "complete",
    "contest_exclusion",
    "contestable_until",
    "create_calendar",
    "create_level",
    "default_of",
    "differences",
    "draw_plan",
    "exclude_item",
    "extend_plan",
    "finalize_claims",
    "key_of",
    "latest_closed",
    "may_adjudicate",
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
