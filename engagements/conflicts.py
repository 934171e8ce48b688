"""Names that are like others, looked for across walls, and how the conflict check of a client or matter stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery

from engagements.models import (
    Client,
    ConflictCheck,
    ConflictMatch,
    ConflictOutcome,
    ConflictRule,
    Matter,
    MatterParty,
    NameKind,
    NameWord,
)
from engagements.names import Likeness, core, index_words, likeness
from lpo.tenancy.context import current_organization_id, in_organization

# Composed by hand: every matter's page asks it, and the ORM takes seven milliseconds to write it.
_LAST_CHECKS = """
WITH last AS (
    SELECT DISTINCT ON (matter_id) * FROM engagements_conflictcheck
    WHERE organization_id = %s AND (matter_id = ANY (%s) OR (matter_id IS NULL AND client_id = %s))
    ORDER BY matter_id, number DESC
), verdicts AS (
    SELECT last.id, outcome.verdict
    FROM last
    JOIN engagements_conflictmatch m ON m.organization_id = last.organization_id AND m.client_id = last.client_id
        AND (m.matter_id = last.matter_id OR (m.matter_id IS NULL AND last.matter_id IS NULL))
    LEFT JOIN LATERAL (
        SELECT o.verdict FROM engagements_conflictoutcome o
        WHERE o.organization_id = m.organization_id AND o.match_id = m.id ORDER BY o.id DESC LIMIT 1) AS outcome ON true
)
SELECT last.*, (SELECT count(*) FROM verdicts v WHERE v.id = last.id AND v.verdict IS NULL) AS undecided,
    (SELECT count(*) FROM verdicts v WHERE v.id = last.id AND v.verdict = 'conflict') AS conflicts
FROM last
"""

# Who looks for a name so common that more turn up had better make it more telling.
MOST_MATCHES = 200
_MOST_ROWS = 5_000
CLIENT, LEGAL_NAME, END_CLIENT, PARTY = "the client", "the client's legal name", "the end client", "a party"
ONE_UNDECIDED = "1 match of the conflict check is not decided."
Names = list[tuple[str, str]]


@dataclass(frozen=True)
class Found:
    """One name that is like one asked for. `place` says where it stands; both belong behind the wall of `matter_id`."""

    asked: str
    asked_as: str
    likeness: Likeness
    kind: str
    name: str
    place: str
    client_id: int | None
    matter_id: int | None
    member_id: int | None

    @property
    def kind_label(self) -> str:
        return NameKind(self.kind).label

    @property
    def identity(self) -> str:
        """The same finding of the same name, however it is written and whenever it is found."""
        kind = NameKind.PARTY if self.kind == NameKind.FORMER_PARTY else self.kind
        parts = (core(self.asked), kind, self.client_id, self.matter_id, self.member_id, core(self.name))
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def search(names: Names, *, own_client: int | None = None) -> list[Found]:
    """What is like `names`, the most alike first, found across walls: the caller keeps from view what lies behind one.

    Names of `own_client` itself and of its matters are no conflict and are left out. One statement, by equality of words.
    """
    words = set().union(*(index_words(name) for name, _ in names)) if names else set()
    with in_organization(current_organization_id()):
        rows = NameWord.objects.filter(word__in=sorted(words))
        if own_client is not None:
            rows = rows.exclude(client_id=own_client)
        known = list(rows.select_related("client", "matter__client", "member__user").order_by("id")[:_MOST_ROWS])
    found: dict[str, Found] = {}
    for name, asked_as in names:
        for row in known:
            if (alike := likeness(name, row.name)) is not None:
                each = _found(name, asked_as, alike, row)
                before = found.get(each.identity)
                if before is None or before.likeness.strength < alike.strength:
                    found[each.identity] = each
    return sorted(found.values(), key=lambda each: (-each.likeness.strength, each.asked, each.kind, each.name, each.place))


def _found(asked: str, asked_as: str, alike: Likeness, row: NameWord) -> Found:
    if row.matter is not None:
        place = f"{row.matter.reference} {row.matter.title}, {row.matter.client.name}"
    elif row.client is not None:
        place = f"{row.client.code} {row.client.name}"
    else:
        place = row.member.display_name if row.member is not None else ""
    return Found(asked, asked_as, alike, row.kind, row.name, place, row.client_id, row.matter_id, row.member_id)


def names_of(client: Client, matter: Matter | None, parties: Iterable[str] = ()) -> Names:
    """Every name a check looks for, with what it is."""
    found = [(client.name, CLIENT), (client.legal_name, LEGAL_NAME)]
    if matter is not None:
        found += [(matter.end_client, END_CLIENT), *((name, PARTY) for name in parties)]
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    for name, said in found:
        if name:
            seen.setdefault(core(name), (name, said))
    return list(seen.values())


@dataclass(frozen=True)
class Standing:
    """How a check stands: when it ran last, what it does not cover, what is not decided, what is a conflict."""

    names: Names
    last: ConflictCheck | None = None
    uncovered: list[str] = field(default_factory=list)
    undecided: int = 0
    conflicts: int = 0

    @property
    def clear(self) -> bool:
        return self.last is not None and not (self.uncovered or self.undecided or self.conflicts)

    @property
    def status(self) -> tuple[str, str]:
        """Kind and text, the gravest first."""
        if self.conflicts:
            return "breach", "Conflict"
        if self.last is None:
            return "risk", "Not checked"
        if self.undecided:
            return "risk", f"{self.undecided} to decide"
        if self.uncovered:
            return "risk", "Out of date"
        return "met", "Clear"

    @property
    def why(self) -> str:
        """Why it is not clear, in a sentence; empty where it is."""
        if self.conflicts:
            return "A conflict is on record."
        if self.last is None:
            return "The conflict check was not run."
        if self.undecided:
            return ONE_UNDECIDED if self.undecided == 1 else f"{self.undecided} matches of the conflict check are not decided."
        if self.uncovered:
            more = " and others" if len(self.uncovered) > 3 else ""
            return f"The conflict check does not cover {', '.join(self.uncovered[:3])}{more}."
        return ""


def latest_verdict() -> Subquery:
    return Subquery(ConflictOutcome.objects.filter(match=OuterRef("pk")).order_by("-id").values("verdict")[:1])


def judged(rows: QuerySet[ConflictMatch]) -> QuerySet[Any]:
    """Matches with their latest verdict as `verdict`, None where nobody decided."""
    return rows.annotate(verdict=latest_verdict())


def standing_of_client(client: Client) -> Standing:
    """Of a client as a whole, in one statement."""
    return standings([], client)[None]


def standings(matters: Sequence[Matter], client: Client | None = None) -> dict[int | None, Standing]:
    """By matter, and under None of `client` as a whole: two statements for any number, one where the matters were read with their
    `party_names`. The matters come with their clients."""
    ids = [matter.pk for matter in matters]
    parties = _parties(matters)
    last = _last_checks(ids, client.pk if client is not None else None)
    subjects = [(matter.pk, names_of(matter.client, matter, parties.get(matter.pk, []))) for matter in matters]
    found: dict[int | None, Standing] = {}
    for key, names in [*subjects, *([(None, names_of(client, None))] if client is not None else [])]:
        check = last.get(key)
        found[key] = _standing(names, check, check.undecided, check.conflicts) if check is not None else _standing(names, None, 0, 0)
    return found


def _parties(matters: Sequence[Matter]) -> dict[int, list[str]]:
    """Names of the parties by matter; asked only of matters that were read without them."""
    found: dict[int, list[str]] = {matter.pk: matter.party_names for matter in matters if hasattr(matter, "party_names")}
    if unread := [matter.pk for matter in matters if matter.pk not in found]:
        named = MatterParty.objects.filter(matter_id__in=unread, removed_at__isnull=True).order_by("name")
        for matter_id, name in named.values_list("matter_id", "name"):
            found.setdefault(matter_id, []).append(name)
    return found


def _last_checks(matter_ids: Sequence[int], client_id: int | None) -> dict[int | None, Any]:
    """The last check of each subject, with how many matches of the subject are `undecided` and how many `conflicts`: a match
    is always of some check, so who was never checked has none."""
    rows = ConflictCheck.objects.raw(_LAST_CHECKS, [current_organization_id(), list(matter_ids), client_id])
    return {check.matter_id: check for check in rows}


def _standing(names: Names, last: ConflictCheck | None, undecided: int, conflicts: int) -> Standing:
    covered = {core(name) for name, _ in last.names} if last is not None else set()
    uncovered = [name for name, _ in names if core(name) not in covered] if last is not None else []
    return Standing(names, last, uncovered, undecided, conflicts)


def undecided_by_subject(most: int) -> list[dict[str, Any]]:
    """Clients and matters with matches that nobody decided, those with most first: client_id, matter_id, n."""
    rows: QuerySet[Any] = judged(ConflictMatch.objects.all()).filter(verdict__isnull=True)
    rows = rows.values("client_id", "matter_id").annotate(n=Count("id"))
    return list(rows.order_by("-n", "client_id", "matter_id")[:most])


def rule() -> ConflictRule:
    """The organization's rule; until somebody sets it, a check says what it finds and blocks nothing."""
    return ConflictRule.objects.first() or ConflictRule(blocks=False)


def stopped(matter_ids: Iterable[int]) -> dict[int, str]:
    """Why no work may be given out or begun in these matters, as the organization's rule says; one statement where it blocks nothing."""
    ids = set(matter_ids)
    if not ids or not rule().blocks:
        return {}
    found = standings(list(Matter.objects.filter(pk__in=ids).select_related("client")))
    return {matter_id: standing.why for matter_id, standing in found.items() if matter_id is not None and not standing.clear}


def verdicts_on(member_ids: Iterable[int], matter_ids: Iterable[int]) -> dict[tuple[int, int], list[tuple[str | None, str, str]]]:
    """(person, matter) → what was decided of that person's own conflicts there: verdict, the name asked for, what it was."""
    rows = judged(ConflictMatch.objects.filter(member_id__in=list(member_ids), matter_id__in=list(matter_ids)))
    found: dict[tuple[int, int], list[tuple[str | None, str, str]]] = {}
    for member_id, matter_id, verdict, asked, asked_as in rows.order_by("id").values_list(
        "member_id", "matter_id", "verdict", "asked", "asked_as"
    ):
        found.setdefault((member_id, matter_id), []).append((verdict, asked, asked_as))
    return found
