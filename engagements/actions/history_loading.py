"""Histories from event logs, loaded: the difference that a check found is written, many rows to a statement."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from engagements import events, states, transitions
from engagements.actions import import_chunks
from engagements.actions.checks import draw
from engagements.actions.history_imports import Case, Plan, cases_of, groups_of, plan_cases
from engagements.actions.imports import finish_load, is_loading, refuse_batch
from engagements.actions.item_imports import CHANGED, NEW, UNCHANGED, people_of
from engagements.copying import insert_many
from engagements.models import ImportBatch, Pause, WorkItem, Workstream
from lpo.accounts.actor import Actor
from lpo.jobs.registry import Progress
from lpo.tenancy.context import current_organization_id


def load_history(batch: ImportBatch, cursor: Mapping[str, Any], by: Actor) -> Generator[Progress, None, None]:
    """Write the differences, a thousand items to a transaction; an item already written has none left."""
    if not is_loading(batch):
        return
    people, total = people_of(batch.workstream), groups_of(batch)
    done = int(cursor.get("items", 0))
    if not total and (batch.counts.get("items_new") or batch.counts.get("items_changed")):
        refuse_batch(batch, "This file was checked by an earlier version. Change its mapping to have it checked anew.")
        return
    for group in range(int(cursor.get("group", 0)), total):
        cases = cases_of(batch, group)
        # Two loads of one log follow one another, and the second finds everything known.
        Workstream.objects.select_for_update().get(pk=batch.workstream_id)
        _lock(batch, cases)
        write_plans(batch, plan_cases(batch, cases, people), by)
        done += len(cases)
        items = sum(batch.counts.get(f"items_{verdict}", 0) for verdict in (NEW, CHANGED, UNCHANGED))
        message = f"{done:,} of {items:,} items written"
        yield Progress(done=done, total=items, message=message, cursor={"items": done, "group": group + 1})
    import_chunks.clear(batch)
    finish_load(batch, by)


def _lock(batch: ImportBatch, cases: Sequence[Case]) -> None:
    """Hold the items that are known until their facts are written and told: whoever moves one by hand waits."""
    known = WorkItem.objects.filter(workstream=batch.workstream, source=batch.source, external_id__in=[case.item for case in cases])
    list(known.order_by("id").select_for_update(of=("self",)).values_list("id"))


def write_plans(batch: ImportBatch, plans: Sequence[Plan], by: Actor) -> None:
    plans = [plan for plan in plans if plan.verdict != UNCHANGED]
    if not plans:
        return
    _insert_items(batch, [plan for plan in plans if plan.known is None])
    found = WorkItem.objects.filter(workstream=batch.workstream, source=batch.source, external_id__in=[plan.case.item for plan in plans])
    ids: dict[str, int] = {str(external_id): number for external_id, number in found.values_list("external_id", "id")}
    _update_items(plans)
    _write_moves(batch, plans, ids, by)
    _write_waits(batch, plans, ids, by)
    changed = [ids[plan.case.item] for plan in plans]
    transitions.project(changed)
    events.tell(events.Changed(current_organization_id(), changed))


_ITEM_COLUMNS = (
    *("client_id", "matter_id", "workstream_id", "kind", "reference", "source", "external_id", "title", "quantity", "priority", "type"),
    *(
        "language",
        "disposition",
        "severity",
        "received_at",
        "assignee_id",
        "state",
        "state_at",
        "finished",
        "paused",
        "batch_id",
        "created_at",
        "version",
    ),
)


def _insert_items(batch: ImportBatch, plans: Sequence[Plan]) -> None:
    if not plans:
        return
    workstream, now = batch.workstream, timezone.now()
    number = draw("engagements_workstream", "item_count", workstream.pk, len(plans)) - len(plans)
    rows = []
    for place, plan in enumerate(plans, number + 1):
        values, received = plan.values, plan.history.moves[0].at
        first = transitions.beginning(states.WORK, received)
        rows.append(
            (
                *(workstream.client_id, workstream.matter_id, workstream.id, states.WORK, f"{workstream.item_prefix}-{place:04d}"),
                *(
                    batch.source,
                    plan.case.item,
                    values.get("title", plan.case.item),
                    values.get("quantity", 1),
                    values.get("priority", "standard"),
                    values.get("type"),
                ),
                *("", "", "", received, values.get("assignee_id"), first["state"], first["state_at"], False, False, batch.id, now, 1),
            )
        )
    insert_many("engagements_workitem", _ITEM_COLUMNS, rows)


_UPDATE = """
UPDATE engagements_workitem AS t SET title = v.title, priority = v.priority, type = v.type, quantity = v.quantity,
    assignee_id = v.assignee_id, received_at = v.received_at
FROM unnest(%(ids)s::bigint[], %(titles)s::text[], %(priorities)s::text[], %(types)s::text[], %(quantities)s::numeric[],
    %(assignees)s::bigint[], %(received)s::timestamptz[]) AS v (id, title, priority, type, quantity, assignee_id, received_at)
WHERE t.organization_id = %(organization)s AND t.id = v.id
"""


def _update_items(plans: Sequence[Plan]) -> None:
    """Attributes that differ, and a receipt that a fuller log moved."""
    rows = []
    for plan in plans:
        received = plan.history.moves[0].at
        if plan.known is not None and (plan.values or received != plan.known.item["received_at"]):
            rows.append({**plan.known.item, **plan.values, "received_at": received})
    if not rows:
        return
    columns = {
        "ids": "id",
        "titles": "title",
        "priorities": "priority",
        "types": "type",
        "quantities": "quantity",
        "assignees": "assignee_id",
        "received": "received_at",
    }
    values: dict[str, Any] = {name: [row[column] for row in rows] for name, column in columns.items()}
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, {**values, "organization": current_organization_id()})


_MOVE_COLUMNS = (
    *("client_id", "matter_id", "item_id", "from_state", "to_state", "at", "recorded_at", "by_member_id", "by_label", "reason"),
    *("reverses_id", "batch_id"),
)


def _write_moves(batch: ImportBatch, plans: Sequence[Plan], ids: Mapping[str, int], by: Actor) -> None:
    now, rows = timezone.now(), []

    def row(item_id: int, before: str, to: str, at: datetime, reason: str, reverses: int | None) -> tuple[Any, ...]:
        return (batch.client_id, batch.matter_id, item_id, before, to, at, now, by.member_id, by.label, reason, reverses, batch.id)

    for plan in plans:
        item_id = ids[plan.case.item]
        for place in plan.change.take_back:
            assert plan.known is not None  # noqa: S101 - only known moves are taken back
            move, number = plan.known.moves[place], plan.known.move_ids[place]
            rows.append(row(item_id, move.to, move.before, move.at, "Restated by an import", number))
        rows.extend(row(item_id, move.before, move.to, move.at, "", None) for move in plan.change.add)
    insert_many("engagements_transition", _MOVE_COLUMNS, rows)


_PAUSE_COLUMNS = (
    *("client_id", "matter_id", "item_id", "party", "reason", "note", "started_at", "ended_at", "contest_note", "recorded_at", "by_label"),
    "batch_id",
)


def _write_waits(batch: ImportBatch, plans: Sequence[Plan], ids: Mapping[str, int], by: Actor) -> None:
    now, rows, ended, withdrawn = timezone.now(), [], list[tuple[int, datetime | None]](), list[int]()
    for plan in plans:
        if plan.known is not None:
            ended += [(plan.known.wait_ids[place], end) for place, end in plan.change.end]
            withdrawn += [plan.known.wait_ids[place] for place in plan.change.withdraw]
        rows += [
            (
                *(batch.client_id, batch.matter_id, ids[plan.case.item], wait.party, wait.reason, "", wait.start, wait.end, ""),
                *(now, by.label, batch.id),
            )
            for wait in plan.change.begin
        ]
    # Taken out before others begin: one open pause per party.
    Pause.objects.filter(id__in=withdrawn).update(withdrawn_at=now)
    if ended:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE engagements_pause AS p SET ended_at = v.ended_at FROM unnest(%s::bigint[], %s::timestamptz[]) AS v (id, ended_at)"
                " WHERE p.organization_id = %s AND p.id = v.id",
                [[number for number, _ in ended], [end for _, end in ended], current_organization_id()],
            )
    insert_many("engagements_pause", _PAUSE_COLUMNS, rows)
