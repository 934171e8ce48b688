"""Loading checked items: a chunk to a transaction, in statements whose number does not depend on how many rows it has."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from engagements import events, transitions
from engagements.actions import import_chunks as chunks
from engagements.actions.checks import draw
from engagements.actions.imports import finish_load, is_loading, refuse_batch
from engagements.actions.item_checks import COLUMN, KNOWN, changeable, differs, fixed_of, scope_of
from engagements.actions.item_imports import CHANGED, NEW, Loaded, follow_assignments
from engagements.models import ImportBatch, Workstream
from lpo.accounts.actor import Actor
from lpo.jobs.registry import Progress

# What an item has where the file says nothing of it.
_PLAIN = {
    "quantity": "1",
    "priority": "'standard'",
    "type": "NULL::text",
    "language": "''",
    "kind": "'work'",
    "disposition": "''",
    "severity": "''",
    "due_hint": "NULL::timestamptz",
    "assignee": "NULL::bigint",
}
_WRITTEN = """
CREATE TEMP TABLE written (id bigint, kind text, state text, received_at timestamptz, assignee_id bigint) ON COMMIT DROP
"""
_INSERT = f"""
WITH made AS (
    INSERT INTO engagements_workitem (organization_id, client_id, matter_id, workstream_id, kind, reference, source, external_id, title,
        quantity, priority, type, language, disposition, severity, received_at, due_hint, assignee_id, state, state_at, finished,
        paused, batch_id, created_at, version)
    SELECT %(organization)s, %(client)s, %(matter)s, %(workstream)s, f.kind,
        %(prefix)s || '-' || CASE WHEN f.n < 10000 THEN lpad(f.n::text, 4, '0') ELSE f.n::text END, %(source)s, f.external_id, f.title,
        f.quantity, f.priority, f.type, f.language, f.disposition, f.severity, f.received_at, f.due_hint, f.assignee,
        {transitions.FIRST_STATE}, {transitions.FIRST_STATE_AT}, false, false, %(batch)s, %(now)s, 1
    FROM (SELECT %(base)s + row_number() OVER (ORDER BY i.number) AS n, i.external_id, {{fields}} FROM pg_temp.incoming i
        WHERE {{unknown}}) AS f
    RETURNING id, kind, state, received_at, assignee_id
)
INSERT INTO pg_temp.written SELECT id, kind, state, received_at, assignee_id FROM made
"""  # noqa: S608 - constants
_BEGIN = f"""
INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_member_id,
    by_label, reason, batch_id)
SELECT %(organization)s, %(client)s, %(matter)s, id, '', {transitions.INITIAL_STATE}, received_at, %(now)s, %(member)s, %(label)s, '',
    %(batch)s
FROM pg_temp.written AS f ORDER BY id
"""  # noqa: S608 - constants
_GO_ON = f"""
INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_member_id,
    by_label, reason, batch_id)
SELECT %(organization)s, %(client)s, %(matter)s, id, {transitions.INITIAL_STATE}, state, %(now)s, %(now)s, %(member)s, %(label)s, '',
    %(batch)s
FROM pg_temp.written AS f WHERE state <> {transitions.INITIAL_STATE} ORDER BY id
"""  # noqa: S608 - constants
_ASSIGNMENTS = """
INSERT INTO engagements_assignment (organization_id, client_id, matter_id, item_id, member_id, at, by_label)
SELECT organization_id, client_id, matter_id, id, assignee_id, %(now)s, %(label)s
FROM engagements_workitem WHERE organization_id = %(organization)s AND id = ANY (%(ids)s) ORDER BY id
"""


def load_items(batch: ImportBatch, cursor: Mapping[str, Any], by: Actor) -> Generator[Progress, None, None]:
    """Write the rows of a confirmed batch; a row already written changes nothing, so any chunk may be loaded again."""
    if not is_loading(batch):
        return
    number, done = int(cursor.get("chunk", 0)), int(cursor.get("done", 0))
    total = batch.counts.get(NEW, 0) + batch.counts.get(CHANGED, 0)
    if not number and total and not chunks.some(batch):
        refuse_batch(batch, "This file was checked by an earlier version. Change its mapping to have it checked anew.")
        return
    while (chunk := chunks.after(batch, number)) is not None:
        chunks.copy_in(chunks.names_of(batch), chunks.text_of(chunk))
        loaded = load_incoming(batch, by)
        number, done = chunk.number, done + len(loaded.new) + len(loaded.changed)
        yield Progress(done=done, total=total, message=f"{done:,} items written", cursor={"chunk": number, "done": done})
    chunks.clear(batch)
    finish_load(batch, by)


def load_incoming(batch: ImportBatch, by: Actor) -> Loaded:
    """Insert what is not known of `pg_temp.incoming`, change what differs."""
    now, names = timezone.now(), chunks.names_of(batch)
    # Locked, so that two loads of the same rows follow one another and the second finds them known.
    workstream = Workstream.objects.select_for_update(of=("self",)).get(pk=batch.workstream_id)
    params = scope_of(batch) | {"batch": batch.id, "now": now, "member": by.member_id, "label": by.label}
    params |= {"client": workstream.client_id, "matter": workstream.matter_id, "prefix": workstream.item_prefix}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_temp.incoming")
        rows = int(cursor.fetchone()[0])
        cursor.execute("DROP TABLE IF EXISTS pg_temp.known")
        cursor.execute(f"CREATE TEMP TABLE known ON COMMIT DROP AS SELECT i.number, t.id FROM {KNOWN}", params)  # noqa: S608
        known = cursor.rowcount
        changed = _change(cursor, batch, params, by, now) if known else []
        new = _insert(cursor, names, params, workstream, rows - known, bool(known)) if rows > known else []
    events.tell(events.Changed(workstream.organization_id, new, fresh=True))
    events.tell(events.Changed(workstream.organization_id, changed))
    return Loaded(new, changed)


def _insert(cursor: Any, names: list[str], params: dict[str, Any], workstream: Workstream, count: int, some_known: bool) -> list[int]:
    fields = ", ".join(f"i.{name}" if name in names else f"{plain} AS {name}" for name, plain in _PLAIN.items())
    unknown = "NOT EXISTS (SELECT 1 FROM pg_temp.known k WHERE k.number = i.number)" if some_known else "true"
    cursor.execute("DROP TABLE IF EXISTS pg_temp.written")
    cursor.execute(_WRITTEN)
    values = {**params, "base": draw("engagements_workstream", "item_count", workstream.pk, count) - count}
    cursor.execute(_INSERT.format(fields=f"i.title, i.received_at, {fields}", unknown=unknown), values)
    cursor.execute(_BEGIN, params)
    cursor.execute("SELECT id, assignee_id IS NOT NULL FROM pg_temp.written ORDER BY id")
    written = cursor.fetchall()
    if given := [item for item, has_somebody in written if has_somebody]:
        cursor.execute(_GO_ON, params)
        cursor.execute(_ASSIGNMENTS, {**params, "ids": given})
    return [item for item, _ in written]


def _change(cursor: Any, batch: ImportBatch, params: dict[str, Any], by: Actor, now: datetime) -> list[int]:
    """Items the file says something new of. One that it contradicts since the check is left alone."""
    others = changeable(batch)
    agrees = (
        f"k.number = i.number AND t.id = k.id AND t.organization_id = (SELECT %(organization)s::bigint) AND NOT {differs(fixed_of(batch))}"
    )
    reassigned: list[int] = []
    if "assignee" in others:
        cursor.execute(
            "SELECT t.id FROM pg_temp.incoming i, pg_temp.known k, engagements_workitem t"  # noqa: S608
            f" WHERE {agrees} AND {differs(['assignee'])} ORDER BY t.id FOR UPDATE OF t",
            params,
        )
        reassigned = [row[0] for row in cursor.fetchall()]
    sets = ", ".join(f"{COLUMN.get(name, name)} = i.{name}" for name in others)
    cursor.execute(
        f"UPDATE engagements_workitem AS t SET {sets}, version = t.version + 1"  # noqa: S608
        f" FROM pg_temp.incoming i, pg_temp.known k WHERE {agrees} AND {differs(others)} RETURNING t.id",
        params,
    )
    changed = [row[0] for row in cursor.fetchall()]
    if reassigned:
        cursor.execute(_ASSIGNMENTS, {**params, "ids": reassigned})
        follow_assignments(reassigned, by, now)
    return changed
