"""What a sample is drawn from: delivered work of a workstream in a window, in strata; set-based, whatever its size."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils.functional import cached_property

from engagements.models import WorkItem
from lpo.accounts.models import Membership
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id
from sla.models import Allocation, SampleItem, SamplePlan
from sla.sampling import SamplingError, Size, each, proportional
from sla.statistics import StatisticsError

STRATA = {"priority": "Priority", "type": "Type", "reviewer": "Reviewer", "disposition": "Disposition", "language": "Language"}
MOST_STRATA = 60
MOST_SAMPLED = 20_000
# Whose call it was: who it is assigned to, else who first took it into review, checked or delivered it.
REVIEWER = """coalesce({item}.assignee_id, (
    SELECT t.by_member_id FROM engagements_transition t
    WHERE t.organization_id = {item}.organization_id AND t.item_id = {item}.id AND t.by_member_id IS NOT NULL
      AND t.to_state IN ('in_review', 'quality_check', 'delivered') ORDER BY t.at, t.id LIMIT 1))"""
_BY = {
    "priority": "i.priority",
    "type": "coalesce(i.type, '')",
    "reviewer": f"coalesce({REVIEWER.format(item='i')}::text, '')",
    "disposition": "i.disposition",
    "language": "i.language",
}
_FRAME = """
SELECT i.id, i.quantity, {reviewer} AS reviewer_id, {key} AS key
FROM engagements_workitem i
WHERE i.organization_id = %(organization)s AND i.workstream_id = %(workstream)s AND i.kind = 'work'
  AND i.first_delivered_at >= %(start)s AND i.first_delivered_at < %(end)s
  AND (%(disposition)s = '' OR i.disposition = %(disposition)s)
"""
_STRATA = "SELECT key, count(*), sum(quantity) FROM ({frame}) AS f GROUP BY key ORDER BY key"
# Names the items and the stratum of each: the same digest is the same population.
_DIGEST = """
SELECT encode(sha256(convert_to(coalesce(string_agg(id || ':' || key, chr(10) ORDER BY id), ''), 'UTF8')), 'hex') FROM ({frame}) AS f
"""
_DRAW = """
SELECT id, reviewer_id, key FROM (
    SELECT f.*, md5(%(seed)s || ':' || id) AS lot,
        row_number() OVER (PARTITION BY key ORDER BY md5(%(seed)s || ':' || id), id) AS place
    FROM ({frame}) AS f WHERE NOT id = ANY (%(before)s)
) AS lots WHERE place <= coalesce((%(sizes)s::jsonb ->> key)::int, 0) ORDER BY lot, id
"""


@dataclass(frozen=True)
class Stratum:
    """Items of one kind: how many there are, what quantity they hold, how many were drawn before."""

    key: str
    label: str
    population: int
    quantity: Decimal
    before: int = 0

    @property
    def left(self) -> int:
        return self.population - self.before


@dataclass(frozen=True)
class Drawn:
    """An item of a draw with the author of its call and its stratum's key."""

    item_id: int
    reviewer_id: int | None
    key: str


@dataclass(frozen=True)
class Frame:
    """Work of a workstream first delivered in [start, end). `before`: the items of earlier plans that this one extends."""

    workstream_id: int
    start: datetime
    end: datetime
    disposition: str = ""
    strata_by: tuple[str, ...] = ()
    before: tuple[int, ...] = ()

    def _values(self, **more: Any) -> dict[str, Any]:
        own = {"workstream": self.workstream_id, "start": self.start, "end": self.end, "disposition": self.disposition}
        return {"organization": current_organization_id(), **own, **more}

    def _sql(self, statement: str) -> str:
        parts = [_BY[name] for name in self.strata_by]
        key = f"concat_ws(chr(31), {', '.join(parts)})" if parts else "''"
        # Found for every item only where it is asked for.
        reviewer = REVIEWER.format(item="i") if "{frame}) AS f WHERE" in statement else "0"
        return statement.format(frame=_FRAME.format(reviewer=reviewer, key=key))

    @cached_property
    def strata(self) -> list[Stratum]:
        """In the order of their keys; one with an empty key where nothing divides them, none where there is nothing."""
        with connection.cursor() as cursor:
            cursor.execute(self._sql(_STRATA), self._values())
            rows = cursor.fetchall()
        if len(rows) > MOST_STRATA:
            raise Refused(f"These would be {len(rows)} strata; at most {MOST_STRATA} can be drawn from.", "strata_by")
        names = self._names([key for key, _, _ in rows])
        taken = self._taken_before()
        return [Stratum(key, names[key], count, quantity, taken.get(key, 0)) for key, count, quantity in rows]

    def _taken_before(self) -> dict[str, int]:
        if not self.before:
            return {}
        statement = "SELECT key, count(*) FROM ({frame}) AS f WHERE id = ANY (%(before)s) GROUP BY key"
        with connection.cursor() as cursor:
            cursor.execute(self._sql(statement), self._values(before=list(self.before)))
            return dict(cursor.fetchall())

    def _names(self, keys: Sequence[str]) -> dict[str, str]:
        """standard · Rita Alder · Discarded."""
        split = {key: key.split(chr(31)) if self.strata_by else [] for key in keys}
        ids = {
            int(part) for parts in split.values() for name, part in zip(self.strata_by, parts, strict=True) if name == "reviewer" and part
        }
        people = {row.pk: row.display_name for row in Membership.objects.filter(pk__in=ids).select_related("user")}
        dispositions = dict(WorkItem._meta.get_field("disposition").choices or ())

        def said(name: str, part: str) -> str:
            if name == "reviewer":
                return people.get(int(part), "Somebody who left") if part else "Reviewer not known"
            if name == "disposition":
                return str(dispositions.get(part, part)) if part else "No disposition"
            return part or f"No {name}"

        return {key: " · ".join(said(name, part) for name, part in zip(self.strata_by, parts, strict=True)) for key, parts in split.items()}

    @property
    def population(self) -> int:
        return sum(stratum.population for stratum in self.strata)

    @property
    def quantity(self) -> Decimal:
        return sum((stratum.quantity for stratum in self.strata), Decimal(0))

    def sha256(self) -> str:
        with connection.cursor() as cursor:
            cursor.execute(self._sql(_DIGEST), self._values())
            (digest,) = cursor.fetchone()
        return str(digest)

    def sizes(self, size: Size, allocation: str, per_stratum: int | None = None) -> list[int]:
        """How many each stratum gives, in the order of `strata`. Raises `Refused` where that is not there."""
        lefts = [stratum.left for stratum in self.strata]
        try:
            if not self.population:
                raise Refused("Nothing was first delivered there in that time.", "to_day")
            if allocation == Allocation.EACH:
                sizes = each(lefts, per_stratum or 0)
            else:
                sizes = proportional(lefts, size.of(sum(lefts)))
        except (SamplingError, StatisticsError) as error:
            raise Refused(f"{str(error)[:1].upper()}{str(error)[1:]}.", "each" if allocation == Allocation.EACH else "size") from None
        if sum(sizes) > MOST_SAMPLED:
            raise Refused(f"{sum(sizes):,} items are more than a plan holds; at most {MOST_SAMPLED:,}.", "size")
        if not sum(sizes):
            raise Refused("Everything was drawn already.", "size")
        return sizes

    def draw(self, seed: str, sizes: Mapping[str, int]) -> list[Drawn]:
        """The items with the smallest MD5 of seed and item in each stratum, in the order of that hash."""
        values = self._values(seed=seed, before=list(self.before), sizes=json.dumps(dict(sizes)))
        with connection.cursor() as cursor:
            cursor.execute(self._sql(_DRAW), values)
            return [Drawn(*row) for row in cursor.fetchall()]


def reviewer_of(item: WorkItem) -> int | None:
    """The membership whose call an item is."""
    statement = f"SELECT {REVIEWER.format(item='i')} FROM engagements_workitem i WHERE i.organization_id = %s AND i.id = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [current_organization_id(), item.pk])
        (found,) = cursor.fetchone()
    return None if found is None else int(found)


def before(plan: SamplePlan) -> tuple[int, ...]:
    """Items drawn by the plans that a plan extends."""
    earlier: list[int] = []
    found = plan.extends
    while found is not None:
        earlier.append(found.pk)
        found = found.extends
    return tuple(SampleItem.objects.filter(plan_id__in=earlier).order_by("item_id").values_list("item_id", flat=True)) if earlier else ()


def frame_of(plan: SamplePlan) -> Frame:
    """What a plan was drawn from, as the records have it today."""
    return Frame(plan.workstream_id, plan.from_at, plan.to_at, plan.disposition, tuple(plan.strata_by), before(plan))


def drawn_again(plan: SamplePlan) -> bool | None:
    """Whether the plan's seed gives the same items again; None where the population is no longer the one it was drawn from."""
    frame = frame_of(plan)
    if frame.sha256() != plan.population_sha256:
        return None
    again = [row.item_id for row in frame.draw(plan.seed, {row["key"]: row["size"] for row in plan.strata})]
    return again == list(SampleItem.objects.filter(plan=plan).order_by("position").values_list("item_id", flat=True))
