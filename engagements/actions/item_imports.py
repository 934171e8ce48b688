"""Work items from the API: rows judged against what is known, then written as one set. Files: `item_checks`, `item_loading`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.utils import timezone

from engagements import events, states, transitions
from engagements.actions.checks import draw
from engagements.imports.items import BY_NAME, Options, key, parse
from engagements.imports.reader import Problem
from engagements.models import ItemType, WorkItem, Workstream
from engagements.models.clients import Status
from engagements.queries import staff
from engagements.staffing import Staffing, streams_of
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id

MOST_API_ROWS = 1_000
NEW, CHANGED, UNCHANGED, REJECTED = "new", "changed", "unchanged", "rejected"


@dataclass(frozen=True)
class Judged:
    """One row after checking: what loading it would do, or why it is left out."""

    number: int
    verdict: str
    data: Mapping[str, Any]
    field: str = ""
    reason: str = ""


def people_of(workstream: Workstream) -> dict[str, int | str]:
    """E-mail address → member who may be given work of this workstream, or why that one may not."""
    members = list(staff())
    streams = streams_of([workstream.id])
    staffing = Staffing(members, streams.values())
    return {member.user.email.lower(): staffing.blocked(member, streams[workstream.id]) or member.id for member in members}


def types_of(workstream_id: int) -> dict[str, str]:
    """What a file may say of a workstream's types, its codes and their names, with the code each means. Retired ones are read too: a
    tracker's export goes on naming them."""
    rows = list(ItemType.objects.filter(workstream_id=workstream_id).order_by("-active", "code"))
    return {key(row.name): row.code for row in rows} | {key(row.code): row.code for row in rows}


def _stored(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item's values in the form `parse` gives them."""
    due: datetime | None = item["due_hint"]
    quantity: Decimal = item["quantity"]
    values = {name: item[name] for name in ("title", "priority", "type", "language", "kind", "disposition", "severity")}
    values |= {"received_at": item["received_at"].isoformat(), "due_hint": due.isoformat() if due else None}
    return values | {"quantity": format(quantity.normalize(), "f"), "assignee": item["assignee_id"]}


def judge(workstream: Workstream, source: str, rows: Sequence[tuple[int, dict[str, Any] | Problem, Mapping[str, Any]]]) -> list[Judged]:
    """Compare parsed rows (number, values or problem, what to keep of a rejected one) with the items known: one query."""
    wanted = [values["external_id"] for _, values, _ in rows if not isinstance(values, Problem)]
    names = ("id", "external_id", "title", "priority", "type", "language", "kind", "disposition", "severity")
    more = ("received_at", "due_hint", "quantity", "assignee_id")
    known = {
        item["external_id"]: _stored(item)
        for item in WorkItem.objects.filter(workstream=workstream, source=source, external_id__in=wanted).values(*names, *more)
    }
    return [_judge_one(number, values, raw, known) for number, values, raw in rows]


def _judge_one(number: int, values: dict[str, Any] | Problem, raw: Mapping[str, Any], known: Mapping[str, dict[str, Any]]) -> Judged:
    if isinstance(values, Problem):
        return Judged(number, REJECTED, raw, values.field, values.reason)
    before = known.get(values["external_id"])
    if before is None:
        return Judged(number, NEW, values)
    different = {name for name, value in values.items() if name != "external_id" and value != before[name]}
    for name in sorted(different & {"received_at", "kind"}):
        return Judged(
            number, REJECTED, raw, name, f"The item is here already with {_said(name, before[name])}. Correct it there, with a reason."
        )
    if "severity" in different and before["kind"] == states.ERROR and states.graver(before["severity"], values["severity"]):
        return Judged(number, REJECTED, raw, "severity", "The client sets the severity: record on the item that it agrees to a lower one.")
    return Judged(number, CHANGED if different else UNCHANGED, values)


def _said(name: str, value: str) -> str:
    return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if name == "received_at" else f"“{states.KINDS[value]}”"


_INCOMING = """
CREATE TEMP TABLE incoming ON COMMIT DROP AS
SELECT (r->>'n')::int AS number, r->'data' AS data, r->'data'->>'external_id' AS key FROM jsonb_array_elements(%(rows)s::jsonb) AS r
"""
# As in `item_checks`: found by their IDs, whatever statistics believe of a new organization.
_SAME = """t.organization_id = (SELECT %(organization)s::bigint) AND t.workstream_id + 0 = %(workstream)s AND t.source = %(source)s
    AND t.external_id = i.key"""
_COUNT_NEW = f"SELECT count(*) FROM incoming i WHERE NOT EXISTS (SELECT 1 FROM engagements_workitem t WHERE {_SAME})"  # noqa: S608 - constants
# The first state of each kind, as `transitions.beginning` gives it to one item.
_INITIAL = " ".join(f"WHEN '{kind}' THEN '{state}'" for kind, state in states.INITIAL.items())
_INSERT = f"""
INSERT INTO engagements_workitem (organization_id, client_id, matter_id, workstream_id, kind, reference, source, external_id, title,
    quantity, priority, type, language, disposition, severity, received_at, due_hint, assignee_id, state, state_at, finished, paused,
    batch_id, created_at, version)
SELECT w.organization_id, w.client_id, w.matter_id, w.id, f.kind,
    w.item_prefix || '-' || CASE WHEN f.n < 10000 THEN lpad(f.n::text, 4, '0') ELSE f.n::text END, %(source)s,
    f.data->>'external_id', f.data->>'title', COALESCE((f.data->>'quantity')::numeric, 1), COALESCE(f.data->>'priority', 'standard'),
    f.data->>'type', COALESCE(f.data->>'language', ''), COALESCE(f.data->>'disposition', ''), COALESCE(f.data->>'severity', ''),
    (f.data->>'received_at')::timestamptz, (f.data->>'due_hint')::timestamptz, (f.data->>'assignee')::bigint,
    CASE f.kind {_INITIAL} END, (f.data->>'received_at')::timestamptz, false, false, NULL, %(now)s, 1
FROM engagements_workstream w
CROSS JOIN LATERAL (
    SELECT %(base)s + row_number() OVER (ORDER BY i.number) AS n, i.data, COALESCE(i.data->>'kind', 'work') AS kind FROM incoming i
    WHERE NOT EXISTS (SELECT 1 FROM engagements_workitem t WHERE {_SAME})
) AS f
WHERE w.organization_id = %(organization)s AND w.id = %(workstream)s
ON CONFLICT (organization_id, workstream_id, source, external_id) DO NOTHING
RETURNING id
"""  # noqa: S608 - constants
_BEGIN = """
INSERT INTO engagements_transition (organization_id, client_id, matter_id, item_id, from_state, to_state, at, recorded_at, by_member_id,
    by_label, reason, batch_id)
SELECT organization_id, client_id, matter_id, id, '', state, received_at, %(now)s, %(member)s, %(label)s, '', NULL
FROM engagements_workitem WHERE organization_id = %(organization)s AND id = ANY (%(ids)s) ORDER BY id
"""
_REASSIGNED = f"""
SELECT t.id FROM incoming i JOIN engagements_workitem t ON {_SAME}
WHERE i.data ? 'assignee' AND t.assignee_id IS DISTINCT FROM (i.data->>'assignee')::bigint
ORDER BY t.id FOR UPDATE OF t
"""  # noqa: S608 - constants
_NEW_VALUES = """COALESCE(i.data->>'title', t.title), COALESCE((i.data->>'quantity')::numeric, t.quantity),
    COALESCE(i.data->>'priority', t.priority), CASE WHEN i.data ? 'type' THEN i.data->>'type' ELSE t.type END,
    COALESCE(i.data->>'language', t.language), COALESCE(i.data->>'disposition', t.disposition),
    COALESCE(i.data->>'severity', t.severity),
    CASE WHEN i.data ? 'due_hint' THEN (i.data->>'due_hint')::timestamptz ELSE t.due_hint END,
    CASE WHEN i.data ? 'assignee' THEN (i.data->>'assignee')::bigint ELSE t.assignee_id END"""
_UPDATE = f"""
UPDATE engagements_workitem AS t
SET (title, quantity, priority, type, language, disposition, severity, due_hint, assignee_id, version) =
    (SELECT {_NEW_VALUES}, t.version + 1)
FROM incoming i
WHERE {_SAME} AND (t.title, t.quantity, t.priority, t.type, t.language, t.disposition, t.severity, t.due_hint, t.assignee_id)
    IS DISTINCT FROM ({_NEW_VALUES})
RETURNING t.id
"""  # noqa: S608 - constants
_ASSIGNMENTS = """
INSERT INTO engagements_assignment (organization_id, client_id, matter_id, item_id, member_id, at, by_label)
SELECT organization_id, client_id, matter_id, id, assignee_id, %(now)s, %(label)s
FROM engagements_workitem WHERE organization_id = %(organization)s AND id = ANY (%(ids)s) ORDER BY id
"""


@dataclass(frozen=True)
class Loaded:
    new: list[int]
    changed: list[int]


def _load(workstream: Workstream, source: str, by: Actor, rows: Sequence[Mapping[str, Any]]) -> Loaded:
    """Write one set of rows: insert what is not known, change what differs. Any row may have been written before."""
    now = timezone.now()
    params: dict[str, Any] = {
        "organization": current_organization_id(),
        "workstream": workstream.id,
        "source": source,
        "now": now,
        "member": by.member_id,
        "label": by.label,
        "rows": json.dumps(rows),
    }
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        cursor.execute(_INCOMING, params)
        # Locks the workstream: two loads of the same rows follow one another, and the second finds them known.
        Workstream.objects.select_for_update().get(pk=workstream.pk)
        cursor.execute(_COUNT_NEW, params)
        fresh = cursor.fetchone()[0]
        cursor.execute(_REASSIGNED, params)
        reassigned = [row[0] for row in cursor.fetchall()]
        cursor.execute(_UPDATE, params)
        changed = [row[0] for row in cursor.fetchall()]
        params["base"] = draw("engagements_workstream", "item_count", workstream.pk, fresh) - fresh
        cursor.execute(_INSERT, params)
        new = [row[0] for row in cursor.fetchall()]
        cursor.execute(_BEGIN, {**params, "ids": new})
        assigned = list(WorkItem.objects.filter(id__in=new, assignee__isnull=False).values_list("id", flat=True))
        cursor.execute(_ASSIGNMENTS, {**params, "ids": [*reassigned, *assigned]})
        cursor.execute("DROP TABLE pg_temp.incoming")
    follow_assignments([*reassigned, *assigned], by, now)
    events.tell(events.Changed(workstream.organization_id, [*new, *changed]))
    return Loaded(new, changed)


def follow_assignments(ids: Sequence[int], by: Actor, now: datetime) -> None:
    """Received work that somebody was given is assigned, as when it is given by hand."""
    waiting = WorkItem.objects.filter(id__in=ids, kind=states.WORK, state=states.RECEIVED, assignee__isnull=False)
    transitions.append_to_many(list(waiting.values_list("id", flat=True)), states.ASSIGNED, now, by)


@dataclass(frozen=True)
class Upserted:
    """What became of one row: created, changed, unchanged or refused; a refused one names field and reason."""

    external_id: str
    outcome: str
    reference: str = ""
    field: str = ""
    reason: str = ""


@transaction.atomic
def upsert_items(*, by: Actor, workstream: Workstream, rows: Sequence[Mapping[str, Any]], source: str = "api") -> list[Upserted]:
    """Create or change items by external id; the same rows again change nothing. What a row leaves out stays as it is.

    Values are text, or datetimes and Decimals; a new item needs title and time of receipt. A row that cannot be taken is
    reported in its place and the others are written: an edge that wants all or none leaves the transaction.
    """
    by.need(Permission.TRACK_ITEMS)
    if workstream.status != Status.OPEN:
        raise Refused("This workstream is closed. Reopen it first.")
    if len(rows) > MOST_API_ROWS:
        raise Refused(f"At most {MOST_API_ROWS:,} rows at a time.", "rows")
    people = people_of(workstream)
    now = timezone.now()
    judged = [_complete(row) for row in judge(workstream, source, _parsed(rows, people, types_of(workstream.id), now))]
    loading = [{"n": row.number, "data": row.data} for row in judged if row.verdict in {NEW, CHANGED}]
    loaded = _load(workstream, source, by, loading) if loading else Loaded([], [])
    if loaded.new or loaded.changed:
        after = {"created": len(loaded.new), "changed": len(loaded.changed), "source": source}
        record(
            by=by,
            action="item.upsert",
            target=workstream,
            after=after,
            ids=[*loaded.new, *loaded.changed],
            reference=workstream.item_prefix,
        )
    ids = [str(row.get("external_id", "")) for row in rows]
    known = WorkItem.objects.filter(workstream=workstream, source=source, external_id__in=ids)
    references = dict(known.values_list("external_id", "reference"))
    outcomes = {NEW: "created", REJECTED: "refused"}
    return [
        Upserted(ids[row.number], outcomes.get(row.verdict, row.verdict), references.get(ids[row.number], ""), row.field, row.reason)
        for row in judged
    ]


def _complete(row: Judged) -> Judged:
    missing = [name for name in ("title", "received_at") if name not in row.data] if row.verdict == NEW else []
    return Judged(row.number, REJECTED, {}, missing[0], "A new item needs this.") if missing else row


def _parsed(
    rows: Sequence[Mapping[str, Any]], people: Mapping[str, int | str], types: Mapping[str, str], now: datetime
) -> list[tuple[int, dict[str, Any] | Problem, Mapping[str, Any]]]:
    found: list[tuple[int, dict[str, Any] | Problem, Mapping[str, Any]]] = []
    seen: set[str] = set()
    for number, row in enumerate(rows):
        strange = sorted(set(row) - set(BY_NAME))
        values: dict[str, Any] | Problem
        if strange:
            values = Problem(strange[0], "This is no field of a work item.")
        elif not row.get("external_id"):
            values = Problem("external_id", "This is empty.")
        else:
            cells = {name: _as_text(value) for name, value in row.items()}
            values = parse(cells, Options({name: name for name in row}, ZoneInfo("UTC"), "iso", people, types), now)
        if not isinstance(values, Problem) and values["external_id"] in seen:
            values = Problem("external_id", "An earlier row has this external ID already.")
        elif not isinstance(values, Problem):
            seen.add(values["external_id"])
        found.append((number, values, {}))
    return found


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value).strip()
