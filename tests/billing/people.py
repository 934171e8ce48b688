"""Placed people with timesheets for billing's tests, through the real actions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing import actions as billing
from billing.models import ChargeTerm
from engagements import actions as work
from engagements.actions import Entered
from engagements.models import Engagement, Matter, Placement, Timesheet
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from tests import make

FIRST = date(2026, 9, 1)
NOVEMBER = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
# After every day these tests know of, wherever the machine's clock stands.
LATER = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)


def matter(**engagement: Any) -> Matter:
    fields: dict[str, Any] = {"starts_on": FIRST, "delivery_model": "augmentation"} | engagement
    return make.matter(make.engagement(**fields))


def placed(matter: Matter, name: str = "Dana Núñez-O'Brien", **fields: Any) -> Placement:
    plain: dict[str, Any] = {"starts_on": FIRST, "role": "Paralegal", "supervisor": "Luis Ferrer", "hours_per_week": Decimal(40)}
    return work.place_person(matter=matter, by=make.system(), name=name, **(plain | fields))


def staff_term(engagement: Engagement, price: str = "6400", name: str = "Paralegal", **version: Any) -> ChargeTerm:
    values = {"effective_from": engagement.starts_on, "price": Decimal(price), "unit": version.get("rate_per", "month"), **version}
    return billing.create_term(engagement=engagement, name=name, model="staff", version=values, by=make.system())


def submitted(placement: Placement, day: date, hours: Mapping[date, Entered] | None = None) -> Timesheet:
    sheet = work.open_timesheet(placement=placement, by=make.system(), day=day, now=LATER)
    if hours:
        sheet = work.fill_timesheet(sheet=sheet, by=make.system(), version=sheet.version, days=hours, now=LATER)
    return work.submit_timesheet(sheet=sheet, by=make.system(), version=sheet.version, now=LATER)


def approved(placement: Placement, day: date, by: Membership, hours: Mapping[date, Entered] | None = None, **more: Any) -> Timesheet:
    """Submitted and approved with the client's mail, recorded by `by`."""
    return decided(submitted(placement, day, hours), by, **more)


def decided(sheet: Timesheet, by: Membership, *, approve: bool = True, note: str = "", **more: Any) -> Timesheet:
    actor = Actor.member(by)
    matter = Matter.objects.get(pk=sheet.matter_id)
    message = work.keep_message(
        item=None, matter=matter, content=b"Approved. Luis Ferrer", file_name="mail.eml", media_type="message/rfc822", by=actor
    )
    said: dict[str, Any] = {"approve": approve, "message": message, "note": note, **more}
    return work.decide_timesheet(sheet=sheet, by=actor, version=sheet.version, now=LATER, **said)


def corrected(sheet: Timesheet, by: Membership, hours: Mapping[date, Entered], **more: Any) -> Timesheet:
    made = work.correct_timesheet(sheet=sheet, by=make.system(), reason="Miscounted")
    made = work.fill_timesheet(sheet=made, by=make.system(), version=made.version, days=hours, now=LATER)
    made = work.submit_timesheet(sheet=made, by=make.system(), version=made.version, now=LATER)
    return decided(made, by, **more)


def latest(placement: Placement, day: date) -> Timesheet:
    return Timesheet.objects.filter(placement=placement, period_start=day).latest("number")
