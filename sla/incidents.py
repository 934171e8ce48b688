"""One incident, several levels: claims over the same missed items whose credits fall into one invoice period.

An item belongs to one workstream, and so do the claims that can share it. A claim rests on the rows frozen as missed, or checked with
errors, in the latest revision of its window and in the windows rolled up into it. A volume names no missed item and shares nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from engagements.models import Contract, Engagement
from engagements.models.clients import IncidentCredits
from engagements.queries import contract_on
from lpo.core.localtime import from_epoch, to_epoch
from lpo.tenancy.context import current_organization_id
from sla import wording
from sla.earnback import claims_that_count
from sla.models import Attainment, CreditClaim
from sla.queries import last_day
from sla.slots import period_of_credit
from sla.verdict import Basis
from sla.windows import period, quarter_of

WITHDRAWN = "withdrawn"
NAMED = 50
CHOICE, LARGER = IncidentCredits.CHOICE.value, IncidentCredits.LARGER.value
# Shares items with a claim that is about to give way: neither the client nor the contract has anything to choose between.
WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Shared:
    """How many missed items two claims rest on alike, and the first of them."""

    number: int
    items: list[str]


@dataclass(frozen=True)
class Around:
    """The claims of a workstream in one invoice period, oldest first. `live` stand; `gone` gave way to one of another level and are
    the last word on their windows. `last` is the newest claim of each window, `shared` by the two numbers of a pair."""

    contract: Contract | None
    live: Sequence[CreditClaim]
    gone: Sequence[CreditClaim]
    last: Mapping[tuple[int, datetime], int]
    shared: Mapping[frozenset[int], Shared]

    @property
    def rule(self) -> str:
        return self.contract.incident_credits if self.contract is not None else IncidentCredits.EACH.value

    def is_last(self, claim: CreditClaim) -> bool:
        """Whether it is the newest claim of its window: a restatement makes another."""
        return self.last[window_of(claim)] == claim.pk

    def rests_alike(self, one: CreditClaim, other: CreditClaim) -> Shared | None:
        return self.shared.get(frozenset((one.pk, other.pk)))

    def beside(self, claim: CreditClaim) -> list[CreditClaim]:
        """Standing claims over the same items, where neither has given way to the other. None where the contract pays each."""
        if self.rule == IncidentCredits.EACH:
            return []
        return [
            other
            for other in self.live
            if self.rests_alike(claim, other) and claim.pk != other.yields_to_id and other.pk != claim.yields_to_id
        ]

    def incident(self, claim: CreditClaim) -> list[CreditClaim]:
        """The claim with all that share items with it, or with one that does."""
        found, reached = {claim.pk}, [claim]
        while reached:
            for other in self.beside(reached.pop()):
                if other.pk not in found:
                    found.add(other.pk)
                    reached.append(other)
        return [one for one in self.live if one.pk in found]

    def candidates(self, claim: CreditClaim) -> list[CreditClaim]:
        """Of its incident the claims that may be the one that is paid."""
        return [one for one in self.incident(claim) if self.is_last(one) and one.yields_to_id is None]


def window_of(claim: CreditClaim) -> tuple[int, datetime]:
    return claim.level_id, claim.attainment.window_start


def zone_of(claim: CreditClaim) -> ZoneInfo:
    return ZoneInfo(claim.attainment.level_version.time_zone)


def around(attainment: Attainment) -> Around:
    """The claims beside a window's: of its workstream, with credits in the same invoice period."""
    workstream = attainment.level.workstream
    engagement = Engagement.objects.select_related("client", "legal_entity").get(pk=workstream.matter.engagement_id)
    first, last = period_of_credit(engagement, last_day(attainment.window_end, attainment.level_version))
    near = (attainment.window_end - timedelta(days=100), attainment.window_end + timedelta(days=100))
    rows = CreditClaim.objects.filter(level__workstream=workstream, attainment__window_end__range=near)
    beside = rows.select_related("level__workstream", "attainment__level_version", "yields_to").defer("attainment__snapshot")
    claims = [
        claim for claim in beside.order_by("id") if first <= last_day(claim.attainment.window_end, claim.attainment.level_version) <= last
    ]
    # What gave a credit back and does so no longer is not the last word on its window.
    claims = [claim for claim in claims if claim.state != WITHDRAWN or claim.earned_in_id is None]
    newest = {window_of(claim): claim.pk for claim in claims}
    live = [claim for claim in claims if claim.state != WITHDRAWN and claim.percent]
    gone = [
        claim for claim in claims if claim.state == WITHDRAWN and claim.yields_to_id is not None and newest[window_of(claim)] == claim.pk
    ]
    return Around(contract_on(engagement, first), live, gone, newest, _shared([*live, *gone], newest))


# By the claim and the figure whose rows it rests on: (claim, claim, how many items, the first of them) of two levels.
_SHARED = """
WITH missed AS (
    SELECT DISTINCT m.claim, m.level, r.item_reference
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS m(claim, level, attainment)
    JOIN sla_attainmentrow r ON r.organization_id = %s AND r.attainment_id = m.attainment
     AND r.outcome IN ('missed', 'checked') AND (r.outcome = 'missed' OR r.errors > 0))
SELECT a.claim, b.claim, count(*), (array_agg(a.item_reference ORDER BY a.item_reference))[1:%s]
FROM missed a JOIN missed b ON b.item_reference = a.item_reference AND b.claim > a.claim AND b.level <> a.level
GROUP BY 1, 2
"""


def _shared(claims: Sequence[CreditClaim], newest: Mapping[tuple[int, datetime], int]) -> dict[frozenset[int], Shared]:
    if len({claim.level_id for claim in claims}) < 2:
        return {}
    latest = _latest(claims)
    figures = [
        (claim.pk, claim.level_id, figure)
        for claim in claims
        for figure in _figures(claim, latest[window_of(claim)] if newest[window_of(claim)] == claim.pk else claim.attainment_id)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [*(list(column) for column in zip(*figures, strict=True)), current_organization_id(), NAMED])
        return {frozenset((one, other)): Shared(number, items) for one, other, number, items in cursor.fetchall()}


def _latest(claims: Sequence[CreditClaim]) -> dict[tuple[int, datetime], int]:
    """The latest closed revision of each claim's window."""
    windows = [window_of(claim) for claim in claims]
    rows = Attainment.objects.filter(level_id__in={level for level, _ in windows}, window_start__in={start for _, start in windows})
    closed = rows.filter(state="closed").order_by("level_id", "window_start", "-revision").distinct("level_id", "window_start")
    return {(level, start): pk for level, start, pk in closed.values_list("level_id", "window_start", "pk")}


def _figures(claim: CreditClaim, own: int) -> list[int]:
    """The figures a claim rests on: its window's, and those of the quarter that were judged with it."""
    judged = claim.attainment
    if not judged.carried_denominator:
        return [own]
    version = judged.level_version
    window = period(to_epoch(judged.window_start), version.time_zone, version.window)
    since = from_epoch(quarter_of(window, version.time_zone).start)
    earlier = Attainment.objects.filter(level_id=claim.level_id, window_end__gt=since, window_start__lt=judged.window_start)
    latest = earlier.order_by("window_start", "-revision").distinct("window_start")
    return [own, *(row.pk for row in latest.only("pk", "basis") if row.basis == Basis.ROLLED_UP)]


# --- in words -------------------------------------------------------------------------------------------------------------------


def named(claim: CreditClaim) -> str:
    """As it was called when it was made: the client reads it without reading the level."""
    return f"“{claim.inputs['level']}”, {claim.inputs['window']}"


def items_in_words(number: int, items: Sequence[str], most: int = 3) -> str:
    """NDA-0007 and NDA-0012; of many the first and how many more."""
    shown = list(items[:most])
    if number > len(shown):
        return f"{', '.join(shown)} and {number - len(shown):,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


@dataclass(frozen=True, slots=True)
class Alike:
    """Another claim over the same missed items."""

    claim: CreditClaim
    number: int
    items: Sequence[str]

    @property
    def name(self) -> str:
        return f"{named(self.claim)} ({wording.number(self.claim.percent)} %)"

    @property
    def shared(self) -> str:
        return items_in_words(self.number, self.items)


def alike(claims: Iterable[CreditClaim]) -> dict[int, list[Alike]]:
    """By claim the others of its incident that this viewer may read: the client those of published windows. One statement."""
    shares = {claim.pk: claim.incident.get("shares", []) for claim in claims}
    wanted = {each["claim"] for found in shares.values() for each in found}
    known = CreditClaim.objects.in_bulk(wanted) if wanted else {}
    return {
        pk: [Alike(known[each["claim"]], each["number"], each["items"]) for each in found if each["claim"] in known]
        for pk, found in shares.items()
    }


def awaited(incident: Mapping[str, Any], *, to_client: bool = False) -> str:
    """What a claim of an incident waits for. `to_client`: it is the client who reads it."""
    if not incident:
        return ""
    if incident["rule"] == WAITS:
        return "The other one is about to give way: this claim waits until it has."
    if incident["rule"] == LARGER:
        return "One incident: the contract pays the larger credit, once neither can be contested."
    by = incident["choose_by"]
    whose, who = ("your", "you say") if to_client else ("the client's", "it says")
    silence = f" If {who} nothing until {date.fromisoformat(by):%-d %b %Y}, the larger stands." if by else ""
    return f"One incident: the contract pays one credit, {whose} choice.{silence}"


def paid_instead(claim: CreditClaim) -> CreditClaim | None:
    """The claim that one gave way to, where this viewer may read it."""
    found: CreditClaim | None = CreditClaim.objects.filter(pk=claim.yields_to_id).first() if claim.yields_to_id is not None else None
    return found


def paid_elsewhere(level_id: int, starts: Iterable[int]) -> list[str]:
    """Of a level's windows, by their first seconds, those whose credit gave way to another level's."""
    rows = CreditClaim.objects.filter(level_id=level_id, attainment__window_start__in=[from_epoch(start) for start in starts])
    rows = claims_that_count(rows).order_by("attainment__window_start", "id").select_related("attainment").defer("attainment__snapshot")
    last = {claim.attainment.label: claim for claim in rows}
    return [label for label, claim in last.items() if claim.yields_to_id is not None]


def waiting(rows: QuerySet[Any], most: int = 50) -> list[CreditClaim]:
    """Of some claims those that wait for the client's choice, one of each incident."""
    found: list[CreditClaim] = []
    seen: set[int] = set()
    for claim in rows.filter(incident__rule=CHOICE).exclude(state=WITHDRAWN).order_by("id")[: most * 4]:
        if claim.pk not in seen:
            found.append(claim)
        seen |= {claim.pk, *(each["claim"] for each in claim.incident["shares"])}
    return found[:most]
