"""Putting many items on hold, resuming them, setting their priority and their type: set-based, judged item by item."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from engagements import transitions
from engagements.actions.bulk import Failure, Judged, Outcome, finish, locked_items
from engagements.actions.pauses import PROVIDER, contest_by_of
from engagements.models import ItemType, Matter, Pause, WorkItem
from lpo.accounts.actor import Actor
from lpo.accounts.roles import Permission
from lpo.core.errors import Refused
from lpo.core.validators import problem_of_text
from lpo.tenancy.context import current_organization_id

_HOLD = """
INSERT INTO engagements_pause (organization_id, client_id, matter_id, item_id, party, reason, note, started_at, contest_by, contest_note,
                               recorded_at, by_label)
SELECT i.organization_id, i.client_id, i.matter_id, i.id, %(party)s, %(reason)s, %(note)s, greatest(%(now)s, i.received_at), c.day, '',
       %(now)s, %(label)s
FROM engagements_workitem i JOIN unnest(%(matters)s::bigint[], %(days)s::date[]) AS c (matter_id, day) ON c.matter_id = i.matter_id
WHERE i.organization_id = %(organization)s AND i.id = ANY (%(ids)s)
"""


def open_pauses(ids: Sequence[int], party: str = "") -> set[int]:
    """Of these items those on hold, for one party or any."""
    rows = Pause.objects.filter(item_id__in=list(ids), ended_at__isnull=True, withdrawn_at__isnull=True)
    return set((rows.filter(party=party) if party else rows).values_list("item_id", flat=True))


def check_terms(party: str, reason: str, note: str) -> None:
    choices: Any = {name: Pause._meta.get_field(name) for name in ("party", "reason")}
    for name, value in (("party", party), ("reason", reason)):
        if value not in dict(choices[name].choices):
            raise Refused("Choose one.", name)
    if len(note) > 500:
        raise Refused("At most 500 characters.", "note")
    if problem := problem_of_text(note, lines=True):
        raise Refused(problem, "note")


def judge_hold(items: Sequence[WorkItem], party: str) -> Judged[WorkItem]:
    held, found = open_pauses([item.id for item in items], party), Judged[WorkItem]()
    for item in items:
        if item.finished:
            found.failures.append(Failure(item.reference, "Nothing is waited for: it is finished."))
        elif item.id not in held:
            found.going.append(item)
    return found


@transaction.atomic
def hold_items(*, ids: Sequence[int], by: Actor, party: str, reason: str, note: str = "") -> Outcome:
    """Put open items on hold for one party from now on; those on hold for it already are counted."""
    by.need(Permission.PAUSE)
    check_terms(party, reason, note)
    items = locked_items(ids)
    judged = judge_hold(items, party)
    outcome = Outcome([item.id for item in judged.going], failures=judged.failures)
    days = _contest_days({item.matter_id for item in judged.going}) if party != PROVIDER else {}
    matters = sorted({item.matter_id for item in judged.going})
    values: dict[str, Any] = {
        "party": party,
        "reason": reason,
        "note": note.strip(),
        "now": timezone.now(),
        "label": by.label[:200],
        "matters": matters,
    }
    values |= {"days": [days.get(pk) for pk in matters], "organization": current_organization_id(), "ids": outcome.changed}
    if outcome.changed:
        with connection.cursor() as cursor:
            cursor.execute(_HOLD, values)
        transitions.project_paused(outcome.changed)
    return finish(outcome, items, by, "item.pause_many", {"party": party, "reason": reason, "note": note.strip()})


def _contest_days(matter_ids: set[int]) -> dict[int, date | None]:
    """By matter the day until which such a hold can be contested: one look at each engagement's contract."""
    rows = dict(Matter.objects.filter(pk__in=matter_ids).values_list("id", "engagement_id"))
    now = timezone.now()
    days = {engagement_id: contest_by_of(engagement_id, now) for engagement_id in set(rows.values())}
    return {matter_id: days[engagement_id] for matter_id, engagement_id in rows.items()}


def judge_resume(items: Sequence[WorkItem]) -> Judged[WorkItem]:
    held = open_pauses([item.id for item in items])
    return Judged([item for item in items if item.id in held])


@transaction.atomic
def resume_items(*, ids: Sequence[int], by: Actor) -> tuple[Outcome, datetime]:
    """End every open hold of the items now; those not on hold are counted. Also the instant at which they ended."""
    by.need(Permission.PAUSE)
    items, now = locked_items(ids), timezone.now()
    judged = judge_resume(items)
    outcome = Outcome([item.id for item in judged.going])
    running = Pause.objects.filter(item_id__in=outcome.changed, ended_at__isnull=True, withdrawn_at__isnull=True)
    running.filter(started_at__gt=now).update(ended_at=F("started_at"))
    running.update(ended_at=now)
    transitions.project_paused(outcome.changed)
    return finish(outcome, items, by, "item.resume_many", {"ended_at": now.isoformat()}), now


def check_priority(priority: str) -> str:
    priority = " ".join(priority.split())
    if not priority or len(priority) > 20:
        raise Refused("Write the priority in 1 to 20 characters.", "priority")
    if problem := problem_of_text(priority):
        raise Refused(problem, "priority")
    return priority


def judge_priority(items: Sequence[WorkItem], priority: str) -> Judged[WorkItem]:
    return Judged([item for item in items if item.priority != priority])


@transaction.atomic
def prioritize_items(*, ids: Sequence[int], by: Actor, priority: str) -> Outcome:
    """Give items one priority. Service levels that ask for a priority are looked at anew."""
    by.need(Permission.TRACK_ITEMS)
    priority = check_priority(priority)
    items = locked_items(ids)
    outcome = Outcome([item.id for item in judge_priority(items, priority).going])
    WorkItem.objects.filter(id__in=outcome.changed).update(priority=priority, version=F("version") + 1)
    return finish(outcome, items, by, "item.prioritize_many", {"priority": priority})


def judge_type(items: Sequence[WorkItem], code: str) -> Judged[WorkItem]:
    """Items of whose workstream this is a type in use; without a code every one that has a type."""
    offering = set(ItemType.objects.filter(code=code, active=True).values_list("workstream_id", flat=True)) if code else set()
    found = Judged[WorkItem]()
    for item in items:
        if (item.type or "") == code:
            continue
        if code and item.workstream_id not in offering:
            found.failures.append(Failure(item.reference, f"Its workstream has no type {code}."))
        else:
            found.going.append(item)
    return found


@transaction.atomic
def type_items(*, ids: Sequence[int], by: Actor, code: str) -> Outcome:
    """Give items one type of their workstreams, or none. Service levels that ask for a type are looked at anew."""
    by.need(Permission.TRACK_ITEMS)
    items = locked_items(ids)
    judged = judge_type(items, code)
    outcome = Outcome([item.id for item in judged.going], failures=judged.failures)
    WorkItem.objects.filter(id__in=outcome.changed).update(type=code or None, version=F("version") + 1)
    return finish(outcome, items, by, "item.type_many", {"type": code})
