"""The only writers of the room. Verb first, keyword-only, `by=` an actor, atomic, audited."""

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
from engagements.actions.contracts import (
    add_clause,
    amend_contract,
    attach_signed_file,
    change_clause,
    correct_contract,
    remove_clause,
)
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
from engagements.actions.imports import confirm_import, discard_import, map_columns, upload_file
from engagements.actions.item_imports import Upserted, upsert_items
from engagements.actions.items import assign_item, create_item, move_item, permitted_moves, undo_last_move, update_item
from engagements.actions.orders import add_order, change_order
from engagements.actions.pauses import contest_pause, pause_item, resolve_contest, resume_item, withdraw_pause
from engagements.actions.protocols import sign_protocol, write_protocol
from engagements.actions.publishing import lower_wall, publish_matter, publish_update, raise_wall, remove_insider

__all__ = [
    "MOST_ITEMS",
    "Duplicate",
    "Failure",
    "Outcome",
    "Upserted",
    "add_clause",
    "add_order",
    "add_team_member",
    "amend_contract",
    "assign_item",
    "assign_items",
    "attach_signed_file",
    "change_clause",
    "change_order",
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
    "discard_import",
    "end_team_member",
    "house_day",
    "lower_wall",
    "map_columns",
    "move_item",
    "move_items",
    "pause_item",
    "permitted_moves",
    "publish_matter",
    "publish_update",
    "raise_wall",
    "remove_clause",
    "remove_insider",
    "renew_due",
    "renew_engagement",
    "reopen",
    "reopen_engagement",
    "resolve_contest",
    "resume_item",
    "sign_protocol",
    "undo_last_move",
    "update_client",
    "update_engagement",
    "update_item",
    "update_legal_entity",
    "update_matter",
    "update_workstream",
    "upload_file",
    "upsert_items",
    "withdraw_pause",
    "write_protocol",
]
