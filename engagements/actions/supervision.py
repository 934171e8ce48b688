"""Supervision: who supervised when, samples drawn and signed, the record published to the client."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from engagements import states, supervision
from engagements.actions.checks import build, check, locked, need_any
from engagements.actions.publishing import publish_matter
from engagements.models import Admission, Matter, SampledItem, SupervisionReport, SupervisionSample, SupervisionTerm, WorkItem, Workstream
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id

MOST_SAMPLED = 200
# The order of a draw is a hash of seed and item: nobody chooses it, and anybody can draw it again.
_DRAW = """
SELECT id FROM engagements_workitem
WHERE organization_id = %s AND matter_id = %s AND kind = 'work' AND first_delivered_at >= %s AND first_delivered_at < %s
  AND (%s::bigint IS NULL OR workstream_id = %s)
ORDER BY md5(%s || ':' || id), id LIMIT %s
"""


def note_supervision(*, matter: Matter, by: Actor, now: datetime | None = None) -> None:
    """Write down that the matter has another supervising attorney from now on, in the transaction that changes it."""
    now = now or timezone.now()
    open_term: SupervisionTerm | None = SupervisionTerm.objects.filter(matter=matter, ends_at__isnull=True).first()
    if open_term is not None and open_term.member_id == matter.supervising_attorney_id:
        return
    if open_term is not None:
        open_term.ends_at = now
        open_term.save(update_fields=["ends_at"])
    member: Membership | None = matter.supervising_attorney
    if member is None:
        return
    own = {"client_id": matter.client_id, "matter": matter, "member": member, "starts_at": now, "by_label": by.label[:200]}
    build(SupervisionTerm, {**own, "name": member.display_name[:200], "admission": _admission(member, matter)}).save()


def _admission(member: Membership, matter: Matter) -> str:
    """What the profile has for the matter's jurisdiction."""
    rows = Admission.objects.filter(member=member).order_by("id")
    here = [row for row in rows if row.jurisdiction.casefold() == matter.jurisdiction.strip().casefold()]
    return ", ".join(f"{row.jurisdiction} {row.number}".strip() for row in here)[:200]


@transaction.atomic
def state_admission(*, matter: Matter, by: Actor, admission: str) -> SupervisionTerm:
    """By which admission the present attorney supervises, where the profile does not say. Once stated it stays."""
    need_any(by, {Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})
    term: SupervisionTerm | None = SupervisionTerm.objects.filter(matter=matter, ends_at__isnull=True).first()
    if term is None:
        raise Refused("This matter has no supervising attorney.")
    row, said = locked(term), admission.strip()
    if row.admission == said:
        return row
    if not said:
        raise Refused("Write the jurisdiction and the number.", "admission")
    if row.admission:
        raise Refused(f"It is on record already: {row.admission}.", "admission")
    row.admission = said
    check(row)
    row.save(update_fields=["admission"])
    record(by=by, action="supervision.admission", target=row, after={"admission": said}, reference=matter.reference)
    return row


@transaction.atomic
def draw_sample(
    *, matter: Matter, by: Actor, from_at: datetime, to_at: datetime, size: int, workstream: Workstream | None = None
) -> SupervisionSample:
    """Draw delivered items at random for the attorney to look at: first deliveries in [from_at, to_at).

    The same draw within a minute is a form sent twice. Raises `Refused` where fewer were delivered than asked for.
    """
    need_any(by, {Permission.EDIT_WORK, Permission.DECIDE_FOR_CLIENT})
    matter, now = locked(matter), timezone.now()
    if to_at <= from_at:
        raise Refused("The last day lies before the first.", "to_day")
    if not 1 <= size <= MOST_SAMPLED:
        raise Refused(f"Draw between 1 and {MOST_SAMPLED} items.", "size")
    same = {"matter": matter, "workstream": workstream, "from_at": from_at, "to_at": to_at}
    last: SupervisionSample | None = SupervisionSample.objects.filter(matter=matter).order_by("-number").first()
    fresh = last is not None and (now - last.drawn_at).total_seconds() < 60
    if last is not None and fresh and all(getattr(last, name) == value for name, value in {**same, "size": size}.items()):
        return last
    items = WorkItem.objects.filter(matter_id=matter.pk, kind=states.WORK, first_delivered_at__gte=from_at, first_delivered_at__lt=to_at)
    population = (items.filter(workstream=workstream) if workstream is not None else items).count()
    if population < size:
        raise Refused(f"{population:,} item{' was' if population == 1 else 's were'} first delivered in that time.", "size")
    facts = {"number": (last.number if last else 0) + 1, "population": population, "size": size, "seed": secrets.token_hex(16)}
    row = build(SupervisionSample, {**same, **facts, "client_id": matter.client_id, "by_label": by.label[:200]})
    row.save()
    own = {"client_id": matter.client_id, "matter_id": matter.pk, "sample": row}
    SampledItem.objects.bulk_create(SampledItem(**own, item_id=item_id, position=n) for n, item_id in enumerate(_drawn(row), 1))
    after = {"size": size, "population": population, "from": from_at, "to": to_at, "seed": row.seed}
    record(by=by, action="supervision.draw", target=row, after=after, reference=f"{matter.reference}, sample {row.number}")
    return row


def _drawn(row: SupervisionSample) -> list[int]:
    stream = row.workstream_id
    values: list[Any] = [current_organization_id(), row.matter_id, row.from_at, row.to_at, stream, stream, row.seed, row.size]
    with connection.cursor() as cursor:
        cursor.execute(_DRAW, values)
        return [number for (number,) in cursor.fetchall()]


@transaction.atomic
def sign_sampled(*, sampled: SampledItem, by: Actor, verdict: str, note: str = "") -> SampledItem:
    """The supervising attorney's own word on one sampled item. Signed already with the same word: nothing happens.

    Raises `NotPermitted` for everybody else: a signature is given by a person signed in, never for one.
    """
    by.need(Permission.DECIDE_FOR_CLIENT)
    row = locked(sampled)
    matter: Matter = Matter.objects.get(pk=row.matter_id)
    if by.kind != "member" or by.member_id is None or by.member_id != matter.supervising_attorney_id:
        raise NotPermitted("Only the supervising attorney of this matter signs what was sampled.")
    if row.signed_at is not None:
        if (row.verdict, row.note) == (verdict, note.strip()):
            return row
        raise Refused("This was signed already.")
    if verdict == "not_agreed" and not note.strip():
        raise Refused("Say what is wrong.", "note")
    row.verdict, row.note, row.signed_at = verdict, note.strip(), timezone.now()
    row.signed_by_id, row.signed_by_label = by.member_id, by.label[:200]
    check(row)
    row.save(update_fields=["verdict", "note", "signed_at", "signed_by", "signed_by_label"])
    after = {"verdict": verdict, "note": row.note}
    reference = WorkItem.objects.values_list("reference", flat=True).get(pk=row.item_id)
    record(by=by, action="supervision.sign", target=row, after=after, reference=reference)
    return row


@transaction.atomic
def publish_supervision(*, matter: Matter, by: Actor) -> SupervisionReport:
    """Freeze the record of supervision as it stands for the client. Unchanged since the last one: that one."""
    by.need(Permission.EDIT_WORK)
    matter = publish_matter(matter=matter, by=by)
    last: SupervisionReport | None = SupervisionReport.objects.filter(matter=matter).order_by("-number").first()
    snapshot = supervision.snapshot_of(matter)
    if last is not None and last.snapshot == snapshot:
        return last
    own = {"client_id": matter.client_id, "matter": matter, "number": (last.number if last else 0) + 1}
    row = build(SupervisionReport, {**own, "snapshot": snapshot, "published_by_label": by.label[:200]})
    row.save()
    record(by=by, action="supervision.publish", target=row, after={"number": row.number}, reference=matter.reference)
    return row
