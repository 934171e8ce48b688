"""One line opened: its rule, its first rows and every step of the computation, without reading the rest of the rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from billing import wording
from billing.explanation import Explanation, Leaf, LeafKind
from billing.models import ChargeTermVersion, InvoiceLine
from lpo.core.money import add

SHOWN_ROWS = 100

# A line of an e-discovery review stands on tens of thousands of rows: the page takes the first hundred and what is no row.
_SLICE = """
SELECT jsonb_array_length(explanation -> 'parts'),
       CASE WHEN jsonb_path_exists(explanation, '$.parts[*].parts') THEN explanation END,
       jsonb_path_query_array(explanation, '$.parts[0 to %(last)s]'),
       jsonb_path_query_array(explanation, '$.parts[%(next)s to last] ? (@.kind != "row")')
FROM billing_invoiceline WHERE organization_id = %(organization)s AND id = %(line)s
"""


@dataclass(frozen=True)
class Section:
    """Rows or steps under a heading; `more` of them are left out, worth `more_amount`."""

    title: str
    leaves: Sequence[Leaf]
    more: int = 0
    more_amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Opened:
    """A line with why it is what it is. The sections' amounts, those left out included, sum to the line's amount."""

    line: InvoiceLine
    rule: Sequence[str]
    version: ChargeTermVersion | None
    sections: Sequence[Section]
    rows: int


def opened(line: InvoiceLine) -> Opened:
    """The line's explanation in sections. Needs `term` and `claim` with its level and attainment selected."""
    total, nested, first, rest = _slice(line)
    if nested is not None:
        sections = _nested(Explanation.from_data(nested), line)
    else:
        leaves = Explanation.from_data({"label": "", "parts": [*first, *rest]}).parts
        sections = _flat([leaf for leaf in leaves if isinstance(leaf, Leaf)], total, line.amount)
    version = _version(line)
    rows = sum(len(section.leaves) + section.more for section in sections if any(leaf.kind is LeafKind.ROW for leaf in section.leaves))
    return Opened(line, _rule(line, version), version, sections, rows)


def _slice(line: InvoiceLine) -> tuple[int, dict[str, Any] | None, list[Any], list[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_SLICE, {"last": SHOWN_ROWS - 1, "next": SHOWN_ROWS, "organization": line.organization_id, "line": line.id})
        total, nested, first, rest = cursor.fetchone()
    read = [json.loads(value) if isinstance(value, str) else value for value in (nested, first, rest)]
    return total, read[0], read[1] or [], read[2] or []


def _flat(leaves: Sequence[Leaf], total: int, amount: Decimal) -> list[Section]:
    rows = [leaf for leaf in leaves if leaf.kind is LeafKind.ROW]
    steps = [leaf for leaf in leaves if leaf.kind is not LeafKind.ROW]
    more_amount = amount - add(*(leaf.amount for leaf in leaves))
    found = [Section("Rows", rows, total - len(leaves), more_amount)] if rows else []
    return [*found, Section("Steps" if rows else "Computation", steps)] if steps else found


def _nested(tree: Explanation, line: InvoiceLine) -> list[Section]:
    """A correction: what is rated now, and what was billed before."""
    found = []
    for part in tree.parts:
        leaves = list(part.leaves()) if isinstance(part, Explanation) else [part]
        left_out = leaves[SHOWN_ROWS:]
        found.append(Section(part.label, leaves[:SHOWN_ROWS], len(left_out), add(*(leaf.amount for leaf in left_out))))
    return found


def _version(line: InvoiceLine) -> ChargeTermVersion | None:
    if line.term_id is None or not line.key.startswith("v"):
        return None
    number = line.key.partition(":")[0].removeprefix("v")
    return (
        ChargeTermVersion.objects.filter(term_id=line.term_id, number=number)
        .select_related("workstream", "placement", "timekeeper__user")
        .first()
    )


def _rule(line: InvoiceLine, version: ChargeTermVersion | None) -> list[str]:
    if version is not None and line.term is not None:
        return wording.describe(version, line.term.model, line.invoice.currency)
    if line.claim is not None:
        attainment = line.claim.attainment
        share = f"{attainment.numerator} of {attainment.denominator} were met" if attainment.denominator else "it was not met"
        return [
            f"{line.claim.level.name} was missed in {attainment.label}: {share}.",
            f"{line.detail.rpartition(' · ')[2] or line.claim.formula}.",
        ]
    return []


def amounts(leaves: Iterable[Leaf]) -> Decimal:
    return add(*(leaf.amount for leaf in leaves))
