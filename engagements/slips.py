"""How a milestone stands, in words: late, slipping, waiting for another, on time, done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Case, Exists, F, OuterRef, Q, QuerySet, When

from engagements.models import Engagement, Milestone, MilestoneNeed


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


def standings_of(engagement: Engagement, which: Q, today: date, *, most: int, done: int) -> list[Standing]:
    """The engagement's milestones that `which` names, the `most` due first and then the last `done` reached, with what they wait for:
    one statement."""
    of = Milestone.objects.filter(which, engagement=engagement, withdrawn_at__isnull=True)
    first = of.filter(done_on__isnull=True).order_by("due_on", "id").values("pk")[:most]
    last = of.filter(done_on__isnull=False).order_by("-done_on", "-id").values("pk")[:done]
    links = MilestoneNeed.objects.filter(milestone=OuterRef("pk")).order_by("needs__number").values("needs_id")
    needed = MilestoneNeed.objects.filter(milestone_id__in=first, needs__done_on__isnull=True, needs__withdrawn_at__isnull=True)
    rows = Milestone.objects.filter(Q(pk__in=first) | Q(pk__in=last) | Q(pk__in=needed.values("needs_id")), engagement=engagement)
    rows = rows.select_related("matter", "owner__user").annotate(
        listed=Case(When(which, then=True), default=False, output_field=BooleanField()), needs_ids=ArraySubquery(links)
    )
    found: dict[int, Any] = {row.pk: row for row in rows}
    for row in found.values():
        row.engagement = engagement
    needs = {pk: [found[of] for of in row.needs_ids if of in found and found[of].open] for pk, row in found.items() if row.open}
    # A milestone that another waits for was read along; it is listed only where it is among the first itself.
    due = sorted((row for row in found.values() if row.listed and row.open), key=lambda row: (row.due_on, row.pk))[:most]
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
