"""A row of a file of work items to the values of one item, or the field and reason it is rejected for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from engagements import states
from engagements.imports.reader import DATE_FORMATS, Problem, read_instant
from lpo.core.validators import WRONG_YEAR, plausible, problem_of_text

DISPOSITIONS = ("machine_coded", "human_reviewed", "discarded")
SEVERITIES = ("critical", "major", "minor")
_LARGEST = Decimal("99999999999.999")


@dataclass(frozen=True)
class Field:
    """What a column can mean. `aliases` are header names that usually mean it."""

    name: str
    label: str
    required: bool = False
    longest: int = 0
    aliases: tuple[str, ...] = ()


FIELDS = [
    Field("external_id", "External ID", True, 120, ("id", "case_id", "item_id", "ticket", "key", "number", "reference", "ref")),
    Field("title", "Title", True, 300, ("name", "subject", "summary", "document", "description")),
    Field("received_at", "Received", True, 0, ("received", "created", "created_at", "opened", "date", "timestamp")),
    Field("quantity", "Quantity", aliases=("qty", "count", "documents", "pages", "units")),
    Field("priority", "Priority", longest=20, aliases=("urgency", "impact")),
    Field("type", "Type", longest=60, aliases=("item_type", "document_type", "contract_type")),
    Field("language", "Language", longest=16, aliases=("lang",)),
    Field("kind", "Kind", aliases=("type",)),
    Field("disposition", "Disposition", aliases=("coding",)),
    Field("severity", "Severity"),
    Field("due_hint", "Wanted by", aliases=("due", "due_date", "deadline", "wanted_by")),
    Field("assignee", "Assigned to (e-mail)", longest=254, aliases=("assigned_to", "owner", "reviewer", "resource")),
]
BY_NAME = {each.name: each for each in FIELDS}


@dataclass(frozen=True)
class Options:
    """How one file is read: which column holds what, and in which zone and form its times are written.

    `types`: what a cell may say of the workstream's types, as `key` has it, with the code each means.
    """

    columns: Mapping[str, str]
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    dates: str = "iso"
    people: Mapping[str, int | str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)


def key(name: str) -> str:
    """A header name as it is compared: `Case ID`, `case-id` and `case_id` are one."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def guess(columns: Sequence[str], fields: Sequence[Field] = FIELDS) -> dict[str, str]:
    """Field name → column, each column once: exact names first, then the usual ones."""
    found: dict[str, str] = {}
    for wanted in (lambda f: (f.name, key(f.label)), lambda f: f.aliases):
        for each in fields:
            for column in columns:
                if each.name not in found and column not in found.values() and key(column) in wanted(each):
                    found[each.name] = column
    return found


def problems_of_mapping(mapping: Mapping[str, Any], columns: Sequence[str]) -> list[Problem]:
    """What stands against a mapping before any row is read: missing fields, absent columns, unknown zone or date form."""
    found: list[Problem] = []
    chosen = mapping.get("columns", {})
    missing = [each for each in FIELDS if each.required and not chosen.get(each.name)]
    found += [Problem(each.name, f"Choose the column that holds “{each.label}”.") for each in missing]
    found += [Problem(name, f"The file has no column “{column}”.") for name, column in chosen.items() if column and column not in columns]
    found += [Problem(name, "This is no field of a work item.") for name in chosen if name not in BY_NAME]
    if mapping.get("dates", "iso") not in DATE_FORMATS:
        found.append(Problem("dates", "Choose how dates are written."))
    return found


def parse(cells: Mapping[str, str], options: Options, now: datetime) -> dict[str, Any] | Problem:
    """The values of one row as they are stored (JSON: instants and quantities as text), mapped fields only."""
    data: dict[str, Any] = {}
    for name, column in options.columns.items():
        if not column:
            continue
        value = value_of(BY_NAME[name], cells[column], options, now)
        if isinstance(value, Problem):
            return value
        data[name] = value
    if data.get("kind", states.WORK) != states.ERROR and data.get("severity"):
        return Problem("severity", "Only errors have a severity.")
    return data


def value_of(wanted: Field, text: str, options: Options, now: datetime) -> Any:
    """One cell as it is stored, or why not."""
    if not text:
        return Problem(wanted.name, "This is empty.") if wanted.required else _EMPTY[wanted.name]
    if problem := problem_of_text(text):
        return Problem(wanted.name, problem)
    if wanted.longest and len(text) > wanted.longest:
        return Problem(wanted.name, f"This has {len(text):,} characters; {wanted.longest} fit.")
    if wanted.name in {"received_at", "due_hint"}:
        return _instant(wanted, text, options, now)
    if wanted.name == "quantity":
        return quantity(text)
    if wanted.name == "assignee":
        found = options.people.get(text.lower(), f"“{text[:80]}” is no active member of staff.")
        return Problem("assignee", found) if isinstance(found, str) else found
    if wanted.name == "type":
        code = options.types.get(key(text))
        return Problem("type", no_type(text, dict.fromkeys(options.types.values()))) if code is None else code
    if wanted.name in _CHOICES:
        chosen = key(text)
        options_text = ", ".join(_CHOICES[wanted.name])
        return chosen if chosen in _CHOICES[wanted.name] else Problem(wanted.name, f"“{text[:40]}” is none of {options_text}.")
    return text.lower() if wanted.name == "priority" else text


def no_type(said: str, known: Iterable[str]) -> str:
    """Why what was said is no type of a workstream, with those it has."""
    codes = ", ".join(known)
    listed = codes if len(codes) <= 180 else f"{codes[:180].rpartition(', ')[0]} …"
    return f"“{said[:40]}” is no type of this workstream. It has {listed}." if codes else "This workstream has no types of items."


_EMPTY: dict[str, Any] = {
    "quantity": "1",
    "priority": "standard",
    "type": None,
    "language": "",
    "kind": states.WORK,
    "disposition": "",
    "severity": "",
    "due_hint": None,
    "assignee": None,
}
_CHOICES = {"kind": tuple(states.KINDS), "disposition": DISPOSITIONS, "severity": SEVERITIES}


def _instant(wanted: Field, text: str, options: Options, now: datetime) -> str | Problem:
    try:
        instant = read_instant(text, options.zone, options.dates)
    except ValueError:
        return Problem(wanted.name, f"“{text[:40]}” is not a date and time written as {DATE_FORMATS[options.dates][0]}.")
    if wanted.name == "received_at" and instant > now:
        return Problem(wanted.name, f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC lies in the future.")
    if not plausible(instant):
        return Problem(wanted.name, WRONG_YEAR)
    return instant.isoformat()


def quantity(text: str) -> str | Problem:
    """A number with at most three decimals; a decimal comma or thousands mark is told apart rather than guessed."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return Problem("quantity", f"“{text[:40]}” is not a number. Write 1234.5, without thousands marks.")
    if not value.is_finite() or value < 0 or value > _LARGEST:
        return Problem("quantity", f"“{text[:40]}” is not a quantity.")
    if -int(value.as_tuple().exponent) > 3:  # finite, so the exponent is a number
        return Problem("quantity", f"“{text[:40]}” has more than three decimals.")
    return format(abs(value.normalize()), "f")  # -0 is 0
