"""Samples: declared and drawn, spread over checkers, checked blind, adjudicated. Nothing here looks at what it would find."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from engagements.actions.checks import build, locked, need_any
from engagements.models import Matter, WorkItem, Workstream
from engagements.staffing import Staffing, streams_of
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission, Role
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.core.localtime import to_epoch
from sla import projection
from sla.frames import STRATA, Frame, before
from sla.models import Adjudication, Adjudicator, Allocation, Purpose, QualityCheck, QualityFinding, SampleItem, SamplePlan, Sizing
from sla.sampling import Size

DRAWN, CHECKED, DISPUTED, ADJUDICATED = "drawn", "checked", "disputed", "adjudicated"
SET_ASIDE = ("discarded", "machine_coded")
CHECKERS = frozenset({Permission.CHECK_QUALITY, Permission.WORK_ITEMS})


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What is declared of a plan before it is drawn. Percentages are 0–100; `number` items, or so many of each stratum."""

    from_at: datetime
    to_at: datetime
    purpose: str = Purpose.ACCURACY.value
    disposition: str = ""
    sizing: str = Sizing.MARGIN.value
    confidence_percent: Decimal | None = None
    margin_percent: Decimal | None = None
    expected_percent: Decimal | None = None
    number: int | None = None
    accepted_errors: int | None = None
    strata_by: tuple[str, ...] = ()
    allocation: str = Allocation.PROPORTIONAL.value
    adjudicator: str = Adjudicator.THIRD.value
    relevant_found: int | None = None

    def frame(self, workstream: Workstream) -> Frame:
        return Frame(workstream.pk, self.from_at, self.to_at, self.disposition, self.strata_by)

    def size(self) -> Size:
        if self.sizing != Sizing.MARGIN:
            return Size(number=self.number)
        assert self.confidence_percent is not None and self.margin_percent is not None  # noqa: S101 -- see `checked`
        expected = Decimal(50) if self.expected_percent is None else self.expected_percent
        return Size(float(self.confidence_percent) / 100, float(self.margin_percent) / 100, float(expected) / 100)

    def checked(self) -> Declared:
        """Itself, where it does not contradict itself. Raises `Refused` naming the field."""
        if self.to_at <= self.from_at:
            raise Refused("The last day lies before the first.", "to_day")
        if not set(self.strata_by) <= set(STRATA):
            raise Refused("Strata are by priority, type, reviewer, disposition or language.", "strata_by")
        if self.sizing == Sizing.MARGIN:
            for name in ("confidence_percent", "margin_percent"):
                share = getattr(self, name)
                if share is None or not 0 < share < 100:
                    raise Refused("Give a share above 0 and under 100 %.", name)
            if self.expected_percent is not None and not 0 < self.expected_percent < 100:
                raise Refused("Give a rate above 0 and under 100 %; 50 % where nothing is known.", "expected_percent")
        elif self.number is None or self.number < 1:
            raise Refused("Say how many.", "number")
        if self.allocation == Allocation.EACH and (not self.strata_by or self.sizing != Sizing.NUMBER):
            raise Refused("The same number from each stratum needs strata and a number.", "allocation")
        if self.sizing == Sizing.ACCEPTANCE and not 0 <= (-1 if self.accepted_errors is None else self.accepted_errors) < (
            self.number or 0
        ):
            raise Refused("Errors accepted lie between 0 and less than the sample.", "accepted_errors")
        if self.purpose == Purpose.ELUSION and self.disposition not in SET_ASIDE:
            raise Refused("Choose what was set aside: discarded or machine-coded work.", "disposition")
        if self.relevant_found is not None and (self.purpose != Purpose.ELUSION or self.relevant_found < 0):
            raise Refused("Only a sample of what was set aside is set against what was found.", "relevant_found")
        return self


@transaction.atomic
def draw_plan(*, workstream: Workstream, declared: Declared, by: Actor) -> SamplePlan:
    """Declare a plan and draw it: its population is frozen by count and digest, its seed kept. The same within a minute is a form
    sent twice. Raises `Refused` where it contradicts itself or there is not enough to draw from."""
    by.need(Permission.EDIT_LEVELS)
    declared.checked()
    stream = locked(workstream)
    last: SamplePlan | None = SamplePlan.objects.filter(workstream=stream).order_by("-number").first()
    values = _declared_values(declared)
    if last is not None and last.extends_id is None and (timezone.now() - last.drawn_at).total_seconds() < 60:
        asked = declared.number if declared.allocation == Allocation.PROPORTIONAL and declared.sizing != Sizing.MARGIN else None
        if all(getattr(last, name) == value for name, value in values.items()) and asked in (None, last.size):
            return last
    frame = declared.frame(stream)
    sizes = frame.sizes(declared.size(), declared.allocation, declared.number)
    number = last.number + 1 if last else 1
    return _draw(stream, frame, sizes, {**values, "number": number, "root_number": number}, by)


def _declared_values(declared: Declared) -> dict[str, Any]:
    by_margin = declared.sizing == Sizing.MARGIN
    return {
        "from_at": declared.from_at,
        "to_at": declared.to_at,
        "purpose": declared.purpose,
        "disposition": declared.disposition,
        "sizing": declared.sizing,
        "confidence_percent": declared.confidence_percent if by_margin else None,
        "margin_percent": declared.margin_percent if by_margin else None,
        "expected_percent": (declared.expected_percent or Decimal(50)) if by_margin else None,
        "accepted_errors": declared.accepted_errors if declared.sizing == Sizing.ACCEPTANCE else None,
        "strata_by": list(declared.strata_by),
        "allocation": declared.allocation,
        "adjudicator": declared.adjudicator,
        "relevant_found": declared.relevant_found,
    }


def _draw(stream: Workstream, frame: Frame, sizes: Sequence[int], values: dict[str, Any], by: Actor) -> SamplePlan:
    strata: list[dict[str, Any]] = [
        {"key": stratum.key, "label": stratum.label, "population": stratum.population, "size": size}
        for stratum, size in zip(frame.strata, sizes, strict=True)
    ]
    own: dict[str, Any] = {"client_id": stream.client_id, "matter_id": stream.matter_id}
    frozen = {"population": frame.population, "population_quantity": frame.quantity, "population_sha256": frame.sha256()}
    facts = {"strata": strata, "size": sum(sizes), "seed": secrets.token_hex(16), "by_label": by.label[:200]}
    plan = build(SamplePlan, {**own, "workstream": stream, **values, **frozen, **facts})
    plan.save(force_insert=True)
    places = {row["key"]: place for place, row in enumerate(strata)}
    drawn = frame.draw(plan.seed, {row["key"]: row["size"] for row in strata})
    SampleItem.objects.bulk_create(
        SampleItem(**own, plan=plan, item_id=row.item_id, position=n, stratum=places[row.key], reviewer_id=row.reviewer_id)
        for n, row in enumerate(drawn, 1)
    )
    after = {"size": plan.size, "population": plan.population, "sha256": plan.population_sha256, "seed": plan.seed}
    record(by=by, action="quality.draw", target=plan, after=after, reference=f"{stream.item_prefix}, plan {plan.number}")
    return plan


@transaction.atomic
def extend_plan(*, plan: SamplePlan, number: int, by: Actor) -> SamplePlan:
    """A further plan over the same population, declared on its own: `number` items more (from each stratum where the plan takes the
    same from each), none of them drawn before. What the earlier plan found stays. Raises `Refused`."""
    by.need(Permission.EDIT_LEVELS)
    stream = locked(plan.workstream)
    last: SamplePlan | None = SamplePlan.objects.filter(workstream=stream).order_by("-number").first()
    assert last is not None  # noqa: S101 -- the one that is extended
    if last.extends_id == plan.pk and (timezone.now() - last.drawn_at).total_seconds() < 60:
        return last
    if SamplePlan.objects.filter(extends=plan).exists():
        raise Refused("This plan was extended already: extend the last one.")
    if number < 1:
        raise Refused("Say how many more.", "number")
    taken = (*before(plan), *SampleItem.objects.filter(plan=plan).values_list("item_id", flat=True))
    frame = Frame(stream.pk, plan.from_at, plan.to_at, plan.disposition, tuple(plan.strata_by), taken)
    if frame.sha256() != plan.population_sha256:
        raise Refused("The records of this population changed since the plan was drawn. Draw a new plan.")
    sizes = frame.sizes(Size(number=number), plan.allocation, number)
    kept = ("from_at", "to_at", "purpose", "disposition", "strata_by", "allocation", "adjudicator", "relevant_found")
    values = {name: getattr(plan, name) for name in kept}
    own = {"sizing": Sizing.NUMBER.value, "number": last.number + 1, "root_number": plan.root_number, "extends": plan}
    return _draw(stream, frame, sizes, {**values, **own}, by)


@transaction.atomic
def assign_checks(*, plan: SamplePlan, checkers: Sequence[Membership], by: Actor) -> int:
    """Spread what is not yet checked evenly over checkers, nobody on their own calls. Returns how many items were given out; those
    of which every checker is the reviewer stay without one. Raises `Refused` where a checker may not check."""
    by.need(Permission.EDIT_LEVELS)
    if not checkers:
        raise Refused("Choose who checks.", "checkers")
    streams = streams_of([plan.workstream_id])
    staffing = Staffing(checkers, streams.values())
    for member in checkers:
        if blocked := staffing.blocked(member, streams[plan.workstream_id]):
            raise Refused(blocked, "checkers")
        # Outside counsel sees the matters they supervise and no others.
        outside = member.role == Role.ATTORNEY and plan.workstream.matter.supervising_attorney_id != member.pk
        if outside or not CHECKERS & member.permissions:
            raise Refused(f"{member.display_name} does not check this work.", "checkers")
    rows = list(SampleItem.objects.select_for_update(of=("self",)).filter(plan=plan, state=DRAWN).order_by("position"))
    load = {member.pk: 0 for member in checkers}
    changed = []
    # First what one of them cannot take, so that the others come out even.
    for row in sorted(rows, key=lambda row: row.reviewer_id not in load):
        able = [pk for pk in load if pk != row.reviewer_id]
        chosen = min(able, key=lambda pk: load[pk]) if able else None
        if chosen is not None:
            load[chosen] += 1
        if row.checker_id != chosen:
            row.checker_id = chosen
            changed.append(row)
    SampleItem.objects.bulk_update(changed, ["checker"], batch_size=1000)
    given = sum(load.values())
    if changed:
        people = [member.display_name for member in checkers]
        record(by=by, action="quality.assign", target=plan, after={"items": given, "checkers": people}, reference=str(plan))
    return given


@dataclass(frozen=True, kw_only=True)
class Found:
    """Errors of one kind."""

    severity: str
    category: str
    root_cause: str = "unknown"
    errors: int = 1
    note: str = ""


@transaction.atomic
def check_sampled(
    *, sampled: SampleItem, units: int, found: Sequence[Found], by: Actor, note: str = "", relevant: int | None = None
) -> QualityCheck:
    """The second review of one sampled item, by the checker it was given to, who is never its reviewer. What differs from the first
    call waits for the plan's adjudicator and counts as found until then. The same again is a form sent twice. In a sample of what
    was set aside `relevant` is how many were. Raises `NotPermitted`, `Refused`."""
    need_any(by, CHECKERS)
    row = locked(sampled)
    _refuse_other_checkers(row, by)
    plan = row.plan
    errors = relevant or 0 if plan.purpose == Purpose.ELUSION else sum(each.errors for each in found)
    if row.state != DRAWN:
        same: QualityCheck | None = QualityCheck.objects.filter(sampled=row, units=units, errors=errors, by_member_id=by.member_id).first()
        if same is not None:
            return same
        raise Refused("This was checked already; what was recorded stands until it is adjudicated.")
    if units < 1:
        raise Refused("At least one unit must have been checked.", "units")
    if errors > units:
        raise Refused(f"{errors:,} wrong are more than the {units:,} checked.", "relevant" if plan.purpose == Purpose.ELUSION else "units")
    item: WorkItem = locked(row.item)
    now = timezone.now()
    own: dict[str, Any] = {"client_id": row.client_id, "matter_id": row.matter_id}
    said = {"units": units, "errors": errors, "note": note.strip(), "checked_at": now}
    who = {"by_member_id": by.member_id, "by_label": by.label[:200], "reviewer_id": row.reviewer_id}
    check = build(QualityCheck, {**own, "item": item, "sampled": row, **said, **who})
    check.save(force_insert=True)
    _keep(check, found, None)
    differs = errors > 0 and plan.adjudicator != Adjudicator.NONE
    row.state = DISPUTED if differs else CHECKED
    row.save(update_fields=["state"])
    after = {"units": units, "errors": errors, "plan": plan.number, "position": row.position}
    record(by=by, action="quality.check", target=check, after=after, reference=item.reference)
    projection.count_again(projection.accuracy_windows(item.workstream_id, to_epoch(now)))
    return check


def _refuse_other_checkers(row: SampleItem, by: Actor) -> None:
    if by.member_id is None or by.member_id == row.reviewer_id:
        raise NotPermitted("Nobody checks their own work.")
    if row.checker_id != by.member_id:
        raise NotPermitted("This was given to somebody else to check.")


def _keep(check: QualityCheck, found: Sequence[Found], adjudication: Adjudication | None) -> None:
    own: dict[str, Any] = {"client_id": check.client_id, "matter_id": check.matter_id, "quality_check": check}
    for each in found:
        said = {"severity": each.severity, "category": each.category, "root_cause": each.root_cause, "errors": each.errors}
        row = build(QualityFinding, {**own, "adjudication": adjudication, **said, "note": each.note.strip()})
        row.save(force_insert=True)


@transaction.atomic
def adjudicate(*, check: QualityCheck, stands: Sequence[Found], reason: str, by: Actor, relevant: int | None = None) -> Adjudication:
    """A third person's word on what a check found: `stands` is what remains of it, and counts from now on. Neither the reviewer nor
    the checker decides, and only the matter's supervising attorney where the plan says so. Raises `NotPermitted`, `Refused`."""
    by.need(Permission.CHECK_QUALITY)
    if check.sampled is None:
        raise Refused("Only a check of a sample is adjudicated.")
    row = locked(check.sampled)
    plan = row.plan
    may_adjudicate(row, check, by)
    errors = relevant or 0 if plan.purpose == Purpose.ELUSION else sum(each.errors for each in stands)
    known: Adjudication | None = Adjudication.objects.filter(quality_check=check).first()
    if known is not None:
        if (known.errors, known.reason, known.by_member_id) == (errors, reason.strip(), by.member_id):
            return known
        raise Refused(f"{known.by_label} adjudicated this already.")
    if row.state != DISPUTED:
        raise Refused("Nothing waits for adjudication here.")
    if not reason.strip():
        raise Refused("Say why.", "reason")
    if errors > check.units:
        raise Refused(f"{errors:,} wrong are more than the {check.units:,} checked.")
    own: dict[str, Any] = {"client_id": check.client_id, "matter_id": check.matter_id}
    who = {"by_member_id": by.member_id, "by_label": by.label[:200]}
    made = build(Adjudication, {**own, "quality_check": check, "errors": errors, "reason": reason.strip(), **who})
    made.save(force_insert=True)
    _keep(check, stands, made)
    row.state = ADJUDICATED
    row.save(update_fields=["state"])
    record(
        by=by,
        action="quality.adjudicate",
        target=made,
        before={"errors": check.errors},
        after={"errors": errors, "reason": made.reason},
        reference=check.item.reference,
    )
    projection.count_again(projection.accuracy_windows(check.item.workstream_id, to_epoch(check.checked_at)))
    return made


def may_adjudicate(row: SampleItem, check: QualityCheck, by: Actor) -> None:
    """Raise `NotPermitted` unless the actor is the third person the plan asks for."""
    if by.member_id is None or by.member_id in (row.reviewer_id, row.checker_id, check.by_member_id):
        raise NotPermitted("A third person decides: neither the reviewer nor the checker.")
    if row.plan.adjudicator == Adjudicator.ATTORNEY:
        matter: Matter = Matter.objects.get(pk=row.matter_id)
        if matter.supervising_attorney_id != by.member_id:
            raise NotPermitted("Only the supervising attorney of this matter adjudicates here.")
