"""How a milestone stands, in words: late, slipping, waiting for another, on time, done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, Q, QuerySet

from engagements.models import Milestone, MilestoneNeed


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
    """Open ones whose day has passed or was put off."""
    return open_milestones().filter(Q(due_on__lt=today) | Q(due_on__gt=F("baseline_on")))
