"""The only writers of the room. Verb first, keyword-only, `by=` an actor, atomic, audited."""

from engagements.actions.bulk import MOST_ITEMS, Failure, Outcome, assign_items, move_items
from engagements.actions.checks import Duplicate
from engagements.actions.clients import (
    amend_contract,
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
from engagements.actions.distribution import Plan, distribute_items, plan_distribution
from engagements.actions.entities import create_legal_entity, update_legal_entity
from engagements.actions.imports import confirm_import, discard_import, map_columns, upload_file
from engagements.actions.item_imports import Upserted, upsert_items
from engagements.actions.items import assign_item, create_item, move_item, permitted_moves, undo_last_move, update_item
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
from engagements.actions.publishing import lower_wall, publish_matter, publish_update, raise_wall, remove_insider

__all__ = [
    "MOST_ITEMS",
    "Duplicate",
    "Failure",
    "Outcome",
    "Plan",
    "Upserted",
    "add_absence",
    "add_admission",
    "add_conflict",
    "add_language",
    "add_training",
    "amend_contract",
    "assign_item",
    "assign_items",
    "close",
    "confirm_import",
    "contest_pause",
    "create_client",
    "create_engagement",
    "create_item",
    "create_legal_entity",
    "create_matter",
    "create_workstream",
    "discard_import",
    "distribute_items",
    "lower_wall",
    "map_columns",
    "move_item",
    "move_items",
    "pause_item",
    "permitted_moves",
    "plan_distribution",
    "publish_matter",
    "publish_update",
    "raise_wall",
    "remove_from_profile",
    "remove_insider",
    "reopen",
    "resolve_contest",
    "resume_item",
    "undo_last_move",
    "update_client",
    "update_engagement",
    "update_item",
    "update_legal_entity",
    "update_matter",
    "update_profile",
    "update_workstream",
    "upload_file",
    "upsert_items",
    "withdraw_pause",
]
