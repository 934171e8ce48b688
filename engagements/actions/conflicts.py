"""Conflict checks: run one, decide a match, set the organization's rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from engagements import conflicts
from engagements.actions.checks import build, change, check, locked
from engagements.models import (
    Client,
    Conflict,
    ConflictCheck,
    ConflictFinding,
    ConflictMatch,
    ConflictOutcome,
    ConflictRule,
    Matter,
    MatterParty,
    NameKind,
    Occasion,
    Verdict,
    WorkItem,
)
from lpo.accounts.actor import Actor, NotPermitted
from lpo.accounts.roles import Permission
from lpo.audit.documents import store
from lpo.audit.models import Document
from lpo.audit.record import record
from lpo.core.errors import Refused
from lpo.tenancy.context import current_organization_id, in_organization

_TWICE = timedelta(seconds=60)
# A conflict that touches more open work than this is a matter for a person, not for a list.
_MOST_MATTERS = 50


@transaction.atomic
def run_check(
    *, client: Client, matter: Matter | None = None, by: Actor, occasion: str = Occasion.ONBOARDING, note: str = ""
) -> ConflictCheck:
    """Look for the names of a client, or of one of its matters, among all that are known here, across walls.

    What an earlier check of the same subject found is not found twice. The same check within a minute is a form sent twice.
    """
    by.need(Permission.EDIT_WORK)
    return _run(client, matter, by, occasion, note)


def _run(client: Client, matter: Matter | None, by: Actor, occasion: str, note: str = "") -> ConflictCheck:
    subject = locked(matter) if matter is not None else locked(client)
    own = {"client": client, "matter": matter}
    parties = MatterParty.objects.filter(matter=matter, removed_at__isnull=True).order_by("name") if matter is not None else []
    names = conflicts.names_of(client, matter, [row.name for row in parties])
    last: ConflictCheck | None = ConflictCheck.objects.filter(**own).order_by("-number").first()
    asked = [list(pair) for pair in names]
    if last is not None and (last.names, last.occasion, last.note) == (asked, occasion, note) and timezone.now() - last.at < _TWICE:
        return last
    found = conflicts.search(names, own_client=client.pk)
    if len(found) > conflicts.MOST_MATCHES:
        raise Refused(f"{len(found):,} names are alike. Make the names fuller, so that at most {conflicts.MOST_MATCHES} are.")
    matches = ConflictMatch.objects.filter(client_id=client.pk, matter=matter)
    known = set(matches.values_list("identity", flat=True))
    new = [each for each in found if each.identity not in known]
    facts = {"number": (last.number if last else 0) + 1, "names": asked, "known_before": len(found) - len(new)}
    row = build(ConflictCheck, {**own, **facts, "occasion": occasion, "note": note, "by_member_id": by.member_id, "by_label": by.label})
    row.save()
    _keep(row, new, matches.aggregate(last=Max("position"))["last"] or 0)
    after = {"occasion": occasion, "names": [name for name, _ in names], "matches": len(new), "known_before": row.known_before}
    record(by=by, action="conflicts.check", target=row, after=after, reference=_named(subject))
    return row


def _keep(row: ConflictCheck, found: list[conflicts.Found], last: int) -> None:
    """The matches, and apart from them what was found where. Written across walls: each finding stands behind its own."""
    organization_id = current_organization_id()
    own = {"organization_id": organization_id, "client_id": row.client_id, "matter_id": row.matter_id, "check_run": row}
    with in_organization(organization_id):
        matches = ConflictMatch.objects.bulk_create(
            ConflictMatch(
                **own,
                position=last + number,
                asked=each.asked,
                asked_as=each.asked_as,
                kind=each.kind,
                strength=each.likeness.strength,
                why=each.likeness.why[:300],
                identity=each.identity,
                member_id=each.member_id,
            )
            for number, each in enumerate(found, 1)
        )
        ConflictFinding.objects.bulk_create(
            ConflictFinding(organization_id=organization_id, match=match, matter_id=each.matter_id, name=each.name, place=each.place[:300])
            for match, each in zip(matches, found, strict=True)
        )


def _named(subject: Client | Matter) -> str:
    return subject.reference if isinstance(subject, Matter) else subject.code


def check_after_profile(*, conflict: Conflict, by: Actor) -> list[ConflictCheck]:
    """A conflict of somebody who has open work it may touch: those matters are checked at once, across walls."""
    client, party, member_id = conflict.client, conflict.party, conflict.member_id
    names = [(client.name, conflicts.CLIENT), (client.legal_name, conflicts.LEGAL_NAME)] if client else [(party, conflicts.PARTY)]
    with in_organization(current_organization_id()):
        working = WorkItem.objects.filter(assignee_id=member_id, finished=False).order_by().values_list("matter_id", flat=True).distinct()
        open_work = set(working[:_MOST_MATTERS])
        if not open_work:
            return []
        alike = [each for each in conflicts.search(names) if each.kind != NameKind.STAFF]
        clients = {each.client_id for each in alike if each.matter_id is None}
        matters = Matter.objects.filter(pk__in=open_work).select_related("client").order_by("id")
        named = {each.matter_id for each in alike}
        touched = [matter for matter in matters if matter.pk in named or matter.client_id in clients]
        return [_run(matter.client, matter, by, Occasion.PROFILE) for matter in touched]


@transaction.atomic
def decide_match(
    *,
    match: ConflictMatch,
    by: Actor,
    verdict: str,
    note: str,
    consented_by: str = "",
    consent_scope: str = "",
    message: Document | None = None,
) -> ConflictOutcome:
    """Record what a person made of a match. A later decision is a further row; the same one again is the first.

    Raises `Refused` where the finding lies behind a wall this person stands outside of, or a waiver lacks its consent.
    """
    by.need(Permission.EDIT_WORK)
    if by.kind != "member":
        raise NotPermitted("A person signed in decides whether something is a conflict.")
    match = locked(match)
    if not ConflictFinding.objects.filter(match=match).exists():
        raise Refused("This was found in a restricted matter. Somebody inside its wall decides it.")
    said = {"verdict": verdict, "note": note.strip(), "consented_by": consented_by.strip(), "consent_scope": consent_scope.strip()}
    last: ConflictOutcome | None = ConflictOutcome.objects.filter(match=match).order_by("-id").first()
    if last is not None and all(getattr(last, name) == value for name, value in said.items()) and message in (None, last.message):
        return last
    if verdict == Verdict.WAIVED and message is None:
        raise Refused("Attach or paste the message that gives the consent.", "message")
    own = {"client_id": match.client_id, "matter_id": match.matter_id, "match": match, "message": message}
    row = build(ConflictOutcome, {**own, **said, "by_member_id": by.member_id, "by_label": by.label})
    row.save()
    before = {"verdict": last.verdict, "note": last.note} if last is not None else None
    record(by=by, action="conflicts.decide", target=row, before=before, after={"asked": match.asked, **said}, reference=_subject_of(match))
    return row


def _subject_of(match: ConflictMatch) -> str:
    if match.matter_id is not None:
        return str(Matter.objects.values_list("reference", flat=True).get(pk=match.matter_id))
    return str(Client.objects.values_list("code", flat=True).get(pk=match.client_id))


def keep_consent(*, match: ConflictMatch, content: bytes, file_name: str, media_type: str, by: Actor) -> Document:
    """The message that consents to a conflict, under its hash."""
    facts: dict[str, Any] = {"client_id": match.client_id, "matter_id": match.matter_id, "reference": _subject_of(match), "by": by}
    return store(kind="consent", content=content, file_name=file_name, media_type=media_type, **facts)


@transaction.atomic
def set_conflict_rule(*, by: Actor, blocks: bool, version: int) -> ConflictRule:
    """Whether work waits until the conflict check of its matter is clear. Raises `StaleVersion`."""
    by.need(Permission.MANAGE_ORGANIZATION)
    row = ConflictRule.objects.first()
    if row is None:
        row = build(ConflictRule, {})
        check(row)
        row.save()
    row, before, after = change(row, version, {"blocks": blocks})
    if after:
        record(by=by, action="conflicts.rule", target=row, before=before, after=after, reference="Conflict checks")
    return row
