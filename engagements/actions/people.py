"""Profiles of the people who do the work: kept by a project manager or an administrator, read by whoever plans the work."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.db import transaction

from engagements.actions.checks import Duplicate, build, change, one_by_one, plain
from engagements.actions.conflicts import check_after_profile
from engagements.actions.names import index_member
from engagements.models import Absence, Admission, Client, Conflict, ReviewerProfile, SpokenLanguage, Training
from engagements.staffing import language_names
from lpo.accounts.actor import Actor
from lpo.accounts.models import Membership
from lpo.accounts.roles import Permission, Role
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id
from lpo.tenancy.models import TenantModel

M = TypeVar("M", bound=TenantModel)


def may_edit(by: Actor, member: Membership) -> None:
    by.need(Permission.EDIT_STAFF)
    if member.organization_id != current_organization_id() or member.role == Role.CLIENT_VIEWER:
        raise Refused("Choose a member of staff.", "member")


@transaction.atomic
def update_profile(
    *, member: Membership, by: Actor, version: int, location: str, capacity: Decimal | None, capacity_unit: str
) -> ReviewerProfile:
    """Where somebody works and how much a week holds; the first time makes the profile. Raises `StaleVersion`."""
    may_edit(by, member)
    fields = {"location": location, "capacity": capacity, "capacity_unit": capacity_unit}
    one_by_one("member", member.pk)
    profile = ReviewerProfile.objects.filter(member=member).first()
    if profile is None:
        profile = build(ReviewerProfile, {"member": member})
        profile.save()
    row, before, after = change(profile, version, fields)
    if after:
        record(by=by, action="profile.update", target=row, before=before, after=after, reference=member.user.email)
    return row


def _add(model: type[M], what: str, member: Membership, by: Actor, fields: dict[str, Any], same: dict[str, Any]) -> M:
    may_edit(by, member)
    one_by_one("member", member.pk)
    manager: Any = model._default_manager
    if (twin := manager.filter(member=member, **same).first()) is not None:
        raise Duplicate("This is on record already.", twin, next(iter(same)))
    row = build(model, {"member": member, **fields})
    row.save()
    after = {name: plain(value) for name, value in fields.items()}
    record(by=by, action=f"{what}.add", target=row, after=after, reference=member.user.email)
    return row


@transaction.atomic
def add_language(*, member: Membership, by: Actor, language: str, level: str) -> SpokenLanguage:
    if language not in language_names():
        raise Refused("Choose a language.", "language")
    return _add(SpokenLanguage, "language", member, by, {"language": language, "level": level}, {"language": language})


@transaction.atomic
def add_admission(
    *, member: Membership, by: Actor, jurisdiction: str, number: str = "", valid_from: date | None = None, valid_to: date | None = None
) -> Admission:
    if valid_from is not None and valid_to is not None and valid_to < valid_from:
        raise Refused("This lies before its first day.", "valid_to")
    fields = {"jurisdiction": jurisdiction, "number": number, "valid_from": valid_from, "valid_to": valid_to}
    return _add(Admission, "admission", member, by, fields, {"jurisdiction": jurisdiction, "number": number})


@transaction.atomic
def add_training(
    *, member: Membership, by: Actor, kind: str, title: str, passed_on: date, score: Decimal | None = None, valid_to: date | None = None
) -> Training:
    if valid_to is not None and valid_to < passed_on:
        raise Refused("This lies before the day it was passed.", "valid_to")
    fields = {"kind": kind, "title": title, "passed_on": passed_on, "score": score, "valid_to": valid_to}
    return _add(Training, "training", member, by, fields, {"title": title, "kind": kind, "passed_on": passed_on})


@transaction.atomic
def add_conflict(*, member: Membership, by: Actor, since: date, client: Client | None = None, party: str = "", note: str = "") -> Conflict:
    """From now on `member` is given nothing of this client; what is assigned already stays until it is reassigned."""
    if (client is None) == (not party.strip()):
        raise Refused("Name either a client or a party.", "party")
    fields = {"client": client, "party": party, "note": note, "since": since}
    row = _add(Conflict, "conflict", member, by, fields, {"party": party, "client": client})
    index_member(member.pk)
    check_after_profile(conflict=row, by=by)
    return row


@transaction.atomic
def add_absence(*, member: Membership, by: Actor, starts_on: date, ends_on: date, reason: str = "leave") -> Absence:
    """Days away, first and last included. Two absences never overlap, so that each day is counted once."""
    if ends_on < starts_on:
        raise Refused("This lies before the first day.", "ends_on")
    own = Absence.objects.filter(member=member, starts_on__lte=ends_on, ends_on__gte=starts_on)
    if (other := own.exclude(starts_on=starts_on, ends_on=ends_on).first()) is not None:
        raise Refused(f"An absence from {other.starts_on:%d %b %Y} to {other.ends_on:%d %b %Y} is on record.", "starts_on")
    fields = {"starts_on": starts_on, "ends_on": ends_on, "reason": reason}
    return _add(Absence, "absence", member, by, fields, {"starts_on": starts_on, "ends_on": ends_on})


_TOLD = {SpokenLanguage: "language", Admission: "admission", Training: "training", Conflict: "conflict", Absence: "absence"}


@transaction.atomic
def remove_from_profile(*, row: TenantModel, member: Membership, by: Actor) -> None:
    """Take one line off somebody's profile. What it said stays in the audit log. Raises `Refused` where somebody did so already."""
    may_edit(by, member)
    one_by_one("member", member.pk)
    if not type(row)._default_manager.filter(pk=row.pk).exists():
        raise Refused("This line is not on the profile any more: somebody removed it in the meantime.")
    before = {f.name: plain(getattr(row, f.name)) for f in row._meta.concrete_fields if f.name not in {"id", "organization", "member"}}
    record(by=by, action=f"{_TOLD[type(row)]}.remove", target=row, before=before, reference=member.user.email)
    row.delete()
    if isinstance(row, Conflict):
        index_member(member.pk)
