"""How a milestone stands, in words: late, slipping, waiting for another, on time, done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from engagements.models import Engagement, Matter, Milestone, MilestoneNeed
from lpo.tenancy.context import current_organization_id


def days(n: int) -> str:
    return f"{n} day{'' if n == 1 else 's'}"


@dataclass(frozen=True)
class Standing:
    """Kind and words of a milestone's status, a second line where there is more to say, and the open ones it waits for."""

    milestone: Milestone
    kind: str
    text: str
    note: str = ""
    needs: Sequence[Milestone] = ()

    @property
    def matter(self) -> str:
        """The reference of its matter, empty where it is of the whole engagement."""
        known = self.milestone.__dict__
        if "matter_reference" in known:
            return known["matter_reference"] or ""
        return self.milestone.matter.reference if self.milestone.matter is not None else ""

    @property
    def owner(self) -> str:
        """The name of whoever owns it, empty where nobody does."""
        known = self.milestone.__dict__
        if "owner_name" in known:
            return known["owner_name"] or known["owner_email"] or ""
        return self.milestone.owner.display_name if self.milestone.owner is not None else ""


# Composed by hand: every matter's and engagement's page asks it, and the ORM takes five milliseconds to write it.
_OF = """
WITH of AS (
    SELECT id, due_on, done_on FROM engagements_milestone
    WHERE organization_id = %(organization)s AND engagement_id = %(engagement)s AND withdrawn_at IS NULL
        AND (%(matter)s::bigint IS NULL OR matter_id = %(matter)s)
), first AS (
    SELECT id FROM of WHERE done_on IS NULL ORDER BY due_on, id LIMIT %(most)s
), listed AS (
    SELECT id FROM first UNION ALL (SELECT id FROM of WHERE done_on IS NOT NULL ORDER BY done_on DESC, id DESC LIMIT %(done)s)
), needs AS (
    SELECT n.milestone_id, n.needs_id, needed.number
    FROM first
    JOIN engagements_milestoneneed n ON n.organization_id = %(organization)s AND n.milestone_id = first.id
    JOIN engagements_milestone needed ON needed.organization_id = n.organization_id AND needed.id = n.needs_id
        AND needed.done_on IS NULL AND needed.withdrawn_at IS NULL
)
SELECT m.*, listed.id IS NOT NULL AS listed, matter.reference AS matter_reference, person.name AS owner_name, person.email AS owner_email,
    (SELECT array_agg(needs.needs_id ORDER BY needs.number) FROM needs WHERE needs.milestone_id = m.id) AS needs_ids
FROM engagements_milestone m
LEFT JOIN listed ON listed.id = m.id
LEFT JOIN engagements_matter matter ON matter.organization_id = m.organization_id AND matter.id = m.matter_id
LEFT JOIN accounts_membership member ON member.organization_id = m.organization_id AND member.id = m.owner_id
LEFT JOIN accounts_user person ON person.id = member.user_id
WHERE m.organization_id = %(organization)s AND (m.id IN (SELECT id FROM listed) OR m.id IN (SELECT needs_id FROM needs))
"""


def _stands(row: Milestone, today: date, needs: Sequence[Milestone]) -> tuple[str, str, str]:
    slip = row.slip(today)
    if row.withdrawn_at is not None:
        return "draft", "Withdrawn", ""
    if row.done_on is not None:
        return "met", f"Done, {days(slip)} late" if slip else "Done", ""
    if row.due_on < today:
        return (
            "breach",
            f"Late by {days((today - row.due_on).days)}",
            f"slips by {days(slip)} since first agreed" if row.due_on > row.baseline_on else "",
        )
    if slip:
        return "risk", f"Slips by {days(slip)}", ""
    if any(max(need.due_on, today) > row.due_on for need in needs):
        return "risk", "Will slip", "what it needs is due later"
    return "progressing", "On time", ""


def standings_of(engagement: Engagement, matter: Matter | None, today: date, *, most: int, done: int) -> list[Standing]:
    """Milestones of a matter, or of the whole engagement: the `most` due first and then the last `done` reached, with what they wait
    for, in one statement."""
    within = {"organization": current_organization_id(), "engagement": engagement.pk, "matter": matter.pk if matter is not None else None}
    found: dict[int, Any] = {row.pk: row for row in Milestone.objects.raw(_OF, {**within, "most": most, "done": done})}
    for row in found.values():
        row.engagement = engagement
    needs = {pk: [found[of] for of in row.needs_ids or () if of in found] for pk, row in found.items() if row.listed}
    # A milestone that another waits for was read along; it is listed only where it is among the first itself.
    due = sorted((row for row in found.values() if row.listed and row.open), key=lambda row: (row.due_on, row.pk))
    reached = sorted((row for row in found.values() if row.done_on), key=lambda row: (row.done_on, row.pk), reverse=True)
    return [_standing(row, today, needs) for row in [*due, *reached]]


def standings(rows: Iterable[Milestone], today: date) -> list[Standing]:
    """Of a page of milestones, in its order: one further statement, whatever their number."""
    listed = list(rows)
    needs: dict[int, list[Milestone]] = {}
    for need in open_needs([row.pk for row in listed if row.open]):
        needs.setdefault(need.milestone_id, []).append(need.needs)
    return [_standing(row, today, needs) for row in listed]


def _standing(row: Milestone, today: date, needs: Mapping[int, Sequence[Milestone]]) -> Standing:
    waits = needs.get(row.pk, [])
    kind, text, note = _stands(row, today, waits)
    return Standing(row, kind, text, note, waits)


def open_needs(ids: Sequence[int]) -> list[MilestoneNeed]:
    """What these milestones need that is still open, for who may see it."""
    if not ids:
        return []
    rows = MilestoneNeed.objects.filter(milestone_id__in=ids, needs__done_on__isnull=True, needs__withdrawn_at__isnull=True)
    return list(rows.select_related("needs").order_by("needs__number"))


def open_milestones() -> QuerySet[Any]:
    rows: QuerySet[Any] = Milestone.objects.filter(done_on__isnull=True, withdrawn_at__isnull=True)
    return rows


def slipping(today: date) -> QuerySet[Any]:
    """Open ones whose day has passed or was put off, or that wait for one that is due later."""
    later = MilestoneNeed.objects.filter(
        milestone=OuterRef("pk"), needs__done_on__isnull=True, needs__withdrawn_at__isnull=True, needs__due_on__gt=OuterRef("due_on")
    )
    return open_milestones().filter(Q(due_on__lt=today) | Q(due_on__gt=F("baseline_on")) | Exists(later))
