"""What pages and reports read of the room, as few statements as rows allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, DateField, ExpressionWrapper, F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from engagements import closing, contracts, states
from engagements.closing import Unfinished
from engagements.contracts import Hold, governing
from engagements.models import (
    Blocker,
    Client,
    Contract,
    ContractClause,
    EndedTerm,
    Engagement,
    ImportBatch,
    ItemType,
    LateEntry,
    LegalHold,
    Matter,
    MatterInsider,
    MatterParty,
    Milestone,
    Pause,
    Placement,
    ProtocolVersion,
    Question,
    Timesheet,
    Transition,
    WorkItem,
    Workstream,
)
from engagements.models.imports import ImportState
from lpo.accounts.models import Membership
from lpo.accounts.roles import Role
from lpo.audit.models import Event
from lpo.tenancy.context import current_organization_id, current_scope, in_organization

# No page counts further than this: "10,000+" is all a person needs to read.
COUNT_CAP = 10_000
FINISHED_STATES = frozenset().union(*states.FINISHED.values())
OPEN_STATES = [state for state in states.LABELS if state not in FINISHED_STATES]

_COUNTS = """
SELECT w.id, s.state, c.n
FROM unnest(%(workstreams)s::bigint[]) AS w (id)
CROSS JOIN unnest(%(states)s::text[]) AS s (state)
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT 1 FROM engagements_workitem i
        WHERE i.organization_id = %(organization)s AND i.workstream_id = w.id AND i.state = s.state LIMIT %(cap)s
    ) AS capped
) AS c
UNION ALL
SELECT w.id, 'paused', c.n
FROM unnest(%(workstreams)s::bigint[]) AS w (id)
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT 1 FROM engagements_workitem i
        WHERE i.organization_id = %(organization)s AND i.workstream_id = w.id AND i.paused LIMIT %(cap)s
    ) AS capped
) AS c
"""


@dataclass(frozen=True)
class Counts:
    """Items of a workstream by state, each counted to the cap; `items` is exact, from the workstream's own counter."""

    by_state: Mapping[str, int] = field(default_factory=dict)
    on_hold: int = 0

    @property
    def open(self) -> int:
        return sum(self.by_state.get(state, 0) for state in OPEN_STATES)

    @property
    def shown(self) -> list[tuple[str, str, int]]:
        return [(state, label, n) for state, label in states.LABELS.items() if (n := self.by_state.get(state, 0))]


def counts_of(workstream_ids: Iterable[int], among: Iterable[str] = tuple(states.LABELS)) -> dict[int, Counts]:
    """Items in the states `among`, in one statement for any number of workstreams, whatever their size."""
    ids = list(workstream_ids)
    if not ids:
        return {}
    values: dict[str, Any] = {
        "workstreams": ids,
        "states": list(among),
        "organization": current_organization_id(),
        "cap": COUNT_CAP + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, values)
        rows = cursor.fetchall()
    found: dict[int, dict[str, int]] = {number: {} for number in ids}
    for workstream_id, state, n in rows:
        found[workstream_id][state] = n
    return {number: Counts({s: n for s, n in by.items() if s != "paused"}, by.get("paused", 0)) for number, by in found.items()}


def all_counts_of(workstream: Workstream) -> Counts:
    """In every state. Of a large workstream most is delivered, which is what the others leave: counting it takes longest."""
    if workstream.item_count > COUNT_CAP:
        others = [state for state in states.LABELS if state != states.DELIVERED]
        counts = counts_of([workstream.id], others)[workstream.id]
        if max(counts.by_state.values()) <= COUNT_CAP:
            delivered = workstream.item_count - sum(counts.by_state.values())
            return Counts({**counts.by_state, states.DELIVERED: delivered}, counts.on_hold)
    return counts_of([workstream.id])[workstream.id]


def figures_of(matter: Matter) -> list[dict[str, Any]]:
    """Per workstream of a matter: items by state, how many are open and on hold. Exact, for a published update."""
    rows: Any = (
        WorkItem.objects.filter(matter_id=matter.id)
        .values("workstream_id", "state")
        .annotate(
            n=Count("id"), waiting=Count("id", filter=Q(paused=True, finished=False)), unfinished=Count("id", filter=Q(finished=False))
        )
        .order_by("workstream_id", "state")
    )
    by_workstream: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_workstream.setdefault(row["workstream_id"], []).append(row)
    return [
        _figures(workstream, by_workstream.get(workstream.id, [])) for workstream in Workstream.objects.filter(matter=matter).order_by("id")
    ]


def _figures(workstream: Workstream, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "workstream": workstream.title,
        "prefix": workstream.item_prefix,
        "unit": workstream.unit,
        "states": [{"state": row["state"], "label": states.LABELS[row["state"]], "items": row["n"]} for row in rows],
        "items": sum(row["n"] for row in rows),
        "open": sum(row["unfinished"] for row in rows),
        "on_hold": sum(row["waiting"] for row in rows),
    }


def staff() -> QuerySet[Membership]:
    """Active people of the provider's side, by name."""
    people = Membership.objects.filter(organization_id=current_organization_id(), is_active=True).exclude(role=Role.CLIENT_VIEWER)
    return people.select_related("user", "organization").order_by("user__name", "user__email")


def clients_with_counts() -> QuerySet[Any]:
    """Every client; `clients_page` adds the counts of those on one page."""
    queryset: QuerySet[Any] = Client.objects.all()
    return queryset


def engagement_counts(client_ids: Sequence[int]) -> dict[int, int]:
    rows = Engagement.objects.filter(client_id__in=client_ids, status="open").values("client_id").annotate(n=Count("id")).order_by()
    return {row["client_id"]: row["n"] for row in rows}


def matter_counts(client_ids: Sequence[int]) -> dict[int, int]:
    rows = Matter.objects.filter(client_id__in=client_ids, status="open").values("client_id").annotate(n=Count("id")).order_by()
    return {row["client_id"]: row["n"] for row in rows}


def latest_contract(engagement: Engagement) -> Contract:
    contract: Contract = Contract.objects.filter(engagement=engagement).latest("number")
    return contract


def contracts_of(engagement_id: int) -> list[Contract]:
    """Every version in order of their numbers."""
    return list(Contract.objects.filter(engagement_id=engagement_id).order_by("number"))


def contract_on(engagement: Engagement | int, day: date) -> Contract | None:
    """The contract version that governs a day, else the first. The one place that decides it."""
    number = engagement if isinstance(engagement, int) else engagement.pk
    return governing(contracts_of(number), day)


def contract_at(engagement_id: int, at: datetime) -> Contract | None:
    """The same for an instant: each version begins with its day in its own zone."""
    return in_force(contracts_of(engagement_id), at)


def in_force(versions: Sequence[Contract], at: datetime) -> Contract | None:
    """Of an engagement's contract versions, in order, the one that governs an instant; before all of them the first."""
    begun = [version for version in versions if version.effective_from <= at.astimezone(ZoneInfo(version.time_zone)).date()]
    return begun[-1] if begun else (versions[0] if versions else None)


def holds_of(contract: Contract) -> list[Hold]:
    """What rests on a contract version, across walls."""
    versions = contracts_of(contract.engagement_id)
    span = contracts.span_of(versions, next(row for row in versions if row.pk == contract.pk))
    with in_organization(current_organization_id()):
        return [hold for source in contracts.sources for hold in source(contract.engagement_id, span)]


def clauses_on(engagement: Engagement | int, day: date) -> list[ContractClause]:
    """The clauses that can be cited on a day, in the contract's order."""
    contract = contract_on(engagement, day)
    return list(ContractClause.objects.filter(contract=contract).order_by("position")) if contract is not None else []


def worded(holds: Sequence[Hold]) -> list[str]:
    """What this viewer may read of them: each text once, a restricted matter's as such."""
    scope = current_scope()

    def hidden(hold: Hold) -> bool:
        number = hold.matter_id
        return number is not None and (
            number in scope.hidden_matters or (scope.only_matters is not None and number not in scope.only_matters)
        )

    return list(dict.fromkeys("Something in a restricted matter" if hidden(hold) else hold.text for hold in holds))


@dataclass(frozen=True)
class QueueFilters:
    """What the queue shows, as the query string says. Empty means every one."""

    client: str = ""
    workstream: str = ""
    state: str = ""
    kind: str = ""
    assignee: str = ""
    paused: str = ""
    priority: str = ""
    type: str = ""

    def as_query(self) -> dict[str, str]:
        return {name: value for name, value in vars(self).items() if value}


def queue(filters: QueueFilters) -> QuerySet[Any]:
    """Open items across engagements. A value nothing answers to leaves nothing, rather than everything."""
    rows: QuerySet[Any] = WorkItem.objects.filter(finished=False)
    if filters.client:
        rows = rows.filter(client_id__in=Client.objects.filter(code=filters.client).values("id"))
    if filters.workstream:
        rows = rows.filter(workstream_id__in=Workstream.objects.filter(item_prefix=filters.workstream).values("id"))
    if filters.state:
        rows = rows.filter(state=filters.state)
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.priority:
        rows = rows.filter(priority=filters.priority)
    if filters.type:
        rows = rows.filter(type=filters.type)
    if filters.paused:
        rows = rows.filter(paused=filters.paused == "yes")
    if filters.assignee == "nobody":
        rows = rows.filter(assignee__isnull=True)
    elif filters.assignee:
        rows = rows.filter(assignee_id=int(filters.assignee) if filters.assignee.isdecimal() and len(filters.assignee) < 19 else -1)
    return rows


def types_of(workstream_id: int) -> list[ItemType]:
    """The types of a workstream, those in use first."""
    return list(ItemType.objects.filter(workstream_id=workstream_id).order_by("-active", "name"))


def type_names(workstream_ids: Iterable[int]) -> dict[tuple[int, str], str]:
    """What the types of these workstreams are called, by workstream and code."""
    rows = ItemType.objects.filter(workstream_id__in=set(workstream_ids)).values_list("workstream_id", "code", "name")
    return {(stream, code): name for stream, code, name in rows}


def types_offered(item_ids: Sequence[int]) -> list[tuple[str, str]]:
    """Codes and names of the types in use that some of these items may be given, each code once."""
    streams = WorkItem.objects.filter(id__in=item_ids).values("workstream_id")
    rows = ItemType.objects.filter(workstream_id__in=streams, active=True).order_by("code", "id").distinct("code")
    return list(rows.values_list("code", "name")[:200])


def types_known() -> list[tuple[str, str]]:
    """Codes and names of the types of every workstream, each code once: what the queue is narrowed by."""
    rows = ItemType.objects.order_by("code", "id").distinct("code").values_list("code", "name")
    return [(code, f"{code} {name}") for code, name in rows[:200]]


def type_name(item: WorkItem) -> str:
    """What the item's type is called; empty where it has none."""
    return "" if item.type is None else type_names([item.workstream_id])[item.workstream_id, item.type]


def events_about(*objects: Any, most: int = 20) -> list[Event]:
    """The latest audit events of these objects, newest first."""
    about = Q(pk__in=[])
    by_type: dict[str, list[int]] = {}
    for obj in objects:
        by_type.setdefault(obj._meta.label, []).append(obj.pk)
    for label, ids in by_type.items():
        about |= Q(object_type=label, object_id__in=ids)
    return list(Event.objects.filter(about).order_by("-id")[:most])


_OF_PROFILE = ("profile", "language", "admission", "training", "conflict", "absence", "capacity")


def events_of_profile(email: str, most: int = 20) -> list[Event]:
    """The latest audit events of somebody's profile and its lines, those of lines taken off since too, newest first."""
    about = Q()
    for what in _OF_PROFILE:
        about |= Q(action__startswith=f"{what}.")
    return list(Event.objects.filter(about, object_reference=email).order_by("-id")[:most])


def history_of(item: WorkItem) -> tuple[list[Transition], set[int], list[Pause]]:
    """Every transition in the order written, the ids of those that no longer count, and every pause."""
    rows = list(Transition.objects.filter(item=item).order_by("at", "id"))
    gone = {row.reverses_id for row in rows if row.reverses_id} | {row.id for row in rows if row.reverses_id}
    return rows, gone, list(Pause.objects.filter(item=item).order_by("started_at", "id"))


def term_begins(engagement: Engagement) -> date:
    """The first day of the running term: the day after the last one ended, else the engagement's first."""
    last = EndedTerm.objects.filter(engagement=engagement).order_by("-number").values_list("ends_on", flat=True).first()
    return last + timedelta(days=1) if last is not None else engagement.starts_on


def renewals(today: date, days: int = 90) -> QuerySet[Any]:
    """Open engagements that end, or whose last day for notice comes, within so many days; those already past come first."""
    until = today + timedelta(days=days)
    notice: Any = ExpressionWrapper(F("ends_on") - F("notice_days"), output_field=DateField())
    rows: QuerySet[Any] = Engagement.objects.filter(status="open", ends_on__isnull=False).annotate(decide_by=notice)
    return rows.filter(decide_by__lte=until)


def unfinished(slug: str, engagement: Engagement) -> list[Unfinished]:
    """Everything still open on an engagement, across walls."""
    with in_organization(current_organization_id()):
        found = [row for source in [_unfinished_work, *closing.sources] for row in source(slug, engagement)]
    return [row for row in found if row.count]


def _unfinished_work(slug: str, engagement: Engagement) -> list[Unfinished]:
    here = reverse("engagements:engagement", args=[slug, engagement.reference])
    items = WorkItem.objects.filter(workstream__matter__engagement=engagement, finished=False)
    loading = [ImportState.CHECKING, ImportState.PREVIEW, ImportState.LOADING]
    imports = ImportBatch.objects.filter(workstream__matter__engagement=engagement, state__in=loading)
    late = LateEntry.objects.filter(item__workstream__matter__engagement=engagement, state="waiting")
    questions = Question.objects.filter(matter__engagement=engagement, answered_at__isnull=True)
    streams = Workstream.objects.filter(matter__engagement=engagement, status="open")
    placed = Placement.objects.filter(matter__engagement=engagement, ends_on__isnull=True)
    sheets = Timesheet.objects.filter(placement__matter__engagement=engagement, state__in=["draft", "submitted"])
    matters = Matter.objects.filter(engagement=engagement, status="open")
    milestones = Milestone.objects.filter(engagement=engagement, done_on__isnull=True, withdrawn_at__isnull=True)
    blockers = Blocker.objects.filter(engagement=engagement, resolved_at__isnull=True)
    return [
        Unfinished(items[: COUNT_CAP + 1].count(), "work item not finished", "work items not finished", here),
        Unfinished(items.filter(paused=True)[: COUNT_CAP + 1].count(), "of them on hold", "of them on hold", here),
        Unfinished(imports.count(), "import not loaded", "imports not loaded", here),
        Unfinished(late.count(), "late entry waiting for approval", "late entries waiting for approval", here),
        Unfinished(questions.count(), "question to counsel without an answer", "questions to counsel without an answer", here),
        Unfinished(placed.count(), "person placed without a last day", "people placed without a last day", here),
        Unfinished(sheets.count(), "timesheet not approved", "timesheets not approved", here),
        Unfinished(milestones.count(), "milestone not reached", "milestones not reached", here),
        Unfinished(blockers.count(), "blocker not resolved", "blockers not resolved", here),
        Unfinished(streams.count(), "workstream open", "workstreams open", here),
        Unfinished(matters.count(), "matter open", "matters open", here),
        Unfinished(_holds(engagement), "legal hold in force", "legal holds in force", here),
    ]


def _holds(engagement: Engagement) -> int:
    """Of its matters, and of its client as a whole."""
    rows = LegalHold.objects.filter(client_id=engagement.client_id, released_at__isnull=True)
    return rows.filter(Q(matter__isnull=True) | Q(matter__engagement=engagement)).count()


def insiders_of(matter: Matter) -> list[MatterInsider]:
    return list(MatterInsider.objects.filter(matter=matter).select_related("member__user").order_by("id"))


def parties_of(matter: Matter) -> list[str]:
    """Names of the parties a matter has now."""
    return list(MatterParty.objects.filter(matter=matter, removed_at__isnull=True).order_by("name").values_list("name", flat=True))


def protocols_of(workstream: Workstream) -> list[ProtocolVersion]:
    """Every version, the newest first, without their text."""
    rows = ProtocolVersion.objects.filter(workstream=workstream).defer("text")
    return list(rows.order_by("-number")[:100])


def protocols_in_force(workstream_ids: Iterable[int], now: datetime) -> dict[int, ProtocolVersion]:
    """By workstream the signed version in force at an instant: of those whose day has come, the last; without its text."""
    rows = ProtocolVersion.objects.filter(workstream_id__in=list(workstream_ids), signed_at__lte=now)
    begun = rows.filter(effective_from__lte=timezone.localdate(now)).defer("text").order_by("workstream_id", "number")
    return {row.workstream_id: row for row in begun}
