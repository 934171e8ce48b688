"""The rows of a checked file as its page shows them: labels instead of the names of columns in our tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from engagements import states
from engagements.actions.imports import ITEMS, LOAD_FILE
from engagements.imports import history as history_format
from engagements.imports import items as items_format
from engagements.imports import load_file as load_file_format
from engagements.imports import several
from engagements.models import ImportBatch, ImportRow, WorkItem
from lpo.accounts.models import Membership
from lpo.core.validators import readable

SHOWN = 10
LABELS = {"rejected": "Rejected rows", "changed": "Changed", "new": "New", "unchanged": "Unchanged"}
_MOMENTS = frozenset({"received_at", "due_hint", "at"})
_LONGEST = 80
_DISPOSITIONS: dict[str, str] = dict(WorkItem._meta.get_field("disposition").choices)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Shown:
    """One row. A rejected one names field, column, what stands there and the reason; the others say what they hold."""

    number: int
    content: list[tuple[str, str]]
    field: str = ""
    column: str = ""
    found: str = ""
    reason: str = ""
    file: str = ""


def fields_of(batch: ImportBatch) -> dict[str, items_format.Field]:
    if batch.purpose == LOAD_FILE:
        return {**items_format.BY_NAME, **load_file_format.BY_NAME}
    return items_format.BY_NAME if batch.purpose == ITEMS else history_format.BY_NAME


def label_of(batch: ImportBatch, name: str) -> str:
    """A field as the page calls it; the row itself where no single field is at fault."""
    if name == "becomes":
        return "Becomes"
    field = fields_of(batch).get(name)
    return field.label if field else name or "The whole row"


def groups_of(batch: ImportBatch) -> list[tuple[str, str, int, list[Shown]]]:
    """(verdict, heading, how many there are, the first of them), what needs attention first."""
    found = []
    for verdict, label in LABELS.items():
        rows = list(ImportRow.objects.filter(batch=batch, verdict=verdict).order_by("number")[:SHOWN])
        if rows:
            found.append((verdict, label, int(batch.counts.get(verdict, 0)), rows))
    named = {
        int(row.data["assignee"]) for *_, rows in found for row in rows if row.verdict != "rejected" and _is_id(row.data.get("assignee"))
    }
    members = Membership.objects.filter(organization_id=batch.organization_id, id__in=named).select_related("user") if named else []
    people = {member.id: member.display_name for member in members}
    return [(verdict, label, count, [_shown(batch, row, people) for row in rows]) for verdict, label, count, rows in found]


def _is_id(value: object) -> bool:
    return isinstance(value, int)


def _shown(batch: ImportBatch, row: ImportRow, people: Mapping[int, str]) -> Shown:
    file, number = several.named(batch.parts, row.number)
    if row.verdict != "rejected":
        order = [name for name in fields_of(batch) if name in row.data] + [name for name in row.data if name not in fields_of(batch)]
        stated = [(name, row.data[name]) for name in order if row.data[name] not in (None, "")]
        content = [(label_of(batch, name), _value(batch, name, value, people)) for name, value in stated]
        return Shown(number, content, file=file)
    column = str(batch.mapping.get("columns", {}).get(row.field, ""))
    found = _cut(str(row.data.get(column, "")).strip()) if column else ""
    rest = [(name, _cut(str(value))) for name, value in row.data.items() if value and name != column]
    return Shown(number, rest, label_of(batch, row.field), column, found if readable(found) else "", row.reason, file)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _value(batch: ImportBatch, name: str, value: object, people: Mapping[int, str]) -> str:
    if name in _MOMENTS:
        zone = ZoneInfo(batch.mapping.get("zone", "UTC"))
        return f"{datetime.fromisoformat(str(value)).astimezone(zone):%Y-%m-%d %H:%M %Z}"
    if name == "assignee" and isinstance(value, int):
        return people.get(value, "somebody")
    if name == "becomes":
        return history_format.MEANINGS.get(str(value), str(value))
    if name == "disposition":
        return _DISPOSITIONS.get(str(value), str(value))
    if name == "kind":
        return states.KINDS.get(str(value), str(value))
    return _cut(str(value))
