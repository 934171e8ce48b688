"""Which checks decide an accuracy level over a stretch of time: those that found errors, the gravest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from sla.counting import CHECKED, ERRORS, WEIGHTED, check_values
from sla.models import ServiceLevelVersion

_WRONG = f"""
SELECT i.reference, q.checked_at, q.units, {ERRORS}, {WEIGHTED}, p.number, d.id IS NOT NULL
{CHECKED} AND x.id IS NULL AND {ERRORS} > 0
ORDER BY {WEIGHTED} DESC, {ERRORS} DESC, q.checked_at, q.id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A check that found errors, as they count: after adjudication, `weighted` by severity. `plan` None: somebody chose the item."""

    reference: str
    checked_at: datetime
    units: int
    errors: int
    weighted: Decimal
    plan: int | None
    adjudicated: bool


def checks_with_errors(version: ServiceLevelVersion, start: datetime, end: datetime, most: int) -> list[Wrong]:
    """What a version counts as wrong between two instants, without what is excluded: one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_WRONG, check_values(version, start, end) | {"most": most})
        return [Wrong(*row) for row in cursor.fetchall()]
