"""The only writers of the room. Verb first, keyword-only, `by=` an actor, atomic, audited."""

from engagements.actions.approvals import approve_late, refuse_late
from engagements.actions.bulk import MOST_ITEMS, Failure, Outcome, assign_items, move_items
from engagements.actions.checks import Duplicate
from engagements.actions.clients import (
    close,
    create_client,
    create_engagement,
    create_matter,
    create_workstream,
    reopen,
    update_client,
    update_engagement,
    update_matter,
    update_workstream,
)
from engagements.actions.conflicts import decide_match, keep_consent, run_check, set_conflict_rule
from engagements.actions.contracts import (
    add_clause,
    amend_contract,
    attach_signed_file,
    change_clause,
    correct_contract,
    remove_clause,
)
from engagements.actions.deliverables import deliver_item, keep_deliverable, publish_deliverable, set_checklist, tick_point
from engagements.actions.distribution import Plan, distribute_items, plan_distribution
from engagements.actions.engagements import (
    add_team_member,
    close_engagement,
    convert_pilot,
    end_team_member,
    house_day,
    renew_due,
    renew_engagement,
    reopen_engagement,
)
from engagements.actions.entities import create_legal_entity, update_legal_entity
from engagements.actions.errors import record_error_notice, set_severity
from engagements.actions.holds import release_hold, set_hold
from engagements.actions.imports import confirm_import, discard_import, map_columns, upload_file
from engagements.actions.item_imports import Upserted, upsert_items
from engagements.actions.items import assign_item, create_item, is_clients, move_item, permitted_moves, undo_last_move, update_item
from engagements.actions.load_files import check_load_file, upload_load_file
from engagements.actions.notes import add_note, add_tag, remove_tag
from engagements.actions.orders import add_order, change_order
from engagements.actions.pauses import contest_pause, pause_item, resolve_contest, resume_item, withdraw_pause
from engagements.actions.people import (
    add_absence,
    add_admission,
    add_conflict,
    add_language,
    add_training,
    remove_from_profile,
    update_profile,
)
from engagements.actions.protocols import sign_protocol, write_protocol
from engagements.actions.publishing import lower_wall, publish_matter, publish_update, raise_wall, remove_insider
from engagements.actions.questions import answer_question, ask_counsel, name_protocol
from engagements.actions.silence import accept_silence, record_notice
from engagements.actions.sources import keep_message
from engagements.actions.supervision import draw_sample, publish_supervision, sign_sampled, state_admission
from engagements.actions.time import (
    add_time,
    approve_week,
    lock_time,
    remove_time,
    return_week,
    start_timer,
    stop_idle_timers,
    stop_timer,
    submit_week,
    touch_timer,
    update_time,
)

__all__ = [
    "MOST_ITEMS",
    "Duplicate",
    "Failure",
    "Outcome",
    "Plan",
    "Upserted",
    "accept_silence",
    "add_absence",
    "add_admission",
    "add_clause",
    "add_conflict",
    "add_language",
    "add_note",
    "add_order",
    "add_tag",
    "add_team_member",
    "add_time",
    "add_training",
    "amend_contract",
    "answer_question",
    "approve_late",
    "approve_week",
    "ask_counsel",
    "assign_item",
    "assign_items",
    "attach_signed_file",
    "change_clause",
    "change_order",
    "check_load_file",
    "close",
    "close_engagement",
    "confirm_import",
    "contest_pause",
    "convert_pilot",
    "correct_contract",
    "create_client",
    "create_engagement",
    "create_item",
    "create_legal_entity",
    "create_matter",
    "create_workstream",
    "decide_match",
    "deliver_item",
    "discard_import",
    "distribute_items",
    "draw_sample",
    "end_team_member",
    "house_day",
    "is_clients",
    "keep_consent",
    "keep_deliverable",
    "keep_message",
    "lock_time",
    "lower_wall",
    "map_columns",
    "move_item",
    "move_items",
    "name_protocol",
    "pause_item",
    "permitted_moves",
    "plan_distribution",
    "publish_deliverable",
    "publish_matter",
    "publish_supervision",
    "publish_update",
    "raise_wall",
    "record_error_notice",
    "record_notice",
    "refuse_late",
    "release_hold",
    "remove_clause",
    "remove_from_profile",
    "remove_insider",
    "remove_tag",
    "remove_time",
    "renew_due",
    "renew_engagement",
    "reopen",
    "reopen_engagement",
    "resolve_contest",
    "resume_item",
    "return_week",
    "run_check",
    "set_checklist",
    "set_conflict_rule",
    "set_hold",
    "set_severity",
    "sign_protocol",
    "sign_sampled",
    "start_timer",
    "state_admission",
    "stop_idle_timers",
    "stop_timer",
    "submit_week",
    "tick_point",
    "touch_timer",
    "undo_last_move",
    "update_client",
    "update_engagement",
    "update_item",
    "update_legal_entity",
    "update_matter",
    "update_profile",
    "update_time",
    "update_workstream",
    "upload_file",
    "upload_load_file",
    "upsert_items",
    "withdraw_pause",
    "write_protocol",
]
